# SPDX-License-Identifier: GPL-3.0-or-later
"""Previews as the worker's methods ask for them: from files, into files.

What was prepared for a portrait is kept for as long as its files stay what they are.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .atomic import atomic_path
from .errors import Cancelled, InputError
from .landmarks.track import LandmarkTrack
from .media.picture import load_picture
from .plan import rest_face
from .preview import TILES, Pose, Previewer
from .rendering import Rendering, read_mask

if TYPE_CHECKING:
    from .landmarks.face import Face
    from .media.picture import Picture
    from .rendering import FrameMaker
    from .review import Progress

SMALL = 2**18  # bytes of a file whose content is compared, not only its time
STEPS = 6  # of preparing a frame by the generator, and painting it
_Stamp = tuple[str, int | str, int] | None


def prepared(portrait: Path, face: Path, mask: Path | None) -> Previewer:
    """The previewer of these files; the last few are kept for as long as the files stay what they are."""
    return _previewer(*(_stamped(path) for path in (portrait, face, mask)))


@lru_cache(maxsize=3)
def _previewer(portrait: _Stamp, face: _Stamp, mask: _Stamp) -> Previewer:
    return Previewer(*_inputs(portrait, face, mask))


def _stamped(path: Path | None) -> _Stamp:
    """A file and what changes when it does: a small file's content, a large one's size and time."""
    if path is None:
        return None
    try:
        status = os.stat(path)
        if status.st_size < SMALL:
            return str(path), hashlib.sha256(path.read_bytes()).hexdigest(), status.st_size
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    return str(path), status.st_mtime_ns, status.st_size


def _inputs(portrait: _Stamp, face: _Stamp, mask: _Stamp) -> tuple[Picture, Face, np.ndarray | None]:
    assert portrait is not None and face is not None
    picture, track = load_picture(Path(portrait[0])), LandmarkTrack.load(Path(face[0]))
    if track.size != picture.size:
        raise InputError(
            f"{face[0]}: its landmarks are for {track.size[0]} x {track.size[1]} px, {portrait[0]} has "
            f"{picture.size[0]} x {picture.size[1]}; detect them again"
        )
    return picture, rest_face(track), None if mask is None else read_mask(Path(mask[0]), picture.size)


def save_mesh(portrait: Path, face: Path, mask: Path | None, output: Path) -> dict[str, Any]:
    """Write the rest mesh: ``rest`` float32 [V, 3] px, ``triangles`` int32 [F, 3], ``tiles`` int32 [3, 4]."""
    previewer = prepared(portrait, face, mask)
    _save(output, rest=previewer.rest, triangles=previewer.triangles, tiles=np.array(TILES, np.int32))
    return {"mesh": str(output), "vertices": len(previewer.rest), "triangles": len(previewer.triangles)}


def save_poses(
    portrait: Path,
    face: Path,
    mask: Path | None,
    poses: Sequence[Sequence[float]],
    output: Path,
    progress: Progress,
    cancelled: Callable[[], bool],
) -> dict[str, Any]:
    """Write what each of ``poses`` (140 numbers: x, y px of 68 landmarks and 2 irises) looks like:
    ``vertices`` float32 [N, V, 3] px, ``boxes`` float32 [N, 3, 4] px, ``atlas`` uint8 [N, 96, 320, 4]."""
    wanted = np.asarray(poses, np.float64)
    if (
        wanted.ndim != 2
        or not len(wanted)
        or wanted.shape[1] != 140
        or not np.isfinite(wanted[:, :136]).all()
    ):
        raise InputError("poses: expected lists of 140 numbers, x and y of 68 landmarks and 2 irises")
    previewer = prepared(portrait, face, mask)
    made: list[Pose] = []
    for number, pose in enumerate(wanted.reshape(-1, 70, 2)):
        if cancelled():
            raise Cancelled("stopped")
        progress(number, len(wanted), "preview")
        made.append(previewer.pose(pose[:68], pose[68:]))
    _save(output, **{name: np.stack([getattr(p, name) for p in made]) for name in Pose.__annotations__})
    return {"poses": str(output), "count": len(made)}


def _save(output: Path, **arrays: np.ndarray) -> None:
    with atomic_path(output) as temporary, open(temporary, "wb") as file:
        np.savez(file, **arrays)


_made: dict[tuple[Any, ...], tuple[Picture, FrameMaker]] = {}


def save_frame(
    portrait: Path,
    face: Path,
    mask: Path | None,
    rendering: Rendering,
    pose: Sequence[float],
    output: Path,
    progress: Progress,
    cancelled: Callable[[], bool],
) -> dict[str, Any]:
    """Render one pose (140 numbers as for :func:`save_poses`) as a bake would, provenance included,
    into the PNG ``output``.  The portrait stays prepared for the next one."""
    from .media.picture import save_picture
    from .provenance import Provenance
    from .rendering import input_sha256

    wanted = np.asarray(pose, np.float32)
    if wanted.shape != (140,) or not np.isfinite(wanted[:136]).all():
        raise InputError("pose: expected 140 numbers, x and y of 68 landmarks and 2 irises")

    def report(done: int, total: int, text: str) -> None:
        if cancelled():
            raise Cancelled("stopped")
        progress(min(done, STEPS - 1), STEPS, text)

    report(0, STEPS, "reading the portrait")
    picture, maker = _maker(portrait, face, mask, rendering, report)
    report(STEPS - 1, STEPS, "painting the frame")
    both = wanted.reshape(70, 2)
    frame = maker.render(both[:68], both[68:])
    report(STEPS - 1, STEPS, "writing the frame")
    text = Provenance.of(portrait, input_sha256(portrait), rendering.mode).png_text()
    save_picture(output, frame, icc=picture.icc, text=text)
    return {"frame": str(output), "size": list(picture.size)}


def _maker(
    portrait: Path, face: Path, mask: Path | None, rendering: Rendering, report: Progress
) -> tuple[Picture, FrameMaker]:
    """What renders these files; only the last one is kept, it holds the generator."""
    extra = (*rendering.inputs().items(), rendering.likeness)
    files = _stamped(portrait), _stamped(face)
    key = (*files, _stamped(mask), extra)
    if key not in _made:
        _made.clear()
        picture, rest, _ = _inputs(*files, None)
        _made[key] = picture, rendering.prepare(picture, rest, mask, report)
    return _made[key]
