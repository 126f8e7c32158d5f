# SPDX-License-Identifier: GPL-3.0-or-later
"""A long synthetic track as an Action, and what the evaluated bones do."""

import time

import bpy
import numpy as np
from common import answer, finish, module, oval_face, question

tracks = module("core.landmarks.track")
rigs = module("addon.portrait.rig")
actions = module("addon.performance.action")
sample = module("addon.bake.sample")

scene = bpy.context.scene
scene.render.fps, scene.render.fps_base = 25, 1.0
bpy.ops.tableau.load_portrait(filepath=question["picture"], detect=False)
plane = bpy.context.object
width, height = size = tuple(plane.tableau.size)
face = oval_face(size)
rig = rigs.make_rig(bpy.context, plane, face)
answer["bones"] = len(rig.data.bones)
answer["collections"] = {c.name: len(c.bones) for c in rig.data.collections}
answer["rest"] = float(np.abs(rigs.rest_track(rig).points - face.points).max())

count = question["count"]
noise = np.random.default_rng(1)
times = np.arange(count) / 25
yaw, pitch = 0.6 * np.sin(2 * times), 0.3 * np.cos(1.3 * times)
turn = np.zeros((count, 3, 3))
turn[:, 0, 0], turn[:, 0, 2], turn[:, 2, 0], turn[:, 2, 2] = (
    np.cos(yaw),
    np.sin(yaw),
    -np.sin(yaw),
    np.cos(yaw),
)
turn[:, 1, 1] = 1.0
nod = np.zeros((count, 3, 3))
nod[:, 1, 1], nod[:, 1, 2], nod[:, 2, 1], nod[:, 2, 2] = (
    np.cos(pitch),
    -np.sin(pitch),
    np.sin(pitch),
    np.cos(pitch),
)
nod[:, 0, 0] = 1.0
rest = face.points[0].astype(np.float64)
middle = rest.mean(axis=0)
points = np.einsum("tij,tjk,nk->tni", turn, nod, rest - middle) * (1 + 0.1 * np.sin(times))[:, None, None]
points += middle + noise.normal(0, 0.01 * width, points.shape)
irises = face.irises + noise.normal(0, 0.005 * width, (count, 2, 2))
track = tracks.LandmarkTrack(points, irises, times, np.ones((count, 68)), size)

started = time.process_time()  # the promise is about the work, whatever else the machine does
frames = actions.frames_of(track.times, actions.scene_rate(scene), 7)
action = actions.write_action(rig, track, "take", frames)
answer["seconds"] = time.process_time() - started
answer["slots"] = len(action.slots)
answer["first"], answer["last"] = float(frames[0]), float(frames[-1])

scene.frame_set(3)
# the plane may stand anywhere: what counts is where the bones are over the picture
plane.location, plane.rotation_euler, plane.scale = (5, -2, 1), (1.1, 0.2, 0.3), (1.5, 1.5, 1.5)
started = time.perf_counter()
seen = sample.sample_rig(bpy.context, rig, range(7, 7 + count), actions.scene_rate(scene))
answer["sample_seconds"] = time.perf_counter() - started
answer["points_error"] = float(np.abs(seen.points - track.points).max())
answer["irises_error"] = float(np.abs(seen.irises - track.irises).max())
answer["frame_after"] = scene.frame_current

# the head bone holds the turn of the head
scene.frame_set(7 + 20)
euler = rig.pose.bones["head"].rotation_euler
answer["yaw_error"] = abs(euler.y + yaw[20])  # the track's y and z run the other way

# half a turn of scale on the rig object against the plane is seen as well
rig.location.x = 10 * plane.tableau.pixel
moved = sample.sample_rig(bpy.context, rig, range(7, 9), actions.scene_rate(scene))
answer["moved"] = float(np.abs(moved.points - track.points[:2] - (10, 0, 0)).max())
rig.location.x = 0

# another clock: 23.976 in the scene, lost frames in the track, gaze unknown
scene.render.fps, scene.render.fps_base = 24, 1.001
answer["rate"] = str(actions.scene_rate(scene))
points = points[:50].copy()
points[10:15] = np.nan
irises = irises[:50].copy()
irises[:, 1] = np.nan
track = tracks.LandmarkTrack(points, irises, times[:50] * 1001 / 960, np.ones((50, 68)), size)
frames = actions.frames_of(track.times, actions.scene_rate(scene), -20)
actions.write_action(rig, track, "second", frames)
answer["whole"] = bool((frames == np.arange(-20, 30)).all())
seen = sample.sample_rig(bpy.context, rig, range(-20, 30), actions.scene_rate(scene))
found = track.valid
answer["second_error"] = float(np.abs(seen.points - points)[found].max())
answer["gap_finite"] = bool(np.isfinite(seen.points).all() and np.isfinite(seen.irises).all())
between = np.abs(seen.points[12] - (0.6 * points[9] + 0.4 * points[15]))
answer["gap_error"] = float(between.max() / width)

scene.render.fps_base = 1.0
actions.set_scene_rate(scene, actions.Fraction(30000, 1001))
answer["set_rate"] = str(actions.scene_rate(scene))
finish()
