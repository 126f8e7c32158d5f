# SPDX-License-Identifier: GPL-3.0-or-later
"""A take loaded as a strip, retimed, filtered, re-targeted and solved: its time stays as it was made."""

import bpy
import numpy as np
from common import answer, finish, module, problem, question

tracks, rigs = module("core.landmarks.track"), module("addon.portrait.rig")
sample, actions = module("addon.bake.sample"), module("addon.performance.action")
strips, takes = module("addon.retime.strips"), module("addon.performance.takes")
ops, scene = bpy.ops.tableau, bpy.context.scene
scene.render.fps, scene.render.fps_base = 25, 1.0
ops.load_portrait(filepath=question["picture"], detect=False)
rig = rigs.make_rig(bpy.context, bpy.context.object, tracks.LandmarkTrack.load(question["face"]))
answer["poll"] = problem(ops.retime_hold)


def seen(first, last):
    track = sample.sample_rig(bpy.context, rig, range(first, last + 1), actions.scene_rate(scene))
    return track.points.astype(float)


def curve():
    points = strips.strip_of(rig).fcurves.find("strip_time").keyframe_points
    return [[round(float(v), 3) for v in point.co] for point in points]


def strip_list():
    data = rig.animation_data
    return [[s.name, s.frame_start, s.frame_end] for t in data.nla_tracks for s in t.strips]


scene.frame_set(-30)
ops.load_preset(preset="talk", place="STRIP")
answer["laid"] = strip_list()
ops.retime_curve()
answer["one_strip"] = strip_list() == answer["laid"]
first, last = (round(edge) for edge in answer["laid"][0][1:])
scene.frame_set(first + 30)
ops.retime_hold(frames=12)
ops.retime_steps(step=2)
ops.retime_steps(step=1)
answer["events"] = str(ops.retime_events()) and [
    [m.name, m.frame] for m in strips.strip_of(rig).action.pose_markers
]
before, keys = seen(first, last + 12), curve()
rig.tableau_gains.mouth = rig.tableau_gains.jaw = 0.0
ops.retarget()
quiet = seen(first, last + 12)
answer["keys_stay"] = curve() == keys
answer["strip_stays"] = strip_list()
spread = lambda p: float(np.ptp(p[:, 66] - p[:, 33], axis=0).max())  # noqa: E731
answer["mouth"] = spread(before), spread(quiet)
answer["held"] = float(np.abs(np.diff(quiet[30:43], axis=0)).max())
rig.tableau_gains.mouth = rig.tableau_gains.jaw = 1.0
ops.retarget()
answer["back"] = float(np.abs(seen(first, last + 12) - before).max())

# a filter comes back after a re-target, and after a solve
ops.retime_filter(strength="strong")
calm = seen(first, last + 12)
answer["filtered"] = float(np.abs(calm - before).max())
ops.retarget(every=True)
answer["filter_stays"] = float(np.abs(seen(first, last + 12) - calm).max())
ops.retime_unfilter()
answer["unfiltered"] = float(np.abs(seen(first, last + 12) - before).max())
ops.solve_expressions()
answer["solved"] = float(np.abs(seen(first, last + 12) - before).max())
answer["solved_keys"] = curve() == keys
ops.retime_events()
answer["solved_events"] = [[m.name, m.frame] for m in strips.strip_of(rig).action.pose_markers]
ops.retime_filter(strength="light")
answer["solved_filter"] = float(np.abs(seen(first, last + 12) - before).max())
ops.retime_unfilter()
# a loop of it moves the face, though the sliders do that now
ops.retime_loop(window=5, crossfade=4, cycles=1, set_range=False)
loop = strips.strip_of(rig)
answer["looped"] = spread(seen(round(loop.frame_start), round(loop.frame_end))), spread(before)
data = rig.animation_data
data.nla_tracks.remove(data.nla_tracks[-1])
strips.strip_of(rig).mute = False
ops.retime_bake(tolerance=0.5)
answer["baked"] = float(np.linalg.norm((seen(first, last + 12) - before)[..., :2], axis=2).max())
baked = strips.strip_of(rig)
answer["sliders"] = rig.get("jawOpen") is not None
answer["due"] = takes.due(rig)
finish()
