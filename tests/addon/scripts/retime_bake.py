# SPDX-License-Identifier: GPL-3.0-or-later
"""Retimed strips as few ordinary keys, and filters on a recorded motion; no library that Blender lacks."""

import sys

import bpy
import numpy as np
from common import answer, finish, module, problem
from retime_rig import loaded

for name in ("scipy", "torch", "cv2", "PIL"):
    sys.modules[name] = None
scene = bpy.context.scene
scene.render.fps, scene.render.fps_base = 24, 1.001
ops = bpy.ops.tableau
sample, actions = module("addon.bake.sample"), module("addon.performance.action")
strips, filters = module("addon.retime.strips"), module("addon.retime.filters")
compat = module("addon.compat")
noise = np.random.default_rng(5)
EYES = {36: (0, 0), 37: (4, -3), 38: (8, -3), 39: (12, 0), 40: (8, 3), 41: (4, 3)}


def talk(points, irises, jitter=0.0):
    """A head that sways, lips that speak, a blink at frame 60; ``jitter`` px of noise on all points."""
    t = np.arange(len(points))
    points[:, :, 0] += (15 * np.sin(t / 17) + 8 * np.sin(t / 7))[:, None]
    points[:, 48:68, 1] += (6 * np.sin(t / 3) * np.sin(t / 40))[:, None] * np.linspace(-1, 1, 20)
    shut = np.clip(1.3 - np.abs(t + 1 - 60) / 3, 0, 1)
    for eye in range(2):
        for point, (x, y) in EYES.items():
            points[:, point + 6 * eye, 0] = points[:, 0, 0] - points[0, 0, 0] + 100 + 60 * eye + 3 * x
            points[:, point + 6 * eye, 1] = 200 + 3 * y * (1 - shut)
            points[:, point + 6 * eye, 2] = 0
    points[:] += noise.normal(0, jitter, points.shape) if jitter else 0


def seen(first, last):
    track = sample.sample_rig(bpy.context, rig, range(first, last + 1), actions.scene_rate(scene))
    return track.points[..., :2].astype(float)


rig, _ = loaded(150, -20, talk)
ops.retime_curve()
scene.frame_set(30)
ops.retime_hold(frames=15)
scene.frame_set(60)
ops.retime_ramp(start=100, end=40, frames=20)
strip = strips.strip_of(rig)
first, last = int(strip.frame_start), int(np.ceil(strip.frame_end))
before = seen(first, last)
answer["errors"], answer["counts"] = [], []
total = sum(len(c.keyframe_points) for c in compat.slot_curves(strip.action))
# stopped while the trial is measured: nothing is left of it
count = len(bpy.data.actions)
steps = module("addon.retime.bake").bake_steps(bpy.context, rig, range(first, last + 1), 0.5)
job = module("addon.jobs").Job("Bake to Keys", steps)
while job.pump() and not job.progress[2].startswith("measuring"):
    pass
answer["on_trial"] = len(bpy.data.actions) - count
job.cancel()
while job.pump():
    pass
answer["stopped"] = [type(job.problem).__name__, len(bpy.data.actions) - count, strip.mute]
for tolerance in (0.1, 0.5, 2.0):
    tracks = rig.animation_data.nla_tracks
    ops.retime_bake(tolerance=tolerance)
    made = strips.strip_of(rig)
    answer["errors"].append(float(np.linalg.norm(seen(first, last) - before, axis=2).max()))
    answer["counts"].append(sum(len(c.keyframe_points) for c in compat.slot_curves(made.action)))
    if tolerance == 0.5:
        answer["muted"] = [s.mute for t in tracks for s in t.strips]
        answer["span"] = [made.frame_start, made.frame_end, first, last]
        where = [[p.co.x for p in c.keyframe_points] for c in compat.slot_curves(made.action)]
        answer["whole"] = all(x == round(x) for xs in where for x in xs)
        ops.retime_hold(frames=2)  # what was baked can be retimed again
        answer["again"] = strips.strip_of(rig).frame_end - strips.strip_of(rig).frame_start
    for track in tracks:
        for other in track.strips:
            other.mute = True
    strip.mute = False
    # the original is the one meant again
    for track in [t for t in tracks if strip.name not in t.strips]:
        tracks.remove(track)
answer["total"] = total
strip.mute = True
for track in rig.animation_data.nla_tracks:
    for other in track.strips:
        other.mute = True
answer["nothing"] = problem(ops.retime_bake)

# filters
rig, _ = loaded(150, 1, lambda points, irises: talk(points, irises, 0.7))
answer["not_filtered"] = problem(ops.retime_unfilter)
raw = seen(1, 150)
action = rig.animation_data.action
by_hand = compat.slot_curve(action, "location", 0, "Object")
for frame, value in ((1, 0.0), (75, 0.2), (150, 0.0)):
    by_hand.keyframe_points.insert(frame, value)


def shake(points, rows):
    """How far points [T, N, 2] leave the line between their neighbors, rms px."""
    return float(np.sqrt(np.square(np.diff(points[:, rows], 2, axis=0)).mean()))


def lids(points):
    return (points[:, 40, 1] - points[:, 38, 1]).tolist()


NOSE, LIPS = slice(27, 36), slice(48, 68)
by_hand_before = [tuple(p.co) for p in by_hand.keyframe_points]
raw = seen(1, 150)
ops.retime_filter(strength="medium", mouth=0.0, head=0.0)
calm = seen(1, 150)
answer["nose"], answer["lips"] = [[shake(p, rows) for p in (raw, calm)] for rows in (NOSE, LIPS)]
answer["lids"] = [[min(lids(p)), int(np.argmin(lids(p)))] for p in (raw, calm)]
answer["by_hand"] = by_hand_before == [tuple(p.co) for p in by_hand.keyframe_points]
answer["unfiltered"] = strips.strip_of(rig).action.tableau_filter.unfiltered is not None
ops.retime_filter(strength="medium", mouth=0.0, head=0.0)
answer["not_twice"] = float(np.abs(seen(1, 150) - calm).max())
ops.retime_filter(strength="strong")
answer["strong"] = shake(seen(1, 150), LIPS)
ops.retime_filter(method="ONE_EURO")
answer["euro"] = shake(seen(1, 150), LIPS)
count = len(bpy.data.actions)
ops.retime_unfilter()
answer["removed"] = [float(np.abs(seen(1, 150) - raw).max()), len(bpy.data.actions) - count]
loaded(3, 1)
answer["too_short"] = problem(ops.retime_filter)
finish()
