# SPDX-License-Identifier: GPL-3.0-or-later
"""What Fix Landmarks offers besides dragging: symmetrize, reset, detect again."""

from typing import TYPE_CHECKING

import bpy
from bpy.props import BoolProperty, EnumProperty

from .. import jobs, lookup
from ..problems import Problem, reported
from . import detection, fix, rest
from . import rig as rigs
from .fix import fixing_of
from .fix_operators import WhileFixing
from .space import PictureSpace

_SELECTED = {
    "name": "Selected Only",
    "description": "Change the selected points and leave the others where they are",
    "default": False,
}


class Tool(WhileFixing):
    """Mix-in of what moves the points."""

    if TYPE_CHECKING:  # what the operators declare
        only_selected: bool

    def change(self, rig, local):
        """Move the points (those that are selected, where that is wanted) to ``local`` [70, 3]."""
        import numpy as np

        points = rig.tableau.fixing
        chosen = np.ones(70, bool)
        if self.only_selected:
            chosen = fix.read_points(points).selected
            if not chosen.any():
                raise Problem("No point is selected; select some, or switch Selected Only off")
        return f"{fix.write_points(points, local, chosen)} points moved"


class TABLEAU_OT_symmetrize_landmarks(Tool, bpy.types.Operator):
    """Make the landmarks symmetric about the face's own middle, also on a turned head"""

    bl_idname = "tableau.symmetrize_landmarks"
    bl_label = "Symmetrize Landmarks"
    bl_options = {"REGISTER", "UNDO"}

    side: EnumProperty(
        name="From",
        description="Which side counts",
        items=(
            ("BOTH", "Both Sides", "Meet in the middle between the two sides"),
            (
                "RIGHT",
                "The Sitter's Right",
                "Copy the sitter's right side (on the picture's left) to the left",
            ),
            (
                "LEFT",
                "The Sitter's Left",
                "Copy the sitter's left side (on the picture's right) to the right",
            ),
        ),
        default="BOTH",
    )
    only_selected: BoolProperty(**_SELECTED)

    @reported
    def execute(self, context):
        import numpy as np

        from .symmetry import symmetrize

        rig = fixing_of(context)
        local = fix.read_points(rig.tableau.fixing).local
        local = np.where(np.isfinite(local), local, rest.rest_local(rig))
        self.report({"INFO"}, self.change(rig, symmetrize(local, self.side)))
        return {"FINISHED"}


class TABLEAU_OT_reset_landmarks(Tool, bpy.types.Operator):
    """Put the landmarks back to where the detector found them"""

    bl_idname = "tableau.reset_landmarks"
    bl_label = "Reset Landmarks"
    bl_options = {"REGISTER", "UNDO"}

    only_selected: BoolProperty(**_SELECTED)

    @reported
    def execute(self, context):
        rig = fixing_of(context)
        local = rest.detected_local(rig)
        if local is None:
            raise Problem("What the detector found is not stored on this rig; use Re-detect")
        self.report({"INFO"}, self.change(rig, local))
        return {"FINISHED"}


class TABLEAU_OT_redetect_landmarks(Tool, jobs.JobOperator, bpy.types.Operator):
    """Find the landmarks in the picture again and lay the points on them"""

    bl_idname = "tableau.redetect_landmarks"
    bl_label = "Re-detect Landmarks"
    bl_options = {"REGISTER", "UNDO"}

    only_selected: BoolProperty(**_SELECTED)

    def steps(self, context):
        uid = fixing_of(context).session_uid
        plane = lookup.rig_of(context).tableau.portrait
        line = yield from detection.find_faces(plane, 0)
        rig = lookup.by_session(uid)
        if rig.tableau.fixing is None:
            raise Problem("Fix Landmarks was left while the detector worked; start it again")
        plane = rig.tableau.portrait
        before = rigs.rest_track(rig).points[0]
        face = detection.nearest_face(plane, before)
        track = detection.track_of(plane, face)
        rigs.remember(rig, track)
        rig.tableau.face = plane.tableau.face_index = face
        found = rigs.rest_points(track.points[0], track.irises[0])
        self.change(rig, PictureSpace.of(plane).to_local(found))
        return line


CLASSES = (
    TABLEAU_OT_symmetrize_landmarks,
    TABLEAU_OT_reset_landmarks,
    TABLEAU_OT_redetect_landmarks,
)
