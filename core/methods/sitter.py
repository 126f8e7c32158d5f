# SPDX-License-Identifier: GPL-3.0-or-later
"""A sitter: the shots of a video, personalization, and what it changes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .signature import Cancelled, Progress, Result


def sample_shots(
    *,
    video: str,
    folder: str,
    count: int = 8,
    backend: str = "auto",
    face: int = 0,
    seed: int = 0,
    progress: Progress,
    cancelled: Cancelled,
) -> Result:
    """``count`` frames of a video that show the sitter most differently, as PNGs in ``folder``."""
    from ..training.video_shots import sample_video

    made = sample_video(
        Path(video),
        Path(folder),
        count,
        backend=backend,
        face=face,
        seed=seed,
        progress=progress,
        cancelled=cancelled,
    )
    return {"shots": [str(path) for path in made]}


def personalize(
    *,
    shots: Sequence[str],
    output: str,
    face: str | None = None,
    method: str = "auto",
    steps: int | None = None,
    seed: int = 0,
    backend: str = "auto",
    base: str | None = None,
    device: str = "auto",
    progress: Progress,
    cancelled: Cancelled,
) -> Result:
    """A sitter from ``shots``, the portrait first, written to ``output``.

    ``face``: one-frame track of the portrait's landmarks; those of the further shots are detected.
    """
    from ..training.personalize_command import PersonalizeOptions
    from ..training.personalize_command import run as run_personalize

    options = PersonalizeOptions(
        shots=tuple(Path(shot) for shot in shots),
        output=Path(output),
        landmarks=None if face is None else Path(face),
        backend=backend,
        method=method,
        steps=steps,
        seed=seed,
        base=None if base is None else Path(base),
        device=device,
    )
    return run_personalize(options, progress, cancelled)


def preview_strip(
    *,
    image: str,
    face: str,
    sitter: str,
    output: str,
    likeness: float = 1.0,
    base: str | None = None,
    progress: Progress,
    cancelled: Cancelled,
) -> Result:
    """The portrait in a few expressions, without and with its sitter, one row each, as the PNG ``output``."""
    from ..strip import write_strip

    return write_strip(
        Path(image),
        Path(face),
        Path(sitter),
        Path(output),
        likeness=likeness,
        base=None if base is None else Path(base),
        progress=progress,
        cancelled=cancelled,
    )
