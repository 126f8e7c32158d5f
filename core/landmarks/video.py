# SPDX-License-Identifier: GPL-3.0-or-later
"""Landmarks of a video: following one face from frame to frame."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import Cancelled, InputError, NoFaceError
from .backends import make_detector
from .cuts import Thumbnails, longest_shot
from .face import Detector, Face, overlap
from .schema import POINTS
from .search import find_small_faces
from .track import LandmarkTrack

CUTS = ("refuse", "trim")
_SEARCH_EVERY = 12
"""Frames between two thorough searches while no face is in sight."""
_FORGET = 1.0
"""Seconds after which a lost face is no longer expected where it was."""


def track_video(
    path: str | Path,
    *,
    backend: str = "auto",
    face: int = 0,
    cuts: str = "refuse",
    progress: Callable[[int, int, str], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> LandmarkTrack:
    """Follow one face through a video; frames in which it is lost are NaN with confidence 0.

    ``face`` counts the faces of the first frame that has enough of them, from the largest, 0.
    ``cuts``: "refuse" raises InputError with the times of the scene cuts,
    "trim" keeps the longest shot (with its own times).
    meta: backend, source, sha256, size, rate, face, cuts (s), and for a trimmed track the kept span.

    Raises InputError for a file that is no video or holds no frame,
    NoFaceError where no frame shows the face, Cancelled.
    """
    from ..media.video import probe, read_frames

    path = Path(path)
    if cuts not in CUTS:
        raise InputError(f"unknown way to treat scene cuts '{cuts}'; choose one of {', '.join(CUTS)}")
    info = probe(path)
    total = info.frames or 0
    detector = make_detector(backend, video=True)
    try:
        follower = _Follower(detector, face)
        thumbnails = Thumbnails()
        times: list[float] = []
        size = (info.width, info.height)
        for time, frame in read_frames(path):
            if cancelled is not None and cancelled():
                raise Cancelled(f"{path}: tracking stopped")
            if times and time <= times[-1]:
                continue  # damaged time stamps: a frame no later than the one before is not shown either
            size = (frame.shape[1], frame.shape[0])
            times.append(time)
            follower.step(frame, time, thumbnails.add(frame))
            if progress is not None:
                progress(len(times), max(total, len(times)), "landmarks")
    finally:
        detector.close()
    if not times:
        raise InputError(f"{path}: holds no video frames")
    if not any(found is not None for found in follower.faces):
        raise NoFaceError(_no_face(path, face, follower.most))
    found_cuts = thumbnails.cuts(follower.jumps())
    meta: dict[str, Any] = {
        "backend": detector.name,
        "source": path.name,
        "sha256": _sha256(path),
        "size": list(size),
        "rate": str(info.rate),
        "face": face,
        "cuts": [times[cut] for cut in found_cuts],
    }
    track = _track(follower.faces, times, size, meta)
    return _without_cuts(path, track, found_cuts, cuts)


@dataclass
class _Follower:
    """The face that is followed, and where it was."""

    detector: Detector
    rank: int
    faces: list[Face | None] = field(default_factory=list)
    most: int = 0
    _last: Face | None = None
    _last_time: float = 0.0
    _lost: int = 0

    def step(self, frame: np.ndarray, time: float, changed: bool) -> None:
        """Take the next frame; ``changed``: the picture is another one than
        before, so nothing is expected of it."""
        found = None
        if self._last is not None and not self._lost and not changed:
            found = self.detector.follow(frame, self._last)
        if found is None:
            found = self._acquire(frame, time, changed)
        if found is None:
            self._lost += 1
        else:
            self._last, self._last_time, self._lost = found, time, 0
        self.faces.append(found)

    def _acquire(self, frame: np.ndarray, time: float, changed: bool) -> Face | None:
        faces = self.detector.detect(frame)
        if len(faces) <= self.rank and self._lost % _SEARCH_EVERY == 0:
            faces = find_small_faces(frame, self.detector, faces)
        self.most = max(self.most, len(faces))
        if not faces:
            return None
        if self._last is not None:
            nearest = max(faces, key=lambda face: overlap(face.box, self._last.box))  # type: ignore[union-attr]
            if overlap(nearest.box, self._last.box) > 0.1:
                return nearest
            if not changed and time - self._last_time < _FORGET:
                # it may have moved on unseen: take the nearest of about
                # its size, and none rather than a stranger
                apart = [(_apart(face, self._last), face) for face in faces]
                distance, near = min(apart, key=lambda pair: pair[0])
                return near if distance < 1.0 else None
        return faces[self.rank] if len(faces) > self.rank else None

    def jumps(self) -> np.ndarray:
        """float [T]: how far the face moved since the frame before,
        in its own size; 0 where either lacks it."""
        result = np.zeros(len(self.faces))
        for index, (before, now) in enumerate(itertools.pairwise(self.faces), start=1):
            if before is not None and now is not None:
                result[index] = _apart(now, before)
        return result


def _apart(a: Face, b: Face) -> float:
    """Distance of two faces' points (as a whole: place, size and turn), in face sizes."""
    size = float(max(b.box[2] - b.box[0], b.box[3] - b.box[1], 1e-6))
    return float(np.linalg.norm(a.points[:, :2] - b.points[:, :2], axis=1).mean()) / size


def _track(
    faces: list[Face | None], times: list[float], size: tuple[int, int], meta: dict[str, Any]
) -> LandmarkTrack:
    points = np.full((len(times), POINTS, 3), np.nan, np.float32)
    irises = np.full((len(times), 2, 2), np.nan, np.float32)
    confidence = np.zeros((len(times), POINTS), np.float32)
    for index, found in enumerate(faces):
        if found is not None:
            points[index], irises[index], confidence[index] = found.points, found.irises, found.confidence
    return LandmarkTrack(points, irises, np.array(times), confidence, size, meta)


def _without_cuts(path: Path, track: LandmarkTrack, found: list[int], cuts: str) -> LandmarkTrack:
    if not found:
        return track
    seconds = ", ".join(f"{track.times[cut]:.2f} s" for cut in found[:8]) + (
        ", ..." if len(found) > 8 else ""
    )
    if cuts == "refuse":
        plural = "scene cuts" if len(found) > 1 else "a scene cut"
        raise InputError(
            f"{path}: has {plural} at {seconds}; a performance must be one shot:"
            " cut the video there, or keep its longest shot with --cuts trim"
        )
    start, stop = longest_shot(found, track.times, track.valid)
    kept = track.slice(start, stop)
    if not kept.valid.any():
        raise NoFaceError(f"{path}: no face was found in its longest shot")
    message = f"scene cuts at {seconds}: kept the longest shot, {kept.times[0]:.2f} to {kept.times[-1]:.2f} s"
    meta = {**track.meta, "kept": [float(kept.times[0]), float(kept.times[-1])], "message": message}
    return LandmarkTrack(kept.points, kept.irises, kept.times, kept.confidence, kept.size, meta)


def _no_face(path: Path, face: int, most: int) -> str:
    if most:
        found = f"at most {most} were found at once, counted from the largest, 0"
        return f"{path}: no frame shows a face {face}; {found}"
    return f"{path}: no face was found in any frame; use a video with a larger, sharper, frontal face"


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
