# SPDX-License-Identifier: GPL-3.0-or-later
"""Painted pictures."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from core.training.stylize import Painter, _kuwahara, _smeared, _tangents

PLAIN = Painter(
    radius=2,
    stroke=2,
    bristle=0,
    canvas=0,
    cracks=0,
    lightness=1,
    contrast=1,
    chroma=1,
    tint=(0, 0),
    warm=0,
    bleed=0,
    seed=0,
)


@pytest.fixture(scope="module")
def noisy() -> np.ndarray:
    """A bright disc on dark ground, with much noise, uint8 RGB [128, 128, 3]."""
    image = np.full((128, 128, 3), 60, np.uint8)
    cv2.circle(image, (64, 64), 30, (190, 150, 120), -1)
    noise = np.random.default_rng(0).normal(0, 15, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def test_the_same_hand_paints_alike_and_another_does_not(noisy: np.ndarray) -> None:
    hands = [Painter.of(np.random.default_rng(seed)) for seed in (1, 1, 2)]
    painted = [hand.paint(noisy) for hand in hands]
    assert painted[0].dtype == np.uint8 and painted[0].shape == noisy.shape
    assert np.array_equal(painted[0], painted[1])
    assert not np.array_equal(painted[0], painted[2])


def test_patches_are_calm_and_their_borders_sharp(noisy: np.ndarray) -> None:
    painted = PLAIN.paint(noisy).astype(float)
    inside, outside = painted[54:74, 54:74], painted[5:25, 5:25]
    assert inside.std(axis=(0, 1)).max() < 6 < noisy[54:74, 54:74].std(axis=(0, 1)).min()
    # 4 px to either side of the border both colors are there
    assert painted[64, 64 + 26].mean() - painted[64, 64 + 34].mean() > 70
    assert np.abs(inside.mean((0, 1)) - noisy[54:74, 54:74].mean((0, 1))).max() < 4
    assert np.abs(outside.mean((0, 1)) - 60).max() < 4


def test_an_even_picture_stays_as_it_is() -> None:
    even = np.full((64, 64, 3), (90, 120, 150), np.uint8)
    assert np.abs(PLAIN.paint(even).astype(int) - even).max() <= 1
    assert np.allclose(_kuwahara(even.astype(np.float32) / 255, 3), even / 255, atol=1e-4)


def test_strokes_follow_the_form() -> None:
    stripes = np.zeros((64, 64, 3), np.float32)
    stripes[:, ::8] = 1  # upright stripes, blurred
    stripes = cv2.GaussianBlur(stripes, (0, 0), 1.5)
    along = _tangents(stripes, 2.0)
    assert np.abs(along[16:48, 16:48, 1]).min() > 0.99
    noise = np.random.default_rng(0).standard_normal((64, 64)).astype(np.float32)
    smeared = _smeared(noise, along, 4.0)[16:48, 16:48]
    across, down = np.abs(np.diff(smeared, axis=1)).mean(), np.abs(np.diff(smeared, axis=0)).mean()
    assert across > 2 * down


def test_palette_and_varnish_change_colors(noisy: np.ndarray) -> None:
    plain = PLAIN.paint(noisy).astype(float).mean((0, 1))
    yellowed = replace(PLAIN, warm=0.8).paint(noisy).astype(float).mean((0, 1))
    grey = replace(PLAIN, chroma=0.0).paint(noisy).astype(float).mean((0, 1))
    assert plain[2] - yellowed[2] > 15 > plain[0] - yellowed[0]
    assert np.ptp(grey) < 3 < np.ptp(plain)


def test_cracks_are_thin_and_dark(noisy: np.ndarray) -> None:
    difference = PLAIN.paint(noisy).astype(int) - replace(PLAIN, cracks=0.3).paint(noisy)
    dark = difference.mean(2) > 5
    assert difference.min() >= 0
    assert 0.005 < dark.mean() < 0.25


def test_a_face_is_painted_with_more_care() -> None:
    image = np.random.default_rng(0).integers(0, 255, (128, 128, 3)).astype(np.uint8)
    points = np.zeros((68, 2))
    points[17:60] = np.random.default_rng(1).uniform(50, 78, (43, 2))
    points[36], points[45] = (45, 60), (83, 60)
    change = np.abs(PLAIN.paint(image, points).astype(int) - PLAIN.paint(image)).mean(2)
    assert change[55:70, 55:70].mean() > 10
    assert change[:20].max() == 0
