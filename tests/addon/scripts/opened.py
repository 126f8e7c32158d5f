# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person sees who opens a file of ours in a Blender without the extension."""

import bpy
from common import PACKAGE, addon_utils, answer, finish, folder, question, render_png

addon_utils.disable(PACKAGE)
bpy.ops.wm.open_mainfile(filepath=question["blend"], load_ui=True)
scene = bpy.context.scene
answer["range"] = [scene.frame_start, scene.frame_end]
answer["current"] = scene.frame_current
answer["rate"] = scene.render.fps / scene.render.fps_base
answer["view"] = scene.view_settings.view_transform
answer["camera"] = scene.camera is not None
answer["files"] = [image.filepath for image in bpy.data.images if image.source in {"FILE", "SEQUENCE"}]
views = [area.spaces.active for area in bpy.data.screens["Layout"].areas if area.type == "VIEW_3D"]
answer["views"] = [[view.region_3d.view_perspective, view.shading.color_type] for view in views]
answer["action"] = [action.name for action in bpy.data.actions]
scene.frame_set(question["frame"])
render_png(folder / "opened.png", scene.render.resolution_x, scene.render.resolution_y)
finish()
