# SPDX-License-Identifier: GPL-3.0-or-later
"""The presets as assets: made, read back, put on a rig, listed in the preferences and taken off again."""

from pathlib import Path

import bpy
import numpy as np
from common import PACKAGE, addon_utils, answer, finish, module, problem, question

tracks = module("core.landmarks.track")
rigs = module("addon.portrait.rig")
compat = module("addon.compat")
presets = module("addon.performance.presets")
tableau = bpy.ops.tableau
libraries = bpy.context.preferences.filepaths.asset_libraries


def listed():
    return [one.name for one in libraries if one.path.rstrip("/").endswith("assets")]


# the icon grid
items = presets.enum_items(None, bpy.context)
answer["items"] = [item[0] for item in items]
answer["sizes"] = [list(presets._previews[name].image_size) for name in answer["items"]]
answer["first"] = bpy.context.window_manager.tableau_preset

answer["none"] = problem(tableau.remove_assets)
before = len(bpy.data.actions), len(bpy.data.images), listed()
tableau.make_assets()
answer["untouched"] = (len(bpy.data.actions), len(bpy.data.images)) == before[:2]
answer["listed"] = before[2], listed()
folder = next(Path(one.path) for one in libraries if one.name == listed()[0])
answer["files"] = sorted(path.name for path in folder.iterdir())
answer["catalogs"] = (folder / "blender_assets.cats.txt").read_text()
with bpy.data.libraries.load(str(folder / "performances.blend"), assets_only=True) as (there, wanted):
    answer["assets"] = sorted(there.actions)
    wanted.actions = ["Wink"]
wink = bpy.data.actions["Wink"]
answer["catalog"] = wink.asset_data.catalog_id
pixels = np.empty(4 * 128 * 128, np.float32)
wink.preview.image_pixels_float.foreach_get(pixels)
answer["preview"] = list(wink.preview.image_size), float(pixels.reshape(-1, 4)[:, :3].std())

# laid on a rig by hand it plays on its sliders; by the operator it is retargeted
tableau.load_portrait(filepath=question["picture"], detect=False)
plane = bpy.context.object
rig = rigs.make_rig(bpy.context, plane, tracks.LandmarkTrack.load(question["face"]))
tableau.add_sliders()
rig.animation_data.action = wink
rig.animation_data.action_slot = wink.slots[0]
peak = 0.0
for frame in range(1, int(wink.frame_range[1]) + 1):
    bpy.context.scene.frame_set(frame)
    peak = max(peak, rig.evaluated_get(bpy.context.evaluated_depsgraph_get())["eyeBlinkLeft"])
answer["peak"] = peak
bpy.context.scene.frame_set(1)
tableau.load_asset(action="Wink", place="ACTION")
answer["loaded"] = rig.tableau.performance, rig.animation_data.action.tableau_take.source
answer["other"] = problem(tableau.load_asset, action=rig.animation_data.action.name)
answer["nothing"] = problem(tableau.load_asset)

addon_utils.disable(PACKAGE)
answer["disabled"] = listed()
addon_utils.enable(PACKAGE)
answer["enabled"] = listed()
tableau.remove_assets()
answer["removed"] = listed(), folder.exists()
finish()
