# SPDX-License-Identifier: GPL-3.0-or-later
"""A rig whose head moves right by one hundredth of a unit a frame: where it is says which frame shows."""

import bpy
import numpy as np
from common import module, oval_face, question


def loaded(count, start, motion=None):
    """A portrait with a rig and an Action of ``count`` frames from ``start``;
    (rig, addon.performance.action).

    motion: changes the track's points [T, 68, 3] px in place.
    """
    from fractions import Fraction

    tracks, rigs = module("core.landmarks.track"), module("addon.portrait.rig")
    actions = module("addon.performance.action")
    bpy.ops.tableau.load_portrait(filepath=question["picture"], detect=False)
    plane = bpy.context.object
    size = tuple(plane.tableau.size)
    face = oval_face(size)
    rig = rigs.make_rig(bpy.context, plane, face)
    step = np.arange(count) * 0.01 / plane.tableau.pixel
    points, irises = np.repeat(face.points, count, 0).astype(np.float64), np.repeat(face.irises, count, 0)
    points[:, :, 0] += step[:, None]
    irises = irises + np.stack([step, 0 * step], 1)[:, None]
    if motion is not None:
        motion(points, irises)
    times = np.arange(count) / 25
    track = tracks.LandmarkTrack(points, irises, times, np.ones((count, 68)), size)
    frames = actions.frames_of(times, Fraction(25), start)
    actions.write_action(rig, track, "take", frames)
    bpy.context.view_layer.objects.active = rig
    return rig, actions


def shown(rig, frame):
    """How many frames of the performance have gone by at a scene frame."""
    scene = bpy.context.scene
    scene.frame_set(int(np.floor(frame)), subframe=float(frame - np.floor(frame)))
    posed = rig.evaluated_get(bpy.context.evaluated_depsgraph_get())
    return round(float(posed.pose.bones["head"].location.x) * 100, 3)
