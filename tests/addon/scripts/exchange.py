# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of other programs onto the sliders and back, and a video onto the rig: everything by ``execute``."""

from pathlib import Path

import bpy
from common import answer, finish, folder, module, problem, question

tracks = module("core.landmarks.track")
rigs = module("addon.portrait.rig")
actions = module("addon.performance.action")
sample = module("addon.bake.sample")
jobs = module("addon.jobs")
takes = module("addon.performance.takes")
compat = module("addon.compat")
tableau = bpy.ops.tableau
scene = bpy.context.scene
scene.render.fps, scene.render.fps_base = 25, 1.0

tableau.load_portrait(filepath=question["picture"], detect=False)
plane = bpy.context.object
rig = rigs.make_rig(bpy.context, plane, tracks.LandmarkTrack.load(question["face"]))
answer["nothing"] = problem(tableau.export_performance, filepath=str(folder / "none.csv"))
answer["no_file"] = problem(tableau.load_curves, filepath=str(folder / "none.csv"))


def peaks():
    curves = [c for c in compat.slot_curves(rig.animation_data.action) if c.data_path.startswith('["')]
    return {c.data_path[2:-2]: max(abs(p.co[1]) for p in c.keyframe_points) for c in curves}


# Live Link onto the sliders, from another frame than 1, and back out
scene.frame_set(11)
tableau.load_curves(filepath=question["live_link"], place="ACTION")
answer["range"] = scene.frame_start, scene.frame_end
answer["peaks"] = peaks()
answer["hidden"] = sum(c.hide for c in compat.slot_curves(rig.animation_data.action))
bones = {c.data_path for c in compat.slot_curves(rig.animation_data.action) if "pose.bones" in c.data_path}
answer["bones"] = sorted(bones)
for form, name in (("live-link", "out.csv"), ("curves", "out_curves.csv"), ("curves", "out.npz")):
    tableau.export_performance(filepath=str(folder / name), form=form)
tableau.export_performance(filepath=str(folder / "track.npz"), form="track")
answer["wrong_name"] = problem(tableau.export_performance, filepath=str(folder / "out.txt"), form="curves")
# stopped while the poses are read: nothing is written, the scene stands where it stood
scene.frame_set(13)
steps = module("addon.expressions.exchange").save_steps(bpy.context, folder / "stopped.csv", "live-link")
job = jobs.Job("Export", steps)
answer["reading"] = job.running, job.progress[1]
job.cancel()
while job.pump():
    pass
answer["stopped"] = type(job.problem).__name__, (folder / "stopped.csv").exists(), scene.frame_current
# what an animator adds goes out as well
rig["jawOpen"] = 0.5
rig.animation_data.action.layers[0].strips[0].channelbag(rig.animation_data.action_slot).fcurves.remove(
    next(c for c in compat.slot_curves(rig.animation_data.action) if c.data_path == '["jawOpen"]')
)
rig.keyframe_insert('["jawOpen"]', frame=11)
tableau.export_performance(filepath=str(folder / "edited.csv"), form="live-link")

# landmarks and coefficients of others
for name in ("mediapipe", "openface"):
    scene.frame_set(1)
    tableau.load_curves(filepath=question[name], place="ACTION")
    answer[name] = peaks()
scene.frame_set(201)
tableau.load_curves(filepath=question["live_link"], place="STRIP")
answer["strips"] = [(s.name, s.frame_start) for t in rig.animation_data.nla_tracks for s in t.strips]

# a video, as a drop calls it; the engine says how far it is
for track in list(rig.animation_data.nla_tracks):
    rig.animation_data.nla_tracks.remove(track)
told, client = [], module("addon.worker_client").Worker
deliver = client._deliver


def noted(worker, message):
    """All that the engine says, also what is over before anybody looks."""
    if message.get("event") == "progress":
        told.append((message["done"], message["total"]))
    deliver(worker, message)


client._deliver = noted
scene.frame_set(1)
tableau.load_performance(filepath=question["video"], set_rate=True)
answer["told"] = list(told)
answer["rate"] = str(actions.scene_rate(scene))
answer["video_range"] = scene.frame_start, scene.frame_end
seen = sample.sample_rig(
    bpy.context, rig, range(scene.frame_start, scene.frame_end + 1), actions.Fraction(25)
)
answer["nose"] = (seen.points[:, 30, 0] - seen.points[0, 30, 0]).tolist()
take = Path(bpy.path.abspath(takes.current(rig).tableau_take.path))
before = take.stat().st_mtime_ns
tableau.load_performance(filepath=question["video"])
answer["again"] = take.stat().st_mtime_ns == before
finish()
