# SPDX-License-Identifier: GPL-3.0-or-later
"""Landmarks drawn as the picture that the networks see: colored lines on black, as in the paper."""

from __future__ import annotations

import cv2
import numpy as np

from ..landmarks.schema import CONNECTIONS, REGION_COLORS

RASTER_VERSION = "1"
"""Of the style: weights only understand rasters like those they learned from, so changing it changes this."""

# from the bridge's end to the nostrils' middle, which ties the nose together
LINK = (30, 33)
# unlike any line's; red equals green, so that right and left swap with these two channels
PUPIL_COLOR = (128, 128, 255)

# drawn in one size and averaged down: the same picture at every work size, and steps too small to see
CANVAS = 512
# px of the canvas; with OpenCV's soft rims lines come out 3.4 px wide there, 1.7 px at 256
LINE_WIDTH = 2
PUPIL_RADIUS = 5.0
# bits below one pixel that OpenCV's drawing takes
SHIFT_BITS = 8


def raster(points: np.ndarray, irises: np.ndarray, size: int, scale: float = 1.0) -> np.ndarray:
    """uint8 RGB [N, size, size, 3] of ``points`` [N, 68, 2] and ``irises`` [N, 2, 2].

    Both times ``scale`` are px of the raster, whose first pixel has its middle at 0.5.  A curve with a
    point that is NaN, and an iris that is NaN, are left out.  Positions count to a small part of a pixel.
    Raises ValueError on other shapes, and on a ``size`` beyond the 512 px at which it is drawn.
    """
    if not 0 < size <= CANVAS:
        raise ValueError(f"size {size} must be from 1 to {CANVAS}")
    points = np.asarray(points, np.float64)[..., :2] * (scale * CANVAS / size)
    irises = np.asarray(irises, np.float64)[..., :2] * (scale * CANVAS / size)
    if points.shape[1:] != (68, 2) or irises.shape != (len(points), 2, 2):
        raise ValueError(f"points {points.shape} and irises {irises.shape} must be [N, 68, 2] and [N, 2, 2]")
    out = np.empty((len(points), size, size, 3), np.uint8)
    for face, pupils, picture in zip(points, irises, out, strict=True):
        picture[...] = cv2.resize(_drawn(face, pupils), (size, size), interpolation=cv2.INTER_AREA)
    return out


def _drawn(points: np.ndarray, irises: np.ndarray) -> np.ndarray:
    canvas = np.zeros((CANVAS, CANVAS, 3), np.uint8)
    radius = round(PUPIL_RADIUS * (1 << SHIFT_BITS))
    for iris in irises[np.isfinite(irises).all(axis=1)]:
        cv2.circle(canvas, _fixed(iris).tolist(), radius, PUPIL_COLOR, -1, cv2.LINE_AA, SHIFT_BITS)
    curves = [(list(indices), closed, REGION_COLORS[name]) for name, indices, closed in CONNECTIONS]
    for indices, closed, color in [*curves, (list(LINK), False, REGION_COLORS["nose_bridge"])]:
        curve = points[indices]
        if np.isfinite(curve).all():
            cv2.polylines(canvas, [_fixed(curve)], closed, color, LINE_WIDTH, cv2.LINE_AA, SHIFT_BITS)
    return canvas


def _fixed(points: np.ndarray) -> np.ndarray:
    """Fixed-point px of the canvas; far outside, a limit keeps them within 32 bits."""
    near = np.clip(points, -8.0 * CANVAS, 9.0 * CANVAS)
    # the middle of a pixel lies at a half here and at a whole number in OpenCV
    return np.round((near - 0.5) * (1 << SHIFT_BITS)).astype(np.int32)
