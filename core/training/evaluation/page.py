# SPDX-License-Identifier: GPL-3.0-or-later
"""The report for people: one Markdown page with tables, plots and strips of frames."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...atomic import atomic_path
from .labels import MEASURES, label, table
from .plots import save_plots
from .run import Evaluation
from .scoring import higher_is_better
from .strips import focus_of, save_strips

BAR = ("{key}_face", "l1_mouth", "l1_eyes")  # measures on which the generator is to win
SHARE, IDENTITY = 0.8, -0.02  # of the clips; least difference of the identity cosine

HEAD = """# Evaluation: {clips} clips of {people} people

Self-reenactment: {shots} shot(s) from a clip's first half (one: its first frame), {frames} frames of its
second half as targets, driven by their own landmarks ({backend}). Regions are drawn from the filmed frame's
landmarks. Each clip's frames are averaged first, then the clips. Intervals are 95 % bootstrap intervals over
people. *Hard* is {headline} over the quarter of all frames that moved farthest. {distance}

"""


def write_page(evaluation: Evaluation, folder: Path) -> Path:
    """``report.md`` with its pictures in a folder; returns the page."""
    report = evaluation.report
    pictures = {**save_plots(report, folder), **save_strips(evaluation, folder)}
    page = folder / "report.md"
    with atomic_path(page) as temporary:
        temporary.write_text("\n".join(_lines(report, pictures)) + "\n", "utf-8")
    return page


def _lines(report: dict[str, Any], pictures: dict[str, str]) -> list[str]:
    settings, headline = report["settings"], report["settings"]["headline"]
    distance = settings["distance"]
    told = (
        f"{distance['name']} is VGG16's (`{distance['weights']}`, SHA-256 {distance['sha256'][:12]})."
        if distance["key"] == "lpips"
        else f"{distance['name']} is the distance of features of an untrained network with fixed weights."
    )
    lines = HEAD.format(
        clips=len(report["clips"]),
        people=len({clip["person"] for clip in report["clips"]}),
        shots=", ".join(map(str, settings["shots"])),
        frames=settings["frames"],
        backend=settings["backend"],
        headline=label(headline),
        distance=told,
    ).splitlines()
    lines += [f"- `{spec}`: {text}." for spec, text in settings["told"].items()] + [""]
    for title, facts in (("Not measured", report["not_measured"]), ("Skipped clips", report["skipped"])):
        if facts:
            lines += [f"## {title}", "", *(f"- {name}: {reason}" for name, reason in facts.items()), ""]
    lines += _bar(report)
    for shots in map(str, settings["shots"]):
        lines += [f"## {shots} shot{'s' if shots != '1' else ''}", ""]
        lines += _means(report, shots, _columns(report, shots, short=True))
        lines += _image(pictures, f"methods-{shots}") + _image(pictures, f"strip-{shots}")
        lines += _pairs(report, shots)
        lines += ["<details><summary>All measures</summary>", ""]
        for family in ("l1", "ssim", "msssim", distance["key"], ""):
            names = [name for name in _columns(report, shots) if _family(name) == family]
            lines += _means(report, shots, names) if names else []
        lines += ["</details>", ""]
    lines += _growth(report) + _image(pictures, "growth") + _anchors(report) + _controls(report)
    for shots in map(str, settings["shots"]):
        lines += _per_clip(report, shots) + _image(pictures, f"clips-{shots}")
    lines += _image(pictures, "movement")
    return lines


def _family(metric: str) -> str:
    measure = metric.partition("_")[0]
    return measure if measure in MEASURES else ""


def _columns(report: dict[str, Any], shots: str, short: bool = False) -> list[str]:
    have = list(next(iter(report["summary"][shots].values())))
    key = report["settings"]["distance"]["key"]
    wanted = [f"{key}_face", f"{key}_frame", f"{key}_mouth", f"{key}_eyes", "ssim_face", "msssim_face"]
    wanted += ["l1_mouth", "l1_eyes", "identity", "landmarks", "flicker"]
    return [name for name in wanted if name in have] if short else have


def _text(value: float | None, metric: str) -> str:
    if value is None:
        return "-"
    return f"{value:.2f}" if metric.startswith(("landmarks", "flicker")) else f"{value:.4f}"


def _means(report: dict[str, Any], shots: str, columns: Sequence[str]) -> list[str]:
    summary, headline = report["summary"][shots], report["settings"]["headline"]
    best = {}
    for name in columns:
        values = [figures[name]["mean"] for figures in summary.values() if figures[name]["mean"] is not None]
        # a still picture does not flicker: no figure of that is simply best
        if values and name not in ("flicker", "lost"):
            best[name] = (max if higher_is_better(name) else min)(values)
    hard = headline in columns
    rows = []
    for method, figures in summary.items():
        cells = []
        for name in columns:
            value = figures[name]["mean"]
            cell = _text(value, name)
            cells.append(f"**{cell}**" if name in best and value == best[name] else cell)
        rows.append([f"`{method}`", *cells, *([_text(figures[headline]["hard"], headline)] if hard else [])])
    return table(["method", *map(label, columns), *(["hard"] if hard else [])], rows)


def _pairs(report: dict[str, Any], shots: str) -> list[str]:
    lines = []
    for method, against in report["comparisons"][shots].items():
        if method.partition(":")[0] in ("static", "aligned", "nearest"):
            continue
        for baseline, pairs in against.items():
            rows = [
                _pair(metric, pairs[metric]) for metric in _columns(report, shots, True) if metric in pairs
            ]
            lines += [f"### `{method}` minus `{baseline}`, {shots} shot{'s' if shots != '1' else ''}", ""]
            lines += table(["measure", "mean", "95 % interval", "median", "wins"], rows)
    return lines


def _pair(metric: str, pair: dict[str, Any]) -> list[str]:
    return [
        label(metric),
        f"{pair['mean']:+.4f}",
        f"{pair['low']:+.4f} .. {pair['high']:+.4f}",
        f"{pair['median']:+.4f}",
        f"{pair['wins']}/{pair['clips']}",
    ]


def _bar(report: dict[str, Any]) -> list[str]:
    """Whether the generator does what it is for, where it was measured."""
    rows = []
    key = report["settings"]["distance"]["key"]
    for shots, methods in report["comparisons"].items():
        for method in (name for name in methods if name.partition(":")[0] in ("full", "personalized")):
            for baseline in (name for name in ("flow", "tps") if name in methods[method]):
                pairs = methods[method][baseline]
                cells, good = [], True
                for metric in (name.format(key=key) for name in BAR):
                    wins, clips = pairs[metric]["wins"], pairs[metric]["clips"]
                    good &= wins >= SHARE * clips
                    cells.append(f"{wins}/{clips}")
                known = "identity" in pairs
                cells.append(f"{pairs['identity']['mean']:+.3f}" if known else "-")
                good &= not known or pairs["identity"]["mean"] >= IDENTITY
                rows.append([f"`{method}`", f"`{baseline}`", shots, *cells, "yes" if good else "no"])
    if not rows:
        return []
    head = ["method", "against", "shots", *(f"wins {label(name.format(key=key))}" for name in BAR)]
    return [
        "## The bar",
        "",
        f"Better in at least {SHARE:.0%} of the clips, identity no worse than by {-IDENTITY}.",
        "",
        *table([*head, "identity", "reached"], rows),
    ]


def _growth(report: dict[str, Any]) -> list[str]:
    rows = []
    key = report["settings"]["distance"]["key"]
    for method, steps in report["growth"].items():
        for step, pairs in steps.items():
            for metric in (f"{key}_face", f"{key}_frame", "l1_mouth", "identity"):
                if metric in pairs:
                    rows.append([f"`{method}`", step.replace("-", " minus "), *_pair(metric, pairs[metric])])
    if not rows:
        return []
    head = ["method", "shots", "measure", "mean", "95 % interval", "median", "wins"]
    return ["## What more shots bring", "", *table(head, rows)]


def _anchors(report: dict[str, Any]) -> list[str]:
    anchors = report["anchors"]
    if not anchors:
        return []
    identity, different = anchors["identity"], anchors["identity"]["different"]
    return [
        "## Anchors",
        "",
        f"Identity (centered cosine) of the film itself: {identity['same']:.3f} between a clip's first shot"
        " and its targets" + (f", {different:.3f} between people." if different is not None else "."),
        f"Landmarks: the judge differs by {anchors['landmarks_noise']:.2f} % of the eye distance between the"
        f" film and the film shifted by half a pixel and packed as JPEG 90, and loses"
        f" {anchors['lost_noise']:.1%} of its faces; nothing can be told below that.",
        "",
    ]


def _controls(report: dict[str, Any]) -> list[str]:
    if "controls" not in report:
        return []
    name = report["settings"]["distance"]["name"]
    rows = []
    for mode, controls in report["controls"].items():
        for control in ("plain", "raster", "embedding", "zero"):
            if control in controls:
                figures = controls[control]
                identity = f"{figures['identity']:.4f}" if "identity" in figures else "-"
                rows.append([f"`{mode}`", control, f"{figures['distance']:.4f}", identity])
        rest = controls["psnr"]
        rows.append(
            [f"`{mode}`", "shot's own landmarks", f"PSNR {rest['mean']:.1f} dB", f"least {rest['least']:.1f}"]
        )
    return ["## Controls", "", *table(["method", "control", f"{name} face", "identity"], rows)]


def _per_clip(report: dict[str, Any], shots: str) -> list[str]:
    headline = report["settings"]["headline"]
    methods = list(report["summary"][shots])
    rows = []
    for clip in report["clips"]:
        values = [_mean(clip["scores"][shots][method][headline]) for method in methods]
        cells = [f"**{value:.4f}**" if value == min(values) else f"{value:.4f}" for value in values]
        rows.append([clip["name"], f"{_mean(clip['movement']):.3f}", *cells])
    title = f"## Clips: {label(headline)}, {shots} shot{'s' if shots != '1' else ''}"
    lines = [title, "", *table(["clip", "movement", *(f"`{method}`" for method in methods)], rows)]
    focus, reference = focus_of(report, shots)
    if focus != reference:
        loss = [
            _mean(clip["scores"][shots][focus][headline]) - _mean(clip["scores"][shots][reference][headline])
            for clip in report["clips"]
        ]
        worst = report["clips"][loss.index(max(loss))]["name"]
        lines += [f"Worst clip of `{focus}` against `{reference}`: {worst} ({max(loss):+.4f}).", ""]
    return lines


def _mean(row: Sequence[float]) -> float:
    return sum(row) / len(row)


def _image(pictures: dict[str, str], name: str) -> list[str]:
    return [f"![{name}]({pictures[name]})", ""] if name in pictures else []
