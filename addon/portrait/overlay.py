# SPDX-License-Identifier: GPL-3.0-or-later
"""The overlay of the 3D view: landmark curves colored by confidence, boxes around faces, points to drag.

Nothing is drawn, and no handler exists, in background mode.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import bpy

from .. import lookup
from ..problems import Problem
from . import rig as rigs

if TYPE_CHECKING:
    import numpy as np

LINE = 1.3
"""Width of a landmark curve in pixels: the painting is seen beside it."""
CLASSES = ()
_handlers: list[Any] = []


def shown_rigs(context: Any) -> list[Any]:
    """The rigs whose landmarks are to be drawn in this view layer."""
    found = []
    for item in context.view_layer.objects:
        if lookup.kind_of(item) != "RIG" or item.tableau.portrait is None:
            continue
        points = item.tableau.fixing
        fixing = points is not None and points.name in context.view_layer.objects and points.visible_get()
        wanted = item.tableau.portrait.tableau.show_landmarks and item.tableau.show_rig
        if wanted and (fixing or (item.visible_get() and not _painted_over(item))):
            found.append(item)
    return found


def _painted_over(rig: Any) -> bool:
    """Whether a painted frame of the very pose that ``rig`` has is seen now: nothing is drawn over it."""
    from ..preview import painted

    state = painted.state_of(rig)
    return state is not None and not state.stale


def posed_points(rig: Any) -> np.ndarray:
    """float32 [70, 3] in world space: where the landmarks are now, posed or being fixed."""
    import numpy as np

    points = rig.tableau.fixing
    if points is not None and points.visible_get():
        from .fix import read_points

        local = read_points(points).local * (1.0, 1.0, 0.0)
        matrix = points.matrix_world
    else:
        heads = np.empty(3 * len(rig.pose.bones), np.float32)
        rig.pose.bones.foreach_get("head", heads)
        places = {bone.name: i for i, bone in enumerate(rig.pose.bones)}
        order = [places.get(name, -1) for name in rigs.bone_names()]
        local = np.where(np.array(order)[:, None] >= 0, heads.reshape(-1, 3)[order], np.nan)
        matrix = rig.matrix_world
    world = np.array(matrix, np.float64)
    return (local @ world[:3, :3].T + world[:3, 3]).astype(np.float32)


def shown_boxes(context: Any) -> list[tuple[Any, np.ndarray, int, bool]]:
    """(plane, corners float64 [4, 3] in world space, number from 1, is it the chosen one) of listed faces."""
    import numpy as np

    from .curves import box_corners
    from .space import PictureSpace

    boxes = []
    for plane in context.view_layer.objects:
        settings = plane.tableau
        several = settings.kind == "PORTRAIT" and settings.show_faces and len(settings.faces) > 1
        if not several or not plane.visible_get():
            continue
        world = np.array(plane.matrix_world, np.float64)
        for index, face in enumerate(settings.faces):
            local = PictureSpace.of(plane).to_local(box_corners(tuple(face.box)))
            corners = local @ world[:3, :3].T + world[:3, 3]
            boxes.append((plane, corners, index + 1, index == settings.face_index))
    return boxes


def _draw_lines() -> None:
    import numpy as np

    from . import rest
    from .curves import landmark_lines

    context = bpy.context
    if not context.space_data.overlay.show_overlays:
        return
    posed = context.object
    if posed is not None and posed.mode == "POSE" and not posed.tableau.show_rig:
        _bring_back(posed)
    for rig in shown_rigs(context):
        ends, tints = landmark_lines(posed_points(rig), rest.confidence(rig))
        _lines(context, ends, tints, LINE)
    for _, corners, _, chosen in shown_boxes(context):
        ring = corners[[0, 1, 1, 2, 2, 3, 3, 0]].astype(np.float32)
        tint = np.array([(1.0, 0.62, 0.16, 1.0) if chosen else (1.0, 1.0, 1.0, 0.6)] * 8, np.float32)
        _lines(context, ring, tint, 2.5 if chosen else 1.5)


def _bring_back(rig: Any) -> None:
    """Show a hidden rig that is being posed: by a timer, since nothing may be changed while drawing."""
    uid = rig.session_uid

    def show() -> None:
        with suppress(Problem):
            lookup.by_session(uid).tableau.show_rig = True

    bpy.app.timers.register(show, first_interval=0.0)


def _lines(context: Any, ends: np.ndarray, tints: np.ndarray, width: float) -> None:
    import gpu
    from gpu_extras.batch import batch_for_shader

    if not len(ends):
        return
    shader = gpu.shader.from_builtin("POLYLINE_SMOOTH_COLOR")
    batch = batch_for_shader(shader, "LINES", {"pos": ends, "color": tints})
    gpu.state.blend_set("ALPHA")
    gpu.state.depth_test_set("NONE")
    shader.bind()
    shader.uniform_float("viewportSize", (context.region.width, context.region.height))
    shader.uniform_float("lineWidth", width * context.preferences.system.ui_scale)
    batch.draw(shader)
    gpu.state.blend_set("NONE")


def fixed_points(context: Any) -> list[tuple[np.ndarray, np.ndarray]]:
    """(world points float32 [70, 3], selected bool [70]) of each rig that is being fixed here."""
    from .fix import read_points

    found = []
    for rig in shown_rigs(context):
        points = rig.tableau.fixing
        if points is not None and points.visible_get():
            found.append((posed_points(rig), read_points(points).selected))
    return found


def _draw_marks() -> None:
    import blf
    from bpy_extras.view3d_utils import location_3d_to_region_2d
    from mathutils import Vector

    context = bpy.context
    if not context.space_data.overlay.show_overlays:
        return
    for _, corners, number, chosen in shown_boxes(context):
        at = location_3d_to_region_2d(context.region, context.region_data, Vector(corners[0]))
        if at is None:
            continue
        blf.size(0, 14 * context.preferences.system.ui_scale)
        blf.color(0, *((1.0, 0.62, 0.16, 1.0) if chosen else (1.0, 1.0, 1.0, 0.8)))
        blf.position(0, at.x, at.y + 5, 0)
        blf.draw(0, f"Face {number}")
    for points, selected in fixed_points(context):
        _dots(context, points, selected)


def _dots(context: Any, points: np.ndarray, selected: np.ndarray) -> None:
    """A dot for each point that can be dragged: white on dark, orange where it is selected."""
    import gpu
    from bpy_extras.view3d_utils import location_3d_to_region_2d
    from gpu_extras.batch import batch_for_shader
    from mathutils import Vector

    scale = context.preferences.system.ui_scale
    shader = gpu.shader.from_builtin("UNIFORM_COLOR")
    seen = [location_3d_to_region_2d(context.region, context.region_data, Vector(p)) for p in points.tolist()]
    orange = (1.0, 0.62, 0.16, 1.0)
    for radius, color, wanted in (
        (4.5, (0.05, 0.05, 0.05, 1.0), (False, True)),
        (3.0, (1.0, 1.0, 1.0, 1.0), (False,)),
        (3.0, orange, (True,)),
    ):
        r = radius * scale
        corners = [
            (at.x + dx, at.y + dy)
            for at, chosen in zip(seen, selected, strict=True)
            if at is not None and chosen in wanted
            for dx, dy in ((-r, 0), (0, r), (r, 0), (-r, 0), (0, -r), (r, 0))
        ]
        if corners:
            shader.bind()
            shader.uniform_float("color", color)
            batch_for_shader(shader, "TRIS", {"pos": corners}).draw(shader)


def _guarded(draw: Any) -> Any:
    """``draw``, switched off for good by an error: a traceback per redraw would bury the artist's console."""

    def run() -> None:
        try:
            draw()
        except Exception as error:
            print(
                f"Tableau Vivant's overlay was switched off: {type(error).__name__}: {error}", file=sys.stderr
            )
            detach()

    return run


def attach() -> None:
    if bpy.app.background:
        return
    add = bpy.types.SpaceView3D.draw_handler_add
    _handlers.append(add(_guarded(_draw_lines), (), "WINDOW", "POST_VIEW"))
    _handlers.append(add(_guarded(_draw_marks), (), "WINDOW", "POST_PIXEL"))


def detach() -> None:
    while _handlers:
        bpy.types.SpaceView3D.draw_handler_remove(_handlers.pop(), "WINDOW")
