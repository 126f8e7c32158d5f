# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m core evaluate``: self-reenactment of a folder of clips by all methods, measured and
reported."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...atomic import atomic_path
from ...errors import InputError
from .settings import DEFAULT_METHODS, Settings

BACKENDS = ("mediapipe", "face-alignment")
DEVICES = ("auto", "cpu", "cuda")


@dataclass(frozen=True)
class EvaluateOptions:
    """What can be asked for; see the command's help."""

    settings: Settings
    output: Path

    @staticmethod
    def parsed(options: argparse.Namespace) -> EvaluateOptions:
        """From what ``add_arguments`` has parsed; InputError for values that make no sense."""
        values = {name: getattr(options, name) for name in Settings.__dataclass_fields__}
        values["shots"] = _shots(options.shots)
        values["only"] = tuple(filter(None, options.only.split(",")))
        return EvaluateOptions(Settings(**values), options.output)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments."""
    add = parser.add_argument
    add("clips", type=Path, metavar="CLIPS_DIR", help="folder of *.mp4, one sitter each")
    add(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="REPORT_DIR",
        help="folder for report.json, report.md",
    )
    add("--shots", default="1", metavar="T,T", help="numbers of shots, such as 1,8,32 (default: 1)")
    add(
        "--methods",
        default=DEFAULT_METHODS,
        metavar="LIST",
        help="methods with commas, name or name:key=value (default: all)",
    )
    add("--frames", type=int, default=12, metavar="N", help="target frames per clip (default: 12)")
    add(
        "--pairs", type=int, default=4, metavar="N", help="targets looked at with the next frame (default: 4)"
    )
    add("--only", default="", metavar="NAMES", help="stems of the clips to use, with commas")
    add("--backend", choices=BACKENDS, default="mediapipe", help="landmarks that drive (default: mediapipe)")
    add("--weights", type=Path, metavar="FILE", help="lpips_vgg16.safetensors (else TABLEAU_LPIPS)")
    add(
        "--judges",
        "--identity",
        type=Path,
        metavar="DIR",
        help="face-api's models, for identity and landmarks",
    )
    add("--base", type=Path, metavar="DIR", help="the generator's weights (default: those that ship)")
    add(
        "--device",
        choices=DEVICES,
        default="auto",
        help="where networks run (default: a GPU if there is one)",
    )
    add("--steps", type=int, metavar="N", help="of fine-tuning, at most (default: by the number of shots)")
    add("--controls", action="store_true", help="swap rasters and sitters: does the generator look at them?")
    add(
        "--cache",
        type=Path,
        metavar="DIR",
        help="folder for tracks and fixed scores (default: the user's cache)",
    )
    add("--renew", action="store_true", help="track the clips again")
    add("--threads", type=int, default=2, metavar="N", help="of the processor (default: 2)")
    add("--seed", type=int, default=0, metavar="N", help="of all that is left to chance (default: 0)")


def run(
    options: EvaluateOptions,
    progress: Callable[[int, int, str], None],
    cancelled: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Evaluate and write ``report.json``, ``report.md`` and its pictures; returns facts for people and
    programs.

    Keys: report, page (paths), clips, skipped, seconds, summary ({T: {method: headline}}), text.
    Raises InputError, WeightsError, OutputError and Cancelled.
    """
    started = time.perf_counter()
    if options.output.exists() and not options.output.is_dir():
        raise InputError(f"{options.output}: is a file; give a folder for the report")
    # late: --help needs none of torch
    from .page import write_page
    from .run import evaluate

    evaluation = evaluate(options.settings, progress, cancelled)
    report = evaluation.report
    file = options.output / "report.json"
    with atomic_path(file) as temporary:
        temporary.write_text(json.dumps(report, indent=1, allow_nan=False), "utf-8")
    page = write_page(evaluation, options.output)
    headline = report["settings"]["headline"]
    summary = {
        shots: {method: figures[headline]["mean"] for method, figures in methods.items()}
        for shots, methods in report["summary"].items()
    }
    return {
        "report": str(file),
        "page": str(page),
        "clips": len(report["clips"]),
        "skipped": report["skipped"],
        "not_measured": report["not_measured"],
        "headline": headline,
        "summary": summary,
        "seconds": round(time.perf_counter() - started, 1),
        "text": _told(report, summary, page),
    }


def _shots(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"--shots {text}: give whole numbers with commas, such as 1,8,32") from None


def _told(report: dict[str, Any], summary: dict[str, Any], page: Path) -> str:
    lines = [f"{report['settings']['headline']} (less is better), mean of {len(report['clips'])} clips:"]
    for shots, methods in summary.items():
        figures = ", ".join(f"{method} {value:.4f}" for method, value in methods.items())
        lines.append(f"  {shots} shot{'s' if shots != '1' else ''}: {figures}")
    lines += [f"skipped {name}: {reason}" for name, reason in report["skipped"].items()]
    lines += [f"not measured: {name}: {reason}" for name, reason in report["not_measured"].items()]
    return "\n".join([*lines, f"written: {page}"])
