# SPDX-License-Identifier: GPL-3.0-or-later
"""The operator that makes a seamless loop of a strip."""

import bpy
from bpy.props import BoolProperty, IntProperty

from ..performance import action as actions
from ..problems import Problem
from . import channels, loops, strips
from .base import StripOperator

SHORTEST = 8


class TABLEAU_OT_retime_loop(StripOperator, bpy.types.Operator):
    """Make a loop of the strip: find the two moments near its ends that go together best, cross-fade them,
    and lay the loop out as a strip of its own. The strip it comes from is muted and stays as it is"""

    bl_idname = "tableau.retime_loop"
    bl_label = "Seamless Loop"

    frames: IntProperty(
        name="Frames",
        description="Length of the loop: frame N + 1 is frame 1 again; 0 takes what the best seam gives",
        default=0,
        min=0,
    )
    window: IntProperty(
        name="Search",
        description="How many frames at either end may be given up for a good seam",
        default=25,
        min=0,
    )
    crossfade: IntProperty(
        name="Cross-Fade", description="Frames over which the seam is blended", default=10, min=0
    )
    cycles: IntProperty(name="Cycles", description="How often the loop plays", default=4, min=1)
    set_range: BoolProperty(
        name="Set Frame Range", description="Make the scene exactly one loop long", default=True
    )

    def change(self, context, rig, strip):
        import numpy as np

        first, last = strip.frame_start, strip.frame_end
        count = int(last - first) + 1
        if count < SHORTEST + self.crossfade + 2 or 0 < self.frames < 2:
            raise Problem(
                f"{strip.name}: {count} frames are too short for a loop with a cross-fade of {self.crossfade}"
            )
        curve = strips.ensure_curve(strip)

        read = channels.reader(strip.action, strip.action_slot)

        def sample(at):
            return read(np.array([curve.evaluate(first + x) for x in at]))

        rows = channels.layout(strip.action, strip.action_slot)
        points = channels.Shape.of(rig, rows).points(sample(np.arange(count)))
        room = min(loops.room_for(self.crossfade), count // 3)
        window = min(self.window, (count - room) // 2 - 1)
        a, b, apart = loops.best_seam(points, window, room)
        frames = self.frames or b - a
        values = loops.loop(sample, a, b, count - 1, frames, self.crossfade)
        start = round(first)
        at = np.arange(start, start + frames + 1, dtype=np.float64)
        action, slot = channels.write_action(rig, f"{strip.name} loop", rows, at, values)
        strip.mute = True
        made = strips.push_action(context, rig, action, slot)
        made.repeat = self.cycles
        if self.set_range:
            actions.fit_range(context.scene, rig, start, start + frames - 1)
        return (
            f"{made.name}: {frames} frames from {strip.name} {first + a:g} to {first + b:g}, "
            f"whose ends are {apart:.1f} px apart before the cross-fade"
        )


CLASSES = (TABLEAU_OT_retime_loop,)
