# SPDX-License-Identifier: GPL-3.0-or-later
"""The performance as an NLA strip with a time curve: finding it, making it, reading and writing its keys."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from .. import lookup
from ..performance import action as actions
from ..performance.strips import lay_active
from ..problems import Problem
from . import follow
from .follow import STEPPED
from .timing import Key, Keys, Shape, straight

SHAPES = ("CONSTANT", "LINEAR", "BEZIER")
FREE, CLAMPED = 0, 4
"""Numbers of Blender's handle types; those of the interpolations are their places in SHAPES."""
SEAM = 0.02
"""Frames between the last key of a pass and the first of the next; Blender merges keys nearer than 0.01."""


def strip_of(rig: Any) -> Any:
    """The strip that is meant: the active one, else a selected one, else the last, or None."""
    data = rig.animation_data
    if data is None:
        return None
    strips = [s for track in data.nla_tracks for s in track.strips if s.type == "CLIP" and s.action]
    for wanted in (
        lambda s: s.active and not s.mute,
        lambda s: s.select and not s.mute,
        lambda s: not s.mute,
    ):
        found = [strip for strip in strips if wanted(strip)]
        if found:
            return found[-1]
    return strips[-1] if strips else None


def missing(context: Any) -> str:
    """What a retime lacks, as one line for a poll message; empty where nothing is missing."""
    text = lookup.missing(context, rig=True)
    if text:
        return text
    rig = lookup.rig_of(context)
    if not lookup.has_action(rig):
        return "Load a performance first"
    if rig.library is not None or rig.override_library is not None:  # its strips are the other file's
        return f"{rig.name} is linked from another file; retime it there, or make it local"
    if rig.animation_data.use_tweak_mode:
        return "Leave the strip's tweak mode first (Tab in the NLA Editor)"
    return ""


def ensure_strip(context: Any, rig: Any) -> Any:
    """The strip that is meant.  The rig's active Action becomes one where it is a performance, or where there
    is no strip; keys set by hand over a strip stay where they are."""
    data, strip = rig.animation_data, strip_of(rig)
    if data is not None and data.action is not None and (strip is None or data.action.tableau_take.path):
        return push(context, rig)
    if strip is None:
        raise Problem("Load a performance first")
    return strip


def push(context: Any, rig: Any) -> Any:
    """The rig's active Action as a strip where its keys lie, over the others; it is then the one meant."""
    data = rig.animation_data
    if data.action is None or data.action_slot is None:
        raise Problem(f"{rig.name}: has no Action to make a strip of; load a performance first")
    for track in data.nla_tracks:
        for strip in track.strips:
            strip.select = False
    if not data.action.tableau_take.rate:
        data.action.tableau_take.rate = str(actions.scene_rate(context.scene))
    strip = lay_active(rig)
    strip.select = True
    return strip


def push_action(context: Any, rig: Any, action: Any, slot: Any) -> Any:
    """A strip of ``action``, which was made for the rig in the scene's own rate."""
    data = rig.animation_data_create()
    data.action = action
    data.action_slot = slot
    action.tableau_take.rate = str(actions.scene_rate(context.scene))
    return push(context, rig)


def rate_of(strip: Any) -> Fraction | None:
    """Frames per second of the scene that the strip was laid out for; None where that is not known."""
    laid_out = strip.action.tableau_take.rate
    return follow.rate(strip) or (Fraction(laid_out) if laid_out else None)


def ends(strip: Any) -> tuple[float, float]:
    """First and last frame of the strip's performance."""
    return float(strip.action_frame_start), float(strip.action_frame_end)


