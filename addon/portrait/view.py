# SPDX-License-Identifier: GPL-3.0-or-later
"""A camera that sees exactly the portrait, and the scene settings under
which its colors come out as they went in."""

from __future__ import annotations

from typing import Any

import bpy
from mathutils import Matrix, Vector

CAMERA = "Tableau Camera"
_EXACT = (("view_transform", "Standard"), ("look", "None"), ("exposure", 0.0), ("gamma", 1.0))


def fit_camera(context: Any, plane: Any, *, set_resolution: bool) -> Any:
    """Aim the scene's portrait camera (made where missing)
    at ``plane`` so that the picture fills the frame."""
    scene = context.scene
    camera = next((o for o in scene.objects if o.type == "CAMERA" and o.get("tableau_camera")), None)
    if camera is None:
        camera = bpy.data.objects.new(CAMERA, bpy.data.cameras.new(CAMERA))
        camera["tableau_camera"] = True
        scene.collection.objects.link(camera)
    width, height = plane.tableau.size
    render = scene.render
    if set_resolution:
        render.resolution_x, render.resolution_y, render.resolution_percentage = width, height, 100
        render.pixel_aspect_x = render.pixel_aspect_y = 1.0
    context.view_layer.update()
    location, rotation, scale = plane.matrix_world.decompose()
    wide, high = width * plane.tableau.pixel * scale.x, height * plane.tableau.pixel * scale.y
    frame_x = render.resolution_x * render.pixel_aspect_x
    frame_y = render.resolution_y * render.pixel_aspect_y
    per_pixel = max(wide / frame_x, high / frame_y)
    distance = 2.0 * max(wide, high)
    camera.parent = None
    camera.matrix_world = Matrix.LocRotScale(location + rotation @ Vector((0, 0, distance)), rotation, None)
    camera.data.type, camera.data.sensor_fit = "ORTHO", "AUTO"
    camera.data.ortho_scale = per_pixel * max(frame_x, frame_y)
    camera.data.shift_x = camera.data.shift_y = 0.0
    camera.data.clip_start, camera.data.clip_end = 0.01 * distance, 4.0 * distance
    scene.camera = camera
    return camera


def colors_match(scene: Any) -> bool:
    """True where the scene's view shows a picture's own colors."""
    view = scene.view_settings
    return all(getattr(view, name) == value for name, value in _EXACT) and not view.use_curve_mapping


def match_colors(scene: Any) -> None:
    """Show and render a picture's own colors: Standard view, nothing on top of it, no dithering."""
    view = scene.view_settings
    scene.display_settings.display_device = "sRGB"
    for name, value in _EXACT:
        setattr(view, name, value)
    view.use_curve_mapping = False
    scene.render.dither_intensity = 0.0


def show_pictures(screen: Any) -> None:
    """Let the solid views of ``screen`` (or None) show pictures in their own colors."""
    for area in screen.areas if screen is not None else ():
        if area.type == "VIEW_3D" and area.spaces.active.shading.type == "SOLID":
            area.spaces.active.shading.color_type = "TEXTURE"
            area.spaces.active.shading.light = "FLAT"


def look_at(context: Any, plane: Any) -> None:
    """Turn the 3D view that the artist works in squarely to ``plane``;
    nothing without a window or through a camera."""
    area = context.area
    if bpy.app.background or area is None or area.type != "VIEW_3D":
        return
    seen = area.spaces.active.region_3d
    if seen.view_perspective != "CAMERA":
        context.view_layer.update()
        seen.view_perspective = "ORTHO"
        seen.view_location, seen.view_rotation, _ = plane.matrix_world.decompose()
        seen.view_distance = 1.7 * max(plane.dimensions)
