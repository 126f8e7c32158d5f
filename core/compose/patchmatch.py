# SPDX-License-Identifier: GPL-3.0-or-later
"""Filling a hole with patches of its surroundings:
nearest patches by propagation and random search, then voting.

The method is PatchMatch (Barnes 2009) in the loop of Wexler (2007).  Everything is deterministic.
"""

from __future__ import annotations

import numpy as np
from numba import njit

RADIUS = 3  # px: patches are 7 x 7
_OFFSETS = 2 * RADIUS + 1


@njit(cache=True, fastmath=True, nogil=True)
def _distance(
    image: np.ndarray, weight: np.ndarray, y: int, x: int, sy: int, sx: int, limit: float
) -> float:  # pragma: no cover - compiled
    """Weighted mean squared difference of the patches round (y, x) and (sy, sx); gives up above ``limit``."""
    height, width = weight.shape
    total = 0.0
    norm = 0.0
    for dy in range(-RADIUS, RADIUS + 1):
        ty = min(max(y + dy, 0), height - 1)
        for dx in range(-RADIUS, RADIUS + 1):
            norm += weight[ty, min(max(x + dx, 0), width - 1)]
    stop = limit * norm
    for dy in range(-RADIUS, RADIUS + 1):
        ty = min(max(y + dy, 0), height - 1)
        for dx in range(-RADIUS, RADIUS + 1):
            tx = min(max(x + dx, 0), width - 1)
            d0 = image[ty, tx, 0] - image[sy + dy, sx + dx, 0]
            d1 = image[ty, tx, 1] - image[sy + dy, sx + dx, 1]
            d2 = image[ty, tx, 2] - image[sy + dy, sx + dx, 2]
            total += weight[ty, tx] * (d0 * d0 + d1 * d1 + d2 * d2)
        if total > stop:
            return limit
    return total / norm


@njit(cache=True, fastmath=True, nogil=True)
def improve(
    image: np.ndarray,
    weight: np.ndarray,
    usable: np.ndarray,
    ys: np.ndarray,
    xs: np.ndarray,
    source: np.ndarray,
    cost: np.ndarray,
    reach: int,
    rounds: int,
    seed: int,
) -> None:  # pragma: no cover - compiled
    """Better sources for the targets (``ys``, ``xs``, scan order), in place.

    ``image`` f32 [h, w, 3] with the hole filled as it stands; ``weight`` f32 [h, w] trust in each pixel;
    ``usable`` bool [h, w] centers of patches that may be copied; ``source`` i32 [h, w, 2] (y, x) per target;
    ``cost`` f32 [h, w] (set here); ``reach`` px: how far the random search starts from the present source.
    """
    height, width = usable.shape
    count = ys.shape[0]
    state = np.uint32(seed * 2654435761 + 12345)
    inside = np.zeros((height, width), np.bool_)
    for k in range(count):
        y, x = ys[k], xs[k]
        inside[y, x] = True
        cost[y, x] = _distance(image, weight, y, x, source[y, x, 0], source[y, x, 1], 1e12)
    for turn in range(rounds):
        step = 1 if turn % 2 == 0 else -1
        for i in range(count):
            k = i if step == 1 else count - 1 - i
            y, x = ys[k], xs[k]
            best = cost[y, x]
            by, bx = source[y, x, 0], source[y, x, 1]
            for side in range(2):
                ny = y - step if side == 0 else y
                nx = x if side == 0 else x - step
                if ny < 0 or nx < 0 or ny >= height or nx >= width or not inside[ny, nx]:
                    continue
                cy, cx = source[ny, nx, 0] + y - ny, source[ny, nx, 1] + x - nx
                if cy < 0 or cx < 0 or cy >= height or cx >= width or not usable[cy, cx]:
                    continue
                d = _distance(image, weight, y, x, cy, cx, best)
                if d < best:
                    best, by, bx = d, cy, cx
            span = reach
            while span >= 1:
                state = np.uint32(state * np.uint32(1664525) + np.uint32(1013904223))
                cy = by + np.int64((state >> np.uint32(8)) % np.uint32(2 * span + 1)) - span
                state = np.uint32(state * np.uint32(1664525) + np.uint32(1013904223))
                cx = bx + np.int64((state >> np.uint32(8)) % np.uint32(2 * span + 1)) - span
                if 0 <= cy < height and 0 <= cx < width and usable[cy, cx]:
                    d = _distance(image, weight, y, x, cy, cx, best)
                    if d < best:
                        best, by, bx = d, cy, cx
                span //= 2
            cost[y, x] = best
            source[y, x, 0], source[y, x, 1] = by, bx


@njit(cache=True, fastmath=True, nogil=True)
def vote(
    image: np.ndarray,
    weight: np.ndarray,
    hole: np.ndarray,
    ys: np.ndarray,
    xs: np.ndarray,
    source: np.ndarray,
    cost: np.ndarray,
    sigma: float,
) -> np.ndarray:  # pragma: no cover - compiled
    """f32 [h, w, 3]: the hole's pixels as the weighted mean of the patches
    copied over them; the rest as is."""
    height, width = hole.shape
    total = np.zeros((height, width, 3), np.float32)
    norm = np.zeros((height, width), np.float32)
    for k in range(ys.shape[0]):
        y, x = ys[k], xs[k]
        sy, sx = source[y, x, 0], source[y, x, 1]
        w = weight[y, x] * (np.exp(-cost[y, x] / (2 * sigma)) + 1e-6)
        for dy in range(-RADIUS, RADIUS + 1):
            ty = y + dy
            if ty < 0 or ty >= height:
                continue
            for dx in range(-RADIUS, RADIUS + 1):
                tx = x + dx
                if tx < 0 or tx >= width or not hole[ty, tx]:
                    continue
                norm[ty, tx] += w
                for c in range(3):
                    total[ty, tx, c] += w * image[sy + dy, sx + dx, c]
    out = image.copy()
    for y in range(height):
        for x in range(width):
            if hole[y, x] and norm[y, x] > 0:
                for c in range(3):
                    out[y, x, c] = total[y, x, c] / norm[y, x]
    return out
