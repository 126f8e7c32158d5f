# SPDX-License-Identifier: GPL-3.0-or-later
"""Base weights on disk: what is saved comes back, and what cannot be used is refused in one line."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open

from core.errors import WeightsError
from core.generator import weights
from core.generator.discriminator import Discriminator
from core.generator.embedder import Embedder, Projection
from core.generator.generator import Generator
from core.generator.weights import Base, find_base, load_base, save_base

from .networks import TINY, made_inputs, woken

META = {"steps": 12, "losses": {"pixel": 0.5}}


class Trained:
    """Tiny networks, as after some training."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.embedder, self.projection = Embedder(TINY), Projection(TINY)
        self.generator, self.discriminator = woken(Generator(TINY)), Discriminator(TINY, 7)

    def save(self, folder: Path, judged: bool = True, **meta: Any) -> None:
        judge = self.discriminator if judged else None
        save_base(folder, TINY, self.embedder, self.projection, self.generator, judge, META | meta)


@pytest.fixture(scope="module")
def trained() -> Trained:
    return Trained()


@pytest.fixture(scope="module")
def saved(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("base")
    trained.save(folder)
    return folder


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(saved, tmp_path / "base"))


def frames(base: Base | Trained) -> list[torch.Tensor]:
    inputs = made_inputs(2, 64)
    with torch.no_grad():
        e = base.embedder.eval()(inputs.source, inputs.source_raster)
        out = base.generator.eval()(inputs, base.projection.eval()(e))
        assert base.discriminator is not None
        return [e, out.image, base.discriminator.eval()(out.image, inputs.raster)[0]]


def test_round_trip(trained: Trained, saved: Path) -> None:
    base = load_base(saved)
    assert base.config == TINY and base.meta == META
    assert base.discriminator is not None and base.discriminator.rows is None
    assert not base.generator.training
    assert all(value.dtype == torch.float32 for value in base.generator.state_dict().values())
    for got, expected in zip(frames(base), frames(trained), strict=True):
        torch.testing.assert_close(got, expected, atol=2e-3, rtol=1e-2)


def test_saving_does_not_touch_the_networks(trained: Trained, tmp_path: Path) -> None:
    trained.generator.train()
    before = {name: value.clone() for name, value in trained.generator.state_dict().items()}
    trained.save(tmp_path)
    after = trained.generator.state_dict()
    assert trained.generator.training and trained.discriminator.rows is not None
    assert before.keys() == after.keys() and all(torch.equal(before[name], after[name]) for name in before)


def test_shards_are_small_and_half_precision(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained.save(tmp_path)
    assert [path.name for path in tmp_path.glob("*.safetensors")] == ["base-00001-of-00001.safetensors"]
    whole = frames(load_base(tmp_path))
    monkeypatch.setattr(weights, "SHARD_BYTES", weights.HEADER_BYTES + 12_000)
    trained.save(tmp_path)
    shards = sorted(tmp_path.glob("*.safetensors"))
    # the single shard of before is gone: nobody ships it by mistake
    assert len(shards) > 2 and all(
        path.name.endswith(f"-of-{len(shards):05d}.safetensors") for path in shards
    )
    for path in shards:
        with safe_open(path, "pt") as file:
            sizes = [file.get_tensor(name).numel() * 2 for name in file.keys()]  # noqa: SIM118
            assert len(sizes) == 1 or sum(sizes) <= 12_000
            assert {file.get_tensor(name).dtype for name in file.keys()} == {torch.float16}  # noqa: SIM118
    for one, other in zip(frames(load_base(tmp_path)), whole, strict=True):
        assert torch.equal(one, other)


def test_the_hash_is_that_of_the_weights_alone(trained: Trained, saved: Path, tmp_path: Path) -> None:
    trained.save(tmp_path / "noted", note="another run's words")
    assert load_base(tmp_path / "noted").sha256 == load_base(saved).sha256
    other = Trained()
    with torch.no_grad():
        other.generator.painting.weight.add_(0.1)
    other.save(tmp_path / "other")
    assert load_base(tmp_path / "other").sha256 != load_base(saved).sha256


def test_without_discriminator(trained: Trained, tmp_path: Path) -> None:
    trained.save(tmp_path, judged=False)
    assert load_base(tmp_path).discriminator is None


def test_weights_that_are_not_finite_are_never_saved(folder: Path) -> None:
    before = load_base(folder).sha256
    broken = Trained()
    with torch.no_grad():
        broken.generator.painting.weight[0] = float("nan")
    with pytest.raises(WeightsError, match=r"generator\.painting\.weight is not finite"):
        broken.save(folder)
    assert load_base(folder).sha256 == before


def edited(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        path = folder / "base.json"
        data = json.loads(path.read_text(encoding="utf-8"))
        change(data)
        path.write_text(json.dumps(data), encoding="utf-8")

    return edit


def shard(folder: Path) -> Path:
    return next(folder.glob("*.safetensors"))


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "no index": (lambda folder: (folder / "base.json").unlink(), r"base\.json: is missing"),
    "no json": (lambda folder: (folder / "base.json").write_text("{"), r"base\.json: cannot be read"),
    "not text": (
        lambda folder: (folder / "base.json").write_bytes(b"\xff\xfe"),
        r"base\.json: cannot be read",
    ),
    "other json": (
        lambda folder: (folder / "base.json").write_text("[]"),
        "is not a list of generator weights",
    ),
    "foreign schema": (edited(lambda data: data.update(schema="x")), "is not a list of generator weights"),
    "other raster": (edited(lambda data: data.update(raster="0")), "rasters of version 0"),
    "no shards": (edited(lambda data: data.pop("shards")), "missing or damaged"),
    "shard elsewhere": (edited(lambda data: data["shards"][0].update(file="../x")), "missing or damaged"),
    "other widths": (edited(lambda data: data["config"].update(middle=2)), "projection does not fit"),
    "bad setting": (edited(lambda data: data["config"].update(size=3)), r"base\.json: size = 3"),
    "missing shard": (lambda folder: shard(folder).unlink(), r"base-00001-of-00001\.safetensors: is missing"),
    "truncated shard": (
        lambda folder: shard(folder).write_bytes(shard(folder).read_bytes()[:-10]),
        r"base-00001-of-00001\.safetensors: is damaged",
    ),
    "foreign shard": (lambda folder: shard(folder).write_bytes(b"hello"), "is damaged"),
    "unlisted": (edited(lambda data: data.update(shards=[])), "embedder does not fit"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_what_cannot_be_used_is_refused_in_one_line(folder: Path, damage: str) -> None:
    spoil, said = DAMAGE[damage]
    spoil(folder)
    with pytest.raises(WeightsError, match=said) as caught:
        load_base(folder)
    assert str(folder) in str(caught.value) and "\n" not in str(caught.value)


def test_find_base(saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_base(saved) == saved
    with pytest.raises(WeightsError, match=r"holds no generator weights"):
        find_base(tmp_path)
    monkeypatch.setattr(weights, "PRESETS", tmp_path)
    with pytest.raises(WeightsError, match="base: holds no generator weights"):
        find_base()
    shutil.copytree(saved, tmp_path / "base")
    assert find_base() == tmp_path / "base"


def test_training_goes_on_from_any_work_size(saved: Path) -> None:
    base = load_base(saved)
    config = replace(base.config, size=128)
    generator = Generator(config)
    weights.fold(generator).load_state_dict(base.generator.state_dict())
    with torch.no_grad():
        out = generator(made_inputs(1, 128), torch.zeros(1, config.style_dim))
    assert out.image.shape == (1, 3, 128, 128)
