# SPDX-License-Identifier: GPL-3.0-or-later
"""Plots of a report: every clip's figures, what movement costs, what more shots bring."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...atomic import atomic_path
from .statistics import clip_means
from .strips import focus_of
from .summary import rows_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_GREY, _INK = "#9a9a9a", "#1f4e79"


def save_plots(report: dict[str, Any], folder: Path) -> dict[str, str]:
    """``methods-T.png``, ``movement.png`` and ``growth.png``; file names by their stems."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    written: dict[str, str] = {}

    def save(name: str, figure: Figure) -> None:
        figure.tight_layout()
        with atomic_path(folder / f"{name}.png") as path:
            FigureCanvasAgg(figure).print_png(str(path))
        written[name] = f"{name}.png"

    shots = [str(number) for number in report["settings"]["shots"]]
    for number in shots:
        figure = Figure(figsize=(8, 0.4 * len(report["summary"][number]) + 1.3), dpi=110)
        _methods(report, number, figure)
        save(f"methods-{number}", figure)
    figure = Figure(figsize=(6, 4.2), dpi=110)
    _movement(report, shots[-1], figure)
    save("movement", figure)
    if report["growth"]:
        figure = Figure(figsize=(9, 3.6), dpi=110)
        _growth(report, shots, figure)
        save("growth", figure)
    return written


def _methods(report: dict[str, Any], shots: str, figure: Figure) -> None:
    """The headline per method: a dot for each clip, a bar at the mean."""
    headline, axes = report["settings"]["headline"], figure.subplots()
    methods = list(report["summary"][shots])
    for place, method in enumerate(methods):
        values = clip_means(rows_of(report, shots, method, headline))
        axes.plot(values, np.full(len(values), place), "o", color=_GREY, markersize=4, alpha=0.7)
        axes.plot([values.mean()] * 2, [place - 0.3, place + 0.3], "-", color=_INK, linewidth=3)
    axes.set_yticks(range(len(methods)), methods)
    axes.invert_yaxis()
    axes.set_xlabel(f"{headline}, {shots} shot(s); dots: clips, bar: mean (less is better)")
    axes.grid(axis="x", alpha=0.3)


def _movement(report: dict[str, Any], shots: str, figure: Figure) -> None:
    """The headline of every frame over how far the landmarks moved."""
    headline, axes = report["settings"]["headline"], figure.subplots()
    moved = np.concatenate([clip["movement"] for clip in report["clips"]])
    focus, reference = focus_of(report, shots)
    for method, color in {reference: _GREY, focus: _INK}.items():
        values = np.concatenate(rows_of(report, shots, method, headline))
        axes.plot(moved, values, "o", color=color, markersize=3, alpha=0.6, label=method)
    axes.set_xlabel("movement of the landmarks (eye distances)")
    axes.set_ylabel(f"{headline}, {shots} shot(s)")
    axes.grid(alpha=0.3)
    axes.legend()


def _growth(report: dict[str, Any], shots: list[str], figure: Figure) -> None:
    """Means over the number of shots."""
    metrics = [report["settings"]["headline"], "l1_mouth", "identity"]
    known = report["summary"][shots[-1]]
    metrics = [metric for metric in metrics if metric in next(iter(known.values()))]
    for axes, metric in zip(figure.subplots(1, len(metrics), squeeze=False)[0], metrics, strict=True):
        for method in report["growth"]:
            have = [number for number in shots if method in report["summary"][number]]
            means = [report["summary"][number][method][metric]["mean"] for number in have]
            axes.plot([int(number) for number in have], means, "o-", label=method, markersize=4)
        axes.set_xscale("log", base=2)
        axes.set_xticks([int(number) for number in shots], shots)
        axes.set_xlabel("shots")
        axes.set_title(metric, fontsize=10)
        axes.grid(alpha=0.3)
    figure.axes[0].legend(fontsize=7)
