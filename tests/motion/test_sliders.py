# SPDX-License-Identifier: GPL-3.0-or-later
"""What expression sliders do to a face, and tracks told in them."""

from __future__ import annotations

import numpy as np
import pytest

from core.errors import InputError
from core.head.arkit import ARKIT, INDEX
from core.head.fit import HeadState, project
from core.head.model import HeadModel
from core.head.rotation import from_head_angles
from core.landmarks.face import Face
from core.landmarks.track import LandmarkTrack
from core.motion.sliders import (
    SLIDERS,
    slider_basis,
    slider_expression,
    slider_values,
    solve_sliders,
)

SIZE = (800, 1000)
UNIT = 150.0


@pytest.fixture(scope="module")
def face() -> Face:
    """The mean head at rest, turned a little."""
    model = HeadModel.load()
    state = HeadState(
        from_head_angles(12.0, 0.0, 0.0)[None],
        np.array([[SIZE[0] / 2, SIZE[1] / 2, 0.0]]),
        np.array([UNIT]),
        np.zeros((1, len(ARKIT))),
    )
    seen = project(model, np.zeros(len(model.identity)), state)[0].astype(np.float32)
    return Face(seen[:68], seen[68:, :2], np.ones(68, np.float32), np.array([0.0, 0.0, *SIZE]), 1.0)


@pytest.fixture(scope="module")
def basis(face: Face) -> np.ndarray:
    return slider_basis(face, SIZE)


def effect(basis: np.ndarray, name: str, point: int) -> np.ndarray:
    """How far a full slider moves a landmark, [x to the right, y down] in eye distances."""
    return basis[SLIDERS.index(name), point, :2] / UNIT


# points of the sitter's own left lie on the picture's right
@pytest.mark.parametrize(
    ("slider", "moved", "still", "axis", "least"),
    [
        ("eyeBlinkLeft", 43, 38, 1, 0.05),
        ("eyeBlinkRight", 38, 43, 1, 0.05),
        ("mouthSmileLeft", 54, 48, 1, -0.05),
        ("mouthSmileRight", 48, 54, 1, -0.05),
        ("browOuterUpLeft", 25, 18, 1, -0.03),
        ("browDownRight", 18, 25, 1, 0.03),
        ("eyeLookOutLeft", 69, 68, 0, 0.03),
        ("eyeLookInRight", 68, 69, 0, 0.03),
        ("jawOpen", 8, 30, 1, 0.15),
        ("gazeX", 68, 30, 0, 0.03),
        ("gazeY", 69, 30, 1, -0.02),
    ],
)
def test_a_slider_moves_what_it_is_named_after(
    basis: np.ndarray, slider: str, moved: int, still: int, axis: int, least: float
) -> None:
    far = effect(basis, slider, moved)[axis]
    assert far * np.sign(least) > abs(least), far
    assert np.abs(effect(basis, slider, still)).max() < 0.25 * abs(far)


def test_a_track_made_of_sliders_is_told_in_them(face: Face, basis: np.ndarray) -> None:
    given = np.zeros((12, len(SLIDERS)))
    time = np.linspace(0, 1, 12)
    given[:, SLIDERS.index("eyeBlinkLeft")] = np.sin(np.pi * time)
    given[:, SLIDERS.index("jawOpen")] = 0.6 * time
    given[:, SLIDERS.index("gazeX")] = 0.8 * np.cos(np.pi * time)
    moved = np.einsum("te,epk->tpk", given, basis)
    points, irises = face.points + moved[:, :68], face.irises + moved[:, 68:, :2]
    # the head's own shift and size are none of the sliders' business
    points, irises = 1.1 * points + [30, -20, 0], 1.1 * irises + [30, -20]
    points[5] = np.nan
    irises[5] = np.nan
    track = LandmarkTrack(points, irises, time, np.ones((12, 68)), SIZE)
    solved = solve_sliders(track, face, basis)
    assert solved.explained > 0.95
    assert np.isnan(solved.values[5]).all()
    found = track.valid
    for name in ("eyeBlinkLeft", "jawOpen", "gazeX"):
        column = SLIDERS.index(name)
        np.testing.assert_allclose(solved.values[found, column], given[found, column], atol=0.12)
    assert np.abs(solved.values[found, SLIDERS.index("eyeBlinkRight")]).max() < 0.05


def test_no_face_is_told(face: Face, basis: np.ndarray) -> None:
    lost = np.full((2, 68, 3), np.nan)
    track = LandmarkTrack(lost, np.full((2, 2, 2), np.nan), np.arange(2.0), np.zeros((2, 68)), SIZE)
    with pytest.raises(InputError, match="no frame of the track has a face"):
        solve_sliders(track, face, basis)


def test_both_eyes_together_are_the_gaze_and_come_back() -> None:
    expression = np.random.default_rng(5).uniform(0, 0.8, (6, len(ARKIT)))
    for side in ("Left", "Right"):  # an eye looks one way at a time
        for one, other in (("In", "Out"), ("Up", "Down")):
            pair = [INDEX[f"eyeLook{one}{side}"], INDEX[f"eyeLook{other}{side}"]]
            low = expression[:, pair].argmin(axis=1)
            expression[np.arange(6), np.array(pair)[low]] = 0.0
    np.testing.assert_allclose(slider_expression(slider_values(expression)), expression, atol=1e-12)
    aside = np.zeros((1, len(ARKIT)))
    aside[0, [INDEX["eyeLookOutLeft"], INDEX["eyeLookInRight"]]] = 0.6
    values = slider_values(aside)[0]
    assert values[SLIDERS.index("gazeX")] == pytest.approx(0.6)
    assert np.count_nonzero(np.abs(values) > 1e-12) == 1
