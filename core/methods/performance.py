# SPDX-License-Identifier: GPL-3.0-or-later
"""Performances: what there is, tracks of videos, a take in a portrait's proportions, other formats."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from .signature import Cancelled, Progress, Result


def track(
    *,
    video: str,
    output: str,
    backend: str = "auto",
    face: int = 0,
    cuts: str = "refuse",
    gaps: str = "leave",
    progress: Progress,
    cancelled: Cancelled,
) -> Result:
    """Follow a face through a video into the track file ``output``."""
    from ..landmarks.detect import fill_gaps, track_video

    found = track_video(
        Path(video), backend=backend, face=face, cuts=cuts, progress=progress, cancelled=cancelled
    )
    fill_gaps(found, gaps).save(Path(output))
    return {
        "track": output,
        "frames": len(found),
        "lost": int((~found.valid).sum()),
        "rate": str(found.rate),
        "size": list(found.size),
        "meta": dict(found.meta),
    }


def presets() -> Result:
    """The performances that come with the program."""
    from ..animate import describe_preset
    from ..presets import list_presets

    return {"presets": [describe_preset(info) for info in list_presets()]}


def preset(*, name: str) -> Result:
    """One of them."""
    from ..animate import describe_preset
    from ..presets import preset_info

    return describe_preset(preset_info(name))


def retarget(
    *,
    performance: str,
    portrait: str,
    face: str,
    output: str,
    gains: Mapping[str, Any] | None = None,
    reference: str | int = "auto",
    retime: str | Mapping[str, Any] | None = None,
    rate: str | None = None,
    smooth: str = "auto",
    backend: str = "auto",
    cuts: str = "refuse",
    gaps: str = "interpolate",
    progress: Progress,
    cancelled: Cancelled,
) -> Result:
    """A performance (file or preset) in the proportions of the portrait's
    ``face`` track, written to ``output``."""
    from ..animate import find_source, load_performance, make_target
    from ..landmarks.track import LandmarkTrack
    from ..motion.rates import parse_rate
    from ..motion.retime import Retime
    from ..plan import rest_face
    from ..presets import find_retime

    rest = LandmarkTrack.load(Path(face))
    recipe = None
    if retime is not None:
        recipe = Retime.load(find_retime(retime)) if isinstance(retime, str) else Retime.from_dict(retime)
    motion, what = load_performance(
        find_source(performance),
        backend=backend,
        cuts=cuts,
        gaps=gaps,
        progress=progress,
        cancelled=cancelled,
    )
    target = make_target(
        motion,
        rest_face(rest),
        rest.size,
        gains=gains,
        reference=reference,
        retime=recipe,
        rate=None if rate is None else parse_rate(rate),
        smooth=smooth,
    )
    target.save(Path(output))
    return {
        "target": output,
        "frames": len(target),
        "rate": str(Fraction(target.rate)),
        "performance": what,
        "meta": dict(target.meta),
    }


def convert(
    *,
    source: str,
    output: str,
    to: str | None = None,
    fps: str | None = None,
    backend: str = "auto",
    cuts: str = "refuse",
    gaps: str = "leave",
    progress: Progress,
    cancelled: Cancelled,
) -> Result:
    """A performance (file of any known format, video or preset) written to ``output`` in another format."""
    from ..convert import convert as run_convert

    return run_convert(
        source,
        Path(output),
        to=to,
        fps=fps,
        backend=backend,
        cuts=cuts,
        gaps=gaps,
        progress=progress,
        cancelled=cancelled,
    )
