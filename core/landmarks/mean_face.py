# SPDX-License-Identifier: GPL-3.0-or-later
"""A mean face of 68 points in space, to complete landmarks that a person set only in part.

``mean_face.json`` holds it in units of the distance of the outer eye corners, looking straight at the viewer.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np

_FILE = Path(__file__).with_name("mean_face.json")


@cache
def mean_face() -> np.ndarray:
    """float64 [68, 3]: x right, y down, z smaller is nearer;
    the origin lies midway between the outer eye corners."""
    face = np.array(json.loads(_FILE.read_text(encoding="utf-8"))["points"])
    face.flags.writeable = False
    return face


def fit_pose(indices: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, float, np.ndarray]:
    """Rotation [3, 3], scale and shift [2] with which the mean face's points
    ``indices`` come closest to ``points`` [N, 2]."""
    from scipy.optimize import least_squares
    from scipy.spatial.transform import Rotation

    model = mean_face()[indices]
    span = float(np.ptp(points, axis=0).max()) / max(float(np.ptp(model[:, :2], axis=0).max()), 1e-9)
    middle = points.mean(axis=0) - model[:, :2].mean(axis=0) * span

    def residual(unknown: np.ndarray) -> np.ndarray:
        turned = model @ Rotation.from_rotvec(unknown[:3]).as_matrix().T
        miss = turned[:, :2] * np.exp(unknown[3]) * span + unknown[4:] * span + middle - points
        # a weak pull to the frontal pose settles what few points leave open
        return np.concatenate([(miss / span).ravel(), 0.02 * unknown[:3]])

    best = None
    # a picture may lie on its side: start from several turns in its plane
    for turn in (0.0, np.pi / 2, -np.pi / 2, np.pi):
        start = np.array([0.0, 0.0, turn, 0.0, 0.0, 0.0])
        found = least_squares(residual, start)
        if best is None or found.cost < best.cost:
            best = found
    assert best is not None
    scale = float(np.exp(best.x[3])) * span
    return Rotation.from_rotvec(best.x[:3]).as_matrix(), scale, best.x[4:] * span + middle


def with_depth(points: np.ndarray) -> np.ndarray:
    """Points float64 [68, 3] with the depth that is NaN taken from
    the mean face in the pose of these points."""
    missing = ~np.isfinite(points[:, 2])
    if not missing.any():
        return points
    rotation, scale, _ = fit_pose(np.arange(len(points)), points[:, :2])
    depth = (mean_face() @ rotation.T)[:, 2] * scale
    if not missing.all():
        depth += float(np.mean(points[~missing, 2] - depth[~missing]))
    result = points.copy()
    result[missing, 2] = depth[missing]
    return result


def complete(indices: np.ndarray, given: np.ndarray) -> np.ndarray:
    """All 68 points float64 [68, 3] from some: ``given`` [N, 3] (z may be NaN)
    are met, the others follow smoothly."""
    from scipy.interpolate import RBFInterpolator

    rotation, scale, shift = fit_pose(indices, given[:, :2])
    posed = mean_face() @ rotation.T * scale
    posed[:, :2] += shift
    # the bend is a function of the place on the mean face, where no two points coincide
    bend = RBFInterpolator(mean_face()[indices], given[:, :2] - posed[indices, :2], kernel="linear", degree=0)
    posed[:, :2] += bend(mean_face())
    posed[indices, :2] = given[:, :2]
    known = np.isfinite(given[:, 2])
    if known.any():
        posed[:, 2] += float(np.mean(given[known, 2] - posed[indices[known], 2]))
        posed[indices[known], 2] = given[known, 2]
    return posed
