# SPDX-License-Identifier: GPL-3.0-or-later
"""The faces of a picture: kept on its plane, listed with thumbnails."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
import bpy.utils.previews

from .. import lookup, paths

_previews: Any = None


def keep_faces(plane: Any, found: list[dict[str, Any]]) -> None:
    """Store what ``detect`` said about the faces of ``plane``'s picture."""
    settings = plane.tableau
    settings.faces.clear()
    for face in found:
        item = settings.faces.add()
        item.box, item.score = face["box"], face["score"]
        item.track, item.thumbnail = paths.shown(face["track"]), paths.shown(face["thumbnail"])
    if _previews is not None:
        for face in found:  # a picture may have changed under the same name
            _previews.pop(face["thumbnail"], None)


def icon_of(face: Any) -> int:
    """The icon id of a face's thumbnail; 0 where there is none."""
    global _previews
    path = Path(bpy.path.abspath(face.thumbnail))
    if bpy.app.background or not path.is_file():
        return 0
    if _previews is None:
        _previews = bpy.utils.previews.new()
    key = str(path)
    preview = _previews.get(key) or _previews.load(key, key, "IMAGE")
    return preview.icon_id


class TABLEAU_UL_faces(bpy.types.UIList):
    """The faces of a picture, largest first"""

    def draw_item(self, context, layout, data, item, icon, active_data, active_property, index):
        plane = data.id_data
        rigged = any(rig.tableau.face == index for rig in lookup.rigs_of(plane))
        wide, high = round(item.box[2] - item.box[0]), round(item.box[3] - item.box[1])
        row = layout.row(align=True)
        picture = icon_of(item)
        text = f"Face {index + 1}: {wide} x {high} px"
        if picture:
            row.label(text=text, icon_value=picture)
        else:
            row.label(text=text, icon="USER")
        row.label(text="", icon="OUTLINER_OB_ARMATURE" if rigged else "BLANK1")


CLASSES = (TABLEAU_UL_faces,)


def detach() -> None:
    global _previews
    if _previews is not None:
        bpy.utils.previews.remove(_previews)
        _previews = None
