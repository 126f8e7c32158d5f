# SPDX-License-Identifier: GPL-3.0-or-later
"""A file with everything in it: rig, retimed strip, gains, keyed sliders, sitter, matte, baked plane."""

import shutil

import bpy
import numpy as np
from common import answer, finish, folder, module, question
from saved_rig import landmarks, mattes, played, time_keys

tableau, scene = bpy.ops.tableau, bpy.context.scene
bpy.ops.wm.save_as_mainfile(filepath=str(folder / "all.blend"))
tableau.load_portrait(filepath=question["picture"])
rig = bpy.context.object
tableau.match_artwork_colors()
tableau.fit_camera()
rig.tableau_gains.mouth = 1.3
tableau.load_preset(preset="wink")
tableau.add_sliders()
for frame, value in ((1, 0.0), (20, 0.6)):
    rig["jawOpen"] = value
    rig.keyframe_insert('["jawOpen"]', frame=frame)
tableau.retime_curve()
scene.frame_set(10)
tableau.retime_hold(frames=3)

store = module("addon.sitter.store")
sitter = store.free_name(rig, store.make_folder(rig))
shutil.copy(question["sitter"], sitter)
store.link(rig, sitter)
rig.tableau.sitter.likeness = 0.75
tableau.find_matte()
tableau.paint_matte()
image = module("addon.portrait.matte").matte_image(rig)
values = np.empty(4 * image.size[0] * image.size[1], np.float32)
image.pixels.foreach_get(values)
rows = values.reshape(image.size[1], image.size[0], 4)
rows[: len(rows) // 3, :, :3] = 0.0  # the breast: no sitter from here on
image.pixels.foreach_set(values)
image.update()
tableau.keep_matte()

rig.tableau.mode = "FLOW"
scene.frame_start, scene.frame_end = 9, 12
tableau.bake(video=False)
scene.frame_set(10)
bpy.ops.wm.save_mainfile()
answer["rig"] = rig.name
answer["bones"] = module("addon.portrait.rig").bone_names()
answer["landmarks"] = landmarks(rig.name, answer["bones"])
answer["keys"], answer["played"] = time_keys(rig.name), played()
answer["mask"], answer["mattes"] = rig.tableau.mask, mattes()
answer["version"] = bpy.app.version_string
finish()
