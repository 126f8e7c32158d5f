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


def detect(picture: Path, face: int, folder: Path) -> Call:
    """All faces of a picture, their tracks and thumbnails in ``folder``: (one line, the answer)."""
    answer = yield engine.request("detect", image=str(picture), face=face, faces_folder=str(folder))
    return f"Landmarks found by {answer['how']}", answer


def matte(picture: Path, face: Path, output: Path) -> Call:
    """The sitter's matte as a gray picture in ``output``; the engine's answer."""
    return (yield engine.request("matte", image=str(picture), face=str(face), output=str(output)))


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
