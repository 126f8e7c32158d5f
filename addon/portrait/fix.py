# SPDX-License-Identifier: GPL-3.0-or-later
"""The points that Fix Landmarks shows: a mesh that lies flat on the picture, a vertex per landmark.

Flat, so that a point sits on the painting where it is seen from any view; each landmark's depth is kept
in an attribute.  Meshes bring what dragging points needs: selection, proportional editing, undo.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import bpy

from .. import lookup
from ..problems import Problem
from . import rest
from . import rig as rigs

if TYPE_CHECKING:
    import numpy as np

ID, DEPTH = "tableau_landmark", "tableau_depth"
COVERED = "tableau_covered"
PLAYED = "tableau_played"
"""Key on the points: the bake was shown in place of the picture before, and is to be shown again."""


@dataclass(frozen=True)
class Points:
    """The mesh's first vertex of each landmark, in the rig's space.

    local float64 [70, 3], NaN where the vertex was deleted; selected bool [70].
    """

    local: np.ndarray
    selected: np.ndarray


def fixing_of(context: Any) -> Any:
    """The rig whose landmarks are being fixed, or None."""
    rig = lookup.rig_of(context)
    points = rig.tableau.fixing if rig is not None else None
    # an object that the artist deleted lives on outside the scene while a property points to it
    return rig if points is not None and points.name in context.scene.objects else None


def make_points(context: Any, rig: Any) -> Any:
    """A mesh over ``rig``'s rest landmarks, its object active and in edit mode; the rig is hidden."""
    import numpy as np

    from ...core.landmarks.schema import CONNECTIONS

    local = rest.rest_local(rig)
    flat = local * (1.0, 1.0, 0.0)
    edges = [pair for _, ring, _ in CONNECTIONS for pair in pairwise(ring)]
    edges += [(ring[-1], ring[0]) for _, ring, closed in CONNECTIONS if closed]
    name = f"{rig.tableau.title} Landmarks"
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(flat.tolist(), edges, [])
    mesh.attributes.new(ID, "INT", "POINT")
    mesh.attributes.new(DEPTH, "FLOAT", "POINT")
    mesh.attributes[ID].data.foreach_set("value", np.arange(70, dtype=np.int32) + 1)
    mesh.attributes[DEPTH].data.foreach_set("value", local[:, 2].astype(np.float32))
    points = bpy.data.objects.new(name, mesh)
    points.parent, points.matrix_parent_inverse = rig.parent, rig.matrix_parent_inverse.copy()
    points.matrix_basis = rig.matrix_basis.copy()
    points.show_in_front, points.hide_render = True, True
    points.tableau.kind, points.tableau.rig = "FIX", rig
    (rig.users_collection or (context.scene.collection,))[0].objects.link(points)
    rig.tableau.fixing = points
    _show_still(rig, points)
    activate(context, points)
    rig.hide_set(True)
    bpy.ops.object.mode_set(mode="EDIT")
    bpy.ops.mesh.select_mode(type="VERT")
    bpy.ops.mesh.select_all(action="DESELECT")
    return points


def read_points(points: Any) -> Points:
    """Where the vertices are now, in edit mode as well."""
    import numpy as np

    local = np.full((70, 3), np.nan)
    selected = np.zeros(70, bool)
    with _vertices(points) as shape:
        number, depth = _layers(points, shape)
        for vertex in shape.verts:
            index = vertex[number] - 1
            if 0 <= index < 70 and np.isnan(local[index, 0]):  # copies come after what they were made from
                local[index] = (*vertex.co[:2], vertex[depth])
                selected[index] = vertex.select and not vertex.hide
    return Points(local, selected)


def write_points(points: Any, local: np.ndarray, chosen: np.ndarray) -> int:
    """Move the vertices of the landmarks ``chosen`` (bool [70]) to ``local`` [70, 3]; how many there were."""
    moved = 0
    with _vertices(points, write=True) as shape:
        number, depth = _layers(points, shape)
        for vertex in shape.verts:
            index = vertex[number] - 1
            if 0 <= index < 70 and chosen[index]:
                vertex.co = (local[index, 0], local[index, 1], 0.0)
                vertex[depth] = local[index, 2]
                moved += 1
    return moved