def ensure_curve(strip: Any) -> Any:
    """The strip's time curve (performance frame over scene frame), made as the strip plays now.

    Scale, repeat and reverse of the strip become keys, so nothing moves.
    """
    if strip.use_animated_time:
        curve = strip.fcurves.find("strip_time")
        if len(curve.keyframe_points) < 2:
            _write(strip, curve, straight(strip.frame_start, *ends(strip)))
        if not follow.noted(strip):
            follow.note(strip, rate_of(strip))
        return curve
    first, last = ends(strip)
    start, scale, repeat = strip.frame_start, strip.scale, strip.repeat
    length = (last - first) * scale
    a, b = (last, first) if strip.use_reverse else (first, last)
    keys: list[Key] = []
    whole, part = int(repeat), repeat - int(repeat)
    for number in range(whole):
        begin = start + number * length
        if keys:  # the last frame gives way to the first one at once
            keys[-1] = Key(begin - SEAM, b - (b - a) * SEAM / length, "CONSTANT")
        keys += [Key(begin, a), Key(begin + length, b)]
    if part > 1e-6:
        begin = start + whole * length
        if keys:
            keys[-1] = Key(begin - SEAM, b - (b - a) * SEAM / length, "CONSTANT")
        keys += [Key(begin, a), Key(begin + part * length, a + (b - a) * part)]
    strip.repeat, strip.scale, strip.use_reverse = 1.0, 1.0, False
    rate = rate_of(strip)
    strip.use_sync_length = False  # else it would grow out of its keys with its Action
    strip.use_animated_time = True
    curve = strip.fcurves.find("strip_time")
    _write(strip, curve, keys)
    follow.note(strip, rate)
    return curve


def shown(strip: Any, frame: float) -> float:
    """The frame of the performance at scene frame ``frame``, as if it were on ones."""
    curve = ensure_curve(strip)
    stepped = [m for m in curve.modifiers if m.type == STEPPED and not m.mute]
    for modifier in stepped:
        modifier.mute = True
    try:
        return float(curve.evaluate(frame))
    finally:
        for modifier in stepped:
            modifier.mute = False


def read(strip: Any) -> list[Key]:
    """The keys of the strip's time curve, which is made where there is none."""
    out = []
    for point in ensure_curve(strip).keyframe_points:
        x, y = point.co
        left = right = None
        if point.interpolation == "BEZIER" or point.handle_left_type in {"FREE", "ALIGNED"}:
            if point.handle_left_type in {"FREE", "ALIGNED"}:
                left = (point.handle_left[0] - x, point.handle_left[1] - y)
            if point.handle_right_type in {"FREE", "ALIGNED"}:
                right = (point.handle_right[0] - x, point.handle_right[1] - y)
        shape: Shape = "BEZIER"
        if point.interpolation in {"LINEAR", "CONSTANT"}:
            shape = point.interpolation
        out.append(Key(x, y, shape, left, right))
    return out


def write(strip: Any, keys: Keys, rate: Fraction | None = None) -> None:
    """Replace the keys of the strip's time curve; the strip then lies exactly under them.

    rate: frames per second of the scene that they are laid out for, where that has changed.
    """
    _write(strip, ensure_curve(strip), keys)
    follow.note(strip, rate)


def _write(strip: Any, curve: Any, keys: Keys) -> None:
    curve.auto_smoothing = "NONE"  # with the default smoothing, time could run back between two keys
    points = curve.keyframe_points
    points.clear()
    points.add(len(keys))
    # all at once: a single assignment would sort and merge keys of which only half are in place
    points.foreach_set("co", [value for key in keys for value in (key.x, key.y)])
    points.foreach_set("interpolation", [SHAPES.index(key.shape) for key in keys])
    for side in ("left", "right"):
        handles = [getattr(key, side) for key in keys]
        points.foreach_set(f"handle_{side}_type", [CLAMPED if h is None else FREE for h in handles])
        offsets = [handle or (0.0, 0.0) for handle in handles]
        places = [(key.x + dx, key.y + dy) for key, (dx, dy) in zip(keys, offsets, strict=True)]
        points.foreach_set(f"handle_{side}", [value for place in places for value in place])
    curve.update()
    place(strip, keys[0].x, keys[-1].x)


def place(strip: Any, start: float, end: float) -> None:
    """Where the strip lies; Problem where another strip of its track is in the way."""
    if start > strip.frame_end:
        strip.frame_end, strip.frame_start = end, start
    else:
        strip.frame_start, strip.frame_end = start, end
    if abs(strip.frame_start - start) > 1e-2 or abs(strip.frame_end - end) > 1e-2:
        raise Problem(
            f"{strip.name}: there is no room on its track for frames {start:g} to {end:g}; "
            "move the other strips, or put it on a track of its own"
        )
    first, last = ends(strip)
    # how long it is by Blender's own reckoning, so that a factor or a cut in the NLA Editor is one of this
    strip.scale = (end - start) / max(last - first, 1e-3) / strip.repeat
