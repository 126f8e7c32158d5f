# SPDX-License-Identifier: GPL-3.0-or-later
"""How the landmark rig looks: bone collections by region, colors, small shapes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import bpy

if TYPE_CHECKING:
    import numpy as np

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
SEEN = "tableau_seen"
"""Key on the armature: the bone collections that were seen before all were hidden."""
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


def bone_groups() -> dict[str, str]:
    """Bone name -> the group that it belongs to, one of GROUPS."""
    from ...core.landmarks.schema import IRISES, POINT_NAMES, REGIONS

    found = {HEAD: "Head"}
    for group, regions in GROUPS.items():
        for region in regions:
            found |= {POINT_NAMES[i]: group for i in REGIONS[region]}
    return found | dict.fromkeys(IRISES, "Gaze")


def size_shapes(rig: Any, rest: np.ndarray) -> None:
    """Fit the shapes to the face whose landmarks rest at ``rest`` [70, 3] in the rig's space."""
    from ...core.landmarks.schema import REGIONS

    eyes = [rest[list(REGIONS[region])].mean(axis=0) for region in ("eye_right", "eye_left")]
    span = float(math.dist(*eyes)) or 0.1
    low, high = rest.min(axis=0), rest.max(axis=0)
    radius = 0.62 * float(math.dist(low[:2], high[:2]))
    for name, group in bone_groups().items():
        size = {"Head": radius, "Gaze": 0.11 * span}.get(group, 0.018 * span)
        rig.pose.bones[name].custom_shape_scale_xyz = (size, size, size)
    head = rig.data.bones[HEAD].head_local
    rig.pose.bones[HEAD].custom_shape_translation = (low + high) / 2 - head


def dress(rig: Any) -> None:
    """Collections, colors and legible shapes for the bones of a new rig."""
    armature = rig.data
    rig.show_in_front = True
    armature.display_type = "STICK"
    armature.relation_line_position = "HEAD"
    collections = {group: armature.collections.new(group) for group in GROUPS}
    dot, ring = _shape("Tableau Dot", 8, filled=True), _shape("Tableau Ring", 64, filled=False)
    for name, group in bone_groups().items():
        bone, pose = armature.bones[name], rig.pose.bones[name]
        collections[group].assign(bone)
        pose.rotation_mode = "ZXY" if name == HEAD else "XYZ"
        pose.custom_shape = ring if group in {"Head", "Gaze"} else dot
        pose.use_custom_shape_bone_size = False
        bone.color.palette = "CUSTOM"
        color = COLORS[group]
        bone.color.custom.normal = color
        bone.color.custom.select = tuple(0.5 + 0.5 * value for value in color)
        bone.color.custom.active = (1.0, 1.0, 1.0)
        pose.lock_scale = (name != HEAD,) * 3
        pose.lock_rotation = (name != HEAD,) * 3


def show_bones(rig: Any, yes: bool) -> None:
    """Hide all bones of ``rig``, or show those again that were seen before; hidden ones play all the same."""
    collections = [collection for collection in rig.data.collections if collection.name in GROUPS]
    seen = [collection.name for collection in collections if collection.is_visible]
    if not yes and seen:
        rig.data[SEEN] = seen
    again = list(rig.data.get(SEEN, ())) if yes and not seen else seen
    for collection in collections:
        collection.is_visible = yes and (not again or collection.name in again)


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
