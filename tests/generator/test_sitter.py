# SPDX-License-Identifier: GPL-3.0-or-later
"""A sitter's file and what it does to the base."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from core.errors import InputError, OutputError, WeightsError
from core.generator.blocks import fold
from core.generator.sitter import SUFFIX, Sitter
from core.generator.weights import Base
from tests.training.sitters import tiny_base


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    return tiny_base(tmp_path_factory.mktemp("base"))


@pytest.fixture
def sitter(base: Base) -> Sitter:
    torch.manual_seed(1)
    names = ("painting.weight", "ups.0.styled.convs.0.weight")
    weights = dict(fold(base.generator).named_parameters())
    deltas = {name: (0.01 * torch.randn_like(weights[name])).half() for name in names}
    # as tuning in channels-last leaves them
    deltas = {name: delta.contiguous(memory_format=torch.channels_last) for name, delta in deltas.items()}
    start = torch.randn(1, base.config.style_dim)
    settings = {"method": "fine-tuned", "seed": 3}
    return Sitter(start + 0.5, start, deltas, base.sha256, ("ab" * 32,), settings)


def test_a_file_gives_back_the_same_sitter(sitter: Sitter, tmp_path: Path) -> None:
    path = tmp_path / f"anna{SUFFIX}"
    sitter.save(path)
    again = Sitter.load(path)
    assert torch.equal(again.style, sitter.style) and torch.equal(again.start, sitter.start)
    assert again.deltas.keys() == sitter.deltas.keys()
    assert all(torch.equal(again.deltas[name], delta) for name, delta in sitter.deltas.items())
    assert (again.base, again.shots, dict(again.settings)) == (sitter.base, sitter.shots, sitter.settings)
    assert again.method == "fine-tuned"


def test_deltas_are_added_to_a_copy(sitter: Sitter, base: Base) -> None:
    before = base.generator.painting.weight.detach().clone()
    tuned = sitter.apply(base)
    added = tuned.generator.painting.weight - before
    assert torch.allclose(added, sitter.deltas["painting.weight"].float(), atol=1e-6)
    assert torch.equal(base.generator.painting.weight, before)
    assert tuned.embedder is base.embedder


def test_likeness_walks_from_the_base_to_the_tuned_weights(sitter: Sitter, base: Base) -> None:
    assert sitter.at(1.0) is sitter
    half, none = sitter.at(0.5), sitter.at(0.0)
    assert torch.allclose(half.style, sitter.start + 0.25)
    wanted = 0.5 * sitter.deltas["painting.weight"].float()
    assert torch.allclose(half.deltas["painting.weight"].float(), wanted, atol=1e-5)
    assert torch.equal(none.style, sitter.start) and none.method == "feed-forward"
    assert none.apply(base) is base
    with pytest.raises(InputError, match="likeness"):
        sitter.at(1.5)


def test_another_base_is_refused(sitter: Sitter, tmp_path: Path) -> None:
    other = tiny_base(tmp_path / "other", seed=5)
    with pytest.raises(WeightsError, match="other base weights"):
        sitter.apply(other)


def test_deltas_that_do_not_fit_are_refused(sitter: Sitter, base: Base) -> None:
    with pytest.raises(WeightsError, match="nowhere"):
        replace(sitter, deltas={"nowhere": torch.zeros(1).half()}).apply(base)
    with pytest.raises(WeightsError, match="style"):
        replace(sitter, style=torch.zeros(1, 3)).apply(base)


def test_what_is_no_sitter_is_refused_in_one_line(sitter: Sitter, tmp_path: Path) -> None:
    path = tmp_path / f"anna{SUFFIX}"
    cases = {"no such sitter": lambda: None}
    sitter.save(path)
    whole = path.read_bytes()
    path.unlink()
    cases["damaged"] = lambda: path.write_bytes(whole[: len(whole) // 2])
    cases["no safetensors"] = lambda: path.write_bytes(b"something else")
    cases["no sitter file"] = lambda: save_file({"style": torch.zeros(1)}, path)
    metadata = {"schema": "tableau-vivant/sitter-1", "facts": "{}"}
    cases["incomplete"] = lambda: save_file({"style": torch.zeros(1)}, path, metadata)
    cases["not finite"] = lambda: replace(sitter, style=sitter.style * torch.nan).save(path)
    for text, make in cases.items():
        make()
        with pytest.raises(WeightsError, match=text) as caught:
            Sitter.load(path)
        assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_file_has_its_name_and_its_limit(sitter: Sitter, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"sitter\.safetensors"):
        sitter.save(tmp_path / "anna.safetensors")
    large = replace(sitter, deltas={"painting.weight": torch.zeros(11 * 2**20).half()})
    with pytest.raises(OutputError, match="MiB"):
        large.save(tmp_path / f"anna{SUFFIX}")
    assert not list(tmp_path.iterdir())
