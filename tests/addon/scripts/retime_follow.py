# SPDX-License-Identifier: GPL-3.0-or-later
"""Strips moved, scaled, cut and copied as an animator does in the NLA Editor, and what then plays."""

import bpy
from common import answer, finish, folder, module, problem
from retime_rig import loaded, shown

scene = bpy.context.scene
ops = bpy.ops.tableau
strips = module("addon.retime.strips")
rig, _ = loaded(50, start=1)
ops.retime_curve()
scene.frame_set(11)
ops.retime_hold(frames=10)  # 11 to 21, the strip lies on 1 to 60


def strip():
    return strips.strip_of(rig)


def keys():
    return [round(point.co.x, 3) for point in strip().fcurves.find("strip_time").keyframe_points]


def update():
    bpy.context.view_layer.update()


answer["keys"] = keys()
strip().frame_start_ui = -99
update()
answer["negative"] = [keys(), [shown(rig, f) for f in (-99, -89, -84.5, -79, -78, -40)]]
strip().frame_start_ui = 101  # and no update: the frame change alone must do it
answer["moved"] = [shown(rig, f) for f in (101, 111, 121, 122, 160)]
for start in (113.7, 99.2, 200.9, 1):  # a drag is many small moves
    strip().frame_start_ui = start
    update()
answer["dragged"] = keys()
strip().scale *= 2
update()
answer["scaled"] = [keys(), [shown(rig, f) for f in (1, 21, 41, 43, 119)]]
strip().scale /= 2
update()
strip().use_animated_influence = True
fade = strip().fcurves.find("influence")
for frame, value in ((1, 0.0), (10, 1.0)):
    fade.keyframe_points.insert(frame, value)
strip().frame_start_ui = 11
update()
answer["fade"] = [round(point.co.x, 3) for point in fade.keyframe_points]
strip().use_animated_influence = False
strip().frame_start_ui = 1
update()

# on twos goes along, and stays on twos
ops.retime_steps(step=2)
strip().frame_start_ui = 6
update()
answer["twos"] = [shown(rig, f) for f in (6, 7, 8, 9)]
ops.retime_steps(step=1)

# its last key dragged out in the Graph Editor: the strip gets longer with it
curve = strip().fcurves.find("strip_time")
curve.keyframe_points[-1].co = (85, 50)
curve.update()
rig.update_tag()
update()
answer["longer"] = [strip().frame_start, strip().frame_end]
# an operator sees what a script did just before
strip().frame_start_ui = 1
ops.retime_fit(to="FRAMES", frames=60)
answer["fit"] = keys()

# cut in two, as Split Strips does: what plays does not change
before = [shown(rig, f) for f in (1, 15, 30, 31, 45, 60)]
first = strip()
track = rig.animation_data.nla_tracks[0]
first.frame_end_ui = 30
update()
answer["cut"] = [[shown(rig, f) for f in (1, 15, 30)], before[:3], keys()]

# a file that was edited without the extension
ops.retime_curve()
path = str(folder / "moved.blend")
handlers = bpy.app.handlers
for name, handler in module("addon.retime.follow").HANDLERS:
    getattr(handlers, name).remove(handler)
strip().frame_start_ui = 500
update()
answer["left_behind"] = keys()[0]
for name, handler in module("addon.retime.follow").HANDLERS:
    getattr(handlers, name).append(handler)
bpy.ops.wm.save_as_mainfile(filepath=path)
bpy.ops.wm.open_mainfile(filepath=path)
rig = next(o for o in bpy.data.objects if o.tableau.kind == "RIG")
scene = bpy.context.scene
answer["loaded"] = keys()[0]
answer["no_op"] = problem(ops.retime_curve)
finish()
