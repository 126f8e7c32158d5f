# SPDX-License-Identifier: GPL-3.0-or-later
"""Operators on the time curve of a strip."""

from fractions import Fraction

import bpy
from bpy.props import EnumProperty, FloatProperty, IntProperty, StringProperty

from ..performance import action as actions
from ..problems import Problem
from . import strips, timing
from .base import StripOperator


def _now(context, strip):
    """The current frame, and what the strip shows there; Problem where the strip is elsewhere."""
    frame = context.scene.frame_current_final
    if not strip.frame_start - timing.NEAR <= frame <= strip.frame_end + timing.NEAR:
        raise Problem(
            f"Frame {frame:g} is outside the strip {strip.name} "
            f"({strip.frame_start:g} to {strip.frame_end:g}); move the playhead onto it"
        )
    return frame, strips.shown(strip, frame)


class TABLEAU_OT_retime_curve(StripOperator, bpy.types.Operator):
    """Make the performance a strip whose time is a curve: the frame of the performance over the frame of the
    scene. Its keys are edited in the Graph Editor, and nothing moves until they are"""

    bl_idname = "tableau.retime_curve"
    bl_label = "Make Time Curve"

    def change(self, context, rig, strip):
        curve = strips.ensure_curve(strip)
        return f"{strip.name}: {len(curve.keyframe_points)} keys of time"


class TABLEAU_OT_retime_fit(StripOperator, bpy.types.Operator):
    """Stretch the strip over a number of frames, or from one timeline marker to another"""

    bl_idname = "tableau.retime_fit"
    bl_label = "Fit Strip"

    to: EnumProperty(
        name="To",
        description="What the strip is fitted to",
        items=(
            ("FRAMES", "Frames", "Exactly so many frames, from where the strip begins"),
            ("MARKERS", "Markers", "From the first to the last selected timeline marker, or the only two"),
        ),
    )
    frames: IntProperty(name="Frames", description="How many frames show the strip", default=100, min=2)

    def change(self, context, rig, strip):
        keys = strips.read(strip)
        start, frames = keys[0].x, self.frames
        if self.to == "MARKERS":
            markers = context.scene.timeline_markers
            chosen = (
                [m.frame for m in markers if m.select] if len(markers) != 2 else [m.frame for m in markers]
            )
            if len(set(chosen)) < 2:
                raise Problem("Select the two timeline markers between which the strip shall play")
            start, frames = min(chosen), max(chosen) - min(chosen) + 1
        strips.write(strip, timing.fitted(keys, start, frames))
        return f"{strip.name}: frames {start:g} to {start + frames - 1:g}"


class TABLEAU_OT_retime_move(StripOperator, bpy.types.Operator):
    """Move the strip and its time curve to a frame. Dragging the strip in the NLA Editor does the same"""

    bl_idname = "tableau.retime_move"
    bl_label = "Move Strip"

    to: EnumProperty(
        name="To",
        description="Where the strip begins",
        items=(
            ("PLAYHEAD", "Playhead", "At the current frame"),
            ("FRAME", "Frame", "At a frame of its own"),
        ),
    )
    frame: IntProperty(name="Frame", description="Where the strip begins", default=1)

    def change(self, context, rig, strip):
        keys = strips.read(strip)
        start = self.frame if self.to == "FRAME" else context.scene.frame_current
        strips.write(strip, timing.stretched(keys, start, 1.0))
        return f"{strip.name}: begins at frame {start}"


class TABLEAU_OT_retime_hold(StripOperator, bpy.types.Operator):
    """Hold what shows at the current frame; all that follows comes later"""

    bl_idname = "tableau.retime_hold"
    bl_label = "Hold Here"

    frames: IntProperty(name="Frames", description="How long it is held", default=12, min=1)

    def change(self, context, rig, strip):
        frame, shown = _now(context, strip)
        strips.write(strip, timing.held(strips.read(strip), frame, shown, self.frames))
        return f"{strip.name}: held from frame {frame:g} to {frame + self.frames:g}"


