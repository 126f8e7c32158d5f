# SPDX-License-Identifier: GPL-3.0-or-later
"""The plain warps against values worked out another way."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from core.training.evaluation.warps import backward_map, similarity, thin_plate, warp
from tests.benchmarks.shapes import SIZE, picture


def test_thin_plate_meets_its_points_and_keeps_an_affine_map() -> None:
    random = np.random.default_rng(0)
    at = random.uniform(0, 5, (20, 2))
    values = random.normal(size=(20, 2))
    assert thin_plate(at, values, at) == pytest.approx(values, abs=1e-8)
    matrix, shift = np.array([[1.1, -0.2], [0.3, 0.9]]), np.array([2.0, -1.0])
    query = random.uniform(-5, 10, (50, 2))
    for smoothing in (0.0, 3.0):
        assert thin_plate(at, at @ matrix + shift, query, smoothing) == pytest.approx(
            query @ matrix + shift, abs=1e-7
        )


def test_thin_plate_against_scipy() -> None:
    from scipy.interpolate import RBFInterpolator

    random = np.random.default_rng(1)
    at, values, query = (
        random.uniform(0, 3, (30, 2)),
        random.normal(size=(30, 2)),
        random.uniform(0, 3, (40, 2)),
    )
    for smoothing in (0.0, 0.2):
        # scipy's kernel is the same; its smoothing has the other sign convention on the diagonal
        other = RBFInterpolator(at, values, kernel="thin_plate_spline", smoothing=smoothing)(query)
        assert thin_plate(at, values, query, smoothing) == pytest.approx(other, abs=1e-6)


def test_warp_moves_pixels_to_the_landmarks() -> None:
    """Landmarks shifted by whole pixels shift the picture by them; anchored, the border's corners stay."""
    image = picture()
    source = np.random.default_rng(2).uniform(10, 50, (30, 2))
    moved = warp(image, backward_map(source, source + (3, -2), (SIZE, SIZE)))
    assert np.abs(moved[5:-5, 5:-5].astype(int) - np.roll(image, (-2, 3), (0, 1))[5:-5, 5:-5]).max() <= 1
    pinned = backward_map(source, source + (3, -2), (SIZE, SIZE), anchors="corners")
    still = np.stack(np.meshgrid(np.arange(SIZE), np.arange(SIZE)), -1)
    offset = np.abs(pinned - still)
    assert offset[0, 0].max() < 0.2
    assert offset[30, 30] == pytest.approx((3, 2), abs=0.6)


def test_similarity_finds_turn_scale_and_shift() -> None:
    points = np.random.default_rng(3).uniform(0, 100, (20, 2))
    turn = 1.3 * cv2.getRotationMatrix2D((0, 0), -25, 1)[:, :2]
    found = similarity(points, points @ turn.T + (4, -7))
    assert found == pytest.approx(np.column_stack([turn, (4, -7)]), abs=1e-9)
    # what no similarity can do is met as well as possible: the center at least
    stretched = points * (1.2, 0.8)
    found = similarity(points, stretched)
    assert (points @ found[:, :2].T + found[:, 2]).mean(0) == pytest.approx(stretched.mean(0))
