# SPDX-License-Identifier: GPL-3.0-or-later
"""A new file as Blender makes it, a picture, a preset, a bake: nothing else is touched."""

from pathlib import Path

import bpy
from common import answer, finish, folder, module, question

bpy.ops.wm.read_homefile(use_factory_startup=False)
scene = bpy.context.scene
answer["before"] = sorted(item.name for item in scene.objects)
bpy.ops.tableau.load_portrait(filepath=question["picture"])
rig = bpy.context.object
plane = rig.tableau.portrait
bpy.context.view_layer.update()
boxes = {
    item.name: [[f(p[i] for p in [item.matrix_world @ v.co for v in item.data.vertices]) for f in (min, max)]
                for i in range(3)]
    for item in scene.objects if item.type == "MESH"
}  # fmt: skip
answer["boxes"], answer["plane"] = boxes, plane.name
bpy.ops.tableau.load_preset(preset="blink")
answer["range"] = [scene.frame_start, scene.frame_end, scene.frame_current]
answer["keys"] = list(rig.animation_data.nla_tracks[0].strips[0].action.frame_range)
scene.frame_start, scene.frame_end = 26, 33  # a part of it, round the blink: the rest takes as long again
bpy.ops.tableau.bake()
sequence = module("addon.bake.sequence").sequence_of(rig)
node = next(n for n in sequence.data.materials[0].node_tree.nodes if n.type == "TEX_IMAGE")
first = Path(bpy.path.abspath(node.image.filepath))
answer["frames"] = sorted(str(path) for path in first.parent.glob("*.png"))
answer["first"] = str(first)
answer["films"] = [str(path) for path in first.parents[2].glob("*.mp4")]
answer["seen"] = [sequence.visible_get(), sequence.hide_render, plane.visible_get(), plane.hide_render]
answer["active"] = bpy.context.object.name
answer["rig"] = rig.name
prepare, paths, overlay = (
    module("addon.bake.prepare"),
    module("addon.paths"),
    module("addon.portrait.overlay"),
)


def drawn():
    return [c.is_visible for c in rig.data.collections], rig in overlay.shown_rigs(bpy.context)


# what is shown, and where the frames are, before there is a .blend and after
answer["hidden"] = drawn()
bpy.ops.tableau.pose_rig()
answer["posed"] = drawn()
bpy.ops.tableau.pose_rig()
rig.data.collections["Jaw"].is_visible = False
rig.tableau.show_rig = False
rig.tableau.show_rig = True
answer["again"] = drawn()
answer["words"] = [prepare.place(rig)]
answer["latest"] = [str(prepare.latest(rig))]
bpy.ops.tableau.open_frames()
bpy.ops.wm.save_as_mainfile(filepath=str(folder / "film.blend"))
answer["words"].append(prepare.place(rig))
answer["saved"] = str(prepare.prepare(bpy.context, rig).job.output.folder)
answer["takes"] = module("addon.performance.takes").checked(rig.animation_data.nla_tracks[0].strips[0].action)
rig.tableau_bake.output = str(folder / "elsewhere")
answer["words"].append(prepare.place(rig))

bpy.ops.tableau.load_portrait(filepath=question["picture"], detect=False)
second = bpy.context.object
bpy.context.view_layer.update()
answer["apart"] = second.matrix_world.translation.x - plane.matrix_world.translation.x
answer["wide"] = plane.dimensions.x
finish()
