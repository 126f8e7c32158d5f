# SPDX-License-Identifier: GPL-3.0-or-later
"""Statistics over clips, the Markdown page and the picture strips of a benchmark run.

A *run* is the JSON document that ``floor.py`` writes: ``settings``, and per clip its ``name``, ``person``,
``frames``, ``movement`` and ``scores[method][metric]``, the last two with one figure per target frame.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from core.media.picture import save_picture
from core.training.evaluation import statistics
from core.training.evaluation.cases import Case
from core.training.evaluation.labels import MEASURES, table
from core.training.evaluation.scoring import higher_is_better

INTRODUCTION = """# The floor: moving a portrait against plain warps

Written by `python -m tests.benchmarks.floor CLIPS -o OUT --frames {asked} --sizes {sizes}
--report tests/benchmarks/FLOOR.md`; do not edit.

{clips} clips of {people} people (numbered, filmed with a still crop). Frame 0 of a clip is the portrait;
{frames} evenly spaced frames of its second half are what it should become, given their landmarks ({backend}).
LPIPS is VGG16's (`{weights}`, SHA-256 {digest}), of the whole frame at the named size, and of the face region
(hull of the landmarks and the forehead) as a mean over that region's positions. L1 is in 0..1, at the clip's
own size, as is SSIM (luma, 11 px Gaussian window). Each clip's frames are averaged first, then the clips.
*Hard* is the mean of {hard} over the quarter of all frames whose landmarks moved farthest.
"""
DESCRIPTIONS = {
    "static": "`static`: the portrait itself, still.",
    "tps": "`tps`: a thin-plate warp of the 68 landmarks and irises, in the best of the settings tried on"
    " these clips (still points on the border: {tps[anchors]}; smoothing {tps[smoothing]} in units of the"
    " landmarks' spread), or with the settings named.",
    "flow": "`flow`: the engine's compositor, driven relative to frame 0.",
}


def label(metric: str) -> str:
    """A metric's name for readers."""
    measure, *rest = metric.split("_")
    return f"{MEASURES[measure]} {' '.join(rest)}" + (" px" if measure == "lpips" else "")


def clip_means(run: dict[str, Any], method: str, metric: str) -> np.ndarray:
    """float64 [clips]: a metric's mean over each clip's frames."""
    return statistics.clip_means(_rows(run, method, metric))


def hard_mean(run: dict[str, Any], method: str, metric: str) -> float:
    """Mean over the quarter of all frames whose landmarks moved farthest from the portrait's."""
    return statistics.hard_mean(_rows(run, method, metric), [clip["movement"] for clip in run["clips"]])


def compare(run: dict[str, Any], method: str, baseline: str, metric: str) -> dict[str, Any]:
    """Paired difference ``method - baseline`` over clips, see statistics.paired."""
    difference = clip_means(run, method, metric) - clip_means(run, baseline, metric)
    people = [clip["person"] for clip in run["clips"]]
    return statistics.paired(difference, people, higher_is_better(metric), run["settings"]["seed"])


def _rows(run: dict[str, Any], method: str, metric: str) -> list[list[float]]:
    return [clip["scores"][method][metric] for clip in run["clips"]]


def summarize(run: dict[str, Any]) -> dict[str, Any]:
    """Means per method, paired comparisons with the baselines,
    each method's worst clip against the first one.

    ``comparisons`` has the keys ``method``, then baseline, then metric.
    """
    methods = run["settings"]["methods"]
    metrics = list(run["clips"][0]["scores"][methods[0]])
    headline, baselines = run["settings"]["headline"], run["settings"]["baselines"]
    summary: dict[str, Any] = {
        "means": {
            m: {metric: float(clip_means(run, m, metric).mean()) for metric in metrics} for m in methods
        },
        "hard": {m: hard_mean(run, m, headline) for m in methods},
        "comparisons": {},
        "worst": {},
    }
    for method in methods:
        if method in baselines:
            continue
        summary["comparisons"][method] = {
            baseline: {metric: compare(run, method, baseline, metric) for metric in metrics}
            for baseline in baselines
        }
        loss = clip_means(run, method, headline) - clip_means(run, baselines[0], headline)
        summary["worst"][method] = run["clips"][int(loss.argmax())]["name"]
    return summary


def _differences(pairs: dict[str, Any], method: str, baseline: str, headline: str) -> list[str]:
    """A section: paired differences, and whether the method is better
    in the mean and in two thirds of the clips."""
    rows = [
        [
            label(metric),
            f"{pair['mean']:+.4f}",
            f"{pair['low']:+.4f} .. {pair['high']:+.4f}",
            f"{pair['median']:+.4f}",
            f"{pair['wins']}/{pair['clips']}",
        ]
        for metric, pair in pairs.items()
    ]
    pair = pairs[headline]
    better = pair["mean"] < 0 and 3 * pair["wins"] >= 2 * pair["clips"]
    return [
        f"## `{method}` minus `{baseline}`",
        "",
        *table(["measure", "mean", "95 % interval", "median", "wins"], rows),
        f"Better on {label(headline)} in the mean and in at least two thirds of the clips: "
        f"**{'yes' if better else 'no'}**.",
        "",
    ]


