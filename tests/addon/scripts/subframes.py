# SPDX-License-Identifier: GPL-3.0-or-later
"""Between two frames: the pose, the preview, and the plane that plays a bake, also with motion blur."""

import time

import bpy
import numpy as np
from common import answer, finish, folder, module, question, render_png

scene = bpy.context.scene
bpy.ops.wm.save_as_mainfile(filepath=str(folder / "scene.blend"))
bpy.ops.tableau.load_portrait(filepath=question["picture"], camera=True)
rig = bpy.context.object
plane = rig.tableau.portrait
bpy.ops.tableau.match_artwork_colors()
live, stage, sample, sequence, jobs = (
    module(name)
    for name in (
        "addon.preview.live",
        "addon.preview.stage",
        "addon.bake.sample",
        "addon.bake.sequence",
        "core.job",
    )
)
lip = rig.pose.bones["lips_outer_9"]
for frame, down in ((1, 0.0), (5, -0.08)):
    lip.location.y = down
    lip.keyframe_insert("location", frame=frame)
for curve in module("addon.compat").action_curves(rig).fcurves:
    for key in curve.keyframe_points:
        key.interpolation = "LINEAR"
bpy.ops.tableau.preview_start()
session = live.session_of(rig)


def shown(frame):
    """What the preview shows at ``frame``, [V, 2] px, and how far the lip has gone there, px."""
    scene.frame_set(int(frame), subframe=frame % 1)
    deadline = time.monotonic() + 300
    while live.tick() == live.BUSY and time.monotonic() < deadline:
        time.sleep(0.01)
    mesh = stage.find(rig).data
    values = np.empty(3 * len(mesh.vertices), np.float32)
    mesh.vertices.foreach_get("co", values)
    pose = sample.read_pose(rig, bpy.context.evaluated_depsgraph_get())
    assert live.session_of(rig) is session
    return values.reshape(-1, 3)[:-12, :2] / plane.tableau.pixel, pose


at = {frame: shown(frame) for frame in (3.0, 3.5, 4.0)}
points = {frame: pose for frame, (_, pose) in at.items()}
answer["pose"] = float(abs(points[3.5] - (points[3.0] + points[4.0]) / 2).max())
answer["step"] = float(abs(points[4.0] - points[3.0]).max())
meshes = {frame: mesh for frame, (mesh, _) in at.items()}
answer["before"] = float(abs(meshes[3.5] - meshes[3.0]).mean())
answer["apart"] = float(abs(meshes[4.0] - meshes[3.0]).mean())
answer["between"] = float(abs(meshes[3.5] - (meshes[3.0] + meshes[4.0]) / 2).mean())
answer["wanted"] = float(abs(session.wanted - points[4.0]).max())
bpy.ops.tableau.preview_stop()

# a sequence whose frames are told apart by their gray
width, height = plane.tableau.size
output = jobs.BakeOutput(folder / "frames")
for number in (3, 4, 5):
    image = bpy.data.images.new("made", width, height)
    image.pixels.foreach_set(np.tile(np.float32([number / 10] * 3 + [1]), width * height))
    image.filepath_raw, image.file_format = str(output.frame_path(number)), "PNG"
    output.frame_path(number).parent.mkdir(parents=True, exist_ok=True)
    image.save()
    bpy.data.images.remove(image)
sequence.show_plane(rig, sequence.Clip(output, range(3, 6), 3, False), 3)
# what undo's handler says is shown is what Blender itself shows
undo = module("addon.bake.undo")
node = module("addon.portrait.plane").picture_node(sequence.sequence_of(rig))
user, material = node.image_user, sequence.sequence_of(rig).data.materials[0]
answer["numbers"] = []
for cyclic in (False, True):
    user.use_cyclic = cyclic
    for frame in (3, 5, 6, 9, 40) if cyclic else (1, 2, 3, 5, 6, 9, 40):
        scene.frame_set(frame)
        played = material.evaluated_get(bpy.context.evaluated_depsgraph_get()).node_tree
        by_blender = played.nodes[node.name].image_user.frame_current
        user.frame_current = 0  # as undo leaves it
        undo.show_again()
        answer["numbers"].append([by_blender, user.frame_current])
user.use_cyclic = False
rig.hide_render = True
for name, frame, blur in (
    ("on", 3.0, False),
    ("half", 3.5, False),
    ("late", 4.96, False),
    ("blur", 4.0, True),
):
    scene.frame_set(int(frame), subframe=frame % 1)
    scene.render.use_motion_blur = blur
    render_png(folder / f"{name}.png", width, height)
finish()
