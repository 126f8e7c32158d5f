# SPDX-License-Identifier: GPL-3.0-or-later
"""The preview strip: an image datablock, a picture in the panel, an image editor that shows it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
import bpy.utils.previews

from .. import paths
from . import store

_previews: Any = None
_seen: dict[str, int] = {}


def keep_strip(rig: Any, path: Path, thumbnail: Path, difference: float) -> Any:
    """Store the strip at ``path`` and its small form on ``rig``; its image datablock, made or read again."""
    settings = rig.tableau.sitter
    settings.strip, settings.thumbnail = paths.shown(path), paths.shown(thumbnail)
    settings.difference = difference
    image = bpy.data.images.load(str(path), check_existing=True)
    image.filepath = settings.strip
    image.reload()
    image.name = f"{rig.tableau.title} Sitter"
    return image


def forget(settings: Any) -> None:
    """The sitter with these settings has no preview any more; its files stay."""
    for name in ("strip", "thumbnail", "difference"):
        settings.property_unset(name)


def strip_image(rig: Any) -> Any:
    """The image datablock of ``rig``'s strip, loaded where needed; None where the file is not there."""
    path = store.find(rig, rig.tableau.sitter.strip)
    if path is None:
        return None
    return bpy.data.images.load(str(path), check_existing=True)


def icon_of(rig: Any) -> int:
    """The icon id of the small form of ``rig``'s strip; 0 where there is none, or no window."""
    global _previews
    if bpy.app.background:
        return 0
    path = store.find(rig, rig.tableau.sitter.thumbnail)
    if path is None:
        return 0
    if _previews is None:
        _previews = bpy.utils.previews.new()
    key, stamp = str(path), path.stat().st_mtime_ns
    if _seen.get(key) != stamp:
        _previews.pop(key, None)
        _seen[key] = stamp
    preview = _previews.get(key) or _previews.load(key, key, "IMAGE")
    return preview.icon_id


def show(context: Any, image: Any) -> None:
    """Show ``image`` in an image editor of this screen, else in a new window."""
    area = next((area for area in context.screen.areas if area.type == "IMAGE_EDITOR"), None)
    if area is None:
        bpy.ops.wm.window_new()
        area = context.window_manager.windows[-1].screen.areas[0]
        area.type = "IMAGE_EDITOR"
    area.spaces.active.image = image
    area.tag_redraw()


def detach() -> None:
    global _previews
    if _previews is not None:
        bpy.utils.previews.remove(_previews)
        _previews = None
    _seen.clear()
