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

from ..problems import Problem
from .space import PictureSpace

if TYPE_CHECKING:
    import numpy as np

    from ...core.landmarks.track import LandmarkTrack

HEAD = "head"
PIVOT = (0, 16)
"""Landmarks between which the head turns: the two ends of the jaw line, at the ears."""
GROUPS = {
    "Head": (),
    "Brows": ("brow_right", "brow_left"),
    "Eyes": ("eye_right", "eye_left"),
    "Gaze": (),
    "Nose": ("nose_bridge", "nose_base"),
    "Lips": ("lips_outer", "lips_inner"),
    "Jaw": ("jaw",),
}
"""Bone collection -> regions of the landmark schema in it."""
COLORS = {
    "Head": (1.0, 0.62, 0.16),
    "Brows": (0.95, 0.45, 0.35),
    "Eyes": (0.30, 0.75, 1.0),
    "Gaze": (0.95, 0.95, 0.95),
    "Nose": (0.62, 0.85, 0.45),
    "Lips": (1.0, 0.40, 0.62),
    "Jaw": (0.95, 0.85, 0.45),
}


def bone_names() -> list[str]:
    """Names of the landmark bones in track order: 68 points, then the right and the left iris."""
    from ...core.landmarks.schema import IRISES, POINT_NAMES

    return [*POINT_NAMES, *IRISES]


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
    with _edit_mode(context, rig):
        head = _add_bone(armature, HEAD, rest[list(PIVOT)].mean(axis=0), 0.6 * span)
        for index, bone_name in enumerate(names):
            bone = _add_bone(armature, bone_name, rest[index], (0.05 if index < 68 else 0.12) * span)
            bone.parent = head
    _dress(rig, names, span, rest)
    settings = rig.tableau
    settings.kind, settings.portrait, settings.title = "RIG", plane, plane.name
    settings.detector = str(face.meta.get("backend", ""))
    plane.tableau.rig = rig
    return rig


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
    """Take a rig out of the file, with its own armature."""
    armature = rig.data
    bpy.data.objects.remove(rig)
    if armature.users == 0:
        bpy.data.armatures.remove(armature)


@contextlib.contextmanager
def _edit_mode(context: Any, rig: Any) -> Any:
    """``rig`` active, selected and in edit mode; back in object mode afterwards, with the rig left active."""
    if context.object is not None and context.object.mode != "OBJECT":
        bpy.ops.object.mode_set(mode="OBJECT")
    for item in context.view_layer.objects.selected:
        item.select_set(False)
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


def _dress(rig: Any, names: list[str], span: float, rest: np.ndarray) -> None:
    """Collections, colors and small legible shapes."""
    from ...core.landmarks.schema import POINT_NAMES, REGIONS

    armature = rig.data
    rig.show_in_front = True
    armature.display_type = "STICK"
    armature.relation_line_position = "HEAD"
    low, high = rest.min(axis=0), rest.max(axis=0)
    middle, radius = (low + high) / 2, 0.62 * float(math.dist(low[:2], high[:2]))
    group_of = {HEAD: "Head"}
    for group, regions in GROUPS.items():
        for region in regions:
            group_of |= {POINT_NAMES[i]: group for i in REGIONS[region]}
    group_of |= dict.fromkeys(names[68:], "Gaze")
    collections = {group: armature.collections.new(group) for group in GROUPS}
    dot, ring = _shape("Tableau Dot", 8, filled=True), _shape("Tableau Ring", 32, filled=False)
    for name, group in group_of.items():
        bone, pose = armature.bones[name], rig.pose.bones[name]
        collections[group].assign(bone)
        pose.rotation_mode = "ZXY" if name == HEAD else "XYZ"
        pose.custom_shape = ring if group in {"Head", "Gaze"} else dot
        pose.use_custom_shape_bone_size = False
        size = {"Head": radius, "Gaze": 0.11 * span}.get(group, 0.022 * span)
        pose.custom_shape_scale_xyz = (size, size, size)
        if name == HEAD:
            pose.custom_shape_translation = middle - rest[list(PIVOT)].mean(axis=0)
        bone.color.palette = "CUSTOM"
        color = COLORS[group]
        bone.color.custom.normal = color
        bone.color.custom.select = tuple(0.5 + 0.5 * value for value in color)
        bone.color.custom.active = (1.0, 1.0, 1.0)
        pose.lock_scale = (name != HEAD,) * 3
        pose.lock_rotation = (name != HEAD,) * 3


def _shape(name: str, corners: int, *, filled: bool) -> Any:
    """A unit circle in the XY plane, shared by all rigs and in no scene."""
    shape = bpy.data.objects.get(name)
    if shape is not None:
        return shape
    mesh = bpy.data.meshes.new(name)
    angles = [2 * math.pi * i / corners for i in range(corners)]
    edges = [] if filled else [(i, (i + 1) % corners) for i in range(corners)]
    faces = [tuple(range(corners))] if filled else []
    mesh.from_pydata([(math.cos(a), math.sin(a), 0.0) for a in angles], edges, faces)
    mesh.update()
    return bpy.data.objects.new(name, mesh)
