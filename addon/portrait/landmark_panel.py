# SPDX-License-Identifier: GPL-3.0-or-later
"""Panel of step two: the rig over the painting, posing it and fixing where it rests."""

import bpy

from .. import lookup, panels
from . import rest
from .fix import fixing_of


class TABLEAU_PT_landmarks(panels.TableauPanel, bpy.types.Panel):
    bl_label = "2. Landmarks"
    bl_order = 2

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
        column.prop(rig.tableau.portrait.tableau, "show_landmarks", icon="CURVE_PATH")

    def draw_rig(self, context, column, rig):
        posing = context.object == rig and rig.mode == "POSE"
        panels.state(column, f"{rig.name}: {_words(rig)}", True)
        row = column.row(align=True)
        row.scale_y = 1.3
        row.operator("tableau.pose_rig", icon="POSE_HLT", depress=posing)
        row.operator("tableau.fix_landmarks", icon="VERTEXSEL")
        detect = column.operator("tableau.detect_landmarks", icon="FILE_REFRESH")
        detect.face, detect.add = rig.tableau.face, True
        grid = column.grid_flow(columns=4, even_columns=True, align=True)
        for collection in rig.data.collections:
            grid.prop(collection, "is_visible", text=collection.name, toggle=True)

    def draw_fixing(self, column, rig):
        column.label(text="Drag the points onto the painting", icon="VERTEXSEL")
        column.operator_menu_enum("tableau.symmetrize_landmarks", "side", icon="MOD_MIRROR")
        row = column.row(align=True)
        row.operator("tableau.redetect_landmarks", icon="FILE_REFRESH")
        row.operator("tableau.reset_landmarks", icon="LOOP_BACK")
        row = column.row(align=True)
        row.scale_y = 1.3
        row.operator("tableau.finish_landmarks", icon="CHECKMARK").discard = False
        row.operator("tableau.finish_landmarks", text="Discard", icon="X").discard = True


def _words(rig):
    """How sure the landmarks are, in a few words."""
    if rig.tableau.fixed:
        return f"{rig.tableau.fixed} set by hand"
    return f"confidence {100 * rest.mean_confidence(rig):.0f} %"


CLASSES = (TABLEAU_PT_landmarks,)
