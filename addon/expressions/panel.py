# SPDX-License-Identifier: GPL-3.0-or-later
"""Panel of the expression sliders, by region."""

import bpy

from .. import lookup, panels
from . import sliders, solve

GROUPS = {
    "Gaze": ("gaze",),
    "Eyes": ("eye",),
    "Brows": ("brow",),
    "Jaw": ("jaw",),
    "Mouth": ("mouth", "tongue"),
    "Nose and Cheeks": ("nose", "cheek"),
}


class TABLEAU_PT_expressions(panels.RigPanel, bpy.types.Panel):
    bl_label = "Expressions"
    bl_parent_id = "TABLEAU_PT_performance"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context):
        rig = lookup.rig_of(context)
        column = self.layout.column()
        row = column.row(align=True)
        row.operator("tableau.load_curves", text="Load Curves", icon="IMPORT")
        row.operator("tableau.export_performance", text="Export", icon="EXPORT")
        found = sliders.names(rig) if sliders.present(rig) else []
        if not found:
            panels.state(column, "No expression sliders yet", False)
            column.operator("tableau.add_sliders", icon="ADD")
            column.operator("tableau.solve_expressions", icon="FCURVE")
            return
        if solve.stale(rig):
            column.operator("tableau.add_sliders", text="Landmarks were fixed: fit sliders", icon="ERROR")
        column.operator("tableau.solve_expressions", icon="FCURVE")
        column.operator("tableau.hide_faint", icon="HIDE_ON")
        for title, stems in GROUPS.items():
            header, body = self.layout.panel(f"tableau_{title}", default_closed=title not in {"Gaze", "Eyes"})
            header.label(text=title)
            if body is not None:
                part = body.column(align=True)
                for name in found:
                    if name.startswith(stems):
                        part.prop(rig, f'["{name}"]', text=name, slider=True)
        self.layout.operator("tableau.remove_sliders", icon="X")


CLASSES = (TABLEAU_PT_expressions,)
