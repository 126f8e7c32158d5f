# SPDX-License-Identifier: GPL-3.0-or-later
"""Panel of the preview."""

import bpy

from .. import lookup, panels
from . import live, painted, stage


class TABLEAU_PT_preview(panels.StepPanel, bpy.types.Panel):
    bl_label = "6. Preview"
    bl_order = 6
    bl_options = {"DEFAULT_CLOSED"}

    @staticmethod
    def done(context):
        return live.session_of(lookup.rig_of(context)) is not None

    def draw(self, context):
        column = self.layout.column()
        rig = lookup.rig_of(context)
        session = live.session_of(rig)
        if rig is None:
            panels.state(column, lookup.missing(context, rig=True), False)
        elif session is not None:
            panels.state(column, _live_line(session), not session.late)
        else:
            panels.state(column, live.problem_of(rig) or "Off", False)
        if session is None:
            column.operator("tableau.preview_start", icon="PLAY")
            if rig is not None and stage.find(rig) is not None:  # undo brought back what had ended
                column.operator("tableau.preview_stop", icon="X")
        else:
            column.operator("tableau.preview_stop", icon="PAUSE")
            column.operator("tableau.preview_fill", icon="TIME")
        column.separator()
        row = column.row(align=True)
        row.operator("tableau.preview_frame", icon="RENDER_STILL")
        if rig is not None:
            if painted.find(rig) is not None:
                row.operator("tableau.preview_frame_remove", text="", icon="X")
            line, current = frame_line(rig)
            if line:
                column.label(text=line, icon="CHECKMARK" if current else "TIME")


def _live_line(session):
    if session.late:
        return "Nearest pose; the engine is busy"
    count = len(session.cache)
    return f"Live; {count} pose{'s are' if count != 1 else ' is'} ready"


def frame_line(rig):
    """(what is known of the painted frame of ``rig`` in one line, whether it is what is seen)."""
    number = painted.busy.get(rig.session_uid)
    if number is not None:
        return f"Frame {number} is being painted", False
    state = painted.state_of(rig)
    if state is None:
        return "", False
    if state.stale:
        return f"Frame {state.number}: another pose now, hidden", False
    return f"Painted, as at frame {state.number}", True


CLASSES = (TABLEAU_PT_preview,)
