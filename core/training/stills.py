# SPDX-License-Identifier: GPL-3.0-or-later
"""Stills as episodes: a portrait is moved through its head proxy, and the moved picture is asked for the
portrait itself.  The texture is that of real pictures, and what is uncovered is known exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from ..errors import InputError
from ..generator.inputs import Viewer
from ..head.arkit import INDEX
from ..head.rotation import from_vector, to_vector
from ..landmarks.detect import detect_portrait
from ..landmarks.face import Face
from ..media.picture import Picture, load_picture
from ..motion.authored import load_authored
from ..motion.curves import ExpressionCurves
from ..motion.retarget import retarget
from .clips import seeded
from .episode_files import SIZE, Episode

MOVED = 5 * SIZE // 4  # px: a turned head has a smaller crop, which is not to be enlarged
LEAST_EYES = 40  # px between the outer corners: a smaller face is not worth its blur
SURE = 0.5  # least score of a face
PROFILE = 0.5  # tip of the nose off the eyes' middle, in eye distances: beyond it landmarks are guesses
OUTSIDE = 0.15  # eye distances that landmarks may lie beyond the picture
CANDIDATES = 4  # motions to choose each from
GAIN = (0.5, 1.3)
SHUT = 0.2  # share in which lids may close altogether: a shot with shut eyes is rare
SWAY = 0.06  # rad of turning beyond the performances'
LIMIT = 0.45  # rad from the portrait's own pose


@dataclass(frozen=True)
class StillPlan:
    """One source to be made of a still; ``moves``: how many moved pictures of it."""

    path: Path
    name: str
    kind: str
    moves: int
    seed: int = 0

    @property
    def person(self) -> str:
        """Every still counts as a person of its own."""
        return self.name


def still_kind(path: Path) -> str:
    """photo where the still lies in a folder of photos, else painting."""
    return "photo" if path.parent.name.lower().startswith("photo") else "painting"


def load_motions(folder: Path) -> list[ExpressionCurves]:
    """The performances in a folder, to draw motions from; InputError where it holds none."""
    paths = sorted(folder.glob("*.toml"))
    if not paths:
        raise InputError(f"{folder}: holds no performances (*.toml) to move stills by")
    return [load_authored(path).sample() for path in paths]


def still_episode(plan: StillPlan, performances: Sequence[ExpressionCurves]) -> Episode:
    """Frames and pairs of a still.  Raises InputError where its face is missing or unsuited."""
    picture = load_picture(plan.path)
    face, _ = detect_portrait(picture)
    wrong = unsuited(face, picture.size)
    if wrong:
        raise InputError(f"{plan.path}: {wrong}")
    still = Viewer(picture, face, MOVED)
    # all further work is in the crop, opaque, at MOVED px
    rest = still.crop.face(face, MOVED)
    points, irises = draw_motions(rest, performances, plan.moves, seeded(plan.seed, plan.name))
    episode = Episode()
    scale = still.crop.side / MOVED
    corner = np.array([still.crop.x, still.crop.y])
    for moved_points, moved_irises in zip(points, irises, strict=True):
        view = still.view(moved_points[:, :2] * scale + corner, moved_irises * scale + corner)
        moved = replace(rest, points=moved_points, irises=moved_irises)
        sitter = cv2.resize(view.masks[..., 3], (MOVED, MOVED), interpolation=cv2.INTER_LINEAR)
        viewer = Viewer(Picture(view.warped), moved, SIZE, mask=sitter)
        episode.add_pair(viewer, episode.add_shot(viewer), still.shot.image, rest)
    return episode


def unsuited(face: Face, size: tuple[int, int]) -> str | None:
    """Why nothing can be learned from a face in a picture of ``size`` (w, h); None where it can."""
    points = face.points[:, :2].astype(np.float64)
    across = points[45] - points[36]
    eyes = float(np.linalg.norm(across))
    if face.score < SURE or eyes < LEAST_EYES:
        return f"its face is too small or doubtful ({eyes:.0f} px between the eyes, score {face.score:.2f})"
    if abs((points[30] - (points[36] + points[45]) / 2) @ across) > PROFILE * eyes**2:
        return "its face is seen too much from the side"
    if max(-points.min(), (points - size).max()) > OUTSIDE * eyes:
        return "its face reaches out of the picture"
    return None


def draw_motions(
    face: Face, performances: Sequence[ExpressionCurves], count: int, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Landmarks of a face in a square of ``MOVED`` px under ``count`` motions that differ from each other.

    Each takes the expression of one moment, often with a second one's, and the pose of a third, all of
    random strength.  Returns points float32 [count, 68, 3] and irises [count, 2, 2] px.
    """
    rows = CANDIDATES * count
    expression = _moments(performances, "expression", rows, random) * random.uniform(*GAIN, (rows, 1))
    second = _moments(performances, "expression", rows, random) * random.uniform(*GAIN, (rows, 1))
    expression = np.clip(expression + second * (random.uniform(size=(rows, 1)) < 0.5), 0.0, 1.0)
    lids = [INDEX["eyeBlinkLeft"], INDEX["eyeBlinkRight"]]
    expression[:, lids] *= np.where(random.uniform(size=(rows, 1)) < SHUT, 1.0, 0.4)
    turn = to_vector(_moments(performances, "rotation", rows, random)) * random.uniform(*GAIN, (rows, 1))
    turn += random.normal(0.0, SWAY, (rows, 3))
    turn *= np.minimum(1.0, LIMIT / np.maximum(np.linalg.norm(turn, axis=1, keepdims=True), 1e-9))
    shift = _moments(performances, "translation", rows, random) * random.uniform(*GAIN, (rows, 1))
    # held for three frames each: retargeting looks at a frame's neighbors
    expression, turned, shift = (
        np.repeat(array, 3, axis=0) for array in (expression, from_vector(turn), shift)
    )
    curves = ExpressionCurves(np.arange(3.0 * rows), expression, turned, shift, {"rest": "neutral"})
    track = retarget(curves, face, size=(MOVED, MOVED))
    points, irises = track.points[1::3], track.irises[1::3]
    shape = points[..., :2] - face.points[:, :2]
    shape[:, 36:] *= 2.0  # lids and lips count more than the outline, which moves farther
    flat = shape.reshape(rows, -1)
    far = np.linalg.norm(flat, axis=1)
    chosen: list[int] = []
    for _ in range(count):
        chosen.append(int((far * random.uniform(0.5, 1.0, rows)).argmax()))
        far = np.minimum(far, np.linalg.norm(flat - flat[chosen[-1]], axis=1))
    return points[chosen], irises[chosen]


def _moments(
    performances: Sequence[ExpressionCurves], what: str, count: int, random: np.random.Generator
) -> np.ndarray:
    """Rows of the performances' ``what`` at random moments, float64 [count, ...]."""
    picked = [performances[index] for index in random.integers(len(performances), size=count)]
    rows = [getattr(curves, what)[random.integers(len(curves))] for curves in picked]
    return np.stack(rows).astype(np.float64)
