# SPDX-License-Identifier: GPL-3.0-or-later
"""A strip on negative frames, conformed from each frame rate to the next, seen between frames as well."""

from fractions import Fraction

import bpy
from common import answer, finish, module
from retime_rig import loaded, shown

scene, ops = bpy.context.scene, bpy.ops.tableau
strips, actions = module("addon.retime.strips"), module("addon.performance.action")
RATES = [
    (24, 1.001),
    (24, 1.0),
    (25, 1.0),
    (30, 1.001),
    (30, 1.0),
    (48, 1.0),
    (50, 1.0),
    (60, 1.001),
    (60, 1.0),
]
START = -37


def set_rate(fps, base):
    scene.render.fps, scene.render.fps_base = fps, base
    return actions.scene_rate(scene)


rate = set_rate(*RATES[0])
scene.frame_start = 0  # the least that Blender takes
rig, _ = loaded(40, start=START)
ops.retime_curve()
scene.frame_set(START + 9, subframe=0.5)
ops.retime_hold(frames=6)
strip = strips.strip_of(rig)
keys = [(point.co.x, point.co.y) for point in strip.fcurves.find("strip_time").keyframe_points]
answer["keys"] = keys
# instants in seconds from the scene's first frame, and what shows then
instants = [Fraction(START + n * 5) / rate for n in range(9)]
truth = [shown(rig, float(t * rate)) for t in instants]
answer["truth"] = truth
rows = []
for fps, base in [*RATES[1:], *reversed(RATES)]:
    rate = set_rate(fps, base)
    ops.retime_conform()
    seen = [shown(rig, float(t * rate)) for t in instants]
    curve = strip.fcurves.find("strip_time")
    first, last = curve.keyframe_points[0].co.x, curve.keyframe_points[-1].co.x
    off = max(abs(a - b) for a, b in zip(seen, truth, strict=True))
    seconds = (last - first) / float(rate), first / float(rate)
    rows.append([str(rate), off, *seconds, abs(strip.frame_start - first), abs(strip.frame_end - last)])
answer["rows"] = rows
answer["back"] = [(point.co.x, point.co.y) for point in curve.keyframe_points]

# the rate goes with a copy of the strip and with a new name
strip.name = "renamed"
set_rate(25, 1.0)
ops.retime_conform()
answer["renamed"] = (strip.frame_end - strip.frame_start) / 25
finish()
