# SPDX-License-Identifier: GPL-3.0-or-later
"""Statistics over clips.  The unit is the clip: its frames are averaged first.

*Rows* are figures per clip and, in each, per frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

RESAMPLES = 10_000

ClipRows = Sequence[Sequence[float]]


def clip_means(rows: ClipRows) -> np.ndarray:
    """float64 [clips]: means over each clip's frames (NaN for a clip without any)."""
    return np.array([np.mean(row) if len(row) else np.nan for row in rows])


def hard_mean(rows: ClipRows, moved: ClipRows) -> float:
    """Mean over the quarter of all frames whose landmarks moved farthest."""
    far, values = np.concatenate(moved), np.concatenate(rows)
    return float(values[far >= np.quantile(far, 0.75)].mean())


def paired(
    difference: np.ndarray, people: Sequence[str], higher_is_better: bool, seed: int = 0
) -> dict[str, Any]:
    """A method's clip means minus another's [clips].

    ``mean``, ``median``, ``low`` and ``high`` (95 % bootstrap interval of the mean, resampling people with
    all their clips), ``wins`` (clips in which the method is strictly better) out of ``clips``.
    """
    groups = [np.flatnonzero([person == each for person in people]) for each in sorted(set(people))]
    sums = np.array([difference[group].sum() for group in groups])
    counts = np.array([len(group) for group in groups])
    drawn = np.random.default_rng(seed).integers(0, len(groups), (RESAMPLES, len(groups)))
    low, high = np.percentile(sums[drawn].sum(1) / counts[drawn].sum(1), [2.5, 97.5])
    better = difference > 0 if higher_is_better else difference < 0
    return {
        "mean": float(difference.mean()),
        "median": float(np.median(difference)),
        "low": float(low),
        "high": float(high),
        "wins": int(better.sum()),
        "clips": len(difference),
    }
