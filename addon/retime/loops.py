# SPDX-License-Identifier: GPL-3.0-or-later
"""Loops without a visible seam: where to cut, and how to cross-fade."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np


def best_seam(points: np.ndarray, window: int, room: int) -> tuple[int, int, float]:
    """Frames (a, b) of points [T, K, 3] such that b goes on as a does, and how far they are apart (rms px).

    a lies in the first ``window`` + 1 frames, b in the last so many that leave ``room`` frames behind it.
    Besides the pose, its change a frame is compared, as much of it as builds up in three frames.
    """
    flat = points.reshape(len(points), -1)
    speed = np.gradient(flat, axis=0)
    last = len(flat) - 1 - room
    starts = np.arange(0, min(window, last - 1) + 1)
    best = (0, last, np.inf, np.inf)
    for a in starts:
        ends = np.arange(max(a + 1, last - window, (len(flat) - 1) // 2), last + 1)
        if not len(ends):
            continue
        apart = ((flat[ends] - flat[a]) ** 2).sum(axis=1)
        cost = apart + 9.0 * ((speed[ends] - speed[a]) ** 2).sum(axis=1)
        i = int(np.argmin(cost))
        if cost[i] < best[2]:
            best = (int(a), int(ends[i]), float(cost[i]), float(apart[i]))
    a, b, _, apart_ab = best
    return a, b, math.sqrt(apart_ab / points.shape[1])


def room_for(crossfade: int) -> int:
    """Frames of material that a cross-fade of so many frames needs behind the seam; one to spare as the
    loop may play a little faster than the material."""
    return crossfade + 1 if crossfade else 0


def loop(
    sample: Callable[[np.ndarray], np.ndarray], a: float, b: float, end: float, frames: int, crossfade: int
) -> np.ndarray:
    """Channels [frames + 1, C] of a loop of ``frames`` frames; the last row is the first one, bit for bit.

    sample: channels at frames of the material, which lasts until ``end``.  The loop plays [a, b) in
    ``frames`` frames; at its head, what follows b fades out over ``crossfade`` frames.
    """
    step = (b - a) / frames
    at = a + step * np.arange(frames)
    out = sample(at)
    fade = min(crossfade, frames - 1)
    if fade > 0:
        u = np.arange(fade) / fade
        weight = (1.0 - u * u * (3.0 - 2.0 * u))[:, None]
        out[:fade] += weight * (sample(np.minimum(at[:fade] + (b - a), end)) - out[:fade])
    return np.concatenate([out, out[:1]])
