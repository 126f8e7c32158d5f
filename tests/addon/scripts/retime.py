# SPDX-License-Identifier: GPL-3.0-or-later
"""A performance as a strip, and every operator on its time curve; no library that Blender lacks is there."""

import itertools
import sys

import bpy
from common import answer, finish, problem
from retime_rig import loaded, shown

for name in ("scipy", "torch", "cv2", "PIL"):
    sys.modules[name] = None

scene = bpy.context.scene
ops = bpy.ops.tableau
answer["polls"] = [problem(ops.retime_hold)]
rig, actions = loaded(100, start=5)
strips = sys.modules[actions.__name__.replace("performance.action", "retime.strips")]


def curve():
    return strips.strip_of(rig).fcurves.find("strip_time")


def keys():
    return [[round(float(v), 4) for v in point.co] for point in curve().keyframe_points]


def state(*frames):
    strip = strips.strip_of(rig)
    seen = [shown(rig, frame) for frame in frames]
    return {"keys": keys(), "span": [strip.frame_start, strip.frame_end], "seen": seen}


before = [shown(rig, frame) for frame in (5, 40.5, 104)]
answer["report"] = str(ops.retime_curve())
answer["same"] = max(abs(a - b) for a, b in zip(before, state(5, 40.5, 104)["seen"], strict=True))
answer["curve"] = state()
answer["action"] = rig.animation_data.action is None

ops.retime_fit(to="FRAMES", frames=50)
answer["fit"] = state(5, 54)
answer["no_markers"] = problem(ops.retime_fit, to="MARKERS")
for name, frame in (("a", 10), ("b", 208)):
    scene.timeline_markers.new(name, frame=frame)
ops.retime_fit(to="MARKERS")
answer["markers"] = state(10, 109, 208)

ops.retime_move(to="FRAME", frame=1)
ops.retime_fit(to="FRAMES", frames=100)
scene.frame_set(31)
ops.retime_hold(frames=20)
answer["hold"] = state(31, 40, 51, 61, 120)
scene.frame_set(500)
answer["outside"] = problem(ops.retime_hold)

scene.frame_set(61)
ops.retime_ramp(start=100, end=50, frames=20)
answer["ramp"] = state(61, 71, 81, 91)
xs = [60 + i / 7 for i in range(7 * 60)]
ys = [curve().evaluate(x) for x in xs]
answer["monotone"] = min(b - a for a, b in itertools.pairwise(ys))

ops.retime_steps(step=2)
answer["twos"] = [shown(rig, frame) for frame in (21, 22, 23, 24)]
ops.retime_steps(step=1)
answer["ones"] = [shown(rig, frame) for frame in (21, 22, 23, 24)]

# a fresh strip for what turns and conforms
rig2, _ = loaded(25, start=1)
rig = rig2
ops.retime_ping_pong(cycles=2)
answer["ping"] = state(1, 24, 25, 26, 48, 49, 50, 73, 96, 97)
rig, _ = loaded(25, start=1)
scene.render.fps, scene.render.fps_base = 24, 1.001
ops.retime_curve()
scene.render.fps, scene.render.fps_base = 60, 1.0
ops.retime_conform()
answer["conform"] = state()
answer["conform_again"] = str(ops.retime_conform()) and state()["keys"]
answer["bad_rate"] = problem(ops.retime_conform, rate="fast")

# Blender's own strip settings become keys where they are
rig, _ = loaded(20, start=1)
strip = strips.ensure_strip(bpy.context, rig)
strip.repeat, strip.scale = 2.0, 1.5
own = [shown(rig, frame) for frame in (1, 12.25, 28, 30.5, 50, 58)]
ops.retime_curve()
answer["own"] = [own, state(1, 12.25, 28, 30.5, 50, 58)["seen"]]
answer["own_keys"] = state()
finish()
