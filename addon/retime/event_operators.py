# SPDX-License-Identifier: GPL-3.0-or-later
"""Operators on the events of a performance: find them, and snap them to markers or to a beat."""

import bpy
from bpy.props import EnumProperty, FloatProperty

from ..problems import Problem
from . import events, strips, timing
from .base import StripOperator


class TABLEAU_OT_retime_events(StripOperator, bpy.types.Operator):
    """Find the blinks and the moments at which the lips meet, and mark them on the strip's Action.
    Show them in the NLA Editor with View > Show Local Markers, in the Action Editor with Show Pose Markers"""

    bl_idname = "tableau.retime_events"
    bl_label = "Mark Events"

    kinds: EnumProperty(
        name="Events",
        description="What is marked",
        items=(
            ("blink", "Blinks", "Quick closings of one or both eyes"),
            ("eyes-closed", "Closed Eyes", "Closings that are too long for a blink"),
            ("mouth-closed", "Mouth Closures", "The lips meet between two openings, as for m, b and p"),
        ),
        options={"ENUM_FLAG"},
        default={"blink", "eyes-closed", "mouth-closed"},
    )

    def change(self, context, rig, strip):
        return f"{strip.name}: {events.mark(context, rig, strip, self.kinds)} events marked"


class TABLEAU_OT_retime_snap(StripOperator, bpy.types.Operator):
    """Bend the strip's time so that its selected events fall on timeline markers, or on the beat of a sound.
    The strip keeps its ends"""

    bl_idname = "tableau.retime_snap"
    bl_label = "Snap Events"

    to: EnumProperty(
        name="To",
        description="Where the events go",
        items=(
            ("MARKERS", "Markers", "The nearest timeline marker"),
            ("BEAT", "Beat", "The nearest beat of the sequencer's sound"),
        ),
    )
    reach: FloatProperty(
        name="Reach", description="Events farther away than so many frames stay", default=24.0, min=0.0
    )

    def change(self, context, rig, strip):
        if not any(marker.select for marker in strip.action.pose_markers):
            raise Problem(f"{strip.name}: mark its events, and select those to snap")
        if self.to == "BEAT":
            targets = events.beat_frames(context.scene)
        else:
            targets = [float(marker.frame) for marker in context.scene.timeline_markers]
            if not targets:
                raise Problem("Put timeline markers where the events shall fall (M in the Timeline)")
        moves = events.nearest(events.chosen(strip), targets, self.reach)
        if not moves:
            raise Problem(f"{strip.name}: no selected event has one within {self.reach:g} frames")
        keys = timing.pinned(strips.read(strip), moves)
        strips.write(strip, keys)
        met = sum(any(abs(key.x - to) < timing.NEAR for key in keys) for _, to, _ in moves)
        return f"{strip.name}: {met} of {len(moves)} events snapped"


CLASSES = (TABLEAU_OT_retime_events, TABLEAU_OT_retime_snap)
