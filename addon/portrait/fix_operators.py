# SPDX-License-Identifier: GPL-3.0-or-later
"""Fix Landmarks, in and out (moving the rest landmarks onto the painting's own lids and lips), and posing."""

import bpy
from bpy.props import BoolProperty

from .. import lookup, needs
from ..problems import Problem, reported
from . import fix, view
from . import rig as rigs
from .fix import fixing_of


class WhileFixing(needs.NeedsRig):
    """Mix-in of operators for while the landmarks are being fixed."""

    @classmethod
    def lacks(cls, context):
        return "Start Fix Landmarks first" if fixing_of(context) is None else ""


class TABLEAU_OT_fix_landmarks(needs.NeedsRig, bpy.types.Operator):
    """Lay the landmarks flat on the picture and drag them onto the painting's own lids and lips.
    This changes where the rig rests, not how it is posed; press Done when the points fit"""

    bl_idname = "tableau.fix_landmarks"
    bl_label = "Fix Landmarks"
    bl_options = {"REGISTER", "UNDO"}

    look_at_it: BoolProperty(
        name="Look at It", description="Turn the view to the picture's front", default=True
    )

    @classmethod
    def lacks(cls, context):
        text = super().lacks(context)
        if not text and fixing_of(context) is not None:
            text = "The landmarks are being fixed already; press Done"
        return text

    @reported
    def execute(self, context):
        rig = lookup.rig_of(context)
        rigs.check_own(rig)
        rigs.rest_track(rig)  # all its bones are there
        if context.object is not None and context.object.mode != "OBJECT":
            bpy.ops.object.mode_set(mode="OBJECT")
        rig.tableau.portrait.tableau.rig = rig
        rig.tableau.show_rig = True
        fix.make_points(context, rig)
        if self.look_at_it:
            view.look_at(context, rig.tableau.portrait)
        return {"FINISHED"}


class TABLEAU_OT_finish_landmarks(WhileFixing, bpy.types.Operator):
    """Keep the landmarks where they are now: retargeting and the bake use them from here on"""

    bl_idname = "tableau.finish_landmarks"
    bl_label = "Finish Landmarks"
    bl_options = {"REGISTER", "UNDO"}

    discard: BoolProperty(
        name="Discard",
        description="Leave the landmarks as they were before",
        default=False,
        options={"SKIP_SAVE", "HIDDEN"},
    )

    @classmethod
    def description(cls, context, properties):
        return "Leave the landmarks as they were before Fix Landmarks" if properties.discard else ""

    def execute(self, context):
        rig = fixing_of(context)
        if self.discard:
            fix.discard(context, rig)
            return {"FINISHED"}
        try:
            moved = fix.finish(context, rig)
        except (Problem, OSError) as problem:
            self.report({"ERROR"}, str(problem))
            return {"CANCELLED"}
        again = moved and lookup.has_action(rig)
        more = "; press Re-target to fit the performance to them" if again else ""
        self.report({"INFO"}, f"{moved} landmarks moved{more}")
        return {"FINISHED"}


class TABLEAU_OT_pose_rig(needs.NeedsRig, bpy.types.Operator):
    """Go into Pose Mode to move the face by hand, over the performance; press again to leave"""

    bl_idname = "tableau.pose_rig"
    bl_label = "Pose Landmarks"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def lacks(cls, context):
        text = super().lacks(context)
        if not text and fixing_of(context) is not None:
            text = "The landmarks are being fixed; press Done first"
        if not text and not _poseable(lookup.rig_of(context)):
            text = lookup.linked(lookup.rig_of(context))
        return text

    def execute(self, context):
        rig = lookup.rig_of(context)
        if context.object == rig and rig.mode == "POSE":
            bpy.ops.object.mode_set(mode="OBJECT")
            return {"FINISHED"}
        if rig.name not in context.view_layer.objects:
            self.report({"ERROR"}, f"{rig.name}: is not in this view layer; switch its collection on")
            return {"CANCELLED"}
        rig.tableau.show_rig = True
        fix.activate(context, rig)
        bpy.ops.object.mode_set(mode="POSE")
        return {"FINISHED"}


def _poseable(rig):
    """A rig of this file, or an override of another's that was made to be changed."""
    own = rig.override_library
    return rig.library is None and (own is None or not own.is_system_override)


CLASSES = (TABLEAU_OT_fix_landmarks, TABLEAU_OT_finish_landmarks, TABLEAU_OT_pose_rig)
