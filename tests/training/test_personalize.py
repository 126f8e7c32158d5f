# SPDX-License-Identifier: GPL-3.0-or-later
"""Personalization, on a tiny base: what tuning reaches, when it stops, and that nothing is left of a stop."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core.errors import Cancelled, InputError
from core.generator.sitter import SUFFIX, Sitter
from core.generator.weights import Base
from core.landmarks.track import LandmarkTrack
from core.media.picture import save_picture
from core.training import personalize as module
from core.training.personalize import PLANS, Plan, personalize, plan_for
from core.training.personalize_command import PersonalizeOptions, add_arguments, find_shot_faces, run
from core.training.tuning import Material, Tuned, TuningConfig, tune
from tests.training.sitters import dim_pairs, painted, tiny_base

# nothing in these pairs moves by an expression, so none has to be kept
QUICK = TuningConfig(steps=60, every=20, rate=4e-3, keep=0.0, kept=0.0, sparsity=0.0)
SMALL = Plan(1, "fine-tuned", steps=4, restored=2, judged=1, held_out=0, pairs=0, keep=1.0, adversarial=0.15)


def quiet(done: int, total: int, text: str) -> None:
    pass


def never() -> bool:
    return False


def after(calls: int) -> Callable[[], bool]:
    """True from the call of that number on."""
    left = iter(range(calls))
    return lambda: next(left, None) is None


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    return tiny_base(tmp_path_factory.mktemp("base"))


def tuned(base: Base, config: TuningConfig = QUICK, seed: int = 0) -> Tuned:
    drives = dim_pairs(3, answers=False)
    material = Material(dim_pairs(4), dim_pairs(3), drives if config.keep else [], drives)
    embedding, style = torch.zeros(1, base.config.embedding), torch.zeros(1, base.config.style_dim)
    return tune(
        base,
        embedding,
        style,
        material,
        config,
        seed=seed,
        device=torch.device("cpu"),
        tick=lambda: None,
    )


def test_tuning_lowers_the_error_of_held_out_pairs(base: Base) -> None:
    result = tuned(base)
    errors = {look["step"]: look["error"] for look in result.looks}
    assert errors[result.step] == min(errors.values()) < 0.9 * errors[0]
    assert result.deltas and all(delta.dtype == torch.float16 for delta in result.deltas.values())
    assert not torch.equal(result.style, torch.zeros_like(result.style))


def test_the_deltas_are_what_was_tuned(base: Base) -> None:
    result = tuned(base)
    sitter = Sitter(result.style, result.style * 0, result.deltas, base.sha256, ("",))
    again = sitter.apply(base)
    material = Material(dim_pairs(1), dim_pairs(3), [], dim_pairs(3, answers=False))
    look = tune(
        again,
        torch.zeros(1, base.config.embedding),
        result.style,
        material,
        replace(QUICK, steps=1),
        seed=0,
        device=torch.device("cpu"),
        tick=lambda: None,
    ).looks[0]
    best = min(look["error"] for look in result.looks)
    assert look["error"] == pytest.approx(best, rel=0.01)


@pytest.mark.parametrize("share", [0.0, 0.15])
def test_a_seed_decides_everything(base: Base, share: float) -> None:
    config = replace(QUICK, steps=6, every=3, keep=1.0, adversarial_share=share)
    first, second, other = (tuned(base, config, seed) for seed in (0, 0, 1))
    assert first.looks == second.looks
    assert all(torch.equal(delta, second.deltas[name]) for name, delta in first.deltas.items())
    assert other.looks != first.looks


def test_dead_features_are_not_chosen(base: Base) -> None:
    result = tuned(base, replace(QUICK, kept=1e6, patience=2))
    assert result.step == 0 and not result.deltas
    assert len(result.looks) == 1 + 2


def test_tuning_ends_where_nothing_gets_better(base: Base) -> None:
    result = tuned(base, replace(QUICK, steps=40, every=2, patience=2, rate=10.0, rate_style=10.0))
    assert result.looks[-1]["step"] < 40


def test_the_base_stays_as_it_is(base: Base) -> None:
    before = {name: value.clone() for name, value in base.generator.state_dict().items()}
    tuned(base, replace(QUICK, steps=3, adversarial_share=0.15))
    assert all(torch.equal(value, before[name]) for name, value in base.generator.state_dict().items())
    assert all(parameter.requires_grad for parameter in base.generator.parameters())


def test_lpips_is_not_needed(base: Base, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TABLEAU_LPIPS", str(tmp_path))
    result = tuned(base)
    assert result.looks[-1]["error"] < 0.9 * result.looks[0]["error"]


def test_feed_forward_is_the_mean_embedding(base: Base) -> None:
    shots = [painted(0), painted(1)]
    sitter = personalize(shots, base, method="feed-forward")
    assert sitter.method == "feed-forward" and not sitter.deltas and len(sitter.shots) == 2
    swapped = personalize(shots[::-1], base, method="feed-forward")
    assert torch.allclose(sitter.style, swapped.style, atol=1e-6)
    assert not torch.allclose(sitter.style, personalize(shots[:1], base, method="feed-forward").style)
    assert torch.equal(sitter.style, personalize([*shots, shots[0]], base, method="feed-forward").style)


def test_wrong_settings_are_refused(base: Base) -> None:
    with pytest.raises(InputError, match="method"):
        personalize([painted()], base, method="magic")
    with pytest.raises(InputError, match="steps"):
        personalize([painted()], base, steps=0)
    with pytest.raises(InputError, match="no shots"):
        personalize([], base)


def test_each_count_has_its_plan() -> None:
    assert [plan_for(count).shots for count in (1, 2, 7, 8, 31, 32, 100)] == [1, 2, 2, 8, 8, 32, 32]
    assert all(plan.method in ("feed-forward", "fine-tuned") for plan in PLANS)


def test_pairs_between_shots_keep_held_out_ones_out() -> None:
    faces = [painted(seed)[1] for seed in range(8)]
    for index, face in enumerate(faces):
        face.points[48:68, 1] += index
    plan = plan_for(8)
    pairs, judged = module._between(plan, faces, np.random.default_rng(0))
    assert len(set(pairs)) == len(pairs) <= plan.pairs and all(i != j for i, j in pairs + judged)
    held_out = {j for _, j in judged}
    assert len(held_out) == plan.held_out and 0 not in held_out
    assert held_out.isdisjoint(j for _, j in pairs)
    assert {(0, j) for j in range(1, 8) if j not in held_out} <= set(pairs)
    assert module._nearest(faces)[0] == 1 and module._nearest(faces)[7] == 6


@pytest.mark.slow
def test_one_shot_is_tuned_and_rendered_again(
    base: Base, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(module, "PLANS", (SMALL,))
    told: list[tuple[int, int, str]] = []
    first, second = (
        personalize([painted()], base, seed=3, progress=lambda *what: told.append(what)) for _ in range(2)
    )
    assert [done for done, _, _ in told[: len(told) // 2 - 1]] == list(range(1, len(told) // 2))
    assert all(done <= total for done, total, _ in told)
    assert first.settings["looks"] == second.settings["looks"]
    path = tmp_path / f"one{SUFFIX}"
    first.save(path)
    assert Sitter.load(path).settings == first.settings


@pytest.mark.slow
@pytest.mark.parametrize("calls", [1, 2, 5, 7])
def test_a_stop_leaves_nothing(
    base: Base, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, calls: int
) -> None:
    monkeypatch.setattr(module, "PLANS", (SMALL,))
    tiny_base(tmp_path / "base")
    options = options_of(tmp_path)
    with pytest.raises(Cancelled):
        run(options, quiet, after(calls))
    assert not options.output.exists() and not list(tmp_path.glob(".*"))


def options_of(folder: Path, count: int = 1) -> PersonalizeOptions:
    """Shots as files, with a track of their landmarks."""
    shots, points = [], []
    for index in range(count):
        picture, face = painted(index)
        shots.append(folder / f"shot{index}.png")
        save_picture(shots[-1], picture.pixels)
        points.append(face.points)
    times, irises = np.arange(count) / 25.0, np.full((count, 2, 2), np.nan, np.float32)
    track = LandmarkTrack(np.stack(points), irises, times, np.ones((count, 68), np.float32), (320, 400))
    track.save(folder / "track.npz")
    return PersonalizeOptions(
        tuple(shots), folder / f"made{SUFFIX}", landmarks=folder / "track.npz", base=folder / "base"
    )


def test_the_command_writes_a_sitter(tmp_path: Path) -> None:
    base = tiny_base(tmp_path / "base")
    options = replace(options_of(tmp_path, 2), method="feed-forward")
    result = run(options, quiet, never)
    sitter = Sitter.load(options.output)
    assert sitter.base == base.sha256 and list(sitter.shots) == result["shots"]
    assert result["method"] == "feed-forward" and "2 shots" in result["text"]


def test_the_command_takes_its_arguments() -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    text = f"a.png b.png -o out{SUFFIX} --landmarks t.npz --method fine-tuned --steps 9 --seed 4 --base w"
    options = PersonalizeOptions.parsed(parser.parse_args([*text.split(), "--device", "cpu"]))
    assert options.shots == (Path("a.png"), Path("b.png")) and options.output == Path(f"out{SUFFIX}")
    assert (options.steps, options.seed, options.base, options.device) == (9, 4, Path("w"), "cpu")


def test_landmarks_must_fit_the_shots(tmp_path: Path) -> None:
    options = options_of(tmp_path, 3)
    pictures = [painted(index)[0] for index in range(3)]
    faces = find_shot_faces(pictures, options, quiet, never)
    assert np.allclose(faces[1].points, painted(1)[1].points)
    large = [
        replace(picture, pixels=np.kron(picture.pixels, np.ones((2, 2, 1), np.uint8))) for picture in pictures
    ]
    assert np.allclose(find_shot_faces(large, options, quiet, never)[2].points, 2 * faces[2].points)
    with pytest.raises(InputError, match="3 frames for 2 shots"):
        find_shot_faces(pictures[:2], options, quiet, never)
    wide = [replace(picture, pixels=picture.pixels[:200]) for picture in pictures]
    with pytest.raises(InputError, match="proportions"):
        find_shot_faces(wide, options, quiet, never)


def test_a_sitter_has_its_suffix(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"sitter\.safetensors"):
        run(replace(options_of(tmp_path), output=tmp_path / "made.bin"), quiet, never)
