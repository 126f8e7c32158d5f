# SPDX-License-Identifier: GPL-3.0-or-later
"""Motions that stills are moved by."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.errors import InputError
from core.landmarks.face import Face, points_box
from core.landmarks.mean_face import mean_face
from core.motion.curves import ExpressionCurves
from core.motion.features import eye_aperture
from core.training.shot_pairs import PERFORMANCES
from core.training.stills import MOVED, StillPlan, draw_motions, load_motions, still_kind, unsuited


@pytest.fixture(scope="module")
def face() -> Face:
    """The mean face in the middle of the square."""
    points = mean_face().copy()
    points -= points.mean(0)
    points *= MOVED / 3.8 / np.linalg.norm(points[45, :2] - points[36, :2])
    points[:, :2] += MOVED / 2
    eyes = [points[36:42, :2].mean(0), points[42:48, :2].mean(0)]
    points = points.astype(np.float32)
    return Face(points, np.array(eyes, np.float32), np.ones(68, np.float32), points_box(points), 1.0)


@pytest.fixture(scope="module")
def performances() -> list[ExpressionCurves]:
    return load_motions(PERFORMANCES)


def test_motions_move_the_face_and_keep_it_in_the_picture(
    face: Face, performances: list[ExpressionCurves]
) -> None:
    points, irises = draw_motions(face, performances, 6, np.random.default_rng(0))
    assert points.shape == (6, 68, 3) and irises.shape == (6, 2, 2)
    assert np.isfinite(points[..., :2]).all() and np.isfinite(irises).all()
    unit = MOVED / 3.8
    moved = np.linalg.norm(points[..., :2] - face.points[:, :2], axis=2).mean(1) / unit
    assert moved.min() > 0.02 and moved.max() < 0.6
    assert points[..., :2].min() > 0 and points[..., :2].max() < MOVED
    between = np.linalg.norm(points[:, None, :, :2] - points[None, :, :, :2], axis=3).mean(2)
    assert between[~np.eye(6, dtype=bool)].min() > 0.01 * unit


def test_shut_eyes_are_rare(face: Face, performances: list[ExpressionCurves]) -> None:
    points, _ = draw_motions(face, performances, 24, np.random.default_rng(1))
    rest = eye_aperture(face.points[None].astype(np.float64)).mean()
    shut = eye_aperture(points.astype(np.float64)).mean(1) < 0.25 * rest
    assert shut.mean() < 0.35


def test_the_same_seed_draws_the_same_motions(face: Face, performances: list[ExpressionCurves]) -> None:
    drawn = [draw_motions(face, performances, 2, np.random.default_rng(seed))[0] for seed in (3, 3, 4)]
    assert np.array_equal(drawn[0], drawn[1])
    assert not np.array_equal(drawn[0], drawn[2])


def test_unsuited_faces_are_told(face: Face) -> None:
    size = (MOVED, MOVED)
    assert unsuited(face, size) is None
    assert "doubtful" in (unsuited(replace(face, score=0.2), size) or "")
    assert "too small" in (unsuited(replace(face, points=face.points * 0.4), size) or "")
    assert "out of the picture" in (unsuited(replace(face, points=face.points - 120), size) or "")
    profile = face.points.copy()
    profile[27:36, 0] -= 60
    assert "from the side" in (unsuited(replace(face, points=profile), size) or "")


def test_the_folder_tells_the_kind() -> None:
    assert still_kind(Path("stills/photos/a.jpg")) == "photo"
    assert still_kind(Path("stills/paintings/a.jpg")) == still_kind(Path("a.jpg")) == "painting"
    assert StillPlan(Path("a.jpg"), "a", "painting", 3).person == "a"


def test_a_folder_without_performances_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no performances"):
        load_motions(tmp_path)
