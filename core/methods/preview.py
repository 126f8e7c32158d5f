# SPDX-License-Identifier: GPL-3.0-or-later
"""What a viewport shows before the bake."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .signature import Cancelled, Progress, Result


def preview(
    *,
    portrait: str,
    face: str,
    output: str,
    mask: str | None = None,
    poses: list[list[float]] | None = None,
    progress: Progress,
    cancelled: Cancelled,
) -> Result:
    """The mesh that a viewport lays the portrait on, or, given ``poses``, what each of them makes of it;
    arrays in the .npz ``output`` (see ``preview_files.save_mesh`` and ``preview_files.save_poses``)."""
    from ..preview_files import save_mesh, save_poses

    files = Path(portrait), Path(face), None if mask is None else Path(mask)
    if poses is None:
        return save_mesh(*files, Path(output))
    return save_poses(*files, poses, Path(output), progress, cancelled)


def preview_frame(
    *,
    portrait: str,
    face: str,
    pose: list[float],
    output: str,
    mask: str | None = None,
    mode: str = "full",
    sitter: str | None = None,
    base: str | None = None,
    shots: Sequence[str] = (),
    likeness: float = 1.0,
    progress: Progress,
    cancelled: Cancelled,
) -> Result:
    """One pose rendered as a bake would into the PNG ``output``; the portrait stays prepared."""
    from ..preview_files import save_frame
    from ..rendering import Rendering

    matte, own, weights = (None if path is None else Path(path) for path in (mask, sitter, base))
    rendering = Rendering(mode, own, weights, tuple(Path(shot) for shot in shots), likeness)
    files = Path(portrait), Path(face), matte
    return save_frame(*files, rendering, pose, Path(output), progress, cancelled)
