# SPDX-License-Identifier: GPL-3.0-or-later
"""Operators of the matte: find it, paint on it, keep what was painted, let go of it."""

import bpy
from bpy.props import BoolProperty

from .. import calls, jobs, lookup, needs, paths
from ..problems import Problem, reported
from . import fix, matte
from . import plane as planes
from . import rig as rigs


class MatteOperator(needs.NeedsRig):
    """Mix-in of what works on a matte that is there."""

    @classmethod
    def lacks(cls, context):
        text = super().lacks(context)
        if not text and matte.matte_of(lookup.rig_of(context)) is None:
            text = "Show the matte first"
        return text


class TABLEAU_OT_find_matte(needs.NeedsRig, jobs.JobOperator, bpy.types.Operator):
    """Show where the sitter is: what is dark is background and stays still"""

    bl_idname = "tableau.find_matte"
    bl_label = "Show Matte"
    bl_options = {"REGISTER", "UNDO"}

    again: BoolProperty(
        name="Find Again",
        description="Have the sitter found again, also where a matte was painted",
        default=False,
        options={"SKIP_SAVE"},
    )

    def steps(self, context):
        rig = lookup.rig_of(context)
        rigs.check_own(rig)
        uid = rig.session_uid
        if rig.tableau.mask and not self.again:
            path = paths.absolute(rig.tableau.mask, rig)
            if not path.is_file():
                raise Problem(f"{path}: the matte is not there; choose another, or find it again")
            matte.show_matte(rig, path)
            return f"{path.name}: the matte of {rig.tableau.title}"
        picture = planes.picture_of(rig.tableau.portrait)
        folder = paths.work_folder(rig)
        rigs.rest_track(rig).save(folder / "face.npz")
        answer = yield from calls.matte(picture, folder / "face.npz", folder / "matte.png")
        rig = lookup.by_session(uid)
        rig.tableau.mask = ""  # found by the engine: the bake finds the same, at full depth
        matte.show_matte(rig, folder / "matte.png")
        return f"The sitter covers {100 * answer['sitter']:.0f} % of the picture"


class TABLEAU_OT_paint_matte(MatteOperator, bpy.types.Operator):
    """Paint on the matte with Blender's own brushes: white is the sitter, black the background, X swaps"""

    bl_idname = "tableau.paint_matte"
    bl_label = "Paint Matte"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context):
        rig = lookup.rig_of(context)
        plane, image = matte.matte_of(rig), matte.matte_image(rig)
        if image is None or plane.name not in context.view_layer.objects:
            self.report({"ERROR"}, f"{plane.name}: shows no matte here; remove it and show it again")
            return {"CANCELLED"}
        fix.activate(context, plane)
        settings = context.scene.tool_settings.image_paint
        settings.mode, settings.canvas = "IMAGE", image
        bpy.ops.object.mode_set(mode="TEXTURE_PAINT")
        return {"FINISHED"}


class TABLEAU_OT_keep_matte(MatteOperator, bpy.types.Operator):
    """Write the painted matte to its file; the bake uses it from here on"""

    bl_idname = "tableau.keep_matte"
    bl_label = "Keep Matte"
    bl_options = {"REGISTER", "UNDO"}

    @reported
    def execute(self, context):
        rig = lookup.rig_of(context)
        if context.object is not None and context.object.mode == "TEXTURE_PAINT":
            bpy.ops.object.mode_set(mode="OBJECT")
        kept = matte.keep_painting(rig)
        self.report({"INFO"}, "The bake uses the painted matte" if kept else "Nothing was painted")
        return {"FINISHED"}


class TABLEAU_OT_remove_matte(MatteOperator, bpy.types.Operator):
    """Take the matte away; the bake finds the sitter by itself again"""

    bl_idname = "tableau.remove_matte"
    bl_label = "Remove Matte"
    bl_options = {"REGISTER", "UNDO"}

    @reported
    def execute(self, context):
        if context.object is not None and context.object.mode != "OBJECT":
            bpy.ops.object.mode_set(mode="OBJECT")
        rig = lookup.rig_of(context)
        matte.remove_matte(rig)
        fix.activate(context, rig)
        return {"FINISHED"}


CLASSES = (
    TABLEAU_OT_find_matte,
    TABLEAU_OT_paint_matte,
    TABLEAU_OT_keep_matte,
    TABLEAU_OT_remove_matte,
)
