# SPDX-License-Identifier: GPL-3.0-or-later
"""Landmarks drawn over an image, for people to look at."""

from __future__ import annotations

import cv2
import numpy as np

from .face import Face
from .schema import CONNECTIONS, REGION_COLORS

_SHIFT = 6
"""Bits of sub-pixel precision that OpenCV's drawing takes."""


def draw_landmarks(
    image: np.ndarray, face: Face | np.ndarray, irises: np.ndarray | None = None, thickness: int | None = None
) -> np.ndarray:
    """Return a copy of RGB uint8 [H, W, 3] with the curves of the 68 points drawn over it, anti-aliased.

    ``face`` is a Face, or points [68, 2 or 3] in px with ``irises`` [2, 2] beside it.  Points that are NaN
    are left out. ``thickness`` in px is chosen from the size of the face where it is not given.
    """
    if isinstance(face, Face):
        points, irises = face.points, face.irises
    else:
        points = np.asarray(face)
    canvas = np.ascontiguousarray(image).copy()
    finite = points[np.isfinite(points[:, :2]).all(axis=1), :2]
    if not len(finite):
        return canvas
    extent = float(np.ptp(finite, axis=0).max())
    if thickness is None:
        thickness = max(1, round(extent / 220))
    for name, indices, closed in CONNECTIONS:
        curve = points[list(indices), :2]
        if np.isfinite(curve).all():
            cv2.polylines(
                canvas, [_fixed(curve)], closed, REGION_COLORS[name], thickness, cv2.LINE_AA, _SHIFT
            )
    if irises is not None:
        for iris, eye in zip(np.asarray(irises), ("eye_right", "eye_left"), strict=True):
            if np.isfinite(iris).all():
                center = _fixed(iris[None])[0]
                radius = round(max(1.0, extent * 0.012) * (1 << _SHIFT))
                cv2.circle(canvas, center.tolist(), radius, REGION_COLORS[eye], -1, cv2.LINE_AA, _SHIFT)
    return canvas


def _fixed(points: np.ndarray) -> np.ndarray:
    # px middles lie at half numbers here and at whole ones in OpenCV
    return np.round((points - 0.5) * (1 << _SHIFT)).astype(np.int32)
