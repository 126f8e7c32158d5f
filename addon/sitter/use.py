# SPDX-License-Identifier: GPL-3.0-or-later
"""How the bake uses a sitter: its file, its likeness, and the shots that may lend pixels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import paths
from ..problems import Problem
from . import store

if TYPE_CHECKING:
    from ...core.rendering import Rendering


def rendering(rig: Any) -> Rendering:
    """What a job of ``rig`` says about how pixels are made.

    Raises Problem where the sitter cannot be used, or a shot that is to lend pixels is not there.
    """
    from ...core.rendering import Rendering

    mode = rig.tableau.mode.lower()
    if mode == "flow":
        return Rendering(mode)
    settings = rig.tableau.sitter
    sitter = store.usable(rig)
    likeness = settings.likeness if sitter is not None and settings.tuned else 1.0
    lenders: tuple[Path, ...] = ()
    if mode == "full" and settings.still_camera:
        lenders = tuple(
            store.find(rig, shot.path) or paths.absolute(shot.path, rig) for shot in lending_shots(rig)
        )
    for path in lenders:
        if not path.is_file():
            raise Problem(f"{path}: the shot is not there; remove it in the Sitter panel")
    return Rendering(mode, sitter, None, lenders, round(likeness, 4))


def lending_shots(rig: Any) -> list[Any]:
    """The shots of the portrait's own size: frames of one still camera may be among them."""
    settings, size = rig.tableau.sitter, tuple(rig.tableau.portrait.tableau.size)
    return [shot for shot in settings.shots if tuple(shot.size) == size]
