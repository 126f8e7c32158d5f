# SPDX-License-Identifier: GPL-3.0-or-later
"""The performances that ship with the extension, by name."""

from __future__ import annotations

from ..engine import PACKAGE

FOLDER = PACKAGE / "presets" / "performances"
_items: list[tuple[str, str, str]] = []  # Blender needs the strings of a dynamic enum kept alive


def names() -> list[str]:
    """Names of the presets, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def enum_items(self, context) -> list[tuple[str, str, str]]:
    if not _items:
        _items[:] = [(name, name.replace("_", " ").replace("-", " ").title(), "") for name in names()]
    return _items
