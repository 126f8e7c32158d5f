# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames on disk as what Blender plays: images of sequences, and the plane in place of the still picture."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from .. import compat, lookup, paths
from ..portrait import plane as planes
from ..portrait.orientation import corners

if TYPE_CHECKING:
    from ...core.job import BakeOutput

LIFT = 5e-4
"""Of the plane's height: how far a bake lies before a portrait that another file will show again."""
PLAYED = "Tableau Bake"
"""Name of the node, and of the UV layer, that show a bake on the portrait's own plane."""
_HELD = re.compile(r"(-?\d+) \+ \(frame < (-?\d+)\)")
"""What drives the offset of a bake that is not repeated: the offset, and the clip's first scene frame."""


@dataclass(frozen=True)
class Clip:
    """A bake as Blender plays it: ``frames`` are the scene frames, ``number`` is the first file's."""

    output: BakeOutput
    frames: range
    number: int
    cyclic: bool

    def files(self, layer: str = "") -> list[Path]:
        """The file of each frame, of a layer or of the whole picture."""
        numbers = range(self.number, self.number + len(self.frames))
        if layer:
            return [self.output.layer_path(layer, number) for number in numbers]
        return [self.output.frame_path(number) for number in numbers]

    def ready(self) -> int:
        """How many frames, from the first on, are on disk."""
        count = 0
        for path in self.files("painted" if self.output.layers else ""):  # the frame itself comes last
            if not path.is_file():
                break
            count += 1
        return count


def play(node: Any, clip: Clip, name: str, length: int, layer: str = "") -> None:
    """Let a texture node play the first ``length`` frames of ``clip``."""
    node.image = _image(node.image, clip, name, clip.files(layer)[0])
    user = node.image_user
    user.frame_start, user.frame_duration = clip.frames.start, length
    # a bake that is still growing holds its last frame instead of starting over
    user.use_auto_refresh, user.use_cyclic = True, clip.cyclic and length == len(clip.frames)
    _set_offset(node, clip)


def _set_offset(node: Any, clip: Clip) -> None:
    """Let the first file stand for the clip's first frame; and, unless it is repeated, for all frames before:
    there Blender would look for the file before the first one, and paint the plane magenta.

    An offset that the artist has animated stays.
    """
    user, offset = node.image_user, clip.number - 1
    data, path = node.id_data.animation_data, user.path_from_id("frame_offset")
    curve = data.drivers.find(path) if data is not None else None
    text = f"{offset} + (frame < {clip.frames.start})"
    if curve is not None:
        if not _HELD.fullmatch(curve.driver.expression):
            return
        if curve.driver.expression == text and not user.use_cyclic:  # a bake shows each frame as it comes
            return
        user.driver_remove("frame_offset")
    user.frame_offset = offset
    if user.use_cyclic or compat.is_keyed(node.id_data, path):
        return
    curve = user.driver_add("frame_offset")
    # Blender 5 maps the result through keys, 4.5 through a modifier
    curve.keyframe_points.clear()
    for modifier in list(curve.modifiers):
        curve.modifiers.remove(modifier)
    curve.driver.type, curve.driver.expression = "SCRIPTED", text  # plain sums need no script to be run


def offset_at(node: Any, frame: int) -> int:
    """The offset of a node that plays a bake at scene frame ``frame``, also where it is not evaluated yet."""
    user, data = node.image_user, node.id_data.animation_data
    curve = data.drivers.find(user.path_from_id("frame_offset")) if data is not None else None
    held = _HELD.fullmatch(curve.driver.expression) if curve is not None else None
    return int(held[1]) + (frame < int(held[2])) if held is not None else int(user.frame_offset)


def new_image(clip: Clip, name: str, first: Path) -> Any:
    """An image of ``first``, not yet told that it is a sequence."""
    image = bpy.data.images.load(str(first))
    image.name = name
    image["tableau_format"] = _kind(clip)
    return image


def _image(image: Any, clip: Clip, name: str, first: Path) -> Any:
    """``image`` pointed to the files, or a new one: Blender decides on a file's colors when it loads it."""
    if image is None or image.get("tableau_format") != _kind(clip):
        old, image = image, new_image(clip, name, first)
        if old is not None and old.users <= 1 and old.get("tableau_format"):
            bpy.data.images.remove(old)
    shown = paths.shown(first)
    if image.source != "SEQUENCE" or image.filepath != shown:
        image.filepath, image.source = shown, "SEQUENCE"
    image.reload()
    return image


def baked(image: Any) -> bool:
    """Whether ``image`` plays a bake."""
    return image is not None and image.source == "SEQUENCE" and image.get("tableau_format") is not None


def _kind(clip: Clip) -> str:
    return f"{clip.output.format}{clip.output.bits}"


