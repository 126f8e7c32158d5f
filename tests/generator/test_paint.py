# SPDX-License-Identifier: GPL-3.0-or-later
"""The generator's paint at the picture's own resolution."""

from __future__ import annotations

import numpy as np
import pytest

from core.generator.paint import paint_over


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_paint_keeps_the_grain_and_takes_the_drawing_away(kind: type) -> None:
    peak = np.iinfo(kind).max
    rng = np.random.default_rng(0)
    image = np.full((512, 512, 3), 0.5) + rng.normal(0, 0.01, (512, 512, 1))
    image[:, 255:257] -= 0.4  # a thin drawn line
    pixels = np.rint(np.clip(image, 0, 1) * peak).astype(kind)
    before = pixels.copy()
    opacity = np.zeros((64, 64), np.float32)
    opacity[16:48, 16:48] = 1
    change = 0.2 * opacity[..., None] * np.ones(3, np.float32)
    paint_over(pixels, np.full((64, 64, 3), 0.5, np.float32), opacity, change, grain=0.02)
    painted = pixels[200:312, 200:312].astype(np.float64) / peak
    assert abs(np.median(painted) - 0.7) < 0.01
    assert 0.005 < painted[:, :40].std() < 0.015
    assert (painted[:, 40:72].mean((0, 2)) > 0.6).all()
    assert np.array_equal(pixels[:48], before[:48])


def test_what_is_painted_need_not_follow_an_edge_of_the_picture() -> None:
    pixels = np.full((64, 64, 3), 128, np.uint8)
    change = np.zeros((64, 64, 3), np.float32)
    change[16:48, 16:48] = np.where(np.arange(32) % 4 < 2, 0.1, -0.1)[:, None, None]
    opacity = (np.abs(change).max(2) > 0).astype(np.float32) * 0.1
    paint_over(pixels, np.full((64, 64, 3), 0.5, np.float32), opacity, change, grain=0.02)
    assert np.abs(pixels / 255 - 128 / 255 - change).max() < 0.004
