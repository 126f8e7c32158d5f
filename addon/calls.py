# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's methods as the extension calls them: parameters out, tracks and reports back.

Each function is a piece of a job's steps, to be used with ``yield from``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import engine

if TYPE_CHECKING:
    from collections.abc import Generator

    from ..core.landmarks.track import LandmarkTrack
    from .worker_client import Request

    Call = Generator[Request, dict[str, Any], Any]


def detect(picture: Path, face: int, output: Path) -> Call:
    """Landmarks of a picture: (one line about them, the one-frame track)."""
    answer = yield engine.request("detect", image=str(picture), face=face, output=str(output))
    count = len(answer["faces"])
    others = f"; {count} faces, this is number {answer['chosen']} from the largest" if count > 1 else ""
    return f"Landmarks found by {answer['how']}{others}", _track(output)


def track(video: Path, take: Path) -> Call:
    """Follow the face through a video into the track file ``take``; lost frames stay lost."""
    yield engine.request("track", video=str(video), output=str(take))


def retarget(performance: str, picture: Path, face: Path, output: Path) -> Call:
    """A performance (preset name or track file) in the picture's proportions, at its own rate: the track."""
    yield engine.request(
        "retarget", performance=performance, portrait=str(picture), face=str(face), output=str(output)
    )
    return _track(output)


def bake(job: Path) -> Call:
    """Run the bake that a job file describes; its report."""
    return (yield engine.request("bake", job=str(job)))


def _track(path: Path) -> LandmarkTrack:
    from ..core.landmarks.track import LandmarkTrack

    return LandmarkTrack.load(path)