def show_plane(rig: Any, clip: Clip, length: int) -> Any:
    """Make ``rig``'s sequence plane (or update the one it has) play the clip; the still plane is hidden."""
    portrait, sequence = rig.tableau.portrait, sequence_of(rig)
    name = f"{rig.tableau.title} Bake"
    if sequence is None:
        image = new_image(clip, name, clip.files()[0])
        sequence = make_plane(rig, f"{rig.tableau.title} Baked", image)
    node = planes.picture_node(sequence)
    if node is None:  # the artist threw our nodes away: give the plane a material of ours again
        sequence.data.materials.clear()
        image = new_image(clip, name, clip.files()[0])
        sequence.data.materials.append(planes.make_material(sequence.name, image))
        node = planes.picture_node(sequence)
    play(node, clip, name, length)
    show_still(portrait)
    hide_still(rig)
    shown(sequence, True)
    return sequence


def sequence_of(rig: Any) -> Any:
    """This file's plane that plays ``rig``'s bake and is in some scene, or None."""
    return next(
        (o for o in planes_of(rig) if not o.tableau_bake.layer and lookup.library_of(o) is None), None
    )


def hide_still(rig: Any) -> None:
    """Hide ``rig``'s portrait, and what other files play on it."""
    shown(rig.tableau.portrait, False)
    for item in planes_of(rig):
        if lookup.library_of(item) is not None:
            shown(item, False)


def planes_of(rig: Any) -> list[Any]:
    """The planes in some scene that play bakes of ``rig``, layers among them."""
    ours = (o for o in bpy.data.objects if lookup.kind_of(o) == "SEQUENCE" and o.tableau.rig == rig)
    return [o for o in ours if o.users_collection]


def make_plane(rig: Any, name: str, image: Any) -> Any:
    """A plane of the picture's size, upright, laid on ``rig``'s portrait."""
    portrait = rig.tableau.portrait
    settings = portrait.tableau
    mesh = planes.make_mesh(name, settings.size[0] * settings.pixel, settings.size[1] * settings.pixel)
    mesh.materials.append(planes.make_material(name, image))
    made = bpy.data.objects.new(name, mesh)
    made.parent = portrait
    if portrait.library is not None:  # that it is hidden is not kept in this file
        made.location.z = LIFT * settings.size[1] * settings.pixel
    planes.put_beside(made, portrait)
    made.tableau.kind, made.tableau.rig = "SEQUENCE", rig
    return made


def show_on_portrait(rig: Any, clip: Clip, length: int) -> Any:
    """Let the portrait's own plane play the clip.

    The still picture's node stays in the material, so that ``show_still`` can lay it on again.
    """
    portrait = rig.tableau.portrait
    still = planes.picture_node(portrait)
    if still is None:  # the artist's own material: it is theirs
        return show_plane(rig, clip, length)
    tree = still.id_data
    node = tree.nodes.get(PLAYED)
    if node is None:
        node = tree.nodes.new("ShaderNodeTexImage")
        node.name = node.label = PLAYED
        node.interpolation, node.extension = still.interpolation, still.extension
        node.location = still.location.x, still.location.y - 300
    play(node, clip, f"{rig.tableau.title} Bake", length)
    _upright(portrait, tree, node)
    _exchange(tree, still, node)
    shown(portrait, True)
    return portrait


def show_still(portrait: Any) -> None:
    """Lay the still picture on the portrait's plane again, where a bake was laid on it."""
    if lookup.linked(portrait):
        return
    still = planes.picture_node(portrait)
    node = still.id_data.nodes.get(PLAYED) if still is not None else None
    if node is not None:
        _exchange(still.id_data, node, still)


def show_played(portrait: Any) -> None:
    """The other way round: play the bake on the portrait's plane again."""
    still = planes.picture_node(portrait)
    node = still.id_data.nodes.get(PLAYED) if still is not None else None
    if node is not None:
        _exchange(still.id_data, still, node)


def plays(portrait: Any) -> bool:
    """Whether the portrait's own plane plays a bake now."""
    still = planes.picture_node(portrait)
    node = still.id_data.nodes.get(PLAYED) if still is not None else None
    return node is not None and any(socket.is_linked for socket in node.outputs)


def _exchange(tree: Any, old: Any, new: Any) -> None:
    """Let ``new`` feed what ``old`` fed, with color and alpha."""
    for socket in old.outputs:
        for link in list(socket.links):
            tree.links.new(new.outputs[socket.name], link.to_socket)
    tree.nodes.active = new


def _upright(portrait: Any, tree: Any, node: Any) -> None:
    """Frames are upright, whatever way the camera held the still picture's file."""
    mesh = portrait.data
    if mesh.uv_layers.get(PLAYED) is None:
        layer = mesh.uv_layers.new(name=PLAYED, do_init=False)
        layer.data.foreach_set("uv", [value for corner in corners(1) for value in corner])
        mesh.update()
    if not node.inputs["Vector"].is_linked:
        place = tree.nodes.new("ShaderNodeUVMap")
        place.uv_map = PLAYED
        place.location = node.location.x - 250, node.location.y
        tree.links.new(place.outputs["UV"], node.inputs["Vector"])


def shown(item: Any, yes: bool) -> None:
    """Show or hide an object in view and render; one of another view layer only in the render."""
    if any(other == item for other in bpy.context.view_layer.objects):  # an override has a namesake
        item.hide_set(not yes)
    item.hide_render = not yes
