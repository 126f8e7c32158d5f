# SPDX-License-Identifier: GPL-3.0-or-later
"""The operator that turns retimed strips back into ordinary keys."""

import bpy
from bpy.props import EnumProperty, FloatProperty

from .. import jobs, lookup
from . import follow, strips
from .base import StripOperator


class TABLEAU_OT_retime_bake(jobs.JobOperator, StripOperator, bpy.types.Operator):
    """Turn all that plays (strips with their time curves, blending, sliders) into one strip of ordinary keys,
    as few of them as the tolerance allows. The strips it comes from are muted and stay as they are"""

    bl_idname = "tableau.retime_bake"
    bl_label = "Bake to Keys"

    tolerance: FloatProperty(
        name="Tolerance",
        description="How far a landmark may move from where it was, in pixels of the picture",
        default=0.5, min=0.01, soft_max=5.0,
    )  # fmt: skip
    span: EnumProperty(
        name="Frames",
        description="Which frames are baked",
        items=(
            ("STRIPS", "All Strips", "From the first to the last frame on which a strip plays"),
            ("SCENE", "Scene", "The scene's frame range"),
        ),
    )

    def steps(self, context):
        from . import bake

        rig, scene = lookup.rig_of(context), context.scene
        follow.follow(rig)
        strips.ensure_strip(context, rig)
        scenes = range(scene.frame_start, scene.frame_end + 1)
        frames = scenes if self.span == "SCENE" else bake.span(rig)
        done = yield from bake.bake_steps(context, rig, frames, self.tolerance)
        return (
            f"{done.strip.name}: {done.keys} keys instead of {done.plain}; "
            f"no landmark is off by more than {done.error:.2f} px"
        )


CLASSES = (TABLEAU_OT_retime_bake,)
