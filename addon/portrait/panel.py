# SPDX-License-Identifier: GPL-3.0-or-later
"""Panel of step one: the picture, its faces, its camera and colors, the matte."""

import bpy

from .. import lookup, panels
from . import matte, view
from .files import missing_picture


class TABLEAU_PT_portrait(panels.StepPanel, bpy.types.Panel):
    bl_label = "1. Portrait"
    bl_order = 1

    @staticmethod
    def done(context):
        plane = lookup.portrait_of(context)
        return plane is not None and not missing_picture(plane)

    def draw(self, context):
        column = self.layout.column()
        plane = lookup.portrait_of(context)
        lost = missing_picture(plane) if plane is not None else ""
        if plane is None:
            panels.state(column, lookup.missing(context), False)
        elif lost:
            column.alert = True
            column.label(text=lost, icon="ERROR")
            column.operator("tableau.relink_picture", icon="VIEWZOOM")
            column.alert = False
        elif lookup.linked(plane):
            panels.state(column, f"{plane.name}: linked, to preview and to bake", False)
        else:
            panels.state(column, f"{plane.name}: {plane.tableau.size[0]} x {plane.tableau.size[1]} px", True)
        column.operator("tableau.load_portrait", icon="IMAGE_DATA")
        if plane is None:
            return
        if len(plane.tableau.faces) > 1:
            self.draw_faces(column, plane)
        row = column.row(align=True)
        row.operator("tableau.fit_camera", icon="CAMERA_DATA")
        if not view.colors_match(context.scene):
            row.operator("tableau.match_artwork_colors", text="Match Colors", icon="COLOR")

    def draw_faces(self, column, plane):
        settings = plane.tableau
        index = settings.face_index
        column.template_list(
            "TABLEAU_UL_faces",
            "",
            settings,
            "faces",
            settings,
            "face_index",
            rows=min(4, len(settings.faces)),
        )
        rigs = lookup.rigs_of(plane)
        rigged = any(rig.tableau.face == index for rig in rigs)
        row = column.row(align=True)
        if not rigged:
            add = row.operator("tableau.detect_landmarks", text="Add Rig", icon="ADD")
            add.face, add.add = index, True
        if not rigged and len(rigs) == 1:
            use = row.operator("tableau.detect_landmarks", text="Use Face", icon="FILE_REFRESH")
            use.face, use.add = index, False
        row.prop(settings, "show_faces", text="Boxes", icon="SELECT_SET", toggle=True)


class TABLEAU_PT_matte(panels.RigPanel, bpy.types.Panel):
    bl_label = "Matte"
    bl_parent_id = "TABLEAU_PT_portrait"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context):
        column = self.layout.column()
        rig = lookup.rig_of(context)
        plane = matte.matte_of(rig)
        if matte.painted(rig):
            panels.state(column, "Painted, not kept yet", False)
        elif rig.tableau.mask:
            panels.state(column, f"Painted: {bpy.path.basename(rig.tableau.mask)}", True)
        else:
            panels.state(column, "The sitter is found by the bake", True)
        row = column.row(align=True)
        if plane is None:
            row.operator("tableau.find_matte", icon="MOD_MASK")
            return
        row.prop(plane, "hide_viewport", text="Show", icon_only=False, invert_checkbox=True)
        row.operator("tableau.find_matte", text="Find Again", icon="FILE_REFRESH").again = True
        row = column.row(align=True)
        painting = context.object == plane and plane.mode == "TEXTURE_PAINT"
        row.operator("tableau.paint_matte", text="Paint", icon="BRUSH_DATA", depress=painting)
        row.operator("tableau.keep_matte", text="Keep", icon="CHECKMARK")
        row.operator("tableau.remove_matte", text="", icon="X")


CLASSES = (TABLEAU_PT_portrait, TABLEAU_PT_matte)
