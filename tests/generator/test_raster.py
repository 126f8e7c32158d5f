# SPDX-License-Identifier: GPL-3.0-or-later
"""The landmark rasters that the networks see."""

from __future__ import annotations

import numpy as np
import pytest

from core.generator.raster import CANVAS, PUPIL_COLOR, raster
from core.landmarks.schema import mirror_points

NOWHERE = np.full((1, 2, 2), np.nan)


def face(size: int = 256) -> tuple[np.ndarray, np.ndarray]:
    """A made-up face in px of a picture of ``size``: every part apart from the others."""
    points = np.zeros((68, 2))
    points[:17] = np.stack((np.linspace(60, 196, 17), 120 + 90 * np.sin(np.linspace(0, np.pi, 17))), 1)
    points[17:22] = np.stack((np.linspace(75, 110, 5), np.full(5, 90)), 1)
    points[22:27] = np.stack((np.linspace(146, 181, 5), np.full(5, 90)), 1)
    points[27:31] = np.stack((np.full(4, 128), np.linspace(105, 135, 4)), 1)
    points[31:36] = np.stack((np.linspace(115, 141, 5), np.full(5, 146)), 1)
    turn = np.array([180, 240, 300, 0, 60, 120]) * np.pi / 180
    points[36:42] = np.stack((93 + 14 * np.cos(turn), 110 + 7 * np.sin(turn)), 1)
    points[42:48] = np.stack((163 + 14 * np.cos(turn), 110 + 7 * np.sin(turn)), 1)
    turn = np.pi + np.arange(12) * np.pi / 6
    points[48:60] = np.stack((128 + 28 * np.cos(turn), 172 + 14 * np.sin(turn)), 1)
    turn = np.pi + np.arange(8) * np.pi / 4
    points[60:68] = np.stack((128 + 18 * np.cos(turn), 172 + 6 * np.sin(turn)), 1)
    irises = np.array([[93.0, 110.0], [163.0, 110.0]])
    return points[None] * (size / 256), irises[None] * (size / 256)


@pytest.mark.parametrize(
    ("x", "y", "color"),
    [
        (128, 210, (255, 255, 255)),  # jaw
        (92, 90, (255, 0, 0)),  # right brow
        (164, 90, (0, 255, 0)),  # left brow
        (128, 120, (0, 0, 255)),  # bridge
        (128, 140, (0, 0, 255)),  # its link to the nostrils
        (121, 146, (0, 0, 255)),  # nostrils
        (93, 103.9, (255, 0, 255)),  # right eye, between the points of the upper lid
        (163, 116.1, (0, 255, 255)),  # left eye, lower lid
        (128, 186, (255, 255, 0)),  # outer lip
        (128, 166, (255, 255, 0)),  # inner lip
        (93, 110, PUPIL_COLOR),
        (163, 110, PUPIL_COLOR),
        (128, 172, (0, 0, 0)),  # the mouth's opening
        (20, 20, (0, 0, 0)),
    ],
)
def test_each_part_has_its_color(x: float, y: float, color: tuple[int, int, int]) -> None:
    points, irises = face()
    pixel = raster(points, irises, 256)[0, int(y), int(x)].astype(int)
    # lines are narrower than two pixels: the color may be shared with the ground, but no other color is in it
    strength = pixel.sum() / max(sum(color), 1)
    assert (strength > 0.55) if any(color) else (pixel.sum() == 0)
    np.testing.assert_allclose(pixel, np.array(color) * strength, atol=4)


def test_shape_and_kind() -> None:
    points, irises = face()
    pictures = raster(np.repeat(points, 3, 0), np.repeat(irises, 3, 0), 128, scale=0.5)
    assert pictures.shape == (3, 128, 128, 3) and pictures.dtype == np.uint8
    assert (pictures[0] == pictures[2]).all() and pictures.any()
    assert raster(points[:0], irises[:0], 64).shape == (0, 64, 64, 3)


def test_half_the_size_is_the_same_picture_averaged() -> None:
    points, irises = face()
    large = raster(points, irises, 256)[0].astype(float)
    small = raster(points, irises, 128, scale=0.5)[0]
    averaged = large.reshape(128, 2, 128, 2, 3).mean((1, 3))
    assert np.abs(averaged - small).max() <= 1.0


def test_small_motion_is_small_change() -> None:
    points, irises = face()
    rest = raster(points, irises, 256).astype(float)
    for direction in ([1.0, 0.0], [0.0, 1.0], [-0.6, 0.8]):
        change = {
            step: np.abs(raster(points + step * np.array(direction), irises, 256) - rest).mean()
            for step in (0.05, 0.125, 0.25)
        }
        # in proportion: nothing waits for a whole pixel and then jumps
        assert change[0.25] > 0
        assert change[0.125] == pytest.approx(change[0.25] / 2, rel=0.1)
        assert change[0.05] == pytest.approx(change[0.25] / 5, rel=0.15)


def test_a_line_lies_where_its_points_are() -> None:
    points = np.full((1, 68, 2), np.nan)
    points[0, 17:22] = np.stack((np.linspace(40, 80, 5), np.full(5, 100.25)), 1)
    column = raster(points, NOWHERE, 256)[0, :, 60, 0].astype(float)
    center = (column * (np.arange(256) + 0.5)).sum() / column.sum()
    assert center == pytest.approx(100.25, abs=0.05)
    assert column.sum() / 255 == pytest.approx(1.7, abs=0.2)


def test_unknown_irises_have_no_disc() -> None:
    points, irises = face()
    with_both, with_none = raster(points, irises, 256), raster(points, NOWHERE, 256)
    irises[0, 0] = np.nan
    with_left = raster(points, irises, 256)
    assert (with_left[:, :, :128] == with_none[:, :, :128]).all()
    assert (with_left[:, :, 128:] == with_both[:, :, 128:]).all()
    assert (with_both != with_none).any(axis=-1).sum() > 20


def test_a_mirrored_face_swaps_red_and_green() -> None:
    points, irises = face()
    irises += 3.3
    flipped = raster(*mirror_points(points, irises, 256), 256).astype(int)
    expected = raster(points, irises, 256)[:, :, ::-1, [1, 0, 2]]
    assert np.abs(flipped - expected).max() <= 8


def test_points_far_outside_do_no_harm() -> None:
    points, irises = face()
    points[0, 0] = 1e9
    assert raster(points, irises * -1e9, 256).any()


def test_wrong_shapes_are_refused() -> None:
    points, irises = face()
    for wrong in ((points[0], irises[0], 256), (points, irises[0], 256), (points, irises, CANVAS + 1)):
        with pytest.raises(ValueError, match="must be"):
            raster(*wrong)
