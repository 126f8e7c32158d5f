# SPDX-License-Identifier: GPL-3.0-or-later
"""Clips as test cases: stills of a clip's first half are the sitter, frames of its second half are what
they should become, given the landmarks of those frames (self-reenactment, absolute landmarks)."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache as once
from pathlib import Path

import cv2
import numpy as np

from ...errors import InputError
from ...landmarks import detect as landmarks
from ...landmarks.detect import Face, fill_gaps, track_video
from ...landmarks.track import LandmarkTrack
from ...media.picture import Picture
from ...media.video import read_frames

JUDGED = 256  # px of the longer side at which large frames are judged
SMALL = 320  # px of the longer side up to which a frame is judged as it is


@dataclass(frozen=True, eq=False)
class Still:
    """One shot of the sitter: the frame of a clip and its landmarks there."""

    row: int
    picture: Picture
    face: Face


@dataclass(frozen=True, eq=False)
class Case:
    """One clip of one sitter, with so many shots.

    stills       the shots, the first frame with a face first
    performance  the whole clip's landmarks, gaps filled
    frames       rows of the performance to render, ascending, in all of which the face was really found
    truth        uint8 RGB [H, W, 3] of those frames, as filmed
    targets      places in ``frames`` that are judged one by one
    pairs        places (i, j) in ``frames`` of two frames that follow one another
    window       part of the frame that is judged, x0, y0, x1, y1; None for all of it
    """

    name: str
    sha256: str
    rate: float
    stills: tuple[Still, ...]
    performance: LandmarkTrack
    frames: tuple[int, ...]
    truth: tuple[np.ndarray, ...]
    targets: tuple[int, ...]
    pairs: tuple[tuple[int, int], ...]
    window: tuple[int, int, int, int] | None

    @property
    def picture(self) -> Picture:
        """The first shot's."""
        return self.stills[0].picture

    @property
    def face(self) -> Face:
        """The first shot's."""
        return self.stills[0].face

    @property
    def person(self) -> str:
        """The name up to its last underscore: clips of one person are not independent."""
        return self.name.rsplit("_", 1)[0]

    def judged(self, image: np.ndarray) -> np.ndarray:
        """The part of a frame [H, W, ...] that is judged, at the size at which it is."""
        if self.window is None:
            return image
        x0, y0, x1, y1 = self.window
        part = image[y0:y1, x0:x1]
        method = cv2.INTER_AREA if x1 - x0 > JUDGED else cv2.INTER_CUBIC
        return cv2.resize(part, (JUDGED, JUDGED), interpolation=method)

    def points(self, place: int) -> np.ndarray:
        """Landmarks float64 [68, 2] of frame number ``place`` in px of the judged part."""
        points = self.performance.points[self.frames[place], :, :2].astype(np.float64)
        if self.window is None:
            return points
        x0, y0, x1, _ = self.window
        return (points - [x0, y0]) * (JUDGED / (x1 - x0))


