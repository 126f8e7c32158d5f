# SPDX-License-Identifier: GPL-3.0-or-later
"""Actions as strips of the rig's NLA: ordinary ones, which Blender's own tools move, scale and blend."""

from __future__ import annotations

import math
from typing import Any

from . import takes


def lay_active(rig: Any, name: str = "") -> Any:
    """Push the rig's active action down as a strip where it is keyed; the strip."""
    data = rig.animation_data
    action, slot = data.action, data.action_slot
    start, end = (float(edge) for edge in action.frame_range)
    data.action = None
    track = _track_with_room(data, start, end)
    first = not any(other.strips for other in data.nla_tracks)
    strip = track.strips.new(name or action.name, math.floor(start), action)
    strip.action_slot = slot
    strip.action_frame_start, strip.action_frame_end = start, max(end, start + 1)
    strip.frame_end_ui, strip.frame_start_ui = start + max(end - start, 1), start
    # the first strip also says how the face is before it; later ones leave that to what they are laid over
    strip.extrapolation = "HOLD" if first else "HOLD_FORWARD"
    return strip


def make_room(rig: Any, start: float) -> None:
    """Ready ``rig`` for a performance that begins at frame ``start``: the active action, which would lie over
    all strips, becomes one, and a performance that begins there, still as it was loaded, makes way."""
    data = rig.animation_data
    if data is None:
        return
    if data.action is not None:
        lay_active(rig)
    for track in list(data.nla_tracks):
        for strip in [one for one in track.strips if _makes_way(one, start)]:
            track.strips.remove(strip)
        if not track.strips:
            data.nla_tracks.remove(track)


def _makes_way(strip: Any, start: float) -> bool:
    """Whether ``strip`` is a performance that begins at frame ``start`` and that nobody has worked on."""
    if strip.action is None or not strip.action.tableau_take.path or abs(strip.frame_start - start) > 0.5:
        return False
    plain = strip.scale == strip.repeat == 1.0 and strip.blend_type == "REPLACE"
    worked_on = strip.use_animated_time or strip.use_animated_influence or strip.use_reverse or strip.mute
    return plain and not worked_on and takes.untouched(strip.action)


def _track_with_room(data: Any, start: float, end: float) -> Any:
    """The uppermost track where nothing lies between the frames, else a new one on top of all."""
    tracks = list(data.nla_tracks)
    if tracks and all(strip.frame_end <= start or strip.frame_start >= end for strip in tracks[-1].strips):
        return tracks[-1]
    track = data.nla_tracks.new()
    track.name = "Performance"
    return track
