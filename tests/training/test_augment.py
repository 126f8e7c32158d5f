# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes of episodes: what must go together goes together."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core.generator.raster import raster
from core.landmarks.schema import mirror_points
from core.training import augment as change
from core.training.config import AugmentConfig
from core.training.episodes import Episodes, Sampler
from core.training.prepared import load_prepared

from .synthetic import face_irises, face_points, write_episodes

NOTHING = AugmentConfig(
    **dict.fromkeys(("flip", "color", "grain", "blur", "painterly", "jpeg", "jitter", "background"), 0.0)
)


@pytest.fixture(scope="module")
def episodes(tmp_path_factory: pytest.TempPathFactory) -> Episodes:
    folder: Path = write_episodes(tmp_path_factory.mktemp("episodes"), clips=2, frames=5)
    return Sampler(load_prepared(folder, 64), [0, 1], 0.5).sample(torch.Generator().manual_seed(0), 4, 3)


def test_a_flipped_raster_is_the_raster_of_flipped_points() -> None:
    points = face_points(0.6, (2.3, -1.7))
    irises = face_irises(points)
    mirrored = mirror_points(points, irises, 64)
    drawn = raster(mirrored[0][None], mirrored[1][None], 64)
    plain = torch.from_numpy(raster(points[None], irises[None], 64)).permute(0, 3, 1, 2).float()
    flipped = change._flipped_raster(plain, torch.tensor([0])).permute(0, 2, 3, 1).numpy()
    difference = np.abs(flipped - drawn.astype(np.float32))
    # fixed-point coordinates of the drawing round to one side
    assert difference.mean() < 0.5 and (difference > 48).mean() < 0.002
    # brows do differ in color, so this says something
    assert np.abs(flipped - plain.permute(0, 2, 3, 1).flip(2).numpy()).mean() > 1


def test_flipping_turns_everything_of_an_episode(episodes: Episodes) -> None:
    index = torch.tensor([1, 3])
    flipped = change.flip(episodes, index)
    assert torch.equal(flipped.target[0], episodes.target[0])
    assert torch.equal(flipped.target[1], episodes.target[1].flip(-1))
    assert torch.equal(flipped.shots[3], episodes.shots[3].flip(-1))
    assert torch.equal(flipped.masks[3], episodes.masks[3].flip(-1))
    sign = torch.tensor([-1.0, 1.0, 1.0])[:, None, None]
    assert torch.equal(flipped.alignment[3], episodes.alignment[3].flip(-1) * sign)
    assert torch.equal(flipped.shift[1, 0], -episodes.shift[1, 0].flip(-1))
    assert torch.equal(flipped.shift[1, 1], episodes.shift[1, 1].flip(-1))
    expected = mirror_points(episodes.points[1].numpy(), np.zeros((2, 2)), 64)[0]
    assert torch.allclose(flipped.points[1], torch.from_numpy(expected))
    assert torch.equal(flipped.points[0], episodes.points[0])
    twice = change.flip(flipped, index)
    for field in fields(Episodes):
        assert torch.allclose(getattr(twice, field.name), getattr(episodes, field.name), atol=1e-5)


def test_no_augmentation_changes_nothing(episodes: Episodes) -> None:
    same = change.augment(episodes, NOTHING, torch.Generator().manual_seed(0))
    for field in fields(Episodes):
        assert torch.equal(getattr(same, field.name), getattr(episodes, field.name)), field.name


@pytest.mark.parametrize("name", ["color", "grain", "blur", "painterly"])
def test_looks_are_shared_by_all_pictures_of_an_episode(episodes: Episodes, name: str) -> None:
    alike = replace(
        episodes,
        shots=episodes.target[:, None].repeat(1, 3, 1, 1, 1),
        source=episodes.target,
        warped=episodes.target,
    )
    changed = change.augment(alike, replace(NOTHING, **{name: 1.0}), torch.Generator().manual_seed(5))
    assert (changed.target - episodes.target).abs().mean() > 1e-3
    for picture in (changed.warped, changed.source, changed.shots[:, 2]):
        assert torch.allclose(picture, changed.target, atol=1e-6)
    assert changed.target.min() >= 0 and changed.target.max() <= 1
    assert torch.equal(changed.raster, episodes.raster)


def test_only_the_embedders_shots_are_quantized(episodes: Episodes) -> None:
    changed = change.augment(episodes, replace(NOTHING, jpeg=1.0), torch.Generator().manual_seed(6))
    assert (changed.shots - episodes.shots).abs().mean() > 1e-4
    for name in ("source", "warped", "target", "raster"):
        assert torch.equal(getattr(changed, name), getattr(episodes, name))


def test_fine_quantization_is_lossless(episodes: Episodes) -> None:
    same = change.quantize(episodes.target, torch.full((4,), 1e-4))
    assert torch.allclose(same, episodes.target, atol=1e-3)


def test_jitter_bends_rasters_only(episodes: Episodes) -> None:
    changed = change.augment(episodes, replace(NOTHING, jitter=1.0), torch.Generator().manual_seed(7))
    assert (changed.raster - episodes.raster).abs().mean() > 1e-4
    assert torch.equal(changed.source_raster, changed.shot_rasters[:, 0])
    assert torch.equal(changed.target, episodes.target) and torch.equal(changed.points, episodes.points)
    still = change.bend(episodes.raster, 0.0, torch.Generator().manual_seed(7))
    assert torch.allclose(still, episodes.raster, atol=1e-4)


def test_another_ground_leaves_the_sitter(episodes: Episodes) -> None:
    changed = change.augment(episodes, replace(NOTHING, background=1.0), torch.Generator().manual_seed(8))
    assert torch.allclose(changed.warped[:, :, 0, 0], changed.target[:, :, 0, 0])
    assert (changed.target[:, :, 0, 0] - episodes.target[:, :, 0, 0]).abs().max() > 0.02
    nose = episodes.points[:, 30].long()
    for sample, (x, y) in enumerate(nose.tolist()):
        assert torch.allclose(changed.target[sample, :, y, x], episodes.target[sample, :, y, x], atol=1e-3)
    assert torch.equal(changed.source, episodes.source)


def test_dabs_keep_flat_color_and_edges() -> None:
    picture = torch.zeros(1, 3, 32, 32)
    picture[..., 16:] = 1.0
    assert torch.allclose(change.dabs(picture, 3), picture, atol=1e-5)


def test_grain_is_normalized() -> None:
    noise = change.grain(3, 64, torch.Generator().manual_seed(0))
    assert noise.shape == (3, 1, 64, 64)
    assert noise.std((1, 2, 3)).allclose(torch.ones(3), atol=1e-3) and noise.mean().abs() < 0.1
