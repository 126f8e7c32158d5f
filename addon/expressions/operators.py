# SPDX-License-Identifier: GPL-3.0-or-later
"""Operators of the expression sliders."""

import bpy
from bpy.props import BoolProperty, FloatProperty

from .. import jobs, lookup
from ..performance import action as actions
from ..performance import takes
from ..performance.operators import REPLACE_EDITED, Animating
from ..portrait import rig as rigs
from ..problems import reported
from . import sliders, solve


class OwnSliders(Animating):
    """Mix-in of operators on the sliders of a rig of this file."""

    @classmethod
    def lacks(cls, context):
        text = super().lacks(context)
        if not text and lookup.rig_of(context).library is not None:
            text = f"{lookup.rig_of(context).name} is linked from another file; make it local"
        return text


class TABLEAU_OT_add_sliders(OwnSliders, jobs.JobOperator, bpy.types.Operator):
    """Give the rig 52 expression sliders with ARKit names and two for the gaze. They move the landmarks
    through this portrait's own head, on top of the performance"""

    bl_idname = "tableau.add_sliders"
    bl_label = "Add Expression Sliders"
    bl_options = {"REGISTER", "UNDO"}

    def steps(self, context):
        return (yield from solve.add_steps(context))


class TABLEAU_OT_remove_sliders(OwnSliders, bpy.types.Operator):
    """Take the expression sliders off the rig"""

    bl_idname = "tableau.remove_sliders"
    bl_label = "Remove Expression Sliders"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def lacks(cls, context):
        text = super().lacks(context)
        if not text and not sliders.present(lookup.rig_of(context)):
            text = "The rig has no expression sliders"
        return text

    @reported
    def execute(self, context):
        sliders.remove(context, lookup.rig_of(context))
        return {"FINISHED"}


class TABLEAU_OT_solve_expressions(OwnSliders, jobs.JobOperator, bpy.types.Operator):
    """Tell the current performance in slider curves and head pose; what they leave stays on the
    landmark bones, so that nothing moves until you edit"""

    bl_idname = "tableau.solve_expressions"
    bl_label = "Solve to Expression Curves"
    bl_options = {"REGISTER", "UNDO"}

    threshold: FloatProperty(
        name="Hide Below", description="Hide curves that never get this far", default=0.05, min=0.0,
        soft_max=0.5,
    )  # fmt: skip
    overwrite: BoolProperty(**REPLACE_EDITED)

    @classmethod
    def lacks(cls, context):
        text = super().lacks(context)
        if not text and takes.current(lookup.rig_of(context)) is None:
            text = "Load a performance first"
        return text

    def steps(self, context):
        from fractions import Fraction

        from ..performance.steps import retargeted
        from ..retime import filters

        rig = lookup.rig_of(context)
        rigs.check_own(rig)
        uid, action = rig.session_uid, takes.current(rig)
        name, info = action.name, action.tableau_take
        rate, start = Fraction(info.rate), info.start
        track = yield from retargeted(rig, takes.checked(action), action)
        frames = actions.frames_of(track.times, rate, start)
        solved = yield from solve.solve_steps(uid, name, track, frames, self.overwrite)
        action = bpy.data.actions[name]
        filters.renew(bpy.context, lookup.by_session(uid), action)
        takes.fit(action, lookup.by_session(uid))
        shown = solve.hide_faint(action, self.threshold)
        share = f"{shown} curves say {100 * solved.explained:.0f} % of the face's motion"
        return f"{share}; the rest is on the bones{solve.tell(solved.kept)}"


class TABLEAU_OT_hide_faint(OwnSliders, bpy.types.Operator):
    """Hide the expression curves that hardly do anything in this performance, in all editors"""

    bl_idname = "tableau.hide_faint"
    bl_label = "Hide Faint Curves"
    bl_options = {"REGISTER", "UNDO"}

    threshold: FloatProperty(
        name="Hide Below", description="Hide curves that never get this far; 0 shows all", default=0.05,
        min=0.0, soft_max=0.5,
    )  # fmt: skip

    @classmethod
    def lacks(cls, context):
        text = super().lacks(context)
        action = None if text else takes.current(lookup.rig_of(context))
        if not text and (action is None or not action.tableau_take.solved):
            text = "Solve to Expression Curves first"
        return text

    def execute(self, context):
        shown = solve.hide_faint(takes.current(lookup.rig_of(context)), self.threshold)
        self.report({"INFO"}, f"{shown} expression curves are shown")
        return {"FINISHED"}


CLASSES = (
    TABLEAU_OT_add_sliders,
    TABLEAU_OT_remove_sliders,
    TABLEAU_OT_solve_expressions,
    TABLEAU_OT_hide_faint,
)
