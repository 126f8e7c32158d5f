# SPDX-License-Identifier: GPL-3.0-or-later
"""Panel of the retime."""

import bpy

from .. import lookup, panels
from . import strips


class TABLEAU_PT_retime(panels.StepPanel, bpy.types.Panel):
    bl_label = "5. Retime"
    bl_order = 5
    bl_options = {"DEFAULT_CLOSED"}

    @staticmethod
    def done(context):
        if strips.missing(context):
            return False
        strip = strips.strip_of(lookup.rig_of(context))
        return strip is not None and strip.use_animated_time

    def draw(self, context):
        column = self.layout.column()
        text = strips.missing(context)
        if text:
            panels.state(column, text, False)
        else:
            panels.state(column, _line(lookup.rig_of(context)), True)
        if text:
            return
        self.clean(_part(self.layout, "Motion", "MOD_SMOOTH"))
        self.timing(_part(self.layout, "Timing", "GRAPH"))
        self.events(_part(self.layout, "Events", "PMARKER_ACT"))
        self.finish(_part(self.layout, "Finish", "ACTION"))

    @staticmethod
    def clean(column):
        column.operator("tableau.retime_filter")
        column.operator("tableau.retime_unfilter")

    @staticmethod
    def timing(column):
        column.operator("tableau.retime_curve")
        row = column.row(align=True)
        row.operator("tableau.retime_fit", text="Fit to Frames").to = "FRAMES"
        row.operator("tableau.retime_fit", text="Fit to Markers").to = "MARKERS"
        column.operator("tableau.retime_move", text="Move to Playhead").to = "PLAYHEAD"
        row = column.row(align=True)
        row.operator("tableau.retime_hold")
        row.operator("tableau.retime_ramp")

    @staticmethod
    def events(column):
        column.operator("tableau.retime_events")
        row = column.row(align=True)
        row.operator("tableau.retime_snap", text="Snap to Markers").to = "MARKERS"
        row.operator("tableau.retime_snap", text="Snap to Beat").to = "BEAT"

    @staticmethod
    def finish(column):
        row = column.row(align=True)
        row.operator("tableau.retime_ping_pong")
        row.operator("tableau.retime_loop")
        row = column.row(align=True)
        row.operator("tableau.retime_steps")
        row.operator("tableau.retime_conform")
        column.operator("tableau.retime_bake")


def _part(layout, title, icon):
    """A titled group of buttons, in the order of the work."""
    layout.label(text=title, icon=icon)
    return layout.column(align=True)


def _line(rig):
    data, strip = rig.animation_data, strips.strip_of(rig)
    if strip is None or (data.action is not None and data.action.tableau_take.path):
        return f"{rig.tableau.performance or 'Action'}: not a strip yet"
    extras = (", time curve" if strip.use_animated_time else "") + (
        ", filtered" if strip.action.tableau_filter.unfiltered is not None else ""
    )
    return f"{strip.name}: {strip.frame_start:.0f} to {int(strip.frame_end)}{extras}"


CLASSES = (TABLEAU_PT_retime,)
