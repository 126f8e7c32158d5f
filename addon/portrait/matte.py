# SPDX-License-Identifier: GPL-3.0-or-later
"""The matte over a portrait: a plane just in front of the picture that darkens what is not the sitter.

Its image is an ordinary one, for Blender's own paint mode: white is the sitter.  It never renders.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import bpy

from .. import compat, paths
from ..problems import Problem
from . import plane as planes
from . import rig as rigs

LIFT = 0.002
"""How far in front of the picture the matte stands, in parts of the picture's height."""
STRENGTH = 0.6
"""How much of the picture the matte's black covers."""
SOLID = 0.3
"""How much of it the matte covers, black and white, in the solid view, which knows one opacity only."""
FOUND = "tableau_found"
"""Key on a matte's image: hash of its file as the engine wrote it, to tell one that was painted since."""


def show_matte(rig: Any, path: Path) -> Any:
    """The matte plane of ``rig`` (made where missing) with the picture at ``path`` on it, shown.

    Where ``rig`` has no mask, ``path`` is what the engine found.
    """
    rigs.check_own(rig)
    image = bpy.data.images.load(str(path), check_existing=True)
    image.filepath = paths.shown(path)
    image.reload()  # the engine may have written it again under the same name
    image.colorspace_settings.name = "Non-Color"
    if not rig.tableau.mask:
        image[FOUND] = _digest(path)
    matte = matte_of(rig)
    if matte is None:
        matte = _make_plane(rig, image)
    node = planes.picture_node(matte)
    if node is not None:
        node.image = image
    matte.hide_set(False)
    return matte


def matte_of(rig: Any) -> Any:
    """The matte plane of ``rig`` that is in some scene, or None."""
    matte = rig.tableau.matte
    return matte if matte is not None and matte.users_collection else None


def matte_image(rig: Any) -> Any:
    """The image of ``rig``'s matte, or None."""
    matte = matte_of(rig)
    node = planes.picture_node(matte) if matte is not None else None
    return node.image if node is not None else None


def painted(rig: Any) -> bool:
    """Whether ``rig``'s matte shows what was painted and the bake does not use yet."""
    image = matte_image(rig)
    if image is None or image.is_dirty:
        return image is not None
    # undo takes back that the bake uses it, but neither the file nor that the image is saved
    found = None if rig.tableau.mask else image.get(FOUND)
    return found is not None and found != _digest(Path(bpy.path.abspath(image.filepath)))


def keep_painting(rig: Any) -> bool:
    """Write what was painted on ``rig``'s matte to its file and let the bake use it; False: nothing painted.

    Raises Problem where it cannot be written.
    """
    if not painted(rig):
        return False
    image = matte_image(rig)
    _save(image)
    rig.tableau.mask = image.filepath
    return True


def remove_matte(rig: Any) -> None:
    """Take the matte away; the bake finds the sitter itself again.

    Raises Problem where what was painted cannot be written: undo brings the matte back from its file.
    """
    matte, image = rig.tableau.matte, matte_image(rig)
    if image is not None:
        _save(image)
    rig.tableau.matte, rig.tableau.mask = None, ""
    if matte is not None:
        mesh = matte.data
        materials = [material for material in mesh.materials if material is not None]
        bpy.data.objects.remove(matte)
        for block, store in ((mesh, bpy.data.meshes), *((m, bpy.data.materials) for m in materials)):
            if block.users == 0:
                store.remove(block)
    for scene in bpy.data.scenes:
        if scene.tool_settings.image_paint.canvas == image:
            scene.tool_settings.image_paint.canvas = None
    if image is not None and image.users == 0:
        bpy.data.images.remove(image)


def _save(image: Any) -> None:
    """Write a matte's image to its file where it was painted since."""
    if image.is_dirty:
        try:
            image.save()
        except RuntimeError as error:
            line = f"{image.filepath}: the matte cannot be written ({error}); free some space"
            raise Problem(line) from None


def _digest(path: Path) -> str | None:
    """Hash of a file, read again only where it has changed; None where there is none."""
    try:
        state = path.stat()
    except OSError:
        return None
    return _hash(path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=8)
def _hash(path: Path, changed: int, size: int) -> str:
    return paths.digest(path)


def _make_plane(rig: Any, image: Any) -> Any:
    portrait = rig.tableau.portrait
    settings = portrait.tableau
    name = f"{rig.tableau.title} Matte"
    wide, high = settings.size[0] * settings.pixel, settings.size[1] * settings.pixel
    mesh = planes.make_mesh(name, wide, high)
    mesh.materials.append(_make_material(name, image))
    matte = bpy.data.objects.new(name, mesh)
    matte.parent = portrait
    matte.location.z = LIFT * high
    matte.hide_render = True
    matte.visible_shadow = False
    (portrait.users_collection or (bpy.context.scene.collection,))[0].objects.link(matte)
    matte.tableau.kind, matte.tableau.rig = "MATTE", rig
    rig.tableau.matte = matte
    return matte


def _make_material(name: str, image: Any) -> Any:
    """See-through where the matte is white, dark red where it is black; partly in the solid view."""
    material = bpy.data.materials.new(name)
    tree = compat.node_tree(material)
    tree.nodes.clear()
    output = tree.nodes.new("ShaderNodeOutputMaterial")
    mix = tree.nodes.new("ShaderNodeMixShader")
    clear = tree.nodes.new("ShaderNodeBsdfTransparent")
    cover = tree.nodes.new("ShaderNodeEmission")
    amount = tree.nodes.new("ShaderNodeMapRange")
    texture = tree.nodes.new("ShaderNodeTexImage")
    texture.name = texture.label = planes.TEXTURE
    texture.image, texture.extension = image, "EXTEND"
    cover.inputs["Color"].default_value = (0.12, 0.0, 0.01, 1.0)
    amount.inputs["To Min"].default_value, amount.inputs["To Max"].default_value = STRENGTH, 0.0
    for place, node in enumerate((texture, amount, clear, cover, mix, output)):
        node.location = (220 * place - 900, 0)
    tree.links.new(texture.outputs["Color"], amount.inputs["Value"])
    tree.links.new(amount.outputs["Result"], mix.inputs[0])
    tree.links.new(clear.outputs[0], mix.inputs[1])
    tree.links.new(cover.outputs[0], mix.inputs[2])
    tree.links.new(mix.outputs[0], output.inputs["Surface"])
    tree.nodes.active = texture
    material.diffuse_color = (1.0, 1.0, 1.0, SOLID)
    compat.set_blended(material)
    return material
