# SPDX-License-Identifier: GPL-3.0-or-later
"""What an artist chooses for a bake: kept on the rig for the panel, given to the operator by a script."""

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, PointerProperty, StringProperty

from .. import lookup
from ..options import ASKED, OVERRIDABLE, RELATIVE

CHOICE = {"options": {"SKIP_SAVE"}, "override": OVERRIDABLE}
"""The operator must not remember a choice itself: it is on the rig, and on each override of that its own."""


def _respace(self, context):
    if isinstance(self, bpy.types.PropertyGroup):
        from . import layers

        layers.respace(context, self.id_data)


class BakeOptions:
    """The choices, shared by the rig's settings and by the operator's properties."""

    use_range: BoolProperty(
        name="Custom Range",
        description="Bake the frames from Start to End as they are set here, whatever the scene's range is",
        default=False,
        **CHOICE,
    )
    frame_start: IntProperty(name="Start", description="First frame to bake", default=1, **CHOICE)
    frame_end: IntProperty(name="End", description="Last frame to bake", default=250, **CHOICE)
    target: EnumProperty(
        name="Show On",
        description="What plays the frames",
        items=(
            ("PLANE", "New Plane", "On a plane of their own, in place of the still portrait"),
            ("PORTRAIT", "Same Plane", "On the portrait's own plane and material, in place of its picture"),
            (
                "LAYERS",
                "Layers",
                "A plane each for the picture without its sitter, the sitter, and what is painted into her: "
                "one behind the other, so that a moving camera sees depth",
            ),
        ),
        default="PLANE",
        **CHOICE,
    )
    spacing: FloatProperty(
        name="Spacing",
        description="How far the sitter stands before the plate, towards the viewer",
        default=0.1,
        min=0.001,
        soft_max=1.0,
        subtype="DISTANCE",
        **CHOICE,
        update=_respace,
    )
    match_camera: BoolProperty(
        name="Match Camera",
        description="Make the nearer layers smaller, so that the scene's camera, from where it is now, sees "
        "them exactly over one another",
        default=True,
        **CHOICE,
        update=_respace,
    )
    size: EnumProperty(
        name="Resolution",
        description="How large the frames are",
        items=(
            ("PICTURE", "Picture", "As large as the picture: not a brush stroke is lost"),
            ("HALF", "Half", "Half the picture's width and height"),
            ("CUSTOM", "Width", "Of a width of your own, up to the picture's"),
        ),
        default="PICTURE",
        **CHOICE,
    )
    width: IntProperty(
        name="Width",
        description="Width of the frames in pixels",
        default=1080,
        min=64,
        subtype="PIXEL",
        **CHOICE,
    )
    format: EnumProperty(
        name="Format",
        description="How the frames are stored",
        items=(
            ("AUTO", "As Fits", "PNG with as many bits as the picture has; for layers EXR"),
            ("PNG8", "PNG 8 Bit", "8 bits per channel, in the picture's own colors"),
            ("PNG16", "PNG 16 Bit", "16 bits per channel, in the picture's own colors"),
            ("EXR", "EXR", "Half floats of linear light, for compositing"),
        ),
        default="AUTO",
        **CHOICE,
    )
    video: BoolProperty(
        name="Review Video",
        description="Also write an MP4 and a contact sheet beside the frames",
        default=True,
        **CHOICE,
    )
    cyclic: BoolProperty(
        name="Repeat",
        description="Play the frames again and again for as long as the scene goes on",
        default=True,
        **CHOICE,
    )
    output: StringProperty(
        name="Frames To",
        description="Folder for the frames and the film; empty: beside the .blend",
        subtype="DIR_PATH",
        options=ASKED,
        override=OVERRIDABLE,
    )
    version: IntProperty(
        name="Version",
        description="Frames of each version have a folder of their own, v001 and so on; 0: no such folder",
        default=1,
        min=0,
        max=9999,
        **CHOICE,
    )
    digits: IntProperty(
        name="Digits", description="Digits of the number in a frame's name", default=4, min=1, max=8, **CHOICE
    )


NAMES = tuple(BakeOptions.__annotations__)


class TableauBake(BakeOptions, bpy.types.PropertyGroup):
    """What a rig's next bake makes, and what its last one made."""

    layer: StringProperty(name="Layer", description="Which layer of a bake this plane shows")
    plate: StringProperty(
        name="Plate",
        description="The picture without this sitter, from her last bake in layers",
        subtype="FILE_PATH",
        options=RELATIVE,
        override=OVERRIDABLE,
    )
    due: StringProperty(name="Due", description="What was found to be rendered", override=OVERRIDABLE)
    due_for: StringProperty(
        name="Due For", description="The choices that this was found for", override=OVERRIDABLE
    )


def adopt(settings, operator):
    """Put what a script gave to ``operator`` into the rig's ``settings``."""
    given = [name for name in NAMES if operator.properties.is_property_set(name)]
    for name in given:
        setattr(settings, name, getattr(operator, name))
    if {"frame_start", "frame_end"} & set(given) and "use_range" not in given:
        settings.use_range = True


def frame_range(scene, settings):
    """The scene frames to bake; empty where the end comes before the start."""
    if settings.use_range:
        return range(settings.frame_start, settings.frame_end + 1)
    return range(scene.frame_start, scene.frame_end + 1)


def choices(scene, rig):
    """All that decides what a bake renders, but for the rig's motion and the files, as one text."""
    settings = rig.tableau_bake
    names = ("size", "width", "format", "output", "version", "digits")
    values = [getattr(settings, name) for name in names]
    own = settings.target == "LAYERS", rig.tableau.mode, rig.tableau.mask
    return repr((frame_range(scene, settings), *values, *own))


def unkept(rig):
    """One line where this file does not keep what is chosen for a bake; empty where it does."""
    if rig.library is None:
        return ""
    return f"{rig.name} is linked: this file does not keep these choices; a library override of it does"


def crowded(rig):
    """One line where bakes of a group portrait would cover one another; empty where all is well."""
    if rig.tableau_bake.target == "LAYERS" or len(lookup.rigs_of(rig.tableau.portrait)) < 2:
        return ""
    return "Several sitters on one picture: bake each as Layers, or one covers the other"


CLASSES = (TableauBake,)


def attach():
    bpy.types.Object.tableau_bake = PointerProperty(type=TableauBake, override=OVERRIDABLE)


def detach():
    del bpy.types.Object.tableau_bake
