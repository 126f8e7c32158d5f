# SPDX-License-Identifier: GPL-3.0-or-later
"""Zero-phase smoothing of arrays over their own time stamps."""

from __future__ import annotations

import numpy as np


def smooth(times: np.ndarray, values: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian-weighted local lines through values [T, ...] at times [T];
    ``sigma`` in seconds.  Returns float64.

    Symmetric in time, so nothing is delayed; lines instead of means, so the ends and uneven steps do not
    bias it.  NaN values neither count nor change.
    """
    values = np.asarray(values, np.float64)
    if sigma <= 0 or len(values) < 3:
        return values.copy()
    flat = values.reshape(len(values), -1)
    good = np.isfinite(flat)
    filled = np.where(good, flat, 0.0)
    # moments of the weights: sums of w, w d, w d^2, w y, w d y with d the distance in time
    counts = good if not good.all() else np.ones((len(flat), 1))  # where all count, all weigh the same
    s0, s1, s2 = (np.zeros(counts.shape) for _ in range(3))
    y0, y1 = np.zeros_like(flat), np.zeros_like(flat)
    reach = int(np.max(np.searchsorted(times, times + 3 * sigma, "right") - np.arange(len(times)))) - 1
    for shift in range(-reach, reach + 1):
        to = slice(max(0, -shift), len(times) - max(0, shift))
        source = slice(max(0, shift), len(times) - max(0, -shift))
        distance = (times[source] - times[to]) / sigma
        weight = np.where(np.abs(distance) <= 3, np.exp(-0.5 * distance**2), 0.0)[:, None] * counts[source]
        distance = distance[:, None]
        s0[to] += weight
        s1[to] += weight * distance
        s2[to] += weight * distance**2
        weighed = weight * filled[source]
        y0[to] += weighed
        y1[to] += distance * weighed
    determinant = s0 * s2 - s1**2
    line = determinant > 1e-6 * s0**2
    with np.errstate(invalid="ignore", divide="ignore"):
        out = np.where(line, (s2 * y0 - s1 * y1) / determinant, y0 / s0)
    return np.where(good, out, np.nan).reshape(values.shape)
