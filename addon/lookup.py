# SPDX-License-Identifier: GPL-3.0-or-later
"""Which portrait the artist means, and how our objects find each other."""

from __future__ import annotations

from typing import Any

import bpy

from .problems import Problem


def kind_of(item: Any) -> str:
    return item.tableau.kind if item is not None else "NONE"


def portrait_of(context: Any) -> Any:
    """The portrait plane that the active object belongs to, else the only one of the scene, else None."""
    item = context.object
    while item is not None:
        kind = kind_of(item)
        if kind == "PORTRAIT":
            return item
        if kind == "RIG":
            return item.tableau.portrait
        if kind == "SEQUENCE" and item.tableau.rig is not None:
            return item.tableau.rig.tableau.portrait
        item = item.parent
    planes = [o for o in context.scene.objects if kind_of(o) == "PORTRAIT"]
    return planes[0] if len(planes) == 1 else None


def rig_of(context: Any) -> Any:
    """The landmark rig that the active object belongs to, else its portrait's current one, or None."""
    item = context.object
    while item is not None:
        rig = item if kind_of(item) == "RIG" else item.tableau.rig
        if rig is not None and rig.tableau.portrait is not None:  # a rig whose plane is gone serves nobody
            return rig
        item = item.parent
    plane = portrait_of(context)
    if plane is None:
        return None
    return plane.tableau.rig or next(iter(rigs_of(plane)), None)


def rigs_of(plane: Any) -> list[Any]:
    """All rigs on ``plane`` (a group portrait has one per chosen face), in the order of its faces."""
    found = [o for o in bpy.data.objects if kind_of(o) == "RIG" and o.tableau.portrait == plane]
    return sorted(found, key=lambda rig: rig.tableau.face)


def has_action(rig: Any) -> bool:
    data = rig.animation_data
    return data is not None and (data.action is not None or bool(data.nla_tracks))


def missing(context: Any, *, rig: bool = False) -> str:
    """What the next step lacks, as one line for a poll message; empty where nothing is missing."""
    plane = portrait_of(context)
    if plane is None:
        several = any(kind_of(o) == "PORTRAIT" for o in context.scene.objects)
        return "Select the portrait that is meant" if several else "Load a portrait first"
    if rig and rig_of(context) is None:
        return "Detect the portrait's landmarks first"
    return ""


def library_of(item: Any) -> Any:
    """The library that ``item`` comes from, also where it is overridden here; None for this file's own."""
    override = item.override_library
    return item.library or (override.reference.library if override and override.reference else None)


def linked(item: Any) -> str:
    """One line where ``item`` or its data is another file's, which this one cannot change; else empty."""
    if item.library is None and (item.data is None or item.data.library is None):
        return ""
    return f"{item.name}: is linked from another file; make it local, or change it there"


def in_scene(item: Any, scene: Any) -> bool:
    """Whether ``scene`` has this very object; an override and what it overrides have the same name."""
    return scene.objects.get(item.name) == item or any(other == item for other in scene.objects)


def by_session(uid: int) -> Any:
    """An object that may have been replaced by undo while a job ran; Problem where it was deleted."""
    for item in bpy.data.objects:
        if item.session_uid == uid:
            return item
    raise Problem("The portrait was deleted while the work was running")
