# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding blinks and mouth closures in a landmark track: for markers, and so that filters spare them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..landmarks.track import LandmarkTrack
from .features import eye_aperture, mouth_aperture
from .rates import frame_step

LONGEST_BLINK = 0.7  # seconds; longer is a closed eye
_SHUT, _EDGE = 0.5, 0.15  # closure that makes a blink, and the one at which it begins and ends


@dataclass(frozen=True)
class Event:
    """Frames ``start`` .. ``end`` (inclusive) with the extreme at ``peak``; times in seconds.

    kind: "blink", "eyes-closed" (too long for a blink) or "mouth-closed".  eyes: which ones (blinks).
    depth: closure at the peak, 0..1.
    """

    kind: Literal["blink", "eyes-closed", "mouth-closed"]
    start: int
    peak: int
    end: int
    start_time: float
    end_time: float
    depth: float
    eyes: Literal["both", "right", "left", "none"] = "none"


def eye_closure(track: LandmarkTrack) -> np.ndarray:
    """float64 [T, 2], 0 open .. 1 shut, relative to how far each eye is usually open then; NaN where lost."""
    aperture = eye_aperture(track.points.astype(np.float64))
    reach = max(1, round(1.5 / frame_step(track.times)))
    out = np.full_like(aperture, np.nan)
    for eye in range(2):
        seen = np.isfinite(aperture[:, eye])
        if seen.any():
            known = np.interp(np.arange(len(track)), np.flatnonzero(seen), aperture[seen, eye])
            usual = _running_percentile(known, 80, reach)
            # in a long squint the usual opening must not sink to the squint itself
            usual = np.maximum(usual, 0.6 * np.percentile(known, 80))
            out[seen, eye] = 1.0 - known[seen] / np.maximum(usual[seen], 1e-6)
    return out


def _running_percentile(values: np.ndarray, percent: int, reach: int) -> np.ndarray:
    """float64 [T]: of values [T] within ``reach`` frames on both sides; the ends count as often as needed.

    Plain numpy: Blender's Python, where events become markers, has no scipy.
    """
    around = np.lib.stride_tricks.sliding_window_view(np.pad(values, reach, mode="edge"), 2 * reach + 1)
    rank = (2 * reach + 1) * percent // 100
    return np.partition(around, rank, axis=1)[:, rank]


def detect_blinks(track: LandmarkTrack) -> list[Event]:
    """Blinks and closed eyes in order of time; one event where both eyes close together."""
    closure = eye_closure(track)
    spans = [_spans(closure[:, eye]) for eye in range(2)]
    events: list[Event] = []
    left = list(spans[1])
    for a in spans[0]:
        partner = next((b for b in left if b[0] <= a[2] and a[0] <= b[2]), None)
        if partner is None:
            events.append(_event(track, closure[:, 0], a, "right"))
        else:
            left.remove(partner)
            joined = (min(a[0], partner[0]), a[1], max(a[2], partner[2]))
            events.append(_event(track, np.fmax(closure[:, 0], closure[:, 1]), joined, "both"))
    events += [_event(track, closure[:, 1], b, "left") for b in left]
    return sorted(events, key=lambda event: event.start)


def _spans(closure: np.ndarray) -> list[tuple[int, int, int]]:
    """(start, peak, end) of every closing beyond _SHUT."""
    values = np.nan_to_num(closure)
    found: list[tuple[int, int, int]] = []
    edges = np.flatnonzero(np.diff(np.concatenate([[False], values > _SHUT, [False]]).astype(np.int8)))
    for first, stop in zip(edges[::2], edges[1::2], strict=True):
        start, end = int(first), int(stop) - 1
        while start > 0 and values[start] > _EDGE:
            start -= 1
        while end < len(values) - 1 and values[end] > _EDGE:
            end += 1
        if found and start <= found[-1][2] and values[found[-1][1] : first].min(initial=1.0) > _EDGE:
            before = found.pop()
            start = before[0]
        found.append((start, start + int(np.argmax(values[start : end + 1])), end))
    return found


def _event(
    track: LandmarkTrack,
    closure: np.ndarray,
    span: tuple[int, int, int],
    eyes: Literal["both", "right", "left"],
) -> Event:
    start, peak, end = span
    times = track.times
    kind: Literal["blink", "eyes-closed"] = (
        "blink" if times[end] - times[start] <= LONGEST_BLINK else "eyes-closed"
    )
    depth = float(np.clip(closure[peak], 0.0, 1.0))
    return Event(kind, start, peak, end, float(times[start]), float(times[end]), depth, eyes)


def detect_mouth_closures(track: LandmarkTrack, opening: float = 0.05) -> list[Event]:
    """Moments at which the lips meet between two openings, as for m, b and p.

    opening: how far the mouth must open within half a second before and after, in eye distances.
    """
    gap = mouth_aperture(track.points.astype(np.float64))
    seen = np.isfinite(gap)
    if not seen.any():
        return []
    level = float(np.clip(np.percentile(gap[seen], 5), 0.0, 0.03))
    closed = np.where(seen, gap, np.inf) < level + 0.015
    reach = max(1, round(0.5 / frame_step(track.times)))
    events: list[Event] = []
    edges = np.flatnonzero(np.diff(np.concatenate([[False], closed, [False]]).astype(np.int8)))
    runs: list[tuple[int, int]] = []
    for first, stop in zip(edges[::2], edges[1::2], strict=True):
        # lips that tremble without opening have not parted
        if runs and np.nanmax(gap[runs[-1][1] : first], initial=0.0) <= level + opening:
            first = runs.pop()[0]
        runs.append((first, stop))
    for first, stop in runs:
        around = gap[max(0, first - reach) : first], gap[stop : stop + reach]
        if all(np.nanmax(side, initial=0.0) > level + opening for side in around):
            peak = int(first + np.nanargmin(gap[first:stop]))
            times = float(track.times[first]), float(track.times[stop - 1])
            events.append(Event("mouth-closed", int(first), peak, int(stop) - 1, *times, 1.0))
    return events
