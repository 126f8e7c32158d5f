# SPDX-License-Identifier: GPL-3.0-or-later
"""Panels of the bake: what is rendered, where it goes, how far it is."""

from pathlib import Path

import bpy

from .. import lookup, panels
from . import prepare, run, settings


class TABLEAU_PT_bake(panels.StepPanel, bpy.types.Panel):
    bl_label = "7. Bake"
    bl_order = 7

    @staticmethod
    def done(context):
        rig = lookup.rig_of(context)
        return rig is not None and bool(rig.tableau.baked)

    def draw(self, context):
        column = self.layout.column()
        rig = lookup.rig_of(context)
        if rig is None:
            panels.state(column, lookup.missing(context, rig=True), False)
            return
        chosen = rig.tableau_bake
        panels.state(column, rig.tableau.baked or "Nothing baked yet", bool(rig.tableau.baked))
        row = column.row(align=True)
        row.prop(chosen, "use_range", text="", icon="PREVIEW_RANGE")
        own = chosen if chosen.use_range else context.scene
        row.prop(own, "frame_start", text="Start")
        row.prop(own, "frame_end", text="End")
        column.row(align=True).prop(rig.tableau, "mode", expand=True)
        column.row(align=True).prop(chosen, "target", expand=True)
        if chosen.target == "LAYERS":
            row = column.row(align=True)
            row.prop(chosen, "spacing")
            row.prop(chosen, "match_camera", text="", icon="CAMERA_DATA")
            if rig.tableau.mode == "NEURAL":
                column.label(text="Repainted has no layers", icon="ERROR")
        if settings.unkept(rig):
            lines = column.column(align=True)
            lines.label(text="Linked: baked as its own file says;", icon="INFO")
            lines.label(text="a library override has its own choices", icon="BLANK1")
        if settings.crowded(rig):
            column.label(text="Several sitters: choose Layers", icon="INFO")
        _work(column, context, rig)


def _work(column, context, rig):
    """The buttons; while it bakes, the panel Working has them."""
    chosen = rig.tableau_bake
    if run.current() is not None:
        column.label(text="Baking: pause or stop it above", icon="TIME")
        return
    if where := prepare.place(rig):
        column.label(text=where, icon="FILE_FOLDER")
    else:
        lines = column.column(align=True)
        lines.label(text="This scene has no file yet: frames", icon="INFO")
        lines.label(text="go into Blender's own user folder", icon="BLANK1")
        column.operator("wm.save_as_mainfile", text="Save the .blend First", icon="FILE_TICK")
    row = column.row(align=True)
    counted = chosen.due_for == settings.choices(context.scene, rig)
    row.label(text=chosen.due if counted else "Only changed frames are rendered")
    row.operator("tableau.count_due", text="", icon="FILE_REFRESH")
    row = column.row(align=True)
    row.scale_y = 1.3
    row.operator("tableau.bake", icon="RENDER_ANIMATION")
    if rig.tableau.baked:
        row.operator("tableau.open_frames", text="", icon="FILE_FOLDER")


class TABLEAU_PT_bake_output(panels.RigPanel, bpy.types.Panel):
    bl_label = "Output"
    bl_parent_id = "TABLEAU_PT_bake"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context):
        layout = self.layout
        layout.use_property_split, layout.use_property_decorate = True, False
        rig = lookup.rig_of(context)
        chosen, column = rig.tableau_bake, layout.column()
        column.prop(chosen, "size")
        if chosen.size == "CUSTOM":
            column.prop(chosen, "width", text=" ")
        column.prop(chosen, "format")
        if chosen.target == "LAYERS" and chosen.format in {"PNG8", "PNG16"}:
            column.label(text="PNG layers add up in paint programs, EXR ones in Blender", icon="INFO")
        column.prop(chosen, "video")
        column.prop(chosen, "cyclic")
        column.prop(rig.tableau, "folder", text="Work Folder")
        column.prop(chosen, "output")
        row = column.row(align=True)
        row.prop(chosen, "version")
        row.operator("tableau.new_version", text="", icon="ADD")
        column.prop(chosen, "digits")
        place = prepare.frames_folder(rig, Path()).as_posix()
        column.label(text=f"{place}/frame.{1:0{chosen.digits}d}")
        column.prop(rig.tableau, "mask")
        column.operator("tableau.export_farm", icon="EXPORT")


CLASSES = (TABLEAU_PT_bake, TABLEAU_PT_bake_output)
