# SPDX-License-Identifier: GPL-3.0-or-later
"""Panel of step two: the rig over the painting, posing it and fixing where it rests."""

import bpy

from .. import lookup, panels
from . import rest
from .dress import GROUPS
from .fix import fixing_of


class TABLEAU_PT_landmarks(panels.StepPanel, bpy.types.Panel):
    bl_label = "2. Landmarks"
    bl_order = 2
    bl_options = {"DEFAULT_CLOSED"}  # picture, preset and Bake are seen without scrolling

    @staticmethod
    def done(context):
        return lookup.rig_of(context) is not None

    def draw_header_preset(self, context):
        rig = lookup.rig_of(context)
        if rig is not None:  # the one switch of bones and curves, also seen while the panel is closed
            icon = "HIDE_OFF" if rig.tableau.show_rig else "HIDE_ON"
            self.layout.prop(rig.tableau, "show_rig", text="", icon=icon, emboss=False)
        super().draw_header_preset(context)

    def draw(self, context):
        column = self.layout.column()
        rig = lookup.rig_of(context)
        if rig is None:
            panels.state(column, lookup.missing(context, rig=True), False)
            column.operator("tableau.detect_landmarks", icon="OUTLINER_OB_ARMATURE")
            return
        if fixing_of(context) is not None:
            self.draw_fixing(column, rig)
        else:
            self.draw_rig(context, column, rig)

    def draw_rig(self, context, column, rig):
        posing = context.object == rig and rig.mode == "POSE"
        panels.state(column, f"{rig.name}: {_words(rig)}", True)
        row = column.row(align=True)
        row.scale_y = 1.3
        row.operator("tableau.pose_rig", text="Pose", icon="POSE_HLT", depress=posing)
        row.operator("tableau.fix_landmarks", icon="VERTEXSEL")
        detect = column.operator("tableau.detect_landmarks", text="Detect Again", icon="FILE_REFRESH")
        detect.face, detect.add = rig.tableau.face, True
        if not rig.tableau.show_rig:
            column.prop(rig.tableau, "show_rig", icon="HIDE_ON", toggle=True)
            return
        grid = column.grid_flow(row_major=True, columns=4, even_columns=True, align=True)
        for collection in rig.data.collections:
            if collection.name in GROUPS:
                grid.prop(collection, "is_visible", text=collection.name, toggle=True)
        grid.prop(rig.tableau.portrait.tableau, "show_landmarks", toggle=True)

    def draw_fixing(self, column, rig):
        column.label(text="Drag the points onto the painting", icon="VERTEXSEL")
        column.operator_menu_enum(
            "tableau.symmetrize_landmarks", "side", text="Symmetrize", icon="MOD_MIRROR"
        )
        row = column.row(align=True)
        row.operator("tableau.redetect_landmarks", text="Re-detect", icon="FILE_REFRESH")
        row.operator("tableau.reset_landmarks", text="Reset", icon="LOOP_BACK")
        row = column.row(align=True)
        row.scale_y = 1.3
        row.operator("tableau.finish_landmarks", text="Done", icon="CHECKMARK").discard = False
        row.operator("tableau.finish_landmarks", text="Discard", icon="X").discard = True


def _words(rig):
    """How sure the landmarks are, in a few words."""
    if rig.tableau.fixed:
        return f"{rig.tableau.fixed} set by hand"
    return f"confidence {100 * rest.mean_confidence(rig):.0f} %"


CLASSES = (TABLEAU_PT_landmarks,)
