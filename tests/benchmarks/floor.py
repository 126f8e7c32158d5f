# SPDX-License-Identifier: GPL-3.0-or-later
"""The floor: does the engine move a portrait better than plain warps of the same landmarks do?

    python -m tests.benchmarks.floor CLIPS -o OUT [--report tests/benchmarks/FLOOR.md] [--json FILE]

Frame 0 of each clip is the portrait, frames of its second half are the targets.  OUT gets run.json and a
strip of pictures per clip.  A new method is a line in methods.METHODS; several settings of one can stand
side by side (``--methods static,tps,tps:anchors=none``).  Cases, methods and measures are those of
``python -m core evaluate`` (core/training/evaluation).  Landmark tracks, and scores of methods that only
depend on this folder, are kept in a cache outside the repository.
"""

from __future__ import annotations

import os

# must be set before torch is loaded: threads that spin while they wait cost seconds where other processes run
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "0")

import argparse
import hashlib
import json
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core.atomic import atomic_path
from core.errors import TableauError
from core.training.evaluation.baselines import TPS_ANCHORS, TPS_SMOOTHING
from core.training.evaluation.cases import Case, default_cache, find_clips, load_cases
from core.training.evaluation.distance import Distance
from core.training.evaluation.methods import parse_spec, render, split_specs
from core.training.evaluation.scoring import (
    Rows,
    ScoreStore,
    movement,
    score_distance,
    score_plain,
)
from core.training.perceptual import find_weights

from .report import markdown, save_strip, summarize

# the plain warp in its best setting and as it is usually written: nothing held, every landmark met
_FREE = "tps:anchors=none,smoothing=0"
DEFAULT_METHODS = f"static,tps,{_FREE},flow"
DEFAULT_BASELINES = f"tps,{_FREE}"


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.floor", description=__doc__.split("\n")[0]
    )
    parser.add_argument("clips", type=Path, help="folder of *.mp4, one sitter each")
    parser.add_argument("-o", "--output", type=Path, help="folder for run.json and the strips")
    parser.add_argument(
        "--methods", default=DEFAULT_METHODS, help="specs: name or name:key=value (default %(default)s)"
    )
    parser.add_argument(
        "--baselines",
        default=DEFAULT_BASELINES,
        help="specs to compare with; the first is the floor (default %(default)s)",
    )
    parser.add_argument("--frames", type=int, default=12, help="target frames per clip (default %(default)s)")
    parser.add_argument("--sizes", default="256,160", help="px at which LPIPS is taken; the first decides")
    parser.add_argument("--only", default="", help="stems of the clips to use, with commas")
    parser.add_argument("--backend", default="mediapipe", help="landmark backend (default %(default)s)")
    parser.add_argument(
        "--weights", help="lpips_vgg16.safetensors (else TABLEAU_LPIPS, else the shared folder)"
    )
    parser.add_argument("--cache", type=Path, default=default_cache(), help="folder for tracks and scores")
    parser.add_argument("--renew", action="store_true", help="track the clips again")
    parser.add_argument("--report", type=Path, help="write the Markdown page here")
    parser.add_argument("--json", type=Path, help="write the run here too; - for stdout")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0, help="of the bootstrap")
    return parser.parse_args(argv)


def score(
    lpips: Distance, case: Case, outputs: dict[str, list[np.ndarray]], sizes: Sequence[int]
) -> dict[str, Rows]:
    """Per method and metric one figure per target frame: LPIPS of frame and face at each size (px of the
    longer side), L1 and SSIM at the clip's own size."""
    scores = score_plain(case, outputs, {"l1": ("frame", "face", "mouth", "eyes"), "ssim": ("frame", "face")})
    for side in reversed(sizes):
        for spec, rows in score_distance(lpips, case, outputs, side, ("frame", "face"), f"_{side}").items():
            scores[spec] = {**rows, **scores[spec]}
    return scores


def run_floor(args: argparse.Namespace) -> dict[str, Any]:
    """Measure all clips; the run as a JSON-able dictionary (see report.py)."""
    torch.set_num_threads(args.threads)
    methods = split_specs(args.methods)
    for spec in methods:
        parse_spec(spec)
    paths = find_clips(args.clips, [stem for stem in args.only.split(",") if stem])
    sizes = [int(side) for side in args.sizes.split(",")]
    weights = find_weights("vgg16", args.weights)
    lpips = Distance(weights)
    store = ScoreStore(args.cache / "scores", ("floor", lpips.network.sha256, *map(str, sizes)))
    headline = f"lpips_frame_{sizes[0]}"
    clips = []
    for path in paths:
        start = time.perf_counter()
        (case,) = load_cases(
            path, count=args.frames, backend=args.backend, cache=args.cache, renew=args.renew
        ).values()
        fixed = {spec for spec in methods if parse_spec(spec)[0].fixed}
        scores = {spec: store.get(case, spec) if spec in fixed else None for spec in methods}
        wanted = [spec for spec in methods if scores[spec] is None or args.output]
        outputs = {spec: render(spec, case) for spec in wanted}
        fresh = {spec: frames for spec, frames in outputs.items() if scores[spec] is None}
        if fresh:
            for spec, rows in score(lpips, case, fresh, sizes).items():
                scores[spec] = rows
                if spec in fixed:
                    store.put(case, spec, rows)
        done: dict[str, dict[str, list[float]]] = {
            spec: rows for spec, rows in scores.items() if rows is not None
        }
        if args.output:
            save_strip(args.output / f"{case.name}.png", case, outputs, done, headline)
        clips.append(
            {
                "name": case.name,
                "person": case.person,
                "sha256": case.sha256,
                "frames": list(case.frames),
                "movement": movement(case),
                "scores": done,
            }
        )
        figures = "  ".join(f"{spec} {np.mean(done[spec][headline]):.4f}" for spec in methods)
        print(f"{case.name}  {figures}  ({time.perf_counter() - start:.1f} s)", file=sys.stderr, flush=True)
    settings = {
        "methods": methods,
        "baselines": split_specs(args.baselines),
        "headline": headline,
        "sizes": sizes,
        "frames": args.frames,
        "backend": args.backend,
        "weights": weights.name,
        "weights_sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
        "tps": {"anchors": TPS_ANCHORS, "smoothing": TPS_SMOOTHING},
        "seed": args.seed,
    }
    run: dict[str, Any] = {"schema": "tableau-vivant/floor-1", "settings": settings, "clips": clips}
    run["summary"] = summarize(run)
    return run


def _write(path: Path, text: str) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text(text, "utf-8")


def main(argv: Sequence[str] | None = None) -> int:
    """Run from the command line; 2 with one line on bad input."""
    args = _arguments(argv)
    try:
        unmeasured = set(split_specs(args.baselines)) - set(split_specs(args.methods))
        if unmeasured:
            raise TableauError(f"--baselines not among --methods: {', '.join(sorted(unmeasured))}")
        if args.frames < 1 or not re.fullmatch(r"\d+(,\d+)*", args.sizes):
            raise TableauError("--frames is at least 1 and --sizes is a list such as 256,160")
        run = run_floor(args)
        page, document = markdown(run), json.dumps(run, indent=1)
        if args.output:
            _write(args.output / "run.json", document)
        if args.report:
            _write(args.report, page)
        if args.json and str(args.json) != "-":
            _write(args.json, document)
    except TableauError as error:
        print(f"floor: {error}", file=sys.stderr)
        return 2
    print(document if args.json and str(args.json) == "-" else page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
