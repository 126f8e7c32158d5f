# SPDX-License-Identifier: GPL-3.0-or-later
"""Operators of the preview: on and off, the whole range at once, one frame as the bake paints it."""

import bpy

from .. import jobs, lookup, needs
from . import live, painted, stage, steps


class TABLEAU_OT_preview_start(needs.NeedsPose, jobs.JobOperator, bpy.types.Operator):
    """Show the portrait as it moves, live, while you scrub and pose"""

    bl_idname = "tableau.preview_start"
    bl_label = "Live Preview"
    bl_options = {"REGISTER"}

    def steps(self, context):
        return (yield from steps.start_steps(context, lookup.rig_of(context)))


class TABLEAU_OT_preview_stop(needs.NeedsPose, bpy.types.Operator):
    """Take the live preview away and show the still picture again"""

    bl_idname = "tableau.preview_stop"
    bl_label = "Stop Preview"
    bl_options = {"REGISTER"}

    @classmethod
    def lacks(cls, context):
        text = super().lacks(context)
        if not text and stage.find(lookup.rig_of(context)) is None:
            text = "The preview is not on"
        return text

    def execute(self, context):
        live.stop(lookup.rig_of(context))
        return {"FINISHED"}


class TABLEAU_OT_preview_fill(needs.NeedsPose, jobs.JobOperator, bpy.types.Operator):
    """Get every frame of the scene ready, so that it plays at full speed from the first time on"""

    bl_idname = "tableau.preview_fill"
    bl_label = "Prepare All Frames"
    bl_options = {"REGISTER"}

    @classmethod
    def lacks(cls, context):
        text = super().lacks(context)
        if not text and live.session_of(lookup.rig_of(context)) is None:
            text = "Switch the live preview on first"
        return text

    def steps(self, context):
        return (yield from steps.fill_steps(context, lookup.rig_of(context)))


class TABLEAU_OT_preview_frame(needs.NeedsPose, jobs.JobOperator, bpy.types.Operator):
    """Paint the current frame with the generator, as the bake will, and show it until the pose changes"""

    bl_idname = "tableau.preview_frame"
    bl_label = "Preview Frame"
    bl_options = {"REGISTER"}

    def steps(self, context):
        return (yield from steps.frame_steps(context, lookup.rig_of(context)))


class TABLEAU_OT_preview_frame_remove(needs.NeedsPose, bpy.types.Operator):
    """Take the painted frame away"""

    bl_idname = "tableau.preview_frame_remove"
    bl_label = "Remove Painted Frame"
    bl_options = {"REGISTER"}

    @classmethod
    def lacks(cls, context):
        text = super().lacks(context)
        if not text and painted.find(lookup.rig_of(context)) is None:
            text = "No frame has been painted"
        return text

    def execute(self, context):
        painted.remove(lookup.rig_of(context))
        return {"FINISHED"}


CLASSES = (
    TABLEAU_OT_preview_start,
    TABLEAU_OT_preview_stop,
    TABLEAU_OT_preview_fill,
    TABLEAU_OT_preview_frame,
    TABLEAU_OT_preview_frame_remove,
)
