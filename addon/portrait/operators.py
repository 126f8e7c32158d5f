# SPDX-License-Identifier: GPL-3.0-or-later
"""Operators of the portrait: load, detect landmarks, fit the camera, match the colors."""

from pathlib import Path

import bpy
from bpy.props import BoolProperty, IntProperty, StringProperty

from .. import jobs, lookup, needs
from ..options import ASKED
from . import detection, view
from . import plane as planes

PICTURES = "*.png;*.jpg;*.jpeg;*.tif;*.tiff;*.webp;*.bmp"


class TABLEAU_OT_load_portrait(jobs.FileJobOperator, bpy.types.Operator):
    """Put a painting or photograph on a plane, in its exact colors, and find the sitter's landmarks"""

    bl_idname = "tableau.load_portrait"
    bl_label = "Load Portrait"
    bl_options = {"REGISTER", "UNDO"}

    filepath: StringProperty(
        name="Picture", description="The picture file", subtype="FILE_PATH", options=ASKED
    )
    filter_glob: StringProperty(default=PICTURES, options={"HIDDEN"})
    folder: StringProperty(
        name="Folder",
        description="Where landmarks, takes and frames are kept; leave empty for beside the .blend",
        subtype="DIR_PATH",
        options=ASKED,
    )
    detect: BoolProperty(
        name="Detect Landmarks", description="Find the sitter's landmarks at once", default=True
    )
    face: IntProperty(
        name="Face",
        description="Which face, if there are several: 0 is the largest",
        default=0,
        min=0,
        soft_max=8,
    )
    look_at_it: BoolProperty(
        name="Look at It", description="Turn the view to the picture's front", default=True
    )
    camera: BoolProperty(
        name="Fit a Camera", description="Also aim a camera at it that the picture fills", default=False
    )

    def steps(self, context):
        if not self.filepath:
            raise jobs.Problem("No picture was chosen")
        if context.object is not None and context.object.mode != "OBJECT":
            bpy.ops.object.mode_set(mode="OBJECT")
        plane = planes.make_portrait(context, Path(bpy.path.abspath(self.filepath)).absolute())
        self.keeps_changes = True
        for item in context.view_layer.objects.selected:
            item.select_set(False)
        plane.select_set(True)
        context.view_layer.objects.active = plane
        view.show_pictures(context.screen)
        if self.look_at_it:
            view.look_at(context, plane)
        if self.camera:
            view.fit_camera(context, plane, set_resolution=True)
        if not self.detect:
            return f"{plane.name}: {plane.tableau.size[0]} x {plane.tableau.size[1]} px"
        return (yield from detection.rig_face(plane, self.face, add=False, folder=self.folder))


class TABLEAU_OT_detect_landmarks(needs.NeedsPortrait, jobs.JobOperator, bpy.types.Operator):
    """Find the faces of the picture and lay a rig over the landmarks of one of them; a rig that is on this
    face keeps its animation, one on another face is replaced"""

    bl_idname = "tableau.detect_landmarks"
    bl_label = "Detect Landmarks"
    bl_options = {"REGISTER", "UNDO"}

    face: IntProperty(
        name="Face",
        description="Which face, if there are several: 0 is the largest",
        default=0,
        min=0,
        soft_max=8,
    )
    add: BoolProperty(
        name="Add",
        description="Keep the rigs of the picture's other faces (group portraits)",
        default=False,
    )

    @classmethod
    def description(cls, context, properties):
        if properties.add:
            return "Lay another rig over this face; the rigs of the other faces stay"
        return ""

    def steps(self, context):
        return (yield from detection.rig_face(lookup.portrait_of(context), self.face, add=self.add))


class TABLEAU_OT_fit_camera(needs.NeedsPortrait, bpy.types.Operator):
    """Aim a camera at the portrait so that the picture fills the frame exactly"""

    bl_idname = "tableau.fit_camera"
    bl_label = "Fit Camera"
    bl_options = {"REGISTER", "UNDO"}

    set_resolution: BoolProperty(
        name="Picture's Resolution", description="Render at the picture's own width and height", default=True
    )
    look_through: BoolProperty(name="Look Through", description="Show the camera's view", default=True)

    def execute(self, context):
        view.fit_camera(context, lookup.portrait_of(context), set_resolution=self.set_resolution)
        if self.look_through and context.area is not None and context.area.type == "VIEW_3D":
            context.space_data.region_3d.view_perspective = "CAMERA"
        return {"FINISHED"}


class TABLEAU_OT_match_artwork_colors(bpy.types.Operator):
    """Show the picture's own colors: Standard view transform, no look, no exposure, no dithering"""

    bl_idname = "tableau.match_artwork_colors"
    bl_label = "Match Artwork Colors"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context):
        view.match_colors(context.scene)
        return {"FINISHED"}

    def invoke(self, context, event):
        return context.window_manager.invoke_confirm(
            self,
            event,
            title="Match Artwork Colors",
            message="Change this scene's color management to Standard?",
            confirm_text="Change",
        )


CLASSES = (
    TABLEAU_OT_load_portrait,
    TABLEAU_OT_detect_landmarks,
    TABLEAU_OT_fit_camera,
    TABLEAU_OT_match_artwork_colors,
)
