# SPDX-License-Identifier: GPL-3.0-or-later
"""Plain measures and regions against values worked out another way."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from core.training.evaluation.metrics import absolute_error, ms_ssim, over, psnr, region_masks, ssim_map
from core.training.evaluation.texture import (
    energy_ratio,
    estimate_shift,
    high_frequency_energy,
    original_share,
)
from tests.benchmarks.shapes import SIZE, picture


def test_ssim_against_known_values() -> None:
    image = picture()
    assert ssim_map(image, image) == pytest.approx(1.0, abs=1e-6)
    # two flat pictures: the structure term is one, the luminance term is left
    dark, light = np.full((SIZE, SIZE, 3), 60, np.uint8), np.full((SIZE, SIZE, 3), 90, np.uint8)
    c1 = (0.01 * 255) ** 2
    assert ssim_map(dark, light) == pytest.approx((2 * 60 * 90 + c1) / (60**2 + 90**2 + c1), abs=1e-5)
    assert over(absolute_error(dark, light), None) == pytest.approx(30 / 255)


def test_regions_lie_where_the_face_is() -> None:
    points = np.zeros((68, 2))
    angle = np.linspace(0, np.pi, 17)
    points[:17] = np.column_stack([100 - 50 * np.cos(angle), 90 + 60 * np.sin(angle)])
    points[17:27] = np.column_stack([np.linspace(60, 140, 10), np.full(10, 75)])
    points[27:36] = np.column_stack([np.full(9, 100), np.linspace(85, 115, 9)])
    points[36:42] = [[65, 88], [70, 85], [78, 85], [83, 88], [78, 91], [70, 91]]
    points[42:48] = [[117, 88], [122, 85], [130, 85], [135, 88], [130, 91], [122, 91]]
    points[48:] = np.column_stack([100 + 20 * np.cos(np.arange(20)), 130 + 7 * np.sin(np.arange(20))])
    masks = region_masks(points, (200, 200))
    assert masks["face"][45, 100] == 1  # forehead, above the brows
    assert masks["face"][10, 100] == masks["face"][190, 100] == masks["face"][100, 20] == 0
    assert masks["eyes"][88, 74] == masks["eyes"][88, 126] == 1
    assert masks["eyes"][88, 100] == 0
    assert masks["mouth"][130, 100] == 1
    assert masks["mouth"][88, 74] == 0


def test_ms_ssim_against_its_parts() -> None:
    """Flat pictures have only the last scale's luminance term; likeness falls with noise."""
    image = cv2.resize(picture(), (256, 256), interpolation=cv2.INTER_CUBIC)
    assert ms_ssim(image, image, [None]) == pytest.approx([1.0])
    dark, light = np.full((256, 256, 3), 60, np.uint8), np.full((256, 256, 3), 90, np.uint8)
    c1 = (0.01 * 255) ** 2
    luminance = (2 * 60 * 90 + c1) / (60**2 + 90**2 + c1)
    assert ms_ssim(dark, light, [None])[0] == pytest.approx(luminance**0.1333, rel=1e-4)
    noise = np.random.default_rng(0).normal(size=image.shape)
    noisy = [np.clip(image + s * noise, 0, 255).astype(np.uint8) for s in (5, 20, 60)]
    figures = [ms_ssim(image, each, [None])[0] for each in noisy]
    assert 1 > figures[0] > figures[1] > figures[2] > 0


def test_ms_ssim_of_a_region_sees_only_that_region() -> None:
    image = cv2.resize(picture(), (256, 256), interpolation=cv2.INTER_CUBIC)
    changed = image.copy()
    changed[:64, :64] = 255 - changed[:64, :64]
    near, far = np.zeros((2, 256, 256), np.float32)
    near[:64, :64], far[160:, 160:] = 1, 1
    inside, outside, whole = ms_ssim(image, changed, [near, far, None])
    assert inside < 0.3 < whole < outside
    assert outside == pytest.approx(1.0, abs=1e-6)


def test_psnr() -> None:
    dark, light = np.full((8, 8, 3), 60, np.uint8), np.full((8, 8, 3), 70, np.uint8)
    assert psnr(dark, light) == pytest.approx(20 * np.log10(25.5))
    assert psnr(dark, dark) == 99


def _canvas() -> np.ndarray:
    noise = np.random.default_rng(1).normal(0, 20, (160, 160, 3))
    base = cv2.resize(picture(), (160, 160), interpolation=cv2.INTER_CUBIC)
    return np.clip(base + cv2.GaussianBlur(noise, (0, 0), 0.7), 0, 255).astype(np.uint8)


def test_high_frequency_energy_is_that_of_the_fine_waves() -> None:
    """A wave of three pixels is nearly all above the limit, one of forty is not; its power is amplitude^2 /
    2."""
    x = np.arange(240)
    fine, coarse = (
        np.repeat(np.tile(128 + 40 * np.sin(2 * np.pi * x / length), (240, 1))[..., None], 3, 2)
        for length in (3, 40)
    )
    assert high_frequency_energy(np.rint(fine).astype(np.uint8)) == pytest.approx(0.5 * 40**2, rel=0.5)
    assert high_frequency_energy(np.rint(coarse).astype(np.uint8)) < 0.02 * 0.5 * 40**2


def test_energy_ratio_tells_blur_and_place() -> None:
    image = _canvas()
    assert energy_ratio(image, image, None) == 1
    assert energy_ratio(cv2.GaussianBlur(image, (0, 0), 1.2), image, None) < 0.3
    moved, still = np.zeros((2, 160, 160), np.float32)
    still[40:100, 40:100], moved[50:110, 45:105] = 1, 1
    shifted = np.roll(image, (10, 5), (0, 1))
    assert energy_ratio(shifted, image, moved, still) == pytest.approx(1, abs=0.02)
    deep = image.astype(np.uint16) * 257
    assert energy_ratio(deep, deep, None) == 1
    assert high_frequency_energy(deep) == pytest.approx(high_frequency_energy(image))


def test_original_share_counts_still_and_moved_paint() -> None:
    image = _canvas()
    assert original_share(image, image) == {"still": 1.0, "canvas": 1.0}
    frame = image.copy()
    frame[40:120, 40:120] = image[38:118, 43:123]  # the canvas, moved
    frame[60:80, 60:80] = (0, 255, 0)  # painted anew
    painted = 20 * 20 / 160**2
    shift = np.zeros((160, 160, 2), np.float32)
    shift[40:120, 40:120] = (3, -2)
    share = original_share(frame, image, shift=shift)
    assert share["canvas"] == pytest.approx(1 - painted, abs=0.002)
    assert share["still"] == pytest.approx(1 - 80 * 80 / 160**2, abs=0.01)
    # without being told the flow: nearly as much
    assert share["canvas"] - 0.06 < original_share(frame, image)["canvas"] <= share["canvas"] + 0.002
    inside = np.zeros((160, 160), np.float32)
    inside[62:78, 62:78] = 1
    assert original_share(frame, image, inside, shift)["canvas"] < 0.02


def test_estimated_shift_points_back() -> None:
    image = cv2.GaussianBlur(_canvas(), (0, 0), 1)
    frame = np.roll(image, (3, -4), (0, 1))
    assert np.median(estimate_shift(frame, image)[20:-20, 20:-20], (0, 1)) == pytest.approx((4, -3), abs=0.3)
