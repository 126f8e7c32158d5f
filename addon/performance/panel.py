# SPDX-License-Identifier: GPL-3.0-or-later
"""Panel of the performance, with the gains in a panel below it."""

import bpy

from .. import lookup, panels
from . import assets, presets, takes
from .properties import REGIONS


class TABLEAU_PT_performance(panels.StepPanel, bpy.types.Panel):
    bl_label = "4. Performance"
    bl_order = 4

    @staticmethod
    def done(context):
        rig = lookup.rig_of(context)
        return rig is not None and lookup.has_action(rig)

    def draw(self, context):
        column = self.layout.column()
        rig = lookup.rig_of(context)
        if rig is None:
            panels.state(column, lookup.missing(context, rig=True), False)
        elif not lookup.has_action(rig):
            panels.state(column, "No performance yet", False)
        else:
            panels.state(column, _words(rig), True)
            text = takes.due(rig)
            if text:
                column.operator("tableau.retarget", text=text, icon="ERROR")
        manager = context.window_manager
        column.template_icon_view(manager, "tableau_preset", show_labels=True, scale=5.0)
        chosen = column.operator(
            "tableau.load_preset", text=f"Load {presets.label(manager.tableau_preset)}", icon="ARMATURE_DATA"
        )
        chosen.preset = manager.tableau_preset
        column.operator("tableau.load_performance", text="Video or Track", icon="FILE_MOVIE")
        made = assets.library_file()
        if made is None or not made.is_file():
            column.operator("tableau.make_assets", icon="ASSET_MANAGER")


def _words(rig):
    """What plays on the rig, in a few words."""
    data = rig.animation_data
    count = sum(len(track.strips) for track in data.nla_tracks)
    if count and data.action is not None:
        return f"{count} strip{'s' if count > 1 else ''}, and keys over them"
    if count > 1:
        return f"{count} strips; loaded last: {presets.label(rig.tableau.performance) or 'none'}"
    if count:
        strip = next(strip for track in data.nla_tracks for strip in track.strips)
        return f"{presets.label(strip.name)}: frames {strip.frame_start:.0f} to {int(strip.frame_end)}"
    return presets.label(rig.tableau.performance) or "Animated by hand"


class TABLEAU_PT_gains(panels.RigPanel, bpy.types.Panel):
    bl_label = "Gains"
    bl_parent_id = "TABLEAU_PT_performance"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context):
        rig = lookup.rig_of(context)
        column = self.layout.column(align=True)
        for region in REGIONS:
            column.prop(rig.tableau_gains, region, slider=True)
        self.layout.operator("tableau.retarget", icon="FILE_REFRESH")


CLASSES = (TABLEAU_PT_performance, TABLEAU_PT_gains)
