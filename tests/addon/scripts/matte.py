# SPDX-License-Identifier: GPL-3.0-or-later
"""The matte: found, shown, painted as an ordinary image, used by the bake, removed."""

import json

import bpy
import numpy as np
from common import answer, finish, folder, module, problem, question, render_png

matte, lookup, paths = (module(f"addon.{name}") for name in ("portrait.matte", "lookup", "paths"))
tableau = bpy.ops.tableau
scene = bpy.context.scene
bpy.ops.wm.save_as_mainfile(filepath=str(folder / "matte.blend"))
tableau.load_portrait(filepath=question["picture"], camera=True)
rig = bpy.context.object
tableau.match_artwork_colors()
answer["none"] = problem(tableau.paint_matte)
tableau.find_matte()
plane, image = matte.matte_of(rig), matte.matte_image(rig)
answer["file"] = image.filepath
answer["mask_before"] = rig.tableau.mask
answer["hidden_in_render"] = plane.hide_render
answer["object"] = lookup.rig_of(bpy.context) == rig
render_png(folder / "with-matte.png", *rig.tableau.portrait.tableau.size)

tableau.paint_matte()
answer["painting"] = [
    bpy.context.object == plane,
    plane.mode,
    bpy.context.tool_settings.image_paint.canvas == image,
]
tableau.keep_matte()
answer["nothing_painted"] = rig.tableau.mask
width, height = image.size
pixels = np.empty(4 * width * height, np.float32)
image.pixels.foreach_get(pixels)
answer["values"] = [float(pixels.min()), float(pixels.max())]
shape = pixels.reshape(height, width, 4)
shape[: height // 3, :, :3] = 0.0  # the breast, from the picture's lower edge up: background from here on
image.pixels.foreach_set(pixels)
image.update()
answer["dirty"] = image.is_dirty

# a bake keeps what was painted by itself
scene.frame_start = scene.frame_end = 1
rig.pose.bones["lips_outer_9"].location.y = -0.02
bpy.ops.object.select_all(action="DESELECT")
bpy.context.view_layer.objects.active = rig
tableau.bake(video=False)
answer["mask"] = rig.tableau.mask
answer["clean"] = not image.is_dirty
job = json.loads((paths.work_folder(rig) / "job.json").read_text())
answer["job_mask"] = job["mask"]
saved = bpy.data.images.load(bpy.path.abspath(rig.tableau.mask), check_existing=False)
saved.colorspace_settings.name = "Non-Color"
again = np.empty(4 * width * height, np.float32)
saved.pixels.foreach_get(again)
answer["kept"] = float(abs(again - pixels).max())
bpy.data.images.remove(saved)

# undo takes the mask back but neither the file nor the saved image: what was painted is used all the same
rig.tableau.mask = ""
answer["unkept"] = matte.painted(rig)
tableau.keep_matte()
answer["kept_again"] = [rig.tableau.mask, matte.painted(rig)]

# shown again, a painted matte is shown as it was painted; found again, it is the engine's
tableau.find_matte()
answer["still"] = rig.tableau.mask
tableau.find_matte(again=True)
answer["again"] = rig.tableau.mask
matte.matte_image(rig).pixels.foreach_get(again)
answer["found_again"] = float(abs(again - pixels).max())
answer["found_is_not_painted"] = matte.painted(rig)
image = matte.matte_image(rig)
image.pixels.foreach_set(pixels)
path = bpy.path.abspath(image.filepath)
tableau.remove_matte()
saved = bpy.data.images.load(path)
saved.colorspace_settings.name = "Non-Color"
saved.pixels.foreach_get(again)
answer["undo_finds"] = float(abs(again - pixels).max())
bpy.data.images.remove(saved)
answer["removed"] = [item.name for item in bpy.data.objects if item.tableau.kind == "MATTE"]
answer["images"] = [item.name for item in bpy.data.images if "matte" in item.name]
answer["materials"] = [item.name for item in bpy.data.materials if "Matte" in item.name]
finish()
