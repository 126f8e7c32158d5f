# SPDX-License-Identifier: GPL-3.0-or-later
"""Which shots a frame is made from: the nearest, open where it is wanted, without jumps or seams."""

import numpy as np
import pytest

from core.generator.sources import EYES, HEAD, MOUTH, distances, laid_over, part_mask, shares
from tests.compose.scenes import landmarks


def face(lids: float = 1.0, lips: float = 1.0, shift: float = 0.0) -> np.ndarray:
    """[68, 2] px; lids and inner lips opened by so much of their usual gap."""
    points = landmarks((128.0, 128.0), 90.0)[:, :2].astype(np.float64)
    for upper, lower in ((37, 41), (38, 40), (43, 47), (44, 46)):
        middle = (points[upper] + points[lower]) / 2
        points[[upper, lower]] = middle + lids * (points[[upper, lower]] - middle)
    for upper, lower in ((61, 67), (62, 66), (63, 65)):
        middle = (points[upper] + points[lower]) / 2
        points[[upper, lower]] = middle + lips * (points[[upper, lower]] - middle)
    return points + [shift, 0.0]


def test_the_head_comes_from_the_nearest_shot() -> None:
    shots = np.stack([face(shift=-6.0), face(shift=2.0), face(shift=9.0)])
    far = distances(face(), shots, HEAD)
    assert far == pytest.approx([6.0, 2.0, 9.0])
    assert shares(far).tolist() == [0.0, 1.0, 0.0]


@pytest.mark.parametrize("part", [*EYES, MOUTH])
def test_open_eyes_and_mouths_come_from_shots_that_show_them(part) -> None:  # type: ignore[no-untyped-def]
    # closed and in place, or open and a little aside
    shots = np.stack([face(lids=0.1, lips=0.1), face(lids=1.1, lips=1.1, shift=1.5)])
    assert distances(face(), shots, part).argmin() == 1
    assert distances(face(lids=0.1, lips=0.1), shots, part).argmin() == 0


def test_shares_pass_over_without_a_jump() -> None:
    way = [shares(np.array([1 + t, 1 - t])) for t in np.linspace(-0.2, 0.2, 81)]
    assert all(abs(share.sum() - 1) < 1e-6 for share in way)
    assert way[0].tolist() == [1, 0] and way[-1].tolist() == [0, 1]
    assert np.abs(np.diff(way, axis=0)).max() < 0.2
    assert shares(np.array([0.0, 2.0, 5.0])).tolist() == [1, 0, 0]


def test_a_part_lies_in_the_light_of_the_head() -> None:
    points, size = face(), (256, 256)
    mask, place = part_mask(points, MOUTH, size)
    assert mask.max() > 0.99 and mask[0].max() < 0.05 and mask[:, 0].max() < 0.05
    inside = points[list(MOUTH.points)]
    low, high = inside.min(0), inside.max(0)
    assert place[0].start < low[1] and place[0].stop > high[1]
    assert place[1].start < low[0] and place[1].stop > high[0]
    y, x = np.mgrid[:256, :256].astype(np.float32)
    frame = np.repeat((100 + 0.2 * x)[..., None], 3, 2)
    other = frame - 30  # another light
    other[..., 0] += 20 * np.exp(-((x - 128) ** 2 + (y - inside[:, 1].mean()) ** 2) / 50)  # a tongue
    before = frame.copy()
    laid_over(frame, other, mask, place)
    outside = np.ones(frame.shape[:2], bool)
    outside[place] = False
    assert np.array_equal(frame[outside], before[outside])
    assert np.abs(frame[..., 1] - before[..., 1]).max() < 1.0  # no seam, no spot
    assert (frame[..., 0] - before[..., 0]).max() > 15  # and yet the tongue


def test_a_part_beyond_the_picture_is_left_out() -> None:
    frame, other = np.zeros((64, 64, 3), np.float32), np.ones((64, 64, 3), np.float32)
    mask, place = part_mask(face(shift=-400.0), MOUTH, (64, 64))
    laid_over(frame, other, mask, place)
    assert np.isfinite(frame).all()
