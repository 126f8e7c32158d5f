# SPDX-License-Identifier: GPL-3.0-or-later
"""Shots of a sitter from a video: the frames that differ most in pose and expression, as pictures."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from pathlib import Path

import numpy as np

from ..errors import Cancelled, InputError
from ..landmarks.detect import track_video
from ..media.picture import save_picture
from ..media.video import read_frames
from .select_frames import choose_shots
from .shot_pairs import Progress, Stop

MOST = 64


def sample_video(
    video: Path,
    folder: Path,
    count: int,
    *,
    backend: str = "auto",
    face: int = 0,
    seed: int = 0,
    progress: Progress,
    cancelled: Stop,
) -> list[Path]:
    """At most ``count`` (1..64) frames of ``video`` as PNGs in ``folder``, an ordinary one first.

    A video with scene cuts is searched in its longest scene.  Files are named by the video, its hash and the
    frame's time in ms; those that are there already are kept, whatever happens.  Raises InputError,
    NoFaceError, OutputError and Cancelled; then no new picture is left.
    """
    if not 1 <= count <= MOST:
        raise InputError(f"count = {count}: take 1 to {MOST} frames of a video")
    track = track_video(
        video, backend=backend, face=face, cuts="trim", progress=progress, cancelled=cancelled
    )
    chosen = choose_shots(track, count, np.random.default_rng(seed))
    if not chosen:
        raise InputError(f"{video}: the face is nowhere seen steadily; give a video that shows it longer")
    wanted = {float(track.times[index]): rank for rank, index in enumerate(chosen)}
    stem = f"{video.stem}-{str(track.meta['sha256'])[:6]}"
    made: dict[int, Path] = {}
    new: list[Path] = []
    with ExitStack() as undo:
        folder.mkdir(parents=True, exist_ok=True)
        undo.callback(_remove, new, folder)
        for time, frame in read_frames(video):
            if cancelled():
                raise Cancelled(f"{video}: sampling was stopped; no picture was kept")
            rank = wanted.get(time)
            if rank is not None:
                made[rank] = path = folder / f"{stem}-{round(1000 * time):07d}ms.png"
                if not path.is_file():
                    new.append(path)
                    save_picture(path, frame)
                progress(len(made), len(wanted), "pictures")
                if len(made) == len(wanted):
                    break
        undo.pop_all()
    return [made[rank] for rank in sorted(made)]


def _remove(made: list[Path], folder: Path) -> None:
    for path in made:
        with suppress(OSError):
            path.unlink()
    with suppress(OSError):  # it stays where it holds something else
        folder.rmdir()