def default_cache() -> Path:
    """Folder for tracks and scores, outside the repository: ``XDG_CACHE_HOME``, else ``~/.cache``."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tableau-vivant" / "benchmarks"


def find_clips(folder: Path, wanted: Sequence[str] = ()) -> list[Path]:
    """All ``*.mp4`` of a folder in the order of their names, or those whose stems are ``wanted``."""
    if not folder.is_dir():
        raise InputError(f"{folder}: is no folder; name a folder of clips (*.mp4)")
    clips = sorted(folder.glob("*.mp4"))
    if wanted:
        missing = set(wanted) - {clip.stem for clip in clips}
        if missing:
            raise InputError(f"{folder}: has no clip {', '.join(sorted(missing))}")
        clips = [clip for clip in clips if clip.stem in wanted]
    if not clips:
        raise InputError(f"{folder}: holds no *.mp4; name a folder of clips")
    return clips


@once
def _detector_digest() -> str:
    """Of the landmark code: what it finds may change with it."""
    files = sorted(Path(landmarks.__file__).parent.glob("*.*"))
    return hashlib.sha256(b"".join(f.read_bytes() for f in files if f.is_file())).hexdigest()[:12]


def cached_track(path: Path, sha256: str, backend: str, cache: Path, renew: bool = False) -> LandmarkTrack:
    """Landmarks of a clip, from the cache where its file has been tracked by this detector before."""
    stored = cache / "tracks" / f"{sha256[:24]}-{backend}-{_detector_digest()}.npz"
    if stored.is_file() and not renew:
        return LandmarkTrack.load(stored)
    track = track_video(path, backend=backend)
    stored.parent.mkdir(parents=True, exist_ok=True)
    track.save(stored)
    return track


def _spaced(rows: np.ndarray, count: int) -> tuple[int, ...]:
    """``count`` evenly spaced ones of ``rows``; all of them where there are not so many."""
    places = np.linspace(0, len(rows) - 1, min(count, len(rows)))
    return tuple(int(row) for row in rows[np.round(places).astype(int)])


def target_rows(valid: np.ndarray, count: int) -> tuple[int, ...]:
    """``count`` evenly spaced rows of the second half of a track, out of those that are ``valid`` [T]."""
    usable = np.flatnonzero(valid)
    usable = usable[usable >= len(valid) // 2]
    if not len(usable):
        raise InputError("no face was found in the second half")
    return _spaced(usable, count)


def shot_rows(valid: np.ndarray, count: int) -> tuple[int, ...]:
    """``count`` evenly spaced rows of the first half, the first of them the first with a face."""
    usable = np.flatnonzero(valid[: max(1, len(valid) // 2)])
    if not len(usable):
        raise InputError("no face was found in the first half, which has to give the shots")
    return _spaced(usable, count)


def pair_rows(valid: np.ndarray, targets: Sequence[int], count: int) -> tuple[tuple[int, int], ...]:
    """``count`` of the targets, evenly spaced, each with the frame after it."""
    followed = np.array([row for row in targets if row + 1 < len(valid) and valid[row + 1]], int)
    return tuple((row, row + 1) for row in _spaced(followed, count)) if count and len(followed) else ()


def _window(points: np.ndarray, size: tuple[int, int]) -> tuple[int, int, int, int] | None:
    """The square in which a large frame is judged: around all landmarks [T, 68, >= 2], with their share again
    on each side."""
    if max(size) <= SMALL:
        return None
    low, high = points[..., :2].min((0, 1)), points[..., :2].max((0, 1))
    side = int(min(1.8 * (high - low).max(), *size))
    corner = np.clip(np.round((low + high) / 2 - side / 2), 0, np.array(size) - side).astype(int)
    return int(corner[0]), int(corner[1]), int(corner[0]) + side, int(corner[1]) + side


def _face(track: LandmarkTrack, row: int) -> Face:
    points = track.points[row]
    return Face(
        points=points,
        irises=track.irises[row],
        confidence=track.confidence[row],
        box=np.concatenate([points[:, :2].min(0), points[:, :2].max(0)]).astype(np.float32),
        score=float(track.confidence[row].mean()),
    )


def load_cases(
    path: Path,
    *,
    shots: Iterable[int] = (1,),
    count: int = 12,
    pairs: int = 0,
    backend: str = "mediapipe",
    cache: Path | None = None,
    renew: bool = False,
) -> dict[int, Case]:
    """A clip, read and tracked once, as a case for each number of ``shots``.

    ``count`` target frames, ``pairs`` of them with their successors.  InputError where one half shows no
    face.
    """
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    track = cached_track(path, sha256, backend, cache or default_cache(), renew)
    valid = track.valid
    try:
        targets = target_rows(valid, count)
        chosen = {number: shot_rows(valid, number) for number in shots}
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    couples = pair_rows(valid, targets, pairs)
    rows = tuple(sorted({*targets, *(row for couple in couples for row in couple)}))
    wanted = {*rows, *(row for some in chosen.values() for row in some)}
    kept = {row: frame for row, (_, frame) in enumerate(read_frames(path)) if row in wanted}
    if wanted - set(kept):
        raise InputError(f"{path}: has fewer frames than its track; track it again (--renew)")
    track = fill_gaps(track, "interpolate")
    place = {row: index for index, row in enumerate(rows)}
    stills = {
        row: Still(row, Picture(pixels=kept[row]), _face(track, row))
        for some in chosen.values()
        for row in some
    }
    return {
        number: Case(
            name=path.stem,
            sha256=sha256,
            rate=float(track.rate),
            stills=tuple(stills[row] for row in some),
            performance=track,
            frames=rows,
            truth=tuple(kept[row] for row in rows),
            targets=tuple(place[row] for row in targets),
            pairs=tuple((place[a], place[b]) for a, b in couples),
            window=_window(track.points[list(rows)], track.size),
        )
        for number, some in chosen.items()
    }
