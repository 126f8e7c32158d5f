# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np

from core.landmarks.detect import Detector, Face, find_faces
from core.landmarks.schema import (
    CONNECTIONS,
    IRIS_MIRROR,
    MIRROR,
    MIRROR_REGIONS,
    POINT_NAMES,
    POINTS,
    REGION_COLORS,
    REGIONS,
    mirror_points,
)

from .conftest import apart


def test_regions_hold_every_point_once() -> None:
    assert sorted(index for indices in REGIONS.values() for index in indices) == list(range(POINTS))
    assert len(set(POINT_NAMES)) == POINTS
    assert {name for name, _, _ in CONNECTIONS} == set(REGION_COLORS) == set(REGIONS)


def test_mirror_is_an_involution_that_swaps_the_sides() -> None:
    assert (MIRROR[MIRROR] == np.arange(POINTS)).all()
    assert IRIS_MIRROR == (1, 0)
    for name, indices in REGIONS.items():
        assert set(MIRROR[list(indices)]) == set(REGIONS[MIRROR_REGIONS[name]])
    assert MIRROR_REGIONS["eye_right"] == "eye_left" and MIRROR_REGIONS["jaw"] == "jaw"
    # the middle line stays
    assert [index for index in range(POINTS) if MIRROR[index] == index] == [
        8,
        27,
        28,
        29,
        30,
        33,
        51,
        57,
        62,
        66,
    ]


def test_mirror_points_keeps_outer_corners_outside(face: Face) -> None:
    points, irises = mirror_points(face.points, face.irises, 1024)
    assert points[36, 0] < points[39, 0] < points[42, 0] < points[45, 0]
    assert irises[0, 0] < irises[1, 0]
    again, irises_again = mirror_points(points, irises, 1024)
    np.testing.assert_allclose(again, face.points, atol=1e-3)
    np.testing.assert_allclose(irises_again, face.irises, atol=1e-3)


def test_a_mirrored_portrait_has_mirrored_landmarks(
    portrait: np.ndarray, detector: Detector, face: Face
) -> None:
    found = find_faces(np.ascontiguousarray(portrait[:, ::-1]), detector)[0]
    points, irises = mirror_points(found.points, found.irises, portrait.shape[1])
    assert apart(points, face.points) < 0.01
    assert np.abs(irises - face.irises).max() < 0.02 * np.linalg.norm(face.points[45] - face.points[36])
