# SPDX-License-Identifier: GPL-3.0-or-later
"""From a picture to a playing plane: landmarks by the engine, a hand-made pose,
bake, render, change, bake again."""

import shutil

import bpy
from common import PACKAGE, addon_utils, answer, finish, folder, module, question, render_png

sequences = module("addon.bake.sequence")
scene = bpy.context.scene
blend = folder / "scene.blend"
bpy.ops.wm.save_as_mainfile(filepath=str(blend))
bpy.ops.tableau.load_portrait(filepath=question["picture"])
rig = bpy.context.object
answer["rig"] = rig.tableau.kind
answer["detector"] = rig.tableau.detector
plane = rig.tableau.portrait
width, height = plane.tableau.size
bpy.ops.tableau.match_artwork_colors()
bpy.ops.tableau.fit_camera()

scene.render.fps, scene.render.fps_base = 24, 1.001
scene.frame_start, scene.frame_end = 5, 8
head, lip = rig.pose.bones["head"], rig.pose.bones["lips_outer_9"]
for frame, angle, down in ((5, 0.0, 0.0), (8, 0.1, -0.02)):
    head.rotation_euler.z, lip.location.y = angle, down
    head.keyframe_insert("rotation_euler", frame=frame)
    lip.keyframe_insert("location", frame=frame)
scene.frame_set(6)


def state():
    sequence = sequences.sequence_of(rig)
    node = module("addon.portrait.plane").picture_node(sequence)
    user = node.image_user
    return {
        "frames": sorted(path.name for path in (folder / "tableau/scene/portrait/frames/v001").glob("*.png")),
        "image": node.image.filepath,
        "source": node.image.source,
        "user": [
            user.frame_start,
            user.frame_duration,
            user.frame_offset,
            user.use_cyclic,
            user.use_auto_refresh,
        ],
        "nodes": len(sequence.data.materials[0].node_tree.nodes),
        "objects": sorted(item.name for item in scene.objects),
        "still_hidden": [plane.hide_get(), plane.hide_render],
    }


bpy.ops.tableau.bake()
answer["current"] = scene.frame_current
answer["first"] = state()
made = sequences.sequence_of(rig).name
for frame in (5, 6, 8, 10):
    scene.frame_set(frame)
    render_png(folder / f"scene-{frame}.png", width, height)
answer["files"] = sorted(path.name for path in (folder / "tableau/scene/portrait").iterdir())

frames = folder / "tableau/scene/portrait/frames/v001"
shutil.copytree(frames, folder / "first-frames")
before = {path.name: path.stat().st_mtime_ns for path in frames.glob("*.png")}
lip.location.y = 0.05
lip.keyframe_insert("location", frame=8)
scene.frame_end = 9
bpy.ops.tableau.bake(cyclic=False)
after = {path.name: path.stat().st_mtime_ns for path in frames.glob("*.png")}
answer["rewritten"] = sorted(name for name in after if before.get(name) != after[name])
answer["second"] = state()
answer["same_plane"] = sequences.sequence_of(rig).name == made

bpy.ops.file.make_paths_relative()
bpy.ops.wm.save_mainfile()
addon_utils.disable(PACKAGE)
bpy.ops.wm.open_mainfile(filepath=str(blend))
for frame in (2, 6):
    bpy.context.scene.frame_set(frame)
    render_png(folder / f"reopened-{frame}.png", width, height)
answer["paths"] = [image.filepath for image in bpy.data.images if image.source in {"FILE", "SEQUENCE"}]
finish()
