# SPDX-License-Identifier: GPL-3.0-or-later
"""What the extension stores in the .blend: on the objects, so that two portraits in one scene do not meet."""

import bpy
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    EnumProperty,
    FloatProperty,
    FloatVectorProperty,
    IntProperty,
    IntVectorProperty,
    PointerProperty,
    StringProperty,
)

from .options import OVERRIDABLE, RELATIVE
from .portrait import choices
from .sitter.settings import TableauSitter


class TableauFace(bpy.types.PropertyGroup):
    """A face that was found in a portrait's picture."""

    box: FloatVectorProperty(name="Box", description="Left, top, right and bottom in pixels", size=4)
    score: FloatProperty(name="Score", description="How sure the detector is that this is a face")
    track: StringProperty(name="Landmarks", description="File with this face's landmarks")
    thumbnail: StringProperty(name="Thumbnail", description="Small picture of this face")


class TableauObject(bpy.types.PropertyGroup):
    """Settings of one object of ours; ``kind`` says which fields mean something."""

    kind: EnumProperty(
        name="Kind",
        items=(
            ("NONE", "None", "Not an object of Tableau Vivant"),
            ("PORTRAIT", "Portrait", "A picture on a plane"),
            ("RIG", "Rig", "The landmark rig of a portrait"),
            ("SEQUENCE", "Sequence", "The plane that plays a bake"),
            ("FIX", "Fix", "The points that Fix Landmarks shows on the picture"),
            ("MATTE", "Matte", "The plane that shows a sitter's matte"),
            ("PREVIEW", "Preview", "The mesh that shows the moved portrait live"),
            ("FRAME", "Frame", "The plane that shows a frame painted by the generator"),
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
    faces: CollectionProperty(name="Faces", description="The faces of the picture", type=TableauFace)
    face_index: IntProperty(
        name="Face", description="Choose a face of the picture", min=0, update=choices.face_chosen
    )
    faces_folder: StringProperty(name="Faces Folder", description="Where the faces' landmarks are kept")
    show_landmarks: BoolProperty(
        name="Curves",
        description="Draw curves through the landmarks, colored by how sure the detector is: "
        "green is sure, amber is doubtful, red is a guess",
        default=True,
    )
    show_faces: BoolProperty(
        name="Face Boxes", description="Draw a numbered box around each face of the picture", default=True
    )
    # portrait (its current rig), sequence, fix, matte, preview and frame
    rig: PointerProperty(
        name="Rig",
        description="The landmark rig over this picture",
        type=bpy.types.Object,
        override=OVERRIDABLE,
    )
    # rig
    show_rig: BoolProperty(
        name="Show Landmarks",
        description="Show this portrait's bones and curves. A bake hides them; Pose, Fix Landmarks and "
        "loading a performance bring them back",
        default=True,
        options=set(),
        update=choices.rig_shown,
    )
    title: StringProperty(name="Title", description="Name used for this portrait's files")
    portrait: PointerProperty(
        name="Portrait",
        description="The plane that shows the picture",
        type=bpy.types.Object,
        override=OVERRIDABLE,
    )
    face: IntProperty(name="Face", description="Which face of the picture; 0 is the largest")
    fixing: PointerProperty(
        name="Fixing",
        description="The points that are being fixed on the picture",
        type=bpy.types.Object,
        override=OVERRIDABLE,
    )
    fixed: IntProperty(name="Fixed", description="How many landmarks were set by hand")
    matte: PointerProperty(
        name="Matte",
        description="The plane that shows this sitter's matte",
        type=bpy.types.Object,
        override=OVERRIDABLE,
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
    sitter: PointerProperty(
        name="Sitter", description="What the generator knows of this sitter", type=TableauSitter
    )
    mode: EnumProperty(  # the engine and its command line call them full, flow and neural
        name="Paint",
        description="Whose paint the frames show",
        items=(
            (
                "FULL",
                "Retouched",
                "The painting's own paint is moved, and the generator paints in what it does not show: the "
                "open mouth, lids, what a turning head uncovers. The best for nearly everything",
            ),
            (
                "FLOW",
                "Paint Only",
                "The painting's own paint is moved, and the generator paints nothing. The fastest, for small "
                "motions and for trying things out",
            ),
            (
                "NEURAL",
                "Repainted",
                "The generator paints the whole head anew: soft, without the brush strokes. For a look at "
                "what it has learned, and for deliberate effects",
            ),
        ),
        default="FULL",
        override=OVERRIDABLE,
    )
    baked: StringProperty(name="Baked", description="What the last bake made", override=OVERRIDABLE)


CLASSES = (TableauFace, TableauObject)


def attach() -> None:
    bpy.types.Object.tableau = PointerProperty(type=TableauObject, override=OVERRIDABLE)


def detach() -> None:
    del bpy.types.Object.tableau
