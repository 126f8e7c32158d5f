# SPDX-License-Identifier: GPL-3.0-or-later
"""What the extension stores in the .blend: on the objects, so that two portraits in one scene do not meet."""

import bpy
from bpy.props import EnumProperty, FloatProperty, IntVectorProperty, PointerProperty, StringProperty

RELATIVE = {"PATH_SUPPORTS_BLEND_RELATIVE"}


class TableauObject(bpy.types.PropertyGroup):
    """Settings of one object of ours; ``kind`` says which fields mean something."""

    kind: EnumProperty(
        name="Kind",
        items=(
            ("NONE", "None", "Not an object of Tableau Vivant"),
            ("PORTRAIT", "Portrait", "A picture on a plane"),
            ("RIG", "Rig", "The landmark rig of a portrait"),
            ("SEQUENCE", "Sequence", "The plane that plays a bake"),
        ),
        default="NONE",
    )
    # portrait
    picture: StringProperty(
        name="Picture", description="The picture file of this portrait", subtype="FILE_PATH", options=RELATIVE
    )
    size: IntVectorProperty(name="Size", description="Width and height of the picture in pixels", size=2)
    pixel: FloatProperty(
        name="Pixel", description="Size of one pixel of the picture in the plane's own units"
    )
    # portrait and sequence
    rig: PointerProperty(name="Rig", description="The landmark rig over this picture", type=bpy.types.Object)
    # rig
    title: StringProperty(name="Title", description="Name used for this portrait's files")
    portrait: PointerProperty(
        name="Portrait", description="The plane that shows the picture", type=bpy.types.Object
    )
    sequence: PointerProperty(
        name="Sequence", description="The plane that plays the bake", type=bpy.types.Object
    )
    detector: StringProperty(name="Detector", description="How the landmarks were found")
    performance: StringProperty(name="Performance", description="Name of the performance on the rig")
    take: StringProperty(
        name="Take",
        description="The performance as it was recorded; it is never changed",
        subtype="FILE_PATH",
        options=RELATIVE,
    )
    folder: StringProperty(
        name="Folder",
        description="Landmarks, takes and baked frames of this portrait are kept here",
        subtype="DIR_PATH",
        options=RELATIVE,
    )
    mask: StringProperty(
        name="Mask",
        description="Picture that is white where the sitter is; leave empty to have the sitter found",
        subtype="FILE_PATH",
        options=RELATIVE,
    )
    baked: StringProperty(name="Baked", description="What the last bake made")


CLASSES = (TableauObject,)


def attach() -> None:
    bpy.types.Object.tableau = PointerProperty(type=TableauObject)


def detach() -> None:
    del bpy.types.Object.tableau
