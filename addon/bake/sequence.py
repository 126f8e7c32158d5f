# SPDX-License-Identifier: GPL-3.0-or-later
"""The plane that plays a bake: an image sequence in place of the still picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from .. import paths
from ..portrait import plane as planes


def show_sequence(rig: Any, first: Path, frames: range, number: int, *, cyclic: bool) -> Any:
    """Make ``rig``'s sequence plane (or update the one it has) play the files that begin with ``first``.

    ``frames`` are the scene frames, ``number`` is the number in the first
    file's name.  The still plane is hidden.
    """
    portrait = rig.tableau.portrait
    image = _image(rig, first)
    sequence = rig.tableau.sequence
    if sequence is None:
        sequence = _make_plane(rig, portrait, image)
    node = planes.picture_node(sequence)
    if node is None:  # the artist threw our nodes away: give the plane a material of ours again
        sequence.data.materials.clear()
        sequence.data.materials.append(planes.make_material(sequence.name, image))
        node = planes.picture_node(sequence)
    node.image = image
    user = node.image_user
    user.frame_start, user.frame_duration, user.frame_offset = frames.start, len(frames), number - 1
    user.use_auto_refresh, user.use_cyclic = True, cyclic
    portrait.hide_set(True)
    portrait.hide_render = True
    sequence.hide_set(False)
    sequence.hide_render = False
    return sequence


def _image(rig: Any, first: Path) -> Any:
    """The image datablock of the bake, made or pointed to the new files."""
    sequence = rig.tableau.sequence
    node = planes.picture_node(sequence) if sequence is not None else None
    image = node.image if node is not None else None
    if image is None:
        image = bpy.data.images.load(str(first))
        image.name = f"{rig.tableau.title} Bake"
    image.filepath = paths.shown(first)
    image.source = "SEQUENCE"
    image.reload()
    return image


def _make_plane(rig: Any, portrait: Any, image: Any) -> Any:
    settings = portrait.tableau
    name = f"{rig.tableau.title} Baked"
    mesh = planes.make_mesh(name, settings.size[0] * settings.pixel, settings.size[1] * settings.pixel)
    mesh.materials.append(planes.make_material(name, image))
    sequence = bpy.data.objects.new(name, mesh)
    sequence.parent = portrait
    (portrait.users_collection or (bpy.context.scene.collection,))[0].objects.link(sequence)
    sequence.tableau.kind, sequence.tableau.rig = "SEQUENCE", rig
    rig.tableau.sequence = sequence
    return sequence
