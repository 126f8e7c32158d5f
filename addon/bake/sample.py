# SPDX-License-Identifier: GPL-3.0-or-later
"""The rig as it is seen at each frame: pose, constraints,
drivers and modifiers evaluated, in the picture's pixels."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import bpy

from ..portrait import rig as rigs
from ..portrait.space import PictureSpace
from ..problems import Problem

if TYPE_CHECKING:
    import numpy as np

    from ...core.landmarks.track import LandmarkTrack


def sample_rig(context: Any, rig: Any, frames: range, rate: Fraction) -> LandmarkTrack:
    """The landmarks at each scene frame of ``frames``, ``rate`` frames per second;
    the current frame is put back."""
    import numpy as np

    from ...core.landmarks.track import LandmarkTrack

    plane, scene = rig.tableau.portrait, context.scene
    order = _bone_order(rig)
    heads = np.empty(3 * len(rig.pose.bones), np.float32)
    local = np.empty((len(frames), len(order), 3), np.float64)
    before = scene.frame_current, scene.frame_subframe
    try:
        for row, frame in enumerate(frames):
            scene.frame_set(frame)
            graph = context.evaluated_depsgraph_get()
            posed, shown = rig.evaluated_get(graph), plane.evaluated_get(graph)
            posed.pose.bones.foreach_get("head", heads)
            local[row] = _in_plane(shown, posed, heads.reshape(-1, 3)[order].astype(np.float64))
    finally:
        scene.frame_set(before[0], subframe=before[1])
    pixels = PictureSpace.of(plane).to_pixels(local).astype(np.float32)
    if not np.isfinite(pixels).all():
        raise Problem(
            f"{rig.name}: its pose is not finite at some frame; look for a constraint or driver gone wrong"
        )
    return LandmarkTrack(
        points=pixels[:, :68],
        irises=pixels[:, 68:, :2],
        times=np.arange(len(frames)) / float(rate),
        confidence=np.ones((len(frames), 68), np.float32),
        size=(plane.tableau.size[0], plane.tableau.size[1]),
        meta={"backend": "blender", "source": bpy.path.basename(bpy.data.filepath), "rate": str(rate)},
    )


def _bone_order(rig: Any) -> list[int]:
    index = {bone.name: i for i, bone in enumerate(rig.pose.bones)}
    try:
        return [index[name] for name in rigs.bone_names()]
    except KeyError as error:
        raise Problem(
            f"{rig.name}: the bone {error.args[0]} was removed; undo that, or detect again"
        ) from None


def _in_plane(plane: Any, rig: Any, points: np.ndarray) -> np.ndarray:
    """Points of the rig's space in the plane's, also where the rig was moved against the plane."""
    import numpy as np

    between = np.array(plane.matrix_world.inverted_safe() @ rig.matrix_world, np.float64)
    if np.allclose(between, np.eye(4), atol=1e-5):  # only the rounding of the two world matrices
        return points
    return points @ between[:3, :3].T + between[:3, 3]
