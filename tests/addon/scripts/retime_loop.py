# SPDX-License-Identifier: GPL-3.0-or-later
"""A seamless loop of a strip: its period, its seam, and what it was made of."""

import sys

import bpy
import numpy as np
from common import answer, finish, module, problem
from retime_rig import loaded

for name in ("scipy", "torch", "cv2", "PIL"):
    sys.modules[name] = None
scene = bpy.context.scene
ops = bpy.ops.tableau
sample = module("addon.bake.sample")


def sway(points, irises):
    """No drift, but a sway with a period of 80 frames, and a blink that is no part of it."""
    frames = np.arange(len(points))
    points[:, :, 0] -= points[:, :1, 0] - points[0, 0, 0]
    points[:, :, 0] += 20 * np.sin(2 * np.pi * (frames - 7) / 80)[:, None]
    irises[:] = irises[0]
    points[:, 36:42, 1] += np.where((frames > 40) & (frames < 46), 5.0, 0.0)[:, None]


rig, actions = loaded(120, 11, sway)


def seen(frames):
    return sample.sample_rig(bpy.context, rig, frames, actions.scene_rate(scene)).points.astype(float)


before = seen(range(11, 131))
ops.retime_loop(frames=0, window=30, crossfade=6, cycles=3)
tracks = rig.animation_data.nla_tracks
strip = tracks[-1].strips[0]
answer["best"] = [scene.frame_start, scene.frame_end, strip.frame_end - strip.frame_start]
count = scene.frame_end - scene.frame_start + 1
after = seen(range(11, 11 + 2 * count + 1))
answer["period"] = float(np.abs(after[count:] - after[: count + 1]).max())
steps = np.abs(np.diff(after[:, 0, 0]))
answer["steps"] = [float(steps.max()), float(np.abs(np.diff(before[:, 0, 0])).max())]
answer["muted"] = [t.strips[0].mute for t in tracks]

tracks.remove(tracks[-1])
tracks[0].strips[0].mute = False
ops.retime_loop(frames=50, window=30, crossfade=6, cycles=2)
answer["exact"] = [scene.frame_start, scene.frame_end]
after = seen(range(11, 112))
answer["exact_period"] = float(np.abs(after[50:] - after[:51]).max())
answer["doubled"] = float(np.abs(np.diff(after[:, 0, 0])).max())
answer["next"] = float(np.abs(after[49] - after[50]).max())
loaded(9, 1)
answer["short"] = problem(ops.retime_loop, crossfade=10)
finish()
