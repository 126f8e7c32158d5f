# SPDX-License-Identifier: GPL-3.0-or-later
"""What choosing a face in the panel's list does, and showing or hiding a rig."""

from __future__ import annotations

from typing import Any

import bpy


def face_chosen(settings: Any, context: Any) -> None:
    """The chosen face's rig, if it has one, becomes the portrait's current rig and the active object."""
    from .. import lookup

    plane = settings.id_data
    rig = next((rig for rig in lookup.rigs_of(plane) if rig.tableau.face == settings.face_index), None)
    if rig is None or settings.rig == rig:
        return
    settings.rig = rig
    layer = context.view_layer
    free = context.object is None or context.object.mode == "OBJECT"
    if free and rig.name in layer.objects and rig.visible_get():
        for item in layer.objects.selected:
            item.select_set(False)
        rig.select_set(True)
        layer.objects.active = bpy.data.objects[rig.name]


def rig_shown(settings: Any, context: Any) -> None:
    """The rig's bones follow the switch; the overlay looks at it by itself."""
    from .. import lookup
    from .dress import show_bones

    rig = settings.id_data
    if lookup.kind_of(rig) == "RIG" and not lookup.linked(rig):
        show_bones(rig, settings.show_rig)