def markdown(run: dict[str, Any]) -> str:
    """The page: how it was measured, means, paired differences, every clip, the worst one."""
    settings, summary = run["settings"], run["summary"]
    methods, headline = settings["methods"], settings["headline"]
    metrics = list(summary["means"][methods[0]])
    counts = sorted({len(clip["frames"]) for clip in run["clips"]})
    frames = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    people = len({clip["person"] for clip in run["clips"]})
    lines = [
        INTRODUCTION.format(
            clips=len(run["clips"]),
            people=people,
            frames=frames,
            asked=settings["frames"],
            sizes=",".join(map(str, settings["sizes"])),
            hard=label(headline),
            backend=settings["backend"],
            weights=settings["weights"],
            digest=settings["weights_sha256"][:12],
        ),
    ]
    kinds = dict.fromkeys(method.partition(":")[0] for method in methods)
    lines += [f"- {DESCRIPTIONS[kind].format(tps=settings['tps'])}" for kind in kinds if kind in DESCRIPTIONS]
    lines += ["", "## Means", ""]
    head = ["method", *(label(metric) for metric in metrics), "hard"]
    best = {
        metric: (max if higher_is_better(metric) else min)(summary["means"][m][metric] for m in methods)
        for metric in metrics
    }
    rows = []
    for method in methods:
        means = summary["means"][method]
        cells = [f"**{v:.4f}**" if v == best[k] else f"{v:.4f}" for k, v in means.items()]
        rows.append([f"`{method}`", *cells, f"{summary['hard'][method]:.4f}"])
    lines += table(head, rows)
    for method, against in summary["comparisons"].items():
        for baseline, pairs in against.items():
            lines += _differences(pairs, method, baseline, headline)
    lines += ["The interval is a bootstrap over people (each with all clips of theirs).", ""]
    lines += [f"## Clips: {label(headline)}", ""]
    head = ["clip", "movement", *(f"`{method}`" for method in methods)]
    rows = []
    for clip in run["clips"]:
        values = [float(np.mean(clip["scores"][method][headline])) for method in methods]
        cells = [f"**{v:.4f}**" if v == min(values) else f"{v:.4f}" for v in values]
        rows.append([clip["name"], f"{np.mean(clip['movement']):.3f}", *cells])
    lines += table(head, rows)
    lines += [
        "Movement: mean distance of the landmarks from the portrait's, over the distance of the eyes.",
        "",
    ]
    for method, name in summary["worst"].items():
        lines += [f"Worst clip of `{method}` against `{settings['baselines'][0]}`: {name}.", ""]
    lines += [
        "The clips may not be shown here; the script writes a strip of pictures for each into its output"
        " folder."
    ]
    return "\n".join(lines) + "\n"


def _tile(image: np.ndarray, text: str, side: int) -> np.ndarray:
    height, width = image.shape[:2]
    scale = side / max(height, width)
    tile = cv2.resize(image, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_CUBIC)
    cv2.putText(tile, text, (6, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 3, cv2.LINE_AA)
    cv2.putText(tile, text, (6, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255), 1, cv2.LINE_AA)
    return tile


def save_strip(
    path: Path,
    case: Case,
    outputs: dict[str, list[np.ndarray]],
    scores: dict[str, dict[str, list[float]]],
    metric: str,
    rows: int = 4,
    side: int = 256,
) -> None:
    """A PNG with one row per shown frame: source, target, then each method with its score; the first row is
    the frame on which the last method does worst against the one before it, the others are evenly spaced."""
    methods = list(outputs)
    last = np.array(scores[methods[-1]][metric])
    other = np.array(scores[methods[-2]][metric]) if len(methods) > 1 else 0.0
    spaced = np.linspace(0, len(case.frames) - 1, rows - 1).round().astype(int)
    lines = []
    for place in [int((last - other).argmax()), *map(int, spaced)]:
        tiles = [
            _tile(case.picture.pixels, "source", side),
            _tile(case.truth[place], f"frame {case.frames[place]}", side),
        ]
        tiles += [_tile(outputs[m][place], f"{scores[m][metric][place]:.3f} {m}", side) for m in methods]
        lines.append(np.hstack(tiles))
    path.parent.mkdir(parents=True, exist_ok=True)
    save_picture(path, np.vstack(lines))
