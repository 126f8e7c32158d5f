# SPDX-License-Identifier: GPL-3.0-or-later
"""Clips as test cases: frame 0 is the portrait, frames of the second half are what it should become."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.errors import InputError
from core.landmarks.detect import Face, fill_gaps, track_video
from core.landmarks.track import LandmarkTrack
from core.media.picture import Picture
from core.media.video import read_frames


@dataclass(frozen=True, eq=False)
class Case:
    """One clip of one sitter.

    performance  the whole clip's landmarks, gaps filled; row 0 is the portrait
    frames       rows of the performance to render, all of them frames in which the face was really found
    truth        uint8 RGB [H, W, 3] of those frames, as filmed
    """

    name: str
    sha256: str
    picture: Picture
    face: Face
    performance: LandmarkTrack
    frames: tuple[int, ...]
    truth: tuple[np.ndarray, ...]

    @property
    def person(self) -> str:
        """The name up to its last underscore: clips of one person are not independent."""
        return self.name.rsplit("_", 1)[0]


def default_cache() -> Path:
    """Folder for tracks and scores, outside the repository: ``XDG_CACHE_HOME``, else ``~/.cache``."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tableau-vivant" / "benchmarks"


def find_clips(folder: Path, wanted: Sequence[str] = ()) -> list[Path]:
    """All ``*.mp4`` of a folder in the order of their names, or those whose stems are ``wanted``."""
    clips = sorted(folder.glob("*.mp4"))
    if wanted:
        missing = set(wanted) - {clip.stem for clip in clips}
        if missing:
            raise InputError(f"{folder}: has no clip {', '.join(sorted(missing))}")
        clips = [clip for clip in clips if clip.stem in wanted]
    if not clips:
        raise InputError(f"{folder}: holds no *.mp4; name a folder of clips")
    return clips


def cached_track(path: Path, sha256: str, backend: str, cache: Path, renew: bool = False) -> LandmarkTrack:
    """Landmarks of a clip, from the cache where its file has been tracked by this backend before."""
    stored = cache / "tracks" / f"{sha256[:24]}-{backend}.npz"
    if stored.is_file() and not renew:
        return LandmarkTrack.load(stored)
    track = track_video(path, backend=backend)
    stored.parent.mkdir(parents=True, exist_ok=True)
    track.save(stored)
    return track


def target_rows(valid: np.ndarray, count: int) -> tuple[int, ...]:
    """``count`` evenly spaced rows of the second half of a track, out of those that are ``valid`` [T]."""
    usable = np.flatnonzero(valid)
    usable = usable[usable >= len(valid) // 2]
    if not len(usable):
        raise InputError("no face was found in the second half")
    places = np.linspace(0, len(usable) - 1, min(count, len(usable)))
    return tuple(int(row) for row in usable[np.round(places).astype(int)])


def load_case(path: Path, count: int, backend: str, cache: Path, renew: bool = False) -> Case:
    """Read and track a clip.  InputError where the first frame or the second half shows no face."""
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    track = cached_track(path, sha256, backend, cache, renew)
    if not track.valid[0]:
        raise InputError(f"{path}: no face was found in the first frame, which has to be the portrait")
    try:
        rows = target_rows(track.valid, count)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    kept = {row: frame for row, (_, frame) in enumerate(read_frames(path)) if row == 0 or row in rows}
    if any(row not in kept for row in rows):
        raise InputError(f"{path}: has fewer frames than its track; track it again (--renew)")
    track = fill_gaps(track, "interpolate")
    points = track.points[0]
    face = Face(
        points=points,
        irises=track.irises[0],
        confidence=track.confidence[0],
        box=np.concatenate([points[:, :2].min(0), points[:, :2].max(0)]).astype(np.float32),
        score=float(track.confidence[0].mean()),
    )
    return Case(
        name=path.stem,
        sha256=sha256,
        picture=Picture(pixels=kept[0]),
        face=face,
        performance=track,
        frames=rows,
        truth=tuple(kept[row] for row in rows),
    )
