# SPDX-License-Identifier: GPL-3.0-or-later
"""Panel of step one."""

import bpy

from .. import lookup, panels
from . import view


class TABLEAU_PT_portrait(panels.TableauPanel, bpy.types.Panel):
    bl_label = "1. Portrait"
    bl_order = 1

    def draw(self, context):
        column = self.layout.column()
        plane, rig = lookup.portrait_of(context), lookup.rig_of(context)
        if plane is None:
            panels.state(column, lookup.missing(context), False)
        elif rig is None:
            panels.state(column, f"{plane.name}: no landmarks yet", False)
        else:
            panels.state(column, f"{plane.name}: {plane.tableau.size[0]} x {plane.tableau.size[1]} px", True)
        column.operator("tableau.load_portrait", icon="IMAGE_DATA")
        if plane is not None:
            row = column.row(align=True)
            row.operator("tableau.detect_landmarks", text="Landmarks", icon="OUTLINER_OB_ARMATURE")
            row.operator("tableau.fit_camera", icon="CAMERA_DATA")
        if plane is not None and not view.colors_match(context.scene):
            column.operator("tableau.match_artwork_colors", icon="COLOR")


CLASSES = (TABLEAU_PT_portrait,)
