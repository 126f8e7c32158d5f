# SPDX-License-Identifier: GPL-3.0-or-later
"""Planes that show a picture exactly: emission only, texels not interpolated, straight alpha."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import bpy
from mathutils import Vector

from .. import compat, lookup, paths
from ..problems import Problem
from .orientation import corners, orientation_of

HEIGHT = 2.0
"""Height of a new portrait plane in Blender units (meters by default): about a standing person."""

TEXTURE = "Tableau Picture"
_GAP = 0.1 * HEIGHT
_SOLID = {"MESH", "CURVE", "SURFACE", "META", "FONT", "VOLUME", "POINTCLOUD"}


def load_image(path: Path, *, anew: bool = False) -> Any:
    """The picture as a Blender image, the one that there may be already unless ``anew``.

    Raises Problem where it is missing or no picture.
    """
    if not path.is_file():
        raise Problem(f"{path}: there is no such picture; choose another file")
    try:
        image = bpy.data.images.load(str(path), check_existing=not anew)
    except RuntimeError:
        raise Problem(f"{path}: is not a picture that Blender reads; save it as PNG, JPEG or TIFF") from None
    if not image.has_data and not image.size[0]:
        bpy.data.images.remove(image)
        raise Problem(f"{path}: is not a picture that Blender reads; save it as PNG, JPEG or TIFF")
    return image


def upright_size(path: Path) -> tuple[int, int]:
    """Width and height in pixels of the picture as it is now, stood upright; Problem as ``load_image``."""
    probe = load_image(path, anew=True)
    width, height = probe.size
    bpy.data.images.remove(probe)
    return (height, width) if orientation_of(path) > 4 else (width, height)


def make_portrait(context: Any, path: Path) -> Any:
    """A new plane in the scene that shows the picture at ``path``,
    standing on the floor and facing the front view."""
    image = load_image(path)
    turn = orientation_of(path)
    width, height = image.size
    if turn > 4:
        width, height = height, width
    pixel = HEIGHT / height
    name = bpy.path.display_name_from_filepath(path.name)
    mesh = make_mesh(name, width * pixel, HEIGHT, turn)
    plane = bpy.data.objects.new(name, mesh)
    mesh.materials.append(make_material(name, image))
    plane.rotation_euler = (math.pi / 2, 0.0, 0.0)
    plane.location = free_place(context, width * pixel)
    settings = plane.tableau
    settings.kind, settings.picture = "PORTRAIT", paths.shown(path)
    settings.size, settings.pixel = (width, height), pixel
    context.collection.objects.link(plane)
    return plane


def free_place(context: Any, width: float) -> Vector:
    """Where a new plane's middle goes: on the 3D cursor, to the right of portraits that stand there, and
    before whatever else the view shows there (a new file's cube hides half a face)."""
    place = context.scene.cursor.location + Vector((0.0, 0.0, HEIGHT / 2))
    solid = [o for o in context.view_layer.objects if o.type in _SOLID]
    portraits = [_bounds(o) for o in solid if o.tableau.kind == "PORTRAIT"]  # a bake hides them
    others = [_bounds(o) for o in solid if o.tableau.kind == "NONE" and o.visible_get()]

    def met(box: tuple[Vector, Vector]) -> bool:
        low, high = box
        across = low.x < place.x + width / 2 and high.x > place.x - width / 2
        return across and low.z < place.z + HEIGHT / 2 and high.z > place.z - HEIGHT / 2

    for low, high in sorted(portraits, key=lambda box: box[0].x):
        if met((low, high)):
            place.x, place.y = high.x + _GAP + width / 2, min(place.y, low.y)
    nearest = min(
        (low.y for low, high in filter(met, others) if high.y > place.y - _GAP), default=place.y + 1
    )
    if nearest <= place.y + _GAP:
        place.y = nearest - _GAP
    return place


def _bounds(item: Any) -> tuple[Vector, Vector]:
    """The lowest and the highest corner of an object's box in world space."""
    corners_ = [item.matrix_world @ Vector(corner) for corner in item.bound_box]
    return Vector(map(min, zip(*corners_, strict=True))), Vector(map(max, zip(*corners_, strict=True)))


def make_mesh(name: str, width: float, height: float, turn: int = 1) -> Any:
    """A rectangle in its own XY plane around the origin;
    ``turn`` is the EXIF orientation of the picture on it."""
    mesh = bpy.data.meshes.new(name)
    x, y = width / 2, height / 2
    mesh.from_pydata([(-x, -y, 0), (x, -y, 0), (x, y, 0), (-x, y, 0)], [], [(0, 1, 2, 3)])
    layer = mesh.uv_layers.new(name="Picture")
    layer.data.foreach_set("uv", [value for corner in corners(turn) for value in corner])
    mesh.update()
    return mesh


def make_material(name: str, image: Any) -> Any:
    """A material that gives off the picture's own colors and takes no light."""
    material = bpy.data.materials.new(name)
    tree = compat.node_tree(material)
    tree.nodes.clear()
    output = tree.nodes.new("ShaderNodeOutputMaterial")
    emission = tree.nodes.new("ShaderNodeEmission")
    texture = tree.nodes.new("ShaderNodeTexImage")
    texture.name = texture.label = TEXTURE
    texture.interpolation, texture.extension, texture.image = "Closest", "EXTEND", image
    texture.location, emission.location, output.location = (-600, 0), (-250, 0), (250, 0)
    tree.links.new(texture.outputs["Color"], emission.inputs["Color"])
    if has_alpha(image):
        clear = tree.nodes.new("ShaderNodeBsdfTransparent")
        mix = tree.nodes.new("ShaderNodeMixShader")
        clear.location, mix.location = (-250, 130), (0, 0)
        tree.links.new(texture.outputs["Alpha"], mix.inputs[0])
        tree.links.new(clear.outputs[0], mix.inputs[1])
        tree.links.new(emission.outputs[0], mix.inputs[2])
        tree.links.new(mix.outputs[0], output.inputs["Surface"])
        compat.set_blended(material)
    else:
        tree.links.new(emission.outputs[0], output.inputs["Surface"])
    tree.nodes.active = texture  # what the solid view's texture mode shows
    return material


def has_alpha(image: Any) -> bool:
    """True where the file carries transparency (Blender always gives four channels)."""
    return image.depth in {32, 64, 128} and image.alpha_mode != "NONE"


def put_beside(item: Any, plane: Any) -> None:
    """Link ``item`` where ``plane`` is, or into the scene where that is another file's collection."""
    found = plane.users_collection
    own = [c for c in found if lookup.library_of(c) is None]
    (own or [bpy.context.scene.collection])[0].objects.link(item)


def picture_of(plane: Any) -> Path:
    """The picture file of ``plane``; Problem where it is not there."""
    picture = paths.absolute(plane.tableau.picture, plane)
    if not picture.is_file():
        raise Problem(f"{picture}: the picture is not there; find it again in the Portrait panel")
    return picture


def picture_node(plane: Any) -> Any:
    """Our image texture node of a plane of ours, or None where the artist replaced it."""
    for material in plane.data.materials:
        if material is not None and material.node_tree is not None:
            node = material.node_tree.nodes.get(TEXTURE)
            if node is not None:
                return node
    return None
