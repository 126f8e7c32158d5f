# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's methods as the extension calls them: parameters out, tracks and reports back.

Each function is a piece of a job's steps, to be used with ``yield from``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import engine

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

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


def retarget(
    performance: str, picture: Path, face: Path, output: Path, gains: Mapping[str, Any] | None = None
) -> Call:
    """A performance (preset name or track file) in the picture's proportions, at its own rate: the track.

    ``gains``: strength per region, or keys of it over time; 1 where it is not given.
    """
    yield engine.request(
        "retarget",
        performance=performance,
        portrait=str(picture),
        face=str(face),
        output=str(output),
        gains=dict(gains or {}),
    )
    return _track(output)


def sliders(face: Path, output: Path, track: Path | None = None) -> Call:
    """The expression sliders of a face, and ``track`` solved into them, as arrays in ``output``;
    the engine's answer."""
    return (
        yield engine.request(
            "sliders", face=str(face), output=str(output), track=None if track is None else str(track)
        )
    )


def load_sliders(performance: Path, face: Path, output: Path, gains: Mapping[str, Any]) -> Call:
    """A performance straight onto the sliders of a face, as arrays in ``output``; the engine's answer."""
    return (
        yield engine.request(
            "load_sliders",
            performance=str(performance),
            face=str(face),
            output=str(output),
            gains=dict(gains),
        )
    )


def save_sliders(sliders: Path, face: Path, output: Path, to: str) -> Call:
    """Slider values and head poses, arrays in ``sliders``, as a performance file; the engine's answer."""
    return (
        yield engine.request("save_sliders", sliders=str(sliders), face=str(face), output=str(output), to=to)
    )


def convert(source: Path | str, output: Path, to: str) -> Call:
    """A performance (a file, or a preset's name) in another format; the engine's answer."""
    return (yield engine.request("convert", source=str(source), output=str(output), to=to))


def sample_shots(video: Path, folder: Path, count: int) -> Call:
    """The frames of a video that show its sitter most differently, as pictures in ``folder``: their paths."""
    answer = yield engine.request("sample_shots", video=str(video), folder=str(folder), count=count)
    return [Path(shot) for shot in answer["shots"]]


def personalize(shots: list[Path], face: Path, output: Path, *, method: str, steps: int, seed: int) -> Call:
    """A sitter from its shots, the portrait first; 0 ``steps`` are the engine's own; the engine's answer."""
    return (
        yield engine.request(
            "personalize",
            shots=[str(shot) for shot in shots],
            face=str(face),
            output=str(output),
            method=method,
            steps=steps or None,
            seed=seed,
        )
    )


def preview_strip(picture: Path, face: Path, sitter: Path, output: Path, likeness: float) -> Call:
    """A few expressions without and with the sitter as the picture ``output``; the engine's answer."""
    return (
        yield engine.request(
            "preview_strip",
            image=str(picture),
            face=str(face),
            sitter=str(sitter),
            output=str(output),
            likeness=likeness,
        )
    )


def due(job: Path) -> Call:
    """How many frames of a job file a bake would render; the engine's answer."""
    return (yield engine.request("due", job=str(job)))


def group_plate(job: Path, plates: list[Path], output: Path) -> Call:
    """One plate from those of a group's sitters, all baked as ``job`` is, in ``output``."""
    shown = [str(plate) for plate in plates]
    yield engine.request("group_plate", job=str(job), plates=shown, output=str(output))


def farm(job: Path, folder: Path, chunk: int) -> Call:
    """A job file as a bundle for render farms in ``folder``; the engine's answer."""
    return (yield engine.request("farm", job=str(job), folder=str(folder), chunk=chunk))


def _track(path: Path) -> LandmarkTrack:
    from ..core.landmarks.track import LandmarkTrack

    return LandmarkTrack.load(path)
