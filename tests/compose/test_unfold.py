# SPDX-License-Identifier: GPL-3.0-or-later
"""The relaxation of folded motion gives what the plain rule gives, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import Delaunay

from core.compose.relief import signed_areas
from core.compose.unfold import LEAST_AREA, PATIENCE, ROUNDS, Unfolding


def grid(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points [V, 2] px, triangles of one turn, and their areas."""
    noise = np.random.default_rng(seed)
    points = np.mgrid[:15, :15].reshape(2, -1).T * 10.0 + noise.normal(0, 1.5, (225, 2))
    triangles = Delaunay(points).simplices.astype(np.int32)
    return points, triangles, signed_areas(points, triangles)


def unfolding(points: np.ndarray, triangles: np.ndarray, face: bool = True) -> Unfolding:
    return Unfolding.of(triangles, np.full(len(triangles), face), len(points))


def plainly(points: np.ndarray, triangles: np.ndarray, areas: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Every triangle looked at in every round; the mean over neighbors in the order of falling index."""
    around = [sorted({*triangles[(triangles == v).any(1)].ravel()} - {v}) for v in range(len(points))]
    best, fewest = shift, np.inf
    for number in range(1, ROUNDS + 1):
        ratio = signed_areas(points + shift, triangles) / areas
        if (ratio <= 0).sum() < fewest:
            best, fewest = shift, (ratio <= 0).sum()
        if not (ratio < LEAST_AREA).any():
            return shift
        new = shift.copy()
        giving = set(np.unique(triangles[ratio < LEAST_AREA]))
        for _ in range(number // PATIENCE):
            giving |= {n for v in giving for n in around[v]}
        for v in giving:
            mean = np.zeros(2)
            for n in around[v][::-1]:
                mean += 1.0 / len(around[v]) * shift[n]
            new[v] = 0.4 * shift[v] + 0.6 * mean
        shift = new
    return best


@pytest.mark.parametrize(("seed", "pull", "helped"), [(0, 25.0, True), (1, 40.0, True), (2, 400.0, False)])
def test_a_pulled_vertex_takes_its_surroundings_along(seed: int, pull: float, helped: bool) -> None:
    points, triangles, areas = grid(seed)
    shift = np.zeros_like(points)
    shift[112] = pull
    if not helped:
        shift[0], shift[14] = points[14] - points[0], points[0] - points[14]
        shift[np.arange(40, 60)] = np.random.default_rng(5).normal(0, pull, (20, 2))
    folded = (signed_areas(points + shift, triangles) / areas <= 0).sum()
    assert folded > 0
    given = shift.copy()
    relaxed = unfolding(points, triangles).relax(points, areas, shift)
    assert np.array_equal(shift, given), "what is given stays"
    assert np.array_equal(relaxed, plainly(points, triangles, areas, shift))
    left = signed_areas(points + relaxed, triangles) / areas
    if helped:
        assert left.min() >= LEAST_AREA
    else:
        assert (left <= 0).sum() < folded


@pytest.mark.parametrize("seed", [0, 3])
def test_what_is_pressed_together_on_all_sides_gets_room_from_farther_away(seed: int) -> None:
    points, triangles, areas = grid(seed)
    shift = np.zeros_like(points)
    shift[:, 0] = -1.1 * np.clip(points[:, 0] - 70, -30, 30)
    assert (signed_areas(points + shift, triangles) / areas <= 0).sum() > 100
    relaxed = unfolding(points, triangles).relax(points, areas, shift)
    assert (signed_areas(points + relaxed, triangles) / areas).min() >= LEAST_AREA
    assert np.array_equal(relaxed, plainly(points, triangles, areas, shift))


def test_the_ground_takes_no_room_from_farther_away() -> None:
    points, triangles, areas = grid(0)
    shift = np.zeros_like(points)
    shift[:, 0] = -1.1 * np.clip(points[:, 0] - 70, -30, 30)
    ground, face = (
        np.any(unfolding(points, triangles, which).relax(points, areas, shift) != shift, axis=1).sum()
        for which in (False, True)
    )
    assert ground < 0.8 * face


def test_motion_without_folds_stays_as_it_is() -> None:
    points, triangles, areas = grid(3)
    shift = points * 0.1 + [3.0, -2.0]
    assert np.array_equal(unfolding(points, triangles).relax(points, areas, shift), shift)
