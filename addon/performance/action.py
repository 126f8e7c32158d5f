# SPDX-License-Identifier: GPL-3.0-or-later
"""A landmark track as an Action with a slot on the landmark rig; every sample keeps its own time."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import bpy

from .. import compat, fcurves, lookup
from ..portrait import rig as rigs
from ..portrait.space import PictureSpace
from ..problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np

    from ...core.landmarks.track import LandmarkTrack


def scene_rate(scene: Any) -> Fraction:
    """Frames per second of the scene, exact (24 with a base of 1.001 is 24000/1001)."""
    base = Fraction(round(scene.render.fps_base * 1_000_000), 1_000_000)
    return Fraction(scene.render.fps) / base


def set_scene_rate(scene: Any, rate: Fraction) -> None:
    """Let the scene run at ``rate`` frames per second (24000/1001 becomes 24 with a base of 1.001)."""
    scene.render.fps = math.ceil(rate)
    scene.render.fps_base = float(math.ceil(rate) / rate)


def fit_range(scene: Any, rig: Any, first: int, last: int, *, widen: bool = False) -> None:
    """Let the scene last from ``first`` to ``last``; with ``widen``, or where another of its portraits is
    animated, it only ever grows."""
    others = (o for o in scene.objects if lookup.kind_of(o) == "RIG" and o != rig)
    if widen or any(lookup.has_action(other) for other in others):
        first, last = min(first, scene.frame_start), max(last, scene.frame_end)
    scene.frame_start, scene.frame_end = first, last


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
    channels = list(channels_of(rig, track))
    action = bpy.data.actions.new(name)
    data = rig.animation_data_create()
    data.action = action
    keys = frames[track.valid]
    for path, index, group, values in channels:
        fcurves.write_moving(compat.ensure_curve(rig, action, path, index, group), keys, values)
    return action


def rewrite_action(
    rig: Any, action: Any, track: LandmarkTrack, frames: np.ndarray, moved: np.ndarray | None = None
) -> None:
    """Put ``track`` in the place of the landmarks of ``action``, wherever it is used: strips that play it
    and its other curves stay.  ``moved`` as for ``channels_of``."""
    channels = list(channels_of(rig, track, moved))
    keys = frames[track.valid]
    for path, index, group, values in channels:
        fcurves.write_moving(compat.slot_curve(action, path, index, group), keys, values)


def write_sliders(action: Any, names: Sequence[str], frames: np.ndarray, values: np.ndarray) -> None:
    """Curves of the custom properties ``names`` in ``action``, ``values`` [T, N] at ``frames`` [T]."""
    for column, name in enumerate(names):
        curve = compat.slot_curve(action, f'["{name}"]', 0, "Expressions")
        fcurves.write_moving(curve, frames, values[:, column])


def channels_of(
    rig: Any, track: LandmarkTrack, moved: np.ndarray | None = None
) -> Iterator[tuple[str, int, str, np.ndarray]]:
    """(data path, index, group, values [F]) of each channel that poses ``rig`` on the F found frames of
    ``track``.  ``moved`` [F, 70, 3], in the rig's space: what else moves each landmark within the head."""
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
    channels = decompose(target, rest if moved is None else rest + moved, pivot)
    unknown = ~np.isfinite(track.irises[found]).all(axis=2)
    channels.offsets[:, 68:][unknown] = 0.0  # a gaze that was not seen rests in the moving head
    head = f'pose.bones["{rigs.HEAD}"].'
    for axis in range(3):
        yield head + "location", axis, rigs.HEAD, channels.location[:, axis]
        yield head + "rotation_euler", axis, rigs.HEAD, channels.rotation[:, axis]
        yield head + "scale", axis, rigs.HEAD, channels.scale
    for index, bone in enumerate(names):
        for axis in range(3):
            yield f'pose.bones["{bone}"].location', axis, bone, channels.offsets[:, index, axis]
