# SPDX-License-Identifier: GPL-3.0-or-later
"""Tracks solved to expression curves, and curves played back as landmarks."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from core import presets
from core.errors import InputError
from core.head.arkit import INDEX
from core.head.rotation import conjugate, multiply, to_vector
from core.landmarks.track import LandmarkTrack
from core.motion.curves import ExpressionCurves
from core.motion.gaze import gaze_angles, with_gaze
from core.motion.solve import Solution, play_curves, solve_curves

# how far a coefficient that 68 points show well may be off; brows hardly show and are held back by the prior
BOUNDS = {"jawOpen": 0.05, "eyeBlinkLeft": 0.12, "eyeBlinkRight": 0.12, "mouthSmileLeft": 0.12}


@pytest.fixture(scope="module")
def talk() -> tuple[ExpressionCurves, LandmarkTrack, Solution]:
    curves = presets.load_performance("talk", Fraction(10))
    track = play_curves(curves)
    return curves, track, solve_curves(track)


@pytest.mark.parametrize("name", ["talk", "laugh"])
def test_landmarks_of_a_performance_give_its_curves_back(name: str) -> None:
    curves = presets.load_performance(name)
    solved = solve_curves(play_curves(curves)).curves
    assert np.array_equal(solved.times, curves.times)
    assert solved.rate == curves.rate
    error = np.abs(solved.expression - curves.expression)
    assert error.mean() < 0.05
    for shape, bound in BOUNDS.items():
        assert error[:, INDEX[shape]].max() < bound, shape
    turn = to_vector(multiply(solved.rotation, conjugate(curves.rotation)))
    assert np.degrees(np.linalg.norm(turn, axis=1)).max() < 1.0
    assert np.abs(gaze_angles(solved.expression) - gaze_angles(curves.expression)).max() < 4.5


def test_curves_and_residual_are_the_track(talk: tuple[ExpressionCurves, LandmarkTrack, Solution]) -> None:
    _, track, solution = talk
    again = solution.track(track)
    assert np.abs(again.points - track.points).max() < 1e-3  # px
    assert np.abs(again.irises - track.irises).max() < 1e-3
    assert np.abs(solution.residual).max() < 0.03  # eye distances: most of it is in the curves


def test_an_edited_curve_moves_that_lid_alone(talk: tuple[ExpressionCurves, LandmarkTrack, Solution]) -> None:
    _, track, solution = talk
    expression = solution.curves.expression.copy()
    expression[:, INDEX["eyeBlinkLeft"]] = 1.0
    moved = solution.track(track, replace(solution.curves, expression=expression))
    shift = np.linalg.norm((moved.points - track.points)[0, :, :2], axis=1)
    assert shift[[43, 44]].min() > 5  # px: the left eye's upper lid
    assert shift[36:42].max() < 1e-3


def test_lost_frames_and_unknown_irises_stay_lost(
    talk: tuple[ExpressionCurves, LandmarkTrack, Solution],
) -> None:
    _, track, _ = talk
    points, irises = track.points[:30].copy(), track.irises[:30].copy()
    points[5:8], irises[5:8], irises[20, 0] = np.nan, np.nan, np.nan
    some = replace(
        track, points=points, irises=irises, times=track.times[:30], confidence=track.confidence[:30]
    )
    solution = solve_curves(some)
    assert np.array_equal(~solution.curves.valid, np.isin(np.arange(30), [5, 6, 7]))
    again = solution.track(some)
    assert np.array_equal(np.isnan(again.points), np.isnan(points))
    assert np.array_equal(np.isnan(again.irises), np.isnan(irises))
    with pytest.raises(InputError, match="no frame with a face"):
        solve_curves(replace(some, points=np.full_like(points, np.nan)))


def test_a_nearer_head_is_larger_and_comes_back_as_near() -> None:
    still = np.zeros((9, 52)), np.tile([1.0, 0, 0, 0], (9, 1))
    place = np.zeros((9, 3))
    place[:, 2] = np.linspace(-1.0, 1.0, 9)  # eye distances, z away from the viewer
    curves = ExpressionCurves(np.arange(9) * 0.4, *still, place)
    track = play_curves(curves, (400, 400))
    width = np.linalg.norm(track.points[:, 45] - track.points[:, 36], axis=1)
    assert (np.diff(width) < 0).all()
    assert width[4] == pytest.approx(0.2 * 400, rel=0.06)
    assert np.abs(solve_curves(track).curves.translation - place).max() < 0.1


def test_gaze_is_the_same_as_angles_and_as_coefficients() -> None:
    looks = np.zeros((3, 52))
    looks[0, INDEX["eyeLookOutLeft"]] = looks[0, INDEX["eyeLookInRight"]] = 0.5
    looks[1, [INDEX["eyeLookUpLeft"], INDEX["eyeLookUpRight"]]] = 0.25
    angles = gaze_angles(looks)
    assert np.allclose(angles, [[[16, 0], [16, 0]], [[0, 6], [0, 6]], [[0, 0], [0, 0]]])
    other = np.zeros((3, 52))
    other[:, INDEX["jawOpen"]] = 0.3
    seen = with_gaze(other, angles)
    assert np.allclose(gaze_angles(seen), angles)
    assert np.allclose(seen[:, INDEX["jawOpen"]], 0.3)
    assert with_gaze(other, np.full((3, 2, 2), 80.0)).max() == 1.0
