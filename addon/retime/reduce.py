# SPDX-License-Identifier: GPL-3.0-or-later
"""Which frames of a sampled motion need a key, so that smooth curves through them stay within a tolerance."""

from __future__ import annotations

import itertools

import numpy as np


def needed(frames: np.ndarray, values: np.ndarray, slopes: np.ndarray, tolerance: np.ndarray) -> np.ndarray:
    """Rows of ``values`` [T, C] to key, in order, the first and the last among them.

    The cubics through the keyed rows, with ``slopes`` [T, C] per frame there, are nowhere farther than
    ``tolerance`` [C] (above 0) from the values.  What moves less than its tolerance needs its first row only.
    """
    if (np.abs(values - values[:1]) <= tolerance).all():
        return np.zeros(1, int)
    rows = np.array([0, len(frames) - 1])
    while True:
        away = (np.abs(hermite(frames, values, slopes, rows) - values) / tolerance).max(axis=1)
        # every piece that is too far off gets a key where it is farthest
        worst = [a + int(np.argmax(away[a:b])) for a, b in itertools.pairwise(rows)]
        new = [row for row in worst if away[row] > 1.0]
        if not new:
            return _thinned(frames, values, slopes, tolerance, rows)
        rows = np.union1d(rows, new)


def _thinned(
    frames: np.ndarray, values: np.ndarray, slopes: np.ndarray, tolerance: np.ndarray, rows: np.ndarray
) -> np.ndarray:
    """``rows`` without those that later ones have made needless."""
    kept = [int(row) for row in rows]
    place = 1
    while place < len(kept) - 1:
        part = slice(kept[place - 1], kept[place + 1] + 1)
        ends = np.array([0, part.stop - 1 - part.start])
        away = np.abs(hermite(frames[part], values[part], slopes[part], ends) - values[part]) / tolerance
        if away.max() <= 1.0:
            del kept[place]
        else:
            place += 1
    return np.array(kept)


def hermite(frames: np.ndarray, values: np.ndarray, slopes: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The cubics [T, C] through the keyed ``rows``, at all ``frames`` [T]."""
    piece = np.clip(np.searchsorted(rows, np.arange(len(frames)), "right") - 1, 0, len(rows) - 2)
    a, b = rows[piece], rows[piece + 1]
    step = (frames[b] - frames[a])[:, None]
    t = (frames - frames[a])[:, None] / step
    return (
        (1 + 2 * t) * (1 - t) ** 2 * values[a]
        + t * (1 - t) ** 2 * step * slopes[a]
        + t * t * (3 - 2 * t) * values[b]
        - t * t * (1 - t) * step * slopes[b]
    )
