# SPDX-License-Identifier: GPL-3.0-or-later
"""A landmark track as an Action with a slot on the landmark rig; every sample keeps its own time."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import bpy

from .. import compat
from ..portrait import rig as rigs
from ..portrait.space import PictureSpace
from ..problems import Problem

if TYPE_CHECKING:
    import numpy as np

    from ...core.landmarks.track import LandmarkTrack

STILL = 1e-7
"""A channel that moves less than this (Blender units, radians) keeps one key."""


def scene_rate(scene: Any) -> Fraction:
    """Frames per second of the scene, exact (24 with a base of 1.001 is 24000/1001)."""
    base = Fraction(round(scene.render.fps_base * 1_000_000), 1_000_000)
    return Fraction(scene.render.fps) / base


def set_scene_rate(scene: Any, rate: Fraction) -> None:
    """Let the scene run at ``rate`` frames per second (24000/1001 becomes 24 with a base of 1.001)."""
    scene.render.fps = math.ceil(rate)
    scene.render.fps_base = float(math.ceil(rate) / rate)


def frames_of(times: np.ndarray, rate: Fraction, start: float) -> np.ndarray:
    """float64 [T]: the scene frame of each sample, t = (frame - start) / fps;
    near-whole frames made whole."""
    import numpy as np

    frames = start + (times - times[0]) * float(rate)
    whole = np.round(frames)
    return np.where(np.abs(frames - whole) < 2e-3, whole, frames)


def write_action(rig: Any, track: LandmarkTrack, name: str, frames: np.ndarray) -> Any:
    """A new Action on ``rig`` with a key per sample of ``track``
    (in the portrait's pixels) at ``frames`` [T].

    Frames in which the face is lost get no key.  Returns the Action, assigned with its slot.
    """
    import numpy as np

    from .decompose import decompose

    plane = rig.tableau.portrait
    space = PictureSpace.of(plane)
    if tuple(track.size) != (space.width, space.height):
        raise Problem(
            f"The performance is for a picture of {track.size[0]} x {track.size[1]} px, "
            f"not for {plane.name} ({space.width} x {space.height})"
        )
    found = track.valid
    if not found.any():
        raise Problem("No frame of the performance has a face; use another video, or another face of it")
    names = rigs.bone_names()
    bones = rig.data.bones
    rest = np.array([bones[bone].head_local for bone in names], np.float64)
    pivot = np.array(bones[rigs.HEAD].head_local, np.float64)
    target = space.to_local(rigs.rest_points(track.points[found], track.irises[found]))
    channels = decompose(target, rest, pivot)
    unknown = ~np.isfinite(track.irises[found]).all(axis=2)
    channels.offsets[:, 68:][unknown] = 0.0  # a gaze that was not seen rests in the moving head
    keys = frames[found].astype(np.float32)

    action = bpy.data.actions.new(name)
    data = rig.animation_data_create()
    data.action = action
    head = f'pose.bones["{rigs.HEAD}"].'
    for axis in range(3):
        _write(rig, action, head + "location", axis, rigs.HEAD, keys, channels.location[:, axis])
        _write(rig, action, head + "rotation_euler", axis, rigs.HEAD, keys, channels.rotation[:, axis])
        _write(rig, action, head + "scale", axis, rigs.HEAD, keys, channels.scale)
    for index, bone in enumerate(names):
        for axis in range(3):
            path = f'pose.bones["{bone}"].location'
            _write(rig, action, path, axis, bone, keys, channels.offsets[:, index, axis])
    return action


def _write(
    owner: Any, action: Any, path: str, index: int, group: str, frames: np.ndarray, values: np.ndarray
) -> None:
    import numpy as np

    if float(np.ptp(values)) < STILL:
        frames, values = frames[:1], values[:1]
    curve = compat.ensure_curve(owner, action, path, index, group)
    points = curve.keyframe_points
    points.add(len(frames))
    points.foreach_set("co", np.column_stack([frames, values]).astype(np.float32).ravel())
    points.foreach_set("interpolation", np.ones(len(frames), np.int32))  # linear
    curve.update()
