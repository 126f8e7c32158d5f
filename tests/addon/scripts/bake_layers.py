# SPDX-License-Identifier: GPL-3.0-or-later
"""Layers of two sitters rendered, a pause, and a bundle for a farm, all with the real engine."""

import shutil
import time
from pathlib import Path

import bpy
from common import answer, finish, folder, module, question, render_png

lookup, jobs, run = module("addon.lookup"), module("addon.jobs"), module("addon.bake.run")
layers, operators = module("addon.bake.layers"), module("addon.bake.operators")
tableau, scene = bpy.ops.tableau, bpy.context.scene
bpy.ops.wm.save_as_mainfile(filepath=str(folder / "group.blend"))
tableau.load_portrait(filepath=question["picture"])
first = bpy.context.object
portrait = first.tableau.portrait
tableau.detect_landmarks(face=1, add=True)
second = bpy.context.object
width, height = portrait.tableau.size
tableau.match_artwork_colors()
tableau.fit_camera()
for rig in (first, second):
    chosen = rig.tableau_bake
    chosen.use_range, chosen.frame_start, chosen.frame_end = True, -1, 1
for rig, amount in ((first, -0.03), (second, -0.02)):
    rig.tableau.mode = "FLOW"
    lip = rig.pose.bones["lips_outer_9"]
    for frame, share in ((-1, 0.2), (1, 1.0)):
        lip.location.y = amount * share
        lip.keyframe_insert("location", frame=frame)


def use(rig):
    bpy.context.view_layer.objects.active = rig


# one alone, in a plane and in layers: the same picture
use(first)
tableau.count_due()
answer["due"] = [first.tableau_bake.due]
tableau.bake(video=False)
scene.frame_set(1)
render_png(folder / "plane.png", width, height)
tableau.bake(target="LAYERS", spacing=0.3)
tableau.count_due()
answer["due"].append(first.tableau_bake.due)
render_png(folder / "layers.png", width, height)
tableau.bake(target="PORTRAIT")
render_png(folder / "portrait.png", width, height)
tableau.bake(target="LAYERS")

# the other one, paused on the way
use(second)
second.tableau_bake.target, second.tableau_bake.video = "LAYERS", False
second.tableau_bake.frame_end = 4
frames = module("addon.paths").work_folder(second) / "frames/v001/layers"


def pause_and_resume():
    """Bake, with a rest after the first frame or so; (texts, frames written till then), and the job."""
    job = jobs.Job("Bake", operators.bake_steps(bpy.context, second, lambda: None))
    seen, written = [], 0
    while job.pump():
        bake = run.current()
        if bake is not None and not seen and job.progress[0] >= 1 and "frame" in job.progress[2]:
            tableau.pause_bake()
            seen.append(job.progress[2])
        if len(seen) == 1 and job.progress[2].startswith("paused"):
            time.sleep(1.0)
            seen.append(job.progress[2])
            written = len(list(frames.glob("frame.0*.exr")))
            tableau.pause_bake()
        time.sleep(0.01)
    return seen, written, job


for _ in range(10):
    seen, answer["paused_at"], job = pause_and_resume()
    if len(seen) == 2 and answer["paused_at"] < 6:
        break
    shutil.rmtree(frames.parent)  # on a busy machine all was baked before one looked: once more
answer["pause"], answer["resumed"] = seen, [job.message, str(job.problem)]
answer["all"] = sorted(path.name for path in frames.glob("frame.0*.exr"))
scene.frame_set(1)
render_png(folder / "group.png", width, height)
plate = module("addon.portrait.plane").picture_node(layers.layer_of(first, "plate")).image
answer["plate"] = Path(bpy.path.abspath(plate.filepath)).name
for rig in (first, second):
    for name in layers.MOVING:
        layers.layer_of(rig, name).hide_render = True
render_png(folder / "plate.png", width, height)

# for a farm
second.tableau_bake.frame_end = 2
second.tableau_bake.target, second.tableau_bake.digits = "PLANE", 5
tableau.export_farm(directory="//farm", chunk=2)
answer["farm"] = sorted(path.name for path in (folder / "farm").iterdir())
finish()
