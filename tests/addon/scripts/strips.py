# SPDX-License-Identifier: GPL-3.0-or-later
"""Performances as strips, which is how they are loaded: tried out one after another, keyed over, retimed."""

import bpy
import numpy as np
from common import answer, finish, module, question

actions = module("addon.performance.action")
sample = module("addon.bake.sample")
takes = module("addon.performance.takes")
tableau = bpy.ops.tableau
scene = bpy.context.scene

tableau.load_portrait(filepath=question["picture"])
rig = bpy.context.object


def strips():
    return [s for track in rig.animation_data.nla_tracks for s in track.strips]


def names():
    return [strip.name for strip in strips()]


def seen(frames):
    return sample.sample_rig(bpy.context, rig, frames, actions.scene_rate(scene)).points.astype(np.float64)


# one after another at the same frame
ranges = []
for preset in ("talk", "blink", "wink"):
    tableau.load_preset(preset=preset)
    ranges.append((names(), scene.frame_end))
answer["tried"] = ranges
answer["active"] = rig.animation_data.action is None
answer["tracks"] = len(rig.animation_data.nla_tracks)

# one that was worked on stays, whatever was done to it
worked = strips()[0]
worked.scale = 1.5
tableau.load_preset(preset="nod")
answer["scaled"] = names()
action = strips()[-1].action
curve = module("addon.compat").slot_curves(action)[0]
curve.keyframe_points[0].co[1] += 0.1
tableau.load_preset(preset="blink")
answer["edited"] = names()

# later ones stand behind, and let the scene grow
scene.frame_set(201)
tableau.load_preset(preset="laugh")
answer["later"] = names(), scene.frame_start, scene.frame_end

# gains that are keyed lie over the strips; they follow the time curve of the strip they are for
for track in list(rig.animation_data.nla_tracks):
    rig.animation_data.nla_tracks.remove(track)
scene.frame_set(11)
tableau.load_preset(preset="talk", set_rate=True)
whole = range(11, 11 + 144)
before = seen(whole)
for frame, strength in ((11, 1.0), (80, 1.0), (81, 0.0), (154, 0.0)):
    rig.tableau_gains.mouth = strength
    rig.tableau_gains.keyframe_insert("mouth", frame=frame)
answer["keyed_over"] = rig.animation_data.action is not None and names()
answer["due"] = takes.due(rig)
tableau.retarget()
answer["not_due"] = takes.due(rig)
faded = np.abs(seen(whole) - before)[:, 48:68].max(axis=(1, 2))
answer["first_half"], answer["second_half"] = float(faded[:69].max()), float(faded[70:].max())
# keys by hand over a strip do not hide the performance from the steps that work on it
answer["current"] = takes.current(rig).tableau_take.source
by_hand = rig.animation_data.action
scene.frame_set(60)
tableau.retime_hold(frames=5)
answer["held"] = [strip.name for strip in strips() if strip.use_animated_time]
answer["by_hand"] = rig.animation_data.action == by_hand
scene.frame_set(11)
tableau.load_preset(preset="blink")
answer["over"] = names(), rig.animation_data.action is None
finish()
