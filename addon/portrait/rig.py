# SPDX-License-Identifier: GPL-3.0-or-later
"""The landmark rig: an armature over the picture with a head bone and, as its children, a bone per landmark.

Every bone rests in the armature's own orientation:
its location channels are x right, y up, z toward the viewer.
"""

from __future__ import annotations

import contextlib
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from .. import lookup
from ..problems import Problem
from .dress import HEAD, PIVOT, bone_names, dress, size_shapes
from .space import PictureSpace

if TYPE_CHECKING:
    import numpy as np

    from ...core.landmarks.track import LandmarkTrack

DETECTED, CONFIDENCE = "tableau_detected", "tableau_confidence"
"""Keys on the armature: the points as the detector found them (70 x 3 px), its confidence in each (70)."""


def rest_points(points: np.ndarray, irises: np.ndarray) -> np.ndarray:
    """float64 [..., 70, 3] px: the points, and the irises at their eyes' depth
    (at the eye's middle where unknown)."""
    import numpy as np

    from ...core.landmarks.schema import REGIONS

    both = np.full((*points.shape[:-2], 70, 3), np.nan)
    both[..., :68, :] = points
    for index, region in enumerate(("eye_right", "eye_left")):
        middle = points[..., list(REGIONS[region]), :].mean(axis=-2)
        both[..., 68 + index, :] = middle
        known = np.isfinite(irises[..., index, :]).all(axis=-1)
        both[..., 68 + index, :2] = np.where(known[..., None], irises[..., index, :], middle[..., :2])
    return both


def make_rig(context: Any, plane: Any, face: LandmarkTrack) -> Any:
    """A new rig over ``plane`` with the landmarks of the one-frame track ``face`` as its rest pose."""
    from ...core.landmarks.schema import REGIONS

    space = PictureSpace.of(plane)
    if tuple(face.size) != (space.width, space.height):
        raise Problem(
            f"The landmarks belong to a picture of {face.size[0]} x {face.size[1]} px, "
            f"this one has {space.width} x {space.height}; detect them again"
        )
    rest = space.to_local(rest_points(face.points[0], face.irises[0]))
    name = f"{plane.name} Rig"
    armature = bpy.data.armatures.new(name)
    rig = bpy.data.objects.new(name, armature)
    rig.parent = plane
    (plane.users_collection or (context.scene.collection,))[0].objects.link(rig)
    names = bone_names()
    eyes = rest[list(REGIONS["eye_right"] + REGIONS["eye_left"])]
    span = float(math.dist(eyes[:6].mean(axis=0), eyes[6:].mean(axis=0))) or 0.1
    with edit_mode(context, rig):
        head = _add_bone(armature, HEAD, rest[list(PIVOT)].mean(axis=0), 0.6 * span)
        for index, bone_name in enumerate(names):
            bone = _add_bone(armature, bone_name, rest[index], (0.05 if index < 68 else 0.12) * span)
            bone.parent = head
    dress(rig)
    size_shapes(rig, rest)
    settings = rig.tableau
    settings.title = _title(plane)
    settings.kind, settings.portrait = "RIG", plane
    remember(rig, face)
    plane.tableau.rig = rig
    return rig


def remember(rig: Any, face: LandmarkTrack) -> None:
    """Keep on ``rig`` what the detector said: the points for Reset, its confidence for the overlay."""
    found = rest_points(face.points[0], face.irises[0])
    rig.data[DETECTED] = [float(value) for value in found.ravel()]
    rig.data[CONFIDENCE] = [*(float(value) for value in face.confidence[0]), 1.0, 1.0]
    rig.tableau.detector = str(face.meta.get("backend", ""))


def _title(plane: Any) -> str:
    """A name for a new rig's files that no other rig has: the plane's, numbered from the second rig on."""
    taken = {rig.tableau.title for rig in bpy.data.objects if lookup.kind_of(rig) == "RIG"}
    title, number = plane.name, 1
    while title in taken:
        number += 1
        title = f"{plane.name} {number}"
    return title


def rest_track(rig: Any) -> LandmarkTrack:
    """The rig's rest pose as the one-frame track that the engine reads (edited bones included)."""
    import numpy as np

    from ...core.landmarks.track import LandmarkTrack

    plane = rig.tableau.portrait
    bones = rig.data.bones
    names = bone_names()
    lost = [name for name in names if name not in bones]
    if lost:
        raise Problem(f"{rig.name}: the bone {lost[0]} was removed; undo that, or detect the landmarks again")
    local = np.array([bones[name].head_local for name in names], np.float64)
    pixels = PictureSpace.of(plane).to_pixels(local).astype(np.float32)
    return LandmarkTrack(
        points=pixels[None, :68],
        irises=pixels[None, 68:, :2],
        times=np.zeros(1),
        confidence=np.ones((1, 68), np.float32),
        size=(plane.tableau.size[0], plane.tableau.size[1]),
        meta={"backend": rig.tableau.detector, "source": Path(plane.tableau.picture).name},
    )


def remove_rig(rig: Any) -> None:
    """Take a rig out of the file, with its own armature and what helps it."""
    armature = rig.data
    for helper in (rig.tableau.fixing, rig.tableau.matte):
        if helper is not None:
            bpy.data.objects.remove(helper)
    bpy.data.objects.remove(rig)
    if armature.users == 0:
        bpy.data.armatures.remove(armature)


def check_own(item: Any) -> None:
    """Raise Problem where ``item`` or its data is linked from another file, which this one cannot change."""
    if text := lookup.linked(item):
        raise Problem(text)


@contextlib.contextmanager
def edit_mode(context: Any, rig: Any) -> Any:
    """``rig`` active, selected and in edit mode; back in object mode afterwards, with the rig left active.

    Raises Problem where it cannot be edited: it is linked from another file, or not in this view layer.
    """
    check_own(rig)
    context.view_layer.update()  # an object that was just linked is not listed before
    if rig.name not in context.view_layer.objects:
        raise Problem(f"{rig.name}: is not in this view layer; switch its collection on")
    if context.object is not None and context.object.mode != "OBJECT":
        bpy.ops.object.mode_set(mode="OBJECT")
    for item in context.view_layer.objects.selected:
        item.select_set(False)
    rig.hide_set(False)
    context.view_layer.objects.active = rig
    rig.select_set(True)
    bpy.ops.object.mode_set(mode="EDIT")
    try:
        yield
    finally:
        bpy.ops.object.mode_set(mode="OBJECT")


def _add_bone(armature: Any, name: str, head: np.ndarray, length: float) -> Any:
    bone = armature.edit_bones.new(name)
    bone.head = head
    bone.tail = (head[0], head[1] + length, head[2])
    bone.roll = 0.0
    return bone
