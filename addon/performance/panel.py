# SPDX-License-Identifier: GPL-3.0-or-later
"""Panel of step two."""

import bpy

from .. import lookup, panels


class TABLEAU_PT_performance(panels.TableauPanel, bpy.types.Panel):
    bl_label = "3. Performance"
    bl_order = 3

    def draw(self, context):
        column = self.layout.column()
        rig = lookup.rig_of(context)
        if rig is None:
            panels.state(column, lookup.missing(context, rig=True), False)
        elif not lookup.has_action(rig):
            panels.state(column, "No performance yet", False)
        else:
            panels.state(column, rig.tableau.performance or "Animated by hand", True)
        column.operator_menu_enum("tableau.load_preset", "preset", icon="ARMATURE_DATA")
        column.operator("tableau.load_performance", text="Video or Track", icon="FILE_MOVIE")


CLASSES = (TABLEAU_PT_performance,)
