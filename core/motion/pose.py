# SPDX-License-Identifier: GPL-3.0-or-later
"""The head's rigid motion in a landmark track: similarity transforms
that align every frame with a mean shape."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# points that bone moves and expression hardly does: nose bridge and base, eye corners, ends of the jaw line
RIGID = np.array([0, 1, 15, 16, 27, 28, 29, 30, 31, 33, 35, 36, 39, 42, 45])


@dataclass(frozen=True, eq=False)
class Poses:
    """points = scale * rotation @ local + shift, per frame:
    rotation [T, 3, 3], scale [T], shift [T, 3] px."""

    rotation: np.ndarray
    scale: np.ndarray
    shift: np.ndarray

    def to_local(self, points: np.ndarray) -> np.ndarray:
        """[T, N, 3] px to head coordinates (unit: px of the mean frame)."""
        return (
            np.einsum("tji,tpj->tpi", self.rotation, points - self.shift[:, None]) / self.scale[:, None, None]
        )

    def to_picture(self, local: np.ndarray) -> np.ndarray:
        """The inverse of :meth:`to_local`."""
        return (
            np.einsum("tij,tpj->tpi", self.rotation, local) * self.scale[:, None, None] + self.shift[:, None]
        )


def align(points: np.ndarray, template: np.ndarray) -> Poses:
    """Least-squares similarity (Procrustes) from ``template`` [N, 3]
    to points [T, N, 3]; lost frames give NaN."""
    good = np.isfinite(points).all(axis=(1, 2))
    count = len(points)
    poses = Poses(np.full((count, 3, 3), np.nan), np.full(count, np.nan), np.full((count, 3), np.nan))
    seen = points[good].astype(np.float64)
    center, middle = seen.mean(axis=1), template.mean(axis=0)
    spread, shape = seen - center[:, None], template - middle
    u, s, vt = np.linalg.svd(np.einsum("tpi,pj->tij", spread, shape))
    flip = np.ones((len(seen), 3))
    flip[:, 2] = np.sign(np.linalg.det(u) * np.linalg.det(vt))
    rotation = np.einsum("tij,tj,tjk->tik", u, flip, vt)
    scale = (s * flip).sum(axis=1) / (shape**2).sum()
    poses.rotation[good], poses.scale[good] = rotation, scale
    poses.shift[good] = center - scale[:, None] * np.einsum("tij,j->ti", rotation, middle)
    return poses


def track_poses(points: np.ndarray) -> Poses:
    """Poses of points [T, 68, 3] relative to their own mean shape; at least one frame must have a face."""
    good = np.flatnonzero(np.isfinite(points).all(axis=(1, 2)))
    template = points[good[0], RIGID].astype(np.float64)
    for _ in range(3):
        poses = align(points[:, RIGID], template)
        template = np.median(poses.to_local(points[:, RIGID])[good], axis=0)
    return align(points[:, RIGID], template)
