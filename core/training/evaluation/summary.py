# SPDX-License-Identifier: GPL-3.0-or-later
"""What an evaluation says in the end: means, paired differences, what more shots bring, and the bar.

Works on the report as run.py describes it.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from .scoring import higher_is_better
from .statistics import clip_means, hard_mean, paired

BASELINES = (
    "tps",
    "flow",
    "nearest-tps",
    "nearest-flow",
)  # that other methods are compared with, where measured
PER_PAIR = ("flicker", "temporal")


def rows_of(report: dict[str, Any], shots: str, method: str, metric: str) -> list[list[float]]:
    """Figures per clip and, in each, per frame."""
    return [clip["scores"][shots][method][metric] for clip in report["clips"]]


def methods_of(report: dict[str, Any], shots: str) -> list[str]:
    """Methods with figures for so many shots."""
    return list(report["clips"][0]["scores"][shots])


def summarize(report: dict[str, Any]) -> dict[str, Any]:
    """The keys ``summary``, ``comparisons`` and ``growth``."""
    shots = [str(number) for number in report["settings"]["shots"]]
    seed = report["settings"]["seed"]
    people = [clip["person"] for clip in report["clips"]]
    moved = [clip["movement"] for clip in report["clips"]]
    means: dict[tuple[str, str, str], np.ndarray] = {}
    summary: dict[str, Any] = {}
    for number in shots:
        summary[number] = {}
        for method in methods_of(report, number):
            figures = summary[number][method] = {}
            for metric in report["clips"][0]["scores"][number][method]:
                rows = rows_of(report, number, method, metric)
                values = clip_means(rows)
                means[number, method, metric] = values
                worst = np.nanmin if higher_is_better(metric) else np.nanmax
                figures[metric] = {
                    "mean": _number(np.nanmean(values)),
                    "median": _number(np.nanmedian(values)),
                    "hard": None if metric in PER_PAIR else hard_mean(rows, moved),
                    "worst": _number(worst(values)),
                }

    def pair(a: tuple[str, str], b: tuple[str, str]) -> dict[str, Any]:
        result = {}
        # the right flicker is 1: neither less nor more of it is a win
        for metric in (name for name in summary[a[0]][a[1]] if name != "flicker"):
            difference = means[*a, metric] - means[*b, metric]
            known = np.isfinite(difference)
            if known.any():
                some = [person for person, good in zip(people, known, strict=True) if good]
                result[metric] = paired(difference[known], some, higher_is_better(metric), seed)
        return result

    comparisons: dict[str, Any] = {}
    for number in shots:
        present = list(summary[number])
        comparisons[number] = {
            method: {base: pair((number, method), (number, base)) for base in BASELINES if base in present}
            for method in present
            if method not in BASELINES[:1]
        }
        for method, against in comparisons[number].items():
            against.pop(method, None)
    growth: dict[str, Any] = {}
    ordered = sorted(shots, key=int)
    for few, many in itertools.pairwise(ordered):
        for method in summary[many]:
            same = (
                rows_of(report, few, method, report["settings"]["headline"])
                if method in summary[few]
                else None
            )
            if same is not None and same != rows_of(report, many, method, report["settings"]["headline"]):
                growth.setdefault(method, {})[f"{many}-{few}"] = pair((many, method), (few, method))
    return {"summary": summary, "comparisons": comparisons, "growth": growth}


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
