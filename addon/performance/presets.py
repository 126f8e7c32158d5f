# SPDX-License-Identifier: GPL-3.0-or-later
"""The performances that ship with the extension, by name, with a small picture of each."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.props import EnumProperty

from ..engine import PACKAGE

FOLDER = PACKAGE / "presets" / "performances"
_items: list[tuple[str, str, str, int, int]] = []  # Blender needs what a dynamic enum says kept alive
_previews: Any = None
CLASSES = ()


def names() -> list[str]:
    """Names of the presets, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def label(name: str) -> str:
    """A preset's name as people read it."""
    return name.replace("_", " ").replace("-", " ").title()


def enum_items(self, context) -> list[tuple[str, str, str, int, int]]:
    """The presets with their pictures, which are loaded when they are first asked for."""
    if not _items:
        _items[:] = [(name, label(name), "", _icon(name), number) for number, name in enumerate(names())]
    return _items


def _icon(name: str) -> int:
    global _previews
    if _previews is None:
        import bpy.utils.previews

        _previews = bpy.utils.previews.new()
    path = str(FOLDER / f"{name}.png")
    return _previews.load(name, path, "IMAGE").icon_id


def attach() -> None:
    bpy.types.WindowManager.tableau_preset = EnumProperty(
        name="Preset", description="The performance to put on the rig", items=enum_items
    )


def detach() -> None:
    global _previews
    del bpy.types.WindowManager.tableau_preset
    _items.clear()
    if _previews is not None:
        bpy.utils.previews.remove(_previews)
        _previews = None
