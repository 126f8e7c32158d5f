# SPDX-License-Identifier: GPL-3.0-or-later
"""What the overlay draws, as plain numbers: smooth curves through the landmarks and their colors."""

from __future__ import annotations

import numpy as np

STEPS = 6
"""Pieces of a curve between two landmarks."""
SURE = np.array([[0.95, 0.22, 0.18], [1.0, 0.72, 0.15], [0.35, 0.92, 0.60]], np.float32)
"""Colors (scene-linear enough for lines) of confidence 0, 1/2 and 1: red, amber, green."""


def landmark_lines(points: np.ndarray, confidence: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Line segments through ``points`` [68+, 3]: (ends float32 [2 M, 3], RGBA float32 [2 M, 4]).

    ``confidence`` [68+] in 0..1 colors each end.  Landmarks that are not finite leave a gap.
    """
    from ...core.landmarks.schema import CONNECTIONS

    ends: list[np.ndarray] = []
    sure: list[np.ndarray] = []
    for _, indices, closed in CONNECTIONS:
        ring = list(indices)
        curve, values = smooth(points[ring], closed), smooth(confidence[ring][:, None], closed)[:, 0]
        ends.append(np.stack([curve[:-1], curve[1:]], axis=1).reshape(-1, 3))
        sure.append(np.stack([values[:-1], values[1:]], axis=1).ravel())
    position, value = np.concatenate(ends), np.concatenate(sure)
    whole = np.isfinite(position).all(axis=1).reshape(-1, 2).all(axis=1).repeat(2)
    return position[whole].astype(np.float32), colors(value[whole])


def smooth(points: np.ndarray, closed: bool) -> np.ndarray:
    """A Catmull-Rom curve [(N - 1) STEPS + 1, D] through ``points`` [N, D]; N STEPS + 1 where closed."""
    if closed:
        around = np.concatenate([points[-1:], points, points[:2]])
    else:
        around = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    a, b, c, d = (around[k : len(around) - 3 + k, None] for k in range(4))
    t = (np.arange(STEPS) / STEPS)[None, :, None]
    between = b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
    return np.concatenate([between.reshape(-1, points.shape[1]), around[-2:-1]])


def colors(confidence: np.ndarray) -> np.ndarray:
    """RGBA float32 [N, 4] of confidences [N] in 0..1."""
    place = 2 * np.clip(confidence, 0.0, 1.0)[:, None]
    low = np.minimum(place, 1.0) * (SURE[1] - SURE[0]) + SURE[0]
    rgb = low + np.maximum(place - 1.0, 0.0) * (SURE[2] - SURE[1])
    return np.concatenate([rgb, np.ones((len(rgb), 1))], axis=1).astype(np.float32)


def box_corners(box: tuple[float, float, float, float]) -> np.ndarray:
    """float64 [4, 3] px: the corners of a face's box (x0, y0, x1, y1), around it."""
    x0, y0, x1, y1 = box
    return np.array([(x0, y0, 0.0), (x1, y0, 0.0), (x1, y1, 0.0), (x0, y1, 0.0)])
