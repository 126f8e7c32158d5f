# SPDX-License-Identifier: GPL-3.0-or-later
"""Plain warps between two sets of landmarks: the baselines that the engine's flow has to beat.

Coordinates are pixels with the origin at the top-left corner of the top-left pixel (x right, y down).
"""

from __future__ import annotations

import cv2
import numpy as np

# still points laid on the frame's border, as shares of (width, height)
ANCHORS: dict[str, tuple[tuple[float, float], ...]] = {
    "none": (),
    "corners": ((0, 0), (1, 0), (1, 1), (0, 1)),
    "edges": ((0, 0), (0.5, 0), (1, 0), (1, 0.5), (1, 1), (0.5, 1), (0, 1), (0, 0.5)),
    "ring": tuple((x / 4, y / 4) for x in range(5) for y in range(5) if x in (0, 4) or y in (0, 4)),
}
GRID_STEP = 4  # px between nodes where the spline is evaluated; between them the map is interpolated


def similarity(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """float64 [2, 3]: the turn, scale and shift that bring points [N, 2] nearest to others (least
    squares)."""
    middle, center = source.mean(0, dtype=np.float64), target.mean(0, dtype=np.float64)
    # points as complex numbers: one factor turns and scales
    x, y = (
        np.ascontiguousarray(points).view(np.complex128)[:, 0]
        for points in (source - middle, target - center)
    )
    factor = np.vdot(x, y) / max(float(np.vdot(x, x).real), 1e-12)
    linear = np.array([[factor.real, -factor.imag], [factor.imag, factor.real]])
    return np.column_stack([linear, center - linear @ middle])


def _kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """r^2 log r between points [N, 2] and [M, 2]: [N, M]."""
    squared = ((a[:, None] - b[None]) ** 2).sum(-1)
    return 0.5 * squared * np.log(np.maximum(squared, 1e-20))


def thin_plate(
    at: np.ndarray, values: np.ndarray, query: np.ndarray, smoothing: np.ndarray | float = 0.0
) -> np.ndarray:
    """Thin-plate spline through ``values`` [N, D] given at points
    ``at`` [N, 2], evaluated at ``query`` [Q, 2].

    ``smoothing`` (a number or one per point, 0 or more) lets the spline miss its values for a flatter bend;
    it has the unit of the squared distance, so scale the points first
    where it shall mean the same at any size.
    """
    count = len(at)
    center = at.mean(0)  # only for the condition of the system: the spline does not depend on it
    points, places = at - center, query - center
    affine = np.column_stack([np.ones(count), points])
    system = np.zeros((count + 3, count + 3))
    system[:count, :count] = _kernel(points, points)
    # the kernel is conditionally positive in two dimensions, so smoothing adds to its diagonal
    system[np.arange(count), np.arange(count)] += smoothing
    system[:count, count:] = affine
    system[count:, :count] = affine.T
    right = np.zeros((count + 3, values.shape[1]))
    right[:count] = values
    weights = np.linalg.solve(system, right)
    bend = _kernel(places, points) @ weights[:count]
    return bend + np.column_stack([np.ones(len(places)), places]) @ weights[count:]


def backward_map(
    source: np.ndarray,
    target: np.ndarray,
    size: tuple[int, int],
    *,
    smoothing: float = 0.0,
    anchors: str = "none",
    step: int = GRID_STEP,
) -> np.ndarray:
    """Where each pixel of the moved frame comes from: float32 [H, W, 2] pixel indices for cv2.remap.

    ``source`` and ``target`` [N, 2] are the same landmarks in the still and in the moved frame (points with
    a NaN in either are left out), ``size`` is (width, height), ``anchors`` a key of ANCHORS.  Lengths are
    measured in the landmarks' own spread, so ``smoothing`` does not depend on the picture's size; anchors
    are always met exactly.
    """
    known = np.isfinite(source).all(1) & np.isfinite(target).all(1)
    moved = np.asarray(target[known], np.float64)
    still = np.asarray(source[known], np.float64)
    fixed = np.array(ANCHORS[anchors], np.float64).reshape(-1, 2) * size
    unit = float(np.sqrt(((moved - moved.mean(0)) ** 2).sum(1).mean()))
    at = np.vstack([moved, fixed]) / unit
    values = np.vstack([still - moved, np.zeros_like(fixed)])
    slack = np.concatenate([np.full(len(moved), smoothing), np.zeros(len(fixed))])

    width, height = size
    columns, rows = -(-width // step) + 1, -(-height // step) + 1
    grid = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), -1) * float(step)
    offset = thin_plate(at, values, grid.reshape(-1, 2) / unit, slack)
    coarse = offset.reshape(rows, columns, 2).astype(np.float32)
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    # the center of pixel i is at i + 0.5; nodes are at whole multiples of the step
    fine = cv2.remap(
        coarse, (x + 0.5) / step, (y + 0.5) / step, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return fine + np.stack([x, y], -1)


def warp(pixels: np.ndarray, mapping: np.ndarray) -> np.ndarray:
    """Sample ``pixels`` [H, W, C] at ``mapping`` [h, w, 2] (indices); the border repeats beyond it."""
    return cv2.remap(
        pixels, mapping[..., 0], mapping[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
