# SPDX-License-Identifier: GPL-3.0-or-later
"""F-curves as arrays beside what Blender itself says of them."""

import bpy
import numpy as np
from common import answer, finish, module

fcurves, compat = module("addon.fcurves"), module("addon.compat")
item = bpy.data.objects.new("item", None)
action = bpy.data.actions.new("action")
item.animation_data_create().action = action
noise = np.random.default_rng(1)
asked = np.concatenate([np.arange(-5.0, 130.0), noise.uniform(-5, 130, 200)])
frames = np.sort(noise.uniform(1, 120, 60).astype(np.float32)).astype(np.float64)
values = noise.normal(0, 3, 60).astype(np.float32).astype(np.float64)


def curve(index):
    return compat.ensure_curve(item, action, "location", index, "Object")


def apart(found):
    """How far the values as arrays are from Blender's own, at most."""
    told = np.array([found.evaluate(frame) for frame in asked])
    return float(np.abs(fcurves.reader(found)(asked) - told).max())


linear = curve(0)
fcurves.write(linear, frames, values)
read = fcurves.read(linear)
answer["back"] = float(max(np.abs(read[0] - frames).max(), np.abs(read[1] - values).max()))
answer["apart"] = {"linear": apart(linear)}
marks = [fcurves.mark(linear), fcurves.mark(linear)]
linear.keyframe_points[7].interpolation = "CONSTANT"
linear.update()
answer["apart"]["constant"] = apart(linear)
marks.append(fcurves.mark(linear))
linear.keyframe_points[7].interpolation = "BEZIER"
linear.update()
answer["apart"]["bezier"] = apart(linear)
marks.append(fcurves.mark(linear))
key = linear.keyframe_points[7]
key.handle_left_type = key.handle_right_type = "FREE"
key.handle_right = key.co[0] + 0.3, key.co[1] + 4
marks.append(fcurves.mark(linear))
key.co[1] += 1
marks.append(fcurves.mark(linear))
answer["marks"] = marks

leaning = curve(1)
fcurves.write(leaning, frames, values)
leaning.extrapolation = "LINEAR"
answer["apart"]["extrapolation"] = apart(leaning)
leaning.extrapolation = "CONSTANT"
leaning.modifiers.new("NOISE").strength = 2.0
answer["apart"]["modifier"] = apart(leaning)

smooth = curve(2)
fcurves.write(smooth, frames, values, np.gradient(values, frames))
answer["apart"]["slopes"] = apart(smooth)
fcurves.write_moving(smooth, frames, np.full(60, 2.0))
answer["still"] = len(smooth.keyframe_points), apart(smooth)
finish()
