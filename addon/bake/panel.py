# SPDX-License-Identifier: GPL-3.0-or-later
"""Panel of step three."""

import bpy

from .. import lookup, panels


class TABLEAU_PT_bake(panels.TableauPanel, bpy.types.Panel):
    bl_label = "4. Bake"
    bl_order = 4

    def draw(self, context):
        column = self.layout.column()
        rig = lookup.rig_of(context)
        if rig is None:
            panels.state(column, lookup.missing(context, rig=True), False)
        elif not rig.tableau.baked:
            panels.state(column, "Nothing baked yet", False)
        else:
            panels.state(column, rig.tableau.baked, True)
        row = column.row(align=True)
        row.prop(context.scene, "frame_start", text="Start")
        row.prop(context.scene, "frame_end", text="End")
        if rig is not None:
            column.prop(rig.tableau, "folder")
            column.prop(rig.tableau, "mask")
        column.operator("tableau.bake", icon="RENDER_ANIMATION")


CLASSES = (TABLEAU_PT_bake,)