class TABLEAU_OT_retime_ramp(StripOperator, bpy.types.Operator):
    """Change the speed evenly from the current frame on; the performance then goes on to its end
    at the speed that was reached"""

    bl_idname = "tableau.retime_ramp"
    bl_label = "Speed Ramp"

    start: FloatProperty(
        name="From", description="Speed at the current frame; 100 is as recorded",
        default=100.0, soft_min=-400.0, soft_max=400.0, subtype="PERCENTAGE",
    )  # fmt: skip
    end: FloatProperty(
        name="To", description="Speed after the ramp; below 0 runs backward",
        default=50.0, soft_min=-400.0, soft_max=400.0, subtype="PERCENTAGE",
    )  # fmt: skip
    frames: IntProperty(name="Frames", description="How long the change takes", default=24, min=1)

    def change(self, context, rig, strip):
        frame, shown = _now(context, strip)
        speeds = (self.start / 100, self.end / 100)
        keys = timing.ramped(strips.read(strip), frame, shown, speeds, self.frames, strips.ends(strip))
        strips.write(strip, keys)
        return f"{strip.name}: ends at frame {keys[-1].x:g}"


class TABLEAU_OT_retime_ping_pong(StripOperator, bpy.types.Operator):
    """Play the strip there and back. A turn shows its frame once: N frames become a loop of 2 N - 2"""

    bl_idname = "tableau.retime_ping_pong"
    bl_label = "Ping-Pong"

    cycles: IntProperty(name="Cycles", description="How often there and back", default=1, min=1, max=100)

    def change(self, context, rig, strip):
        keys = strips.read(strip)
        period = 2 * (keys[-1].x - keys[0].x)
        strips.write(strip, timing.ping_pong(keys, self.cycles))
        return f"{strip.name}: a loop of {period:g} frames, {self.cycles} times"


class TABLEAU_OT_retime_steps(StripOperator, bpy.types.Operator):
    """Show every pose for several frames, as drawn animation does: on twos, on threes; on ones undoes it"""

    bl_idname = "tableau.retime_steps"
    bl_label = "On Twos"

    step: IntProperty(
        name="Frames Each", description="How many frames show the same pose", default=2, min=1, soft_max=6
    )

    def change(self, context, rig, strip):
        curve = strips.ensure_curve(strip)
        for modifier in [m for m in curve.modifiers if m.type == strips.STEPPED]:
            curve.modifiers.remove(modifier)
        if self.step > 1:
            modifier = curve.modifiers.new(strips.STEPPED)
            modifier.frame_step, modifier.frame_offset = self.step, strip.frame_start
        curve.update()
        return (
            f"{strip.name}: a new pose every {self.step} frames"
            if self.step > 1
            else f"{strip.name}: on ones"
        )


class TABLEAU_OT_retime_conform(StripOperator, bpy.types.Operator):
    """Keep the strip's duration in seconds where the scene's frame rate has changed, by exact fractions:
    23.976 is 24000/1001. The scene's first frame is the same instant at both rates"""

    bl_idname = "tableau.retime_conform"
    bl_label = "Conform Frame Rate"

    rate: StringProperty(
        name="From",
        description="Frames per second in which the strip was laid out, such as 25, 23.976 or 30000/1001; "
        "empty: the scene's when it became a strip",
    )

    def change(self, context, rig, strip):
        from ...core.errors import InputError
        from ...core.motion.rates import parse_rate

        keys = strips.read(strip)
        known = strips.rate_of(strip)
        if not self.rate and known is None:
            raise Problem(f"{strip.name}: its frame rate is not known; name it under From")
        try:
            old = parse_rate(self.rate, "From") if self.rate else known
        except InputError as error:
            raise Problem(str(error)) from None
        new = _named(actions.scene_rate(context.scene))
        factor = new / _named(old)
        zero = context.scene.frame_start
        start = zero + (keys[0].x - zero) * float(factor)
        strips.write(strip, timing.stretched(keys, start, float(factor)), new)
        return f"{strip.name}: from {old} to {new} frames per second"


def _named(rate):
    """``rate``, or the NTSC rate that it is a rounding of: a scene stores its base as a float."""
    for whole in (24, 30, 48, 60, 120):
        exact = Fraction(whole * 1000, 1001)
        if abs(rate - exact) < Fraction(1, 2000):
            return exact
    return rate


CLASSES = (
    TABLEAU_OT_retime_curve,
    TABLEAU_OT_retime_fit,
    TABLEAU_OT_retime_move,
    TABLEAU_OT_retime_hold,
    TABLEAU_OT_retime_ramp,
    TABLEAU_OT_retime_ping_pong,
    TABLEAU_OT_retime_steps,
    TABLEAU_OT_retime_conform,
)