def finish(context: Any, rig: Any) -> int:
    """Let ``rig`` rest where the points are now and take the points away; how many landmarks were moved."""
    import numpy as np

    before = rest.rest_local(rig)
    now = read_points(rig.tableau.fixing).local
    now = np.where(np.isfinite(now), now, before)  # a deleted point stays where it was
    moved = np.abs(now - before).max(axis=1) > 0.01 * rig.tableau.portrait.tableau.pixel
    discard(context, rig)
    if moved.any():
        rest.set_rest(context, rig, now)
        sure = rest.confidence(rig)
        sure[moved] = 1.0
        rig.data[rigs.CONFIDENCE] = [float(value) for value in sure]
        detected = rest.detected_local(rig)
        away = moved if detected is None else np.abs(now - detected).max(axis=1) > 1e-4
        rig.tableau.fixed = int(away.sum())
    activate(context, rig)
    return int(moved.sum())


def discard(context: Any, rig: Any) -> None:
    """Take the points away and show the rig as it was."""
    points = rig.tableau.fixing
    if context.object is not None and context.object.mode != "OBJECT":
        bpy.ops.object.mode_set(mode="OBJECT")
    rig.tableau.fixing = None
    if points is not None:
        _show_bake(rig.tableau.portrait, points)
        mesh = points.data
        bpy.data.objects.remove(points)
        if mesh.users == 0:
            bpy.data.meshes.remove(mesh)
    rig.hide_set(False)
    activate(context, rig)


def _show_still(rig: Any, points: Any) -> None:
    """Show the still picture, not its bake: a moving face is nothing to lay the rest landmarks on."""
    from ..bake import sequence

    portrait = rig.tableau.portrait
    if sequence.plays(portrait):
        points[PLAYED] = True
        sequence.show_still(portrait)
    others = (item for item in portrait.children if item.tableau.kind == "SEQUENCE")
    covers = {item.name for item in (*sequence.planes_of(rig), *others) if item.visible_get()}
    if portrait.hide_get() and covers:
        points[COVERED] = "\n".join(sorted(covers))
        portrait.hide_set(False)
        for name in covers:
            bpy.data.objects[name].hide_set(True)


def _show_bake(portrait: Any, points: Any) -> None:
    """Undo ``_show_still``."""
    from ..bake import sequence

    if points.get(PLAYED):
        sequence.show_played(portrait)
    covers = [bpy.data.objects.get(name) for name in points.get(COVERED, "").split("\n")]
    for item in covers:
        if item is not None:
            portrait.hide_set(True)
            item.hide_set(False)


def activate(context: Any, item: Any) -> None:
    """``item`` alone selected and active, in object mode."""
    if context.object is not None and context.object.mode != "OBJECT":
        bpy.ops.object.mode_set(mode="OBJECT")
    for other in context.view_layer.objects.selected:
        other.select_set(False)
    item.hide_set(False)
    item.select_set(True)
    context.view_layer.objects.active = item


@contextmanager
def _vertices(points: Any, *, write: bool = False) -> Any:
    """The mesh as a BMesh, whether it is being edited or not; changes are kept where ``write`` says so."""
    import bmesh

    if points.mode == "EDIT":
        shape = bmesh.from_edit_mesh(points.data)
        shape.verts.ensure_lookup_table()
        yield shape
        if write:
            bmesh.update_edit_mesh(points.data, loop_triangles=False, destructive=False)
        return
    shape = bmesh.new()
    try:
        shape.from_mesh(points.data)
        yield shape
        if write:
            shape.to_mesh(points.data)
            points.data.update()
    finally:
        shape.free()


def _layers(points: Any, shape: Any) -> tuple[Any, Any]:
    number, depth = shape.verts.layers.int.get(ID), shape.verts.layers.float.get(DEPTH)
    if number is None or depth is None:
        raise Problem(f"{points.name}: its landmark numbers are gone; discard it and start again")
    return number, depth
