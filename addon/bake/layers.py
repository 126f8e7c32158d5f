# SPDX-License-Identifier: GPL-3.0-or-later
"""A bake in layers: plate, sitter and painted regions on planes one behind the other, for a moving camera.

The sitters of a group portrait share one plate; each has a depth of her own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
from mathutils import Vector

from .. import lookup, paths
from ..portrait import plane as planes
from . import sequence
from .sequence import Clip

MOVING = ("sitter", "painted")
_OVER = 0.02  # of the spacing, from a sitter to what is painted into her: enough to be before her
_APART = 0.1  # of the spacing, from one sitter of a group to the next


def show_layers(context: Any, rig: Any, clip: Clip, length: int, plate: Path) -> list[Any]:
    """Make ``rig``'s layers (or update those it has) play the clip over the still ``plate``."""
    portrait = rig.tableau.portrait
    made = [_show_plate(rig, plate, clip)]
    for layer in MOVING:
        item = layer_of(rig, layer)
        name = f"{rig.tableau.title} {layer.title()}"
        first = clip.files(layer)[0]
        node = planes.picture_node(item) if item is not None else None
        if item is None:
            item = _make_layer(rig, layer, name, sequence.new_image(clip, name, first))
        elif node is None:
            item.data.materials.clear()
            item.data.materials.append(_material(name, sequence.new_image(clip, name, first)))
        sequence.play(planes.picture_node(item), clip, name, length, layer)
        made.append(item)
    respace(context, rig)
    _see_through(context.scene, portrait)
    for item in made:
        sequence.shown(item, True)
    sequence.show_still(portrait)
    sequence.hide_still(rig)
    return made


def _see_through(scene: Any, portrait: Any) -> None:
    """Let Cycles follow a ray through all layers: else it gives up at random behind the first, and soft edges
    come out speckled, or after eight, and what lies behind is black."""
    cycles, most = getattr(scene, "cycles", None), len(MOVING) * len(lookup.rigs_of(portrait))
    if cycles is not None:
        cycles.min_transparent_bounces = max(cycles.min_transparent_bounces, most)
        cycles.transparent_max_bounces = max(cycles.transparent_max_bounces, most + 2)


def layer_of(rig: Any, layer: str) -> Any:
    """This file's plane, in some scene, of one of ``rig``'s layers, or None; the plate is her picture's."""
    for item in bpy.data.objects:
        if item.tableau_bake.layer != layer or not item.users_collection or lookup.library_of(item):
            continue
        if item.tableau.rig == rig or (layer == "plate" and item.parent == rig.tableau.portrait):
            return item
    return None


def hide_layers(rig: Any) -> None:
    """Hide ``rig``'s layers; the plate too, where no other sitter of the picture stands before it."""
    others = [other for other in lookup.rigs_of(rig.tableau.portrait) if other != rig]
    for layer in ("plate", *MOVING):
        item = layer_of(rig, layer)
        if item is None or (layer == "plate" and any(_standing(other) for other in others)):
            continue
        sequence.shown(item, False)


def plates(rig: Any) -> list[Path]:
    """The plates of all sitters of the picture that stand in layers now, ``rig``'s own last."""
    found = []
    for other in lookup.rigs_of(rig.tableau.portrait):
        if other != rig and other.tableau_bake.plate and _standing(other):
            path = paths.absolute(other.tableau_bake.plate)
            if path.is_file():
                found.append(path)
    return [*found, paths.absolute(rig.tableau_bake.plate)]


def respace(context: Any, rig: Any) -> None:
    """Put ``rig``'s layers at their depths, as her settings say."""
    portrait, chosen = rig.tableau.portrait, rig.tableau_bake
    if portrait is None:
        return
    place = lookup.rigs_of(portrait).index(rig)
    near = chosen.spacing * (1 + _APART * place)
    for layer, depth in (("sitter", near), ("painted", near + _OVER * chosen.spacing)):
        item = layer_of(rig, layer)
        if item is not None:
            _place(item, depth, _eye(context, portrait) if chosen.match_camera else None)


def _eye(context: Any, portrait: Any) -> Vector | None:
    """Where the scene's camera is in the plane's space, as a homogeneous vector (a direction for an
    orthographic one); None where it does not look at its face."""
    camera = context.scene.camera
    if camera is None or camera.type != "CAMERA":
        return None
    there = portrait.matrix_world.inverted_safe() @ camera.matrix_world
    if camera.data.type == "ORTHO":
        eye = (there.to_3x3() @ Vector((0.0, 0.0, 1.0))).normalized().to_4d()
        eye.w = 0.0
    else:
        eye = there.translation.to_4d()
    return eye if eye.z > 1e-3 else None


def _place(item: Any, depth: float, eye: Vector | None) -> None:
    """Stand a layer ``depth`` before the plate; with ``eye``, so that from there it covers what it covered
    on the picture: each of its points is moved along the ray to the eye."""
    item.location, item.scale = (0.0, 0.0, depth), (1.0, 1.0, 1.0)
    if eye is None or (eye.w and eye.z <= 1.05 * depth):  # nearer than the layer: nothing can be matched
        return
    share = depth / eye.z
    item.location = (share * eye.x, share * eye.y, depth)
    if eye.w:
        item.scale = (1 - share, 1 - share, 1.0)


def _standing(rig: Any) -> bool:
    item = layer_of(rig, "sitter")
    return item is not None and not item.hide_render


def _show_plate(rig: Any, plate: Path, clip: Clip) -> Any:
    item, name = layer_of(rig, "plate"), f"{rig.tableau.portrait.name} Plate"
    node = planes.picture_node(item) if item is not None else None
    if node is not None and node.image is not None and node.image.get("tableau_format") == plate.suffix:
        node.image.filepath = paths.shown(plate)
        node.image.reload()
        return item
    image = bpy.data.images.load(str(plate))
    image.name, image["tableau_format"] = name, plate.suffix
    image.filepath = paths.shown(plate)
    if item is None:
        item = _make_layer(rig, "plate", name, image)
    elif node is None:
        item.data.materials.clear()
        item.data.materials.append(_material(name, image))
    else:
        node.image = image
    return item


def _make_layer(rig: Any, layer: str, name: str, image: Any) -> Any:
    item = sequence.make_plane(rig, name, image)
    item.tableau_bake.layer = layer
    planes.picture_node(item).interpolation = "Linear"  # seen at an angle, texels must not show
    return item


def _material(name: str, image: Any) -> Any:
    material = planes.make_material(name, image)
    material.node_tree.nodes[planes.TEXTURE].interpolation = "Linear"
    return material
