# SPDX-License-Identifier: GPL-3.0-or-later
"""Strips and their time curves stay together: Blender keeps the keys of a strip at scene frames, so that they
would stay behind when the strip is dragged, scaled or cut in the NLA Editor.

A muted F-modifier on the time curve remembers where the strip lay when both were last together, and which
part of its Action it played.  It goes with the strip through copies, renaming, undo, files and libraries,
plays no part in the animation, and its name says at which frame rate the strip was laid out.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import bpy

from .. import lookup
from .timing import NEAR

if TYPE_CHECKING:
    from collections.abc import Iterator

KIND = "LIMITS"
NAME = "Laid out at "
STEPPED = "STEPPED"
LEAST = 0.1
"""A strip shorter than so many frames is being pulled through zero; its keys wait until it is longer."""


def note(strip: Any, rate: Fraction | None = None) -> None:
    """Remember where ``strip`` lies with its time curve, and the scene rate of its layout where given."""
    curve = time_curve(strip)
    mark = _mark(curve)
    if mark is None:
        mark = curve.modifiers.new(KIND)
        mark.name, mark.mute, mark.show_expanded = NAME, True, False
    if rate is not None:
        mark.name = f"{NAME}{rate} fps"
    mark.min_x, mark.max_x, mark.min_y, mark.max_y = _place(strip)


def noted(strip: Any) -> bool:
    """Whether the strip has a time curve that is kept together with it."""
    curve = time_curve(strip)
    return curve is not None and _mark(curve) is not None


def rate(strip: Any) -> Fraction | None:
    """Frames per second in which the strip with its time curve was laid out, where that is known."""
    curve = time_curve(strip)
    mark = None if curve is None else _mark(curve)
    text = "" if mark is None else mark.name.removeprefix(NAME).split(" ")[0]
    return Fraction(text) if text.replace("/", "").isdigit() else None


def time_curve(strip: Any) -> Any:
    """The strip's time curve, or None."""
    return strip.fcurves.find("strip_time")


def follow(rig: Any) -> None:
    """Bring all strips of ``rig`` and their time curves together again, whichever of them was moved."""
    data = rig.animation_data
    if data is None or rig.library is not None or rig.override_library is not None:
        return
    for track in data.nla_tracks:
        for strip in clips(track.strips):
            _follow(strip)


def _follow(strip: Any) -> None:
    from . import strips, timing

    curve = time_curve(strip) if strip.use_animated_time else None
    mark = None if curve is None else _mark(curve)
    if curve is None or mark is None or len(curve.keyframe_points) < 2:
        return
    was, now = (mark.min_x, mark.max_x, mark.min_y, mark.max_y), _place(strip)
    moved = any(abs(a - b) > NEAR for a, b in zip(was[:2], now[:2], strict=True))
    if moved and now[1] - now[0] < LEAST:
        return
    inside = now[0] > was[0] - NEAR and now[1] < was[1] + NEAR
    if moved and inside and was[2:] != now[2:]:  # cut: each part goes on playing what it played
        keys = strips.read(strip)
        for edge, side in ((now[1], 0), (now[0], 1)):
            if keys[0].x + NEAR < edge < keys[-1].x - NEAR:
                keys = timing.split(keys, edge, strips.shown(strip, edge))[side]
        strips.write(strip, keys)
    elif moved and was[2:] == now[2:]:
        _carry(strip, was[0], now[0], (now[1] - now[0]) / max(was[1] - was[0], LEAST))
        note(strip)
    else:
        ends = [point.co.x for point in curve.keyframe_points]
        span = min(ends), max(ends)
        if any(abs(a - b) > NEAR for a, b in zip(span, now[:2], strict=True)) and span[1] - span[0] > LEAST:
            strips.place(strip, *span)  # its first or last key was moved in the Graph Editor
            note(strip)
        elif was != now:
            note(strip)


def _carry(strip: Any, start: float, to: float, factor: float) -> None:
    """Keys at ``start`` go ``to`` their new place, all others with them, ``factor`` times as far apart."""
    import numpy as np

    for curve in strip.fcurves:
        points = curve.keyframe_points
        for name in ("co", "handle_left", "handle_right"):
            places = np.empty(2 * len(points), np.float32)
            points.foreach_get(name, places)
            places[::2] = to + (places[::2].astype(np.float64) - start) * factor
            points.foreach_set(name, places)
        for modifier in curve.modifiers:
            if modifier.type == STEPPED:
                modifier.frame_offset = to + (modifier.frame_offset - start) * factor
        curve.update()


def _mark(curve: Any) -> Any:
    return next((m for m in curve.modifiers if m.type == KIND and m.name.startswith(NAME)), None)


def _place(strip: Any) -> tuple[float, float, float, float]:
    return strip.frame_start, strip.frame_end, strip.action_frame_start, strip.action_frame_end


def clips(strips: Any) -> Iterator[Any]:
    """The strips with an Action among ``strips``, those inside meta strips as well."""
    for strip in strips:
        if strip.type == "META":
            yield from clips(strip.strips)
        elif strip.type == "CLIP":
            yield strip


def _try(rig: Any) -> None:
    from ..problems import Problem

    try:
        follow(rig)
    except Problem:  # no room on its track yet: tried again with the next change
        return


@bpy.app.handlers.persistent
def _updated(scene: Any, graph: Any) -> None:
    for update in graph.updates:
        if isinstance(update.id, bpy.types.Object) and lookup.kind_of(update.id) == "RIG":
            _try(update.id.original)


@bpy.app.handlers.persistent
def _frame(scene: Any, *_: Any) -> None:
    """A script may move a strip and go to a frame, or render, with no update between."""
    for item in scene.objects:
        if lookup.kind_of(item) == "RIG":
            _try(item)


@bpy.app.handlers.persistent
def _loaded(*_: Any) -> None:
    """The file may have been edited where the extension is not installed."""
    for item in bpy.data.objects:
        if lookup.kind_of(item) == "RIG":
            _try(item)


HANDLERS = (("depsgraph_update_post", _updated), ("frame_change_pre", _frame), ("load_post", _loaded))
CLASSES = ()


def attach() -> None:
    for name, handler in HANDLERS:
        getattr(bpy.app.handlers, name).append(handler)


def detach() -> None:
    for name, handler in HANDLERS:
        getattr(bpy.app.handlers, name).remove(handler)
