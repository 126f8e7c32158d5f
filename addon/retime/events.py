# SPDX-License-Identifier: GPL-3.0-or-later
"""Events of a performance as markers on its Action, and what they can be snapped to."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import bpy

from ..performance import action as actions
from ..problems import Problem
from . import channels, strips, timing

if TYPE_CHECKING:
    from collections.abc import Sequence

NAMES = {"blink": "Blink", "eyes-closed": "Eyes Closed", "mouth-closed": "Mouth Closed"}


def mark(context: Any, rig: Any, strip: Any, kinds: set[str]) -> int:
    """Put a marker on the strip's Action at the peak of every event of ``kinds``; how many there are.

    Markers of an earlier search are replaced, others stay.
    """
    from ...core.motion.events import detect_blinks, detect_mouth_closures

    rate = strip.action.tableau_take.rate or actions.scene_rate(context.scene)
    frames, track = channels.track_of(rig, strip.action, strip.action_slot, Fraction(rate))
    if len(frames) < 5:
        raise Problem(f"{strip.name}: {len(frames)} frames are too short to find anything in")
    events = [e for e in (*detect_blinks(track), *detect_mouth_closures(track)) if e.kind in kinds]
    markers = strip.action.pose_markers
    for old in [m for m in markers if m.name.startswith(tuple(NAMES.values()))]:
        markers.remove(old)
    for event in events:
        side = f" {event.eyes.title()}" if event.eyes in {"left", "right"} else ""
        markers.new(NAMES[event.kind] + side).frame = round(frames[event.peak])
    return len(events)


def chosen(strip: Any) -> list[tuple[float, float]]:
    """(scene frame, frame of the performance) of the strip's selected events, in order; first pass only."""
    found = []
    for marker in strip.action.pose_markers:
        if marker.select:
            at = timing.first_reach(
                lambda x: strips.shown(strip, x), strip.frame_start, strip.frame_end, marker.frame
            )
            if at is not None:
                found.append((at, float(marker.frame)))
    return sorted(found)


def nearest(
    events: Sequence[tuple[float, float]], targets: Sequence[float], reach: float
) -> list[tuple[float, float, float]]:
    """Moves (from, to, frame shown) of events to their nearest targets within ``reach`` frames.

    Nearest pairs first, each target once, and events keep their order.
    """
    pairs = sorted((abs(t - at), i, t) for i, (at, _) in enumerate(events) for t in targets)
    taken: dict[int, float] = {}
    for distance, i, target in pairs:
        if distance > reach:
            break
        crossed = any((j - i) * (other - target) <= 0 for j, other in taken.items())
        if i not in taken and not crossed:
            taken[i] = target
    return [(events[i][0], target, events[i][1]) for i, target in sorted(taken.items())]


def beat_frames(scene: Any) -> list[float]:
    """Scene frames of the beats of the sequencer's sound: the active strip, or the only one."""
    from .beats import find_beats

    editor = scene.sequence_editor
    sounds = [strip for strip in editor.strips if strip.type == "SOUND"] if editor else []
    active = editor.active_strip if editor else None
    sound = active if active in sounds else sounds[0] if len(sounds) == 1 else None
    if sound is None:
        raise Problem(
            "Add the sound to the sequencer first" if not sounds else "Select the sound strip meant"
        )
    samples, rate = _samples(bpy.path.abspath(sound.sound.filepath))
    beats = sound.frame_start + find_beats(samples, rate) * float(actions.scene_rate(scene))
    first, last = sound.frame_final_start, sound.frame_final_end
    found = [float(beat) for beat in beats if first <= beat <= last]
    if not found:
        raise Problem(f"{sound.name}: no beat was found in it")
    return found


def _samples(path: str) -> Any:
    """Mono float64 [T] and their rate in Hz of a sound file."""
    import aud
    import numpy as np

    try:
        sound = aud.Sound.file(path)
        data, rate = sound.data(), sound.specs[0]
    except aud.error as error:
        raise Problem(f"{path}: cannot be read as a sound ({error})") from None
    return np.asarray(data, np.float64).reshape(len(data), -1).mean(axis=1), float(rate)
