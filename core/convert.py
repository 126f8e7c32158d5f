# SPDX-License-Identifier: GPL-3.0-or-later
"""A performance from one file format to another, shared by the command line and the worker."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .animate import TRACK_SUFFIXES, Performance, fill, find_source, load_motion, load_performance
from .errors import InputError
from .motion.curves import ExpressionCurves
from .motion.interchange.formats import TARGETS, write_performance
from .motion.rates import parse_rate
from .review import Progress


def convert(
    source: str,
    output: Path,
    *,
    to: str | None = None,
    fps: str | None = None,
    backend: str = "auto",
    cuts: str = "refuse",
    gaps: str = "leave",
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> dict[str, Any]:
    """Write ``source`` (a file, a video or a preset's name) to ``output``; returns facts for a person.

    to: one of TARGETS; None goes by what the source is (see ``target_format``).
    fps: frames per second that the source's timecode or frame list counts, where the file does not say.
    Raises InputError, OutputError and the errors of the detectors.
    """
    if to is not None and to not in TARGETS:
        raise InputError(f"unknown format '{to}'; choose one of {', '.join(TARGETS)}")
    rate = None if fps is None else str(parse_rate(fps, "fps"))
    path = Path(source)
    if path.is_file() and output.exists() and output.samefile(path):
        raise InputError(f"{output}: is the file that is read; give another name")
    motion: Performance
    if path.is_file() and path.suffix.lower() in TRACK_SUFFIXES:
        motion = fill(load_motion(path, rate=rate, curves=to in ("live-link", "curves")), gaps)
        what = f"{motion.meta.get('format', 'track')} {path.name}, {len(motion)} frames"
    else:
        motion, what = load_performance(
            find_source(source),
            backend=backend,
            cuts=cuts,
            gaps=gaps,
            progress=progress,
            cancelled=cancelled,
        )
    written = write_performance(motion, output, to)
    return {
        "output": str(output),
        "format": written,
        "kind": "curves" if isinstance(motion, ExpressionCurves) else "landmarks",
        "performance": what,
        "frames": len(motion),
        "lost": int(np.count_nonzero(~motion.valid)),
        "rate": str(motion.rate),
        "seconds": round(float(motion.times[-1] - motion.times[0]), 6),
    }
