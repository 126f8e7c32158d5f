# SPDX-License-Identifier: GPL-3.0-or-later
"""Blinks of a performance as markers, snapped to timeline markers and to the beat of a sound."""

import sys
import wave

import bpy
import numpy as np
from common import answer, finish, folder, module, problem
from retime_rig import loaded

for name in ("scipy", "torch", "cv2", "PIL"):
    sys.modules[name] = None
scene = bpy.context.scene
scene.render.fps = 25
ops = bpy.ops.tableau
strips = module("addon.retime.strips")
BLINKS = (30, 61, 95)
EYES = {36: (0, 0), 37: (4, -3), 38: (8, -3), 39: (12, 0), 40: (8, 3), 41: (4, 3)}


def blink(points, irises):
    """Eyes of the right form that close at BLINKS for seven frames."""
    frames = np.arange(len(points)) + 1
    shut = np.max([np.clip(1.3 - np.abs(frames - b) / 3, 0, 1) for b in BLINKS], axis=0)
    shut *= 1 - 0.01 * np.abs(frames - np.array(BLINKS)[:, None]).min(axis=0)
    for eye in range(2):
        for point, (x, y) in EYES.items():
            points[:, point + 6 * eye, 0] = 100 + 60 * eye + 3 * x
            points[:, point + 6 * eye, 1] = 200 + 3 * y * (1 - shut)
            points[:, point + 6 * eye, 2] = 0


rig, actions = loaded(120, 1, blink)
answer["unmarked"] = problem(ops.retime_snap)
ops.retime_events(kinds={"blink"})
strip = strips.strip_of(rig)
markers = strip.action.pose_markers
answer["events"] = sorted([m.name, m.frame] for m in markers)
ops.retime_events(kinds={"blink"})
answer["again"] = len(markers)
answer["no_markers"] = problem(ops.retime_snap)
for frame in (36, 55):
    scene.timeline_markers.new("m", frame=frame)
for marker in markers:
    marker.select = marker.frame != BLINKS[2]
ops.retime_snap(to="MARKERS")
strip = strips.strip_of(rig)
answer["snapped"] = [strips.shown(strip, frame) for frame in (1, 36, 55, 120)]
ys = [strips.shown(strip, x) for x in np.linspace(1, 120, 800)]
answer["monotone"] = float(np.diff(ys).min())

# a click every half second from 0.3 s on: beats at 7.5, 20, 32.5... frames after the sound begins
rate = 22050
samples = np.zeros(8 * rate)
for beat in np.arange(0.3, 8, 0.5):
    at = int(beat * rate)
    click = np.exp(-np.arange(1500) / 250) * np.sin(np.arange(1500) * 0.3)
    samples[at : at + 1500] += click[: len(samples) - at]
with wave.open(str(folder / "click.wav"), "wb") as file:
    file.setparams((1, 2, rate, 0, "NONE", ""))
    file.writeframes((samples * 20000).astype("<i2").tobytes())
answer["no_sound"] = problem(ops.retime_snap, to="BEAT")
editor = scene.sequence_editor_create()
editor.strips.new_sound("click", str(folder / "click.wav"), 1, 5)
events = module("addon.retime.events")
answer["beats"] = events.beat_frames(scene)
for marker in markers:
    marker.select = True
ops.retime_snap(to="BEAT")
strip = strips.strip_of(rig)
answer["on_beat"] = sorted(float(k.co.x) for k in strip.fcurves.find("strip_time").keyframe_points)
finish()
