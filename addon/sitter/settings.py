# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rig knows about its sitter: the shots, how to personalize, the file that was made, and its use."""

import bpy
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    EnumProperty,
    FloatProperty,
    IntProperty,
    IntVectorProperty,
    StringProperty,
)

from ..options import RELATIVE

METHODS = (
    (
        "AUTO",
        "Automatic",
        "What measured best for this number of shots",
    ),
    (
        "FEED_FORWARD",
        "Instant",
        "Feed-forward: the generator looks at the shots once. Ready in a second, keeps expressions lively",
    ),
    (
        "FINE_TUNED",
        "Fine-Tuned",
        "Train the generator on the shots: minutes, nearer to the sitter, less free in its expressions. "
        "The Likeness slider goes between the two",
    ),
)


class TableauShot(bpy.types.PropertyGroup):
    """A further picture of the sitter."""

    path: StringProperty(
        name="Picture", description="The picture file", subtype="FILE_PATH", options=RELATIVE
    )
    size: IntVectorProperty(name="Size", description="Width and height in pixels", size=2)


class TableauSitter(bpy.types.PropertyGroup):
    """The sitter of one rig."""

    shots: CollectionProperty(
        name="Shots", description="Further pictures of the sitter, besides the portrait", type=TableauShot
    )
    shot_index: IntProperty(name="Shot", description="The chosen shot", min=0)
    method: EnumProperty(name="Method", description="How to personalize", items=METHODS, default="AUTO")
    steps: IntProperty(
        name="Steps",
        description="Steps of fine-tuning, at most; 0 takes what fits the number of shots",
        min=0,
        soft_max=500,
    )
    file: StringProperty(
        name="Sitter File",
        description="What personalizing has made; kept beside the .blend",
        subtype="FILE_PATH",
        options=RELATIVE,
    )
    tuned: BoolProperty(name="Fine-Tuned", description="Whether the sitter's generator was trained")
    made_from: IntProperty(name="Made From", description="How many shots the sitter was made from")
    likeness: FloatProperty(
        name="Likeness",
        description="1 is nearest to the sitter, 0 freest in expression; needs a fine-tuned sitter",
        default=1.0,
        min=0.0,
        max=1.0,
        subtype="FACTOR",
        options=set(),
    )
    strip: StringProperty(
        name="Preview",
        description="Picture of a few expressions before and after",
        subtype="FILE_PATH",
        options=RELATIVE,
    )
    thumbnail: StringProperty(
        name="Thumbnail",
        description="The expressions that change most, before and after",
        subtype="FILE_PATH",
        options=RELATIVE,
    )
    difference: FloatProperty(
        name="Difference",
        description="Mean difference between before and after in the preview, in steps of 255",
        default=-1.0,
    )
    still_camera: BoolProperty(
        name="Take Pixels From Shots",
        description="The bake takes eyes and mouth from those shots that show them best. Turn on only where "
        "the shots of the portrait's size are frames of the same still camera: nothing but the sitter moves",
        default=False,
    )


CLASSES = (TableauShot, TableauSitter)
