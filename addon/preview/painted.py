# SPDX-License-Identifier: GPL-3.0-or-later
"""One frame painted by the generator and laid before the portrait for as long as the pose is that one."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from .. import lookup, paths
from ..portrait import plane as planes
from ..problems import Problem
from . import handlers, stage
from .cache import same

if TYPE_CHECKING:
    import numpy as np

KIND = "painted"


@dataclass(eq=False)
class Painted:
    """``pose``: [140] px, the one that is shown, ``number`` the frame that it was painted at.
    ``stale``: the pose of the moment is another one, so the frame is hidden.
    ``hides_rig``: the rig's bones and curves are out of the way while the frame is seen."""

    uid: int
    pose: np.ndarray
    number: int
    stale: bool = False
    hides_rig: bool = False

    def follow(self, graph: Any, undone: bool) -> None:
        """Hide the frame while the pose is another one, and show it again with its own."""
        from ..bake.sample import read_pose

        try:
            rig = lookup.by_session(self.uid)
            item = find(rig)
            if item is None:
                _drop(self.uid)
            elif lookup.in_scene(rig, graph.scene):
                self.stale = not same(read_pose(rig, graph), self.pose)
                if item.hide_viewport != self.stale:
                    item.hide_viewport = self.stale
                    self.clear_the_view(rig, not self.stale)
        except Problem:  # the rig is gone or broken: there is nothing to compare with
            _drop(self.uid)

    def clear_the_view(self, rig: Any, yes: bool) -> None:
        """Hide the rig's bones and curves, unless they are being posed; or bring back what this hid."""
        if yes and rig.mode != "POSE" and rig.tableau.show_rig:
            self.hides_rig, rig.tableau.show_rig = True, False
        elif not yes and self.hides_rig:
            self.hides_rig, rig.tableau.show_rig = False, True

    def away(self, leave: bool) -> None:
        with suppress(Problem):
            rig = lookup.by_session(self.uid)
            item = find(rig)
            if item is not None:
                stage.set_aside(item, leave)
                self.clear_the_view(rig, not (leave or self.stale))


_painted: dict[int, Painted] = {}
busy: dict[int, int] = {}
"""Frames that are being painted now, by the session id of their rig."""


def state_of(rig: Any) -> Painted | None:
    """What is known of the painted frame of ``rig``; None where there is none."""
    if _painted and not handlers.alive():  # another file was loaded
        _painted.clear()
    found = None if rig is None else _painted.get(rig.session_uid)
    return found if found is not None and find(rig) is not None else None


def show(rig: Any, picture: Path, pose: np.ndarray, number: int) -> Any:
    """Lay ``picture``, which shows ``pose`` [140] px of frame ``number``, before the portrait of ``rig``;
    the object that shows it."""
    plane, name = rig.tableau.portrait, f"{rig.tableau.title} Preview Frame"
    remove(rig)
    image = bpy.data.images.load(str(picture), check_existing=True)
    image.filepath = paths.shown(picture)
    image.reload()
    space = plane.tableau
    mesh = planes.make_mesh(name, space.size[0] * space.pixel, space.size[1] * space.pixel)
    mesh.materials.append(planes.make_material(name, image))
    item = bpy.data.objects.new(name, mesh)
    item.parent, item.hide_render, item.hide_select = plane, True, True
    item.location.z = 4 * stage.LIFT * space.size[1] * space.pixel
    item.tableau.kind, item.tableau.rig = "FRAME", rig
    planes.put_beside(item, plane)
    painted = Painted(rig.session_uid, pose, number)
    _painted[painted.uid] = painted
    handlers.follow(KIND, painted.uid, painted.follow, painted.away)
    painted.follow(bpy.context.evaluated_depsgraph_get(), False)
    painted.clear_the_view(rig, not painted.stale)
    return item


def find(rig: Any) -> Any:
    """The object that shows a painted frame of ``rig``, or None."""
    owned = (o for o in bpy.data.objects if lookup.kind_of(o) == "FRAME" and o.tableau.rig == rig)
    return next(owned, None)


def remove(rig: Any) -> None:
    """Take the painted frame away, with all that is only its own; its file stays."""
    if rig.session_uid in _painted:
        _painted[rig.session_uid].clear_the_view(rig, False)
    _drop(rig.session_uid)
    item = find(rig)
    if item is None:
        return
    mesh = item.data
    node, materials = planes.picture_node(item), [m for m in mesh.materials if m is not None]
    image = node.image if node is not None else None
    bpy.data.objects.remove(item)
    if mesh.users == 0:
        bpy.data.meshes.remove(mesh)
    for material in materials:
        if material.users == 0:
            bpy.data.materials.remove(material)
    if image is not None and image.users == 0:
        bpy.data.images.remove(image)


def remove_all() -> None:
    """Take all painted frames of this session away."""
    for uid in list(_painted):
        with suppress(Problem):
            remove(lookup.by_session(uid))
    _painted.clear()


def _drop(uid: int) -> None:
    if _painted.pop(uid, None) is not None:
        handlers.unfollow(KIND, uid)
