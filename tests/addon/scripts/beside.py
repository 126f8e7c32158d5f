# SPDX-License-Identifier: GPL-3.0-or-later
"""Two portraits in one scene: what one's steps leave alone of the other; sampling in turns."""

import itertools
import time
from fractions import Fraction
from types import SimpleNamespace

import bpy
from common import answer, finish, folder, module, question

bpy.ops.wm.save_as_mainfile(filepath=str(folder / "scene.blend"))
scene, tableau = bpy.context.scene, bpy.ops.tableau


def played(rig):
    return [
        (strip.name, strip.action.name) for track in rig.animation_data.nla_tracks for strip in track.strips
    ]


tableau.load_portrait(filepath=question["picture"])
first = bpy.context.object
tableau.load_preset(preset="talk")
answer["alone"] = [scene.frame_start, scene.frame_end]
tableau.load_portrait(filepath=question["picture"])
second = bpy.context.object
tableau.load_preset(preset="blink")
answer["both"] = [scene.frame_start, scene.frame_end]
answer["folders"] = [first.tableau.folder, second.tableau.folder]
kept = played(first)
tableau.retime_loop()
answer["looped"] = [scene.frame_start, scene.frame_end]
tableau.add_sliders()
answer["first_kept"] = kept == played(first)
answer["first_sliders"] = module("addon.expressions.sliders").present(first)

live, sample = module("addon.preview.live"), module("addon.bake.sample")
tableau.preview_start()
session = live.session_of(second)
asked = session.number
scene.frame_set(3)
before = session.wanted.copy()
session.request = None
number = session.number
task = sample.Sampling(bpy.context, second, range(1, 145), Fraction(24))
clock = itertools.count()
sample.time = SimpleNamespace(monotonic=lambda: 0.4 * sample.TURN * next(clock))  # each frame takes that long
turns, done = [], 0
while not task.done:
    task.pump()
    turns.append(task.finished - done)
    done = task.finished
    answer["frame"] = scene.frame_current
sample.time = time
whole = sample.sample_rig(bpy.context, second, range(1, 145), Fraction(24))
track = task.result["track"]
answer["same"] = bool((track.points == whole.points).all() and (track.irises == whole.irises).all())
answer["turns"] = sorted(set(turns))
answer["asked"] = session.number - number
answer["wanted"] = float(abs(session.wanted - before).max())
other = bpy.data.scenes.new("Other")
task = sample.Sampling(bpy.context, second, range(1, 145), Fraction(24))
task.pump()
bpy.context.window.scene = other
while not task.done:
    task.pump()
answer["elsewhere"] = str(task.problem)
finish()
