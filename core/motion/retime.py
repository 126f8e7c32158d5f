# SPDX-License-Identifier: GPL-3.0-or-later
"""Retime: a frozen recipe that maps scene time to performance time.

The recipe is a row of segments laid end to end in scene time (play, reverse, hold, curve, ping-pong, loop),
trimmed, offset and optionally fitted to an exact number of frames; before and after it the first or last
frame is held, or the whole loops or ping-pongs.  Ranges that are left out follow from the clip that the
recipe is bound to. Convention: a frame shows the instant at its start, t = (frame - start) / rate.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Literal, get_args

import numpy as np
from scipy.interpolate import PchipInterpolator

from ..errors import InputError
from .rates import frame_count, frame_times
from .sample import SNAP, frame_step, wrap

Kind = Literal["play", "reverse", "hold", "curve", "ping-pong", "loop"]
Interpolation = Literal["pchip", "linear", "constant"]
Outside = Literal["hold", "loop", "ping-pong"]
KINDS, INTERPOLATIONS, OUTSIDES = get_args(Kind), get_args(Interpolation), get_args(Outside)


@dataclass(frozen=True)
class Clip:
    """What a recipe works on, in seconds: first and last frame, their usual step, where the last one ends."""

    first: float
    last: float
    step: float
    end: float


@dataclass(frozen=True)
class Segment:
    """One piece of a retime.  Times are performance seconds unless stated; None follows from the clip.

    play, reverse: from ``start`` to ``end`` at ``speed``, or within ``duration`` scene seconds.
    hold: ``start`` for ``duration`` scene seconds.
    curve: ``keys`` of (scene seconds from the segment's start, performance seconds).
    ping-pong: there and back, ``cycles`` times; loop: the range again and again,
        ``cycles`` times; or for ``duration``.
    """

    kind: Kind
    start: float | None = None
    end: float | None = None
    speed: Fraction = Fraction(1)
    duration: float | None = None
    cycles: float = 1.0
    keys: tuple[tuple[float, float], ...] = ()
    interpolation: Interpolation = "pchip"


@dataclass(frozen=True)
class _Piece:
    """A segment with every range known: ``length`` scene seconds,
    the performance goes from ``start`` to ``end``."""

    segment: Segment
    begin: float
    length: float
    start: float
    end: float
    speed: float

    @property
    def exit(self) -> float:
        """Performance time at which the next segment goes on."""
        return float(self.map(np.array([self.length]))[0]) if self.segment.kind != "loop" else self.end

    def map(self, u: np.ndarray) -> np.ndarray:
        """Scene seconds from the piece's begin to performance seconds."""
        kind, span = self.segment.kind, self.end - self.start
        if kind == "hold":
            return np.full_like(u, self.start)
        if kind == "curve":
            return _through_keys(self.segment, u)
        if kind in ("play", "reverse"):
            return self.start + np.clip(u / self.length, 0.0, 1.0) * span
        way = u * self.speed
        if kind == "loop":
            return self.start + wrap(way, span)
        phase = wrap(way, 2 * span)
        return self.start + np.minimum(phase, 2 * span - phase)


def _through_keys(segment: Segment, u: np.ndarray) -> np.ndarray:
    scene, performance = np.array(segment.keys, np.float64).T
    u = np.clip(u, scene[0], scene[-1])
    if segment.interpolation == "linear" or len(scene) == 1:
        return np.interp(u, scene, performance)
    if segment.interpolation == "constant":
        return performance[np.clip(np.searchsorted(scene, u + SNAP, "right") - 1, 0, len(scene) - 1)]
    return PchipInterpolator(scene, performance)(u)


@dataclass(frozen=True)
class Retime:
    """A recipe.  Raises InputError (one line naming ``name`` and the key) where the numbers make no sense.

    segments: in order; none means: play the whole clip once.
    trim_in, trim_out: performance seconds that bound the clip; None: its own ends.
    offset: scene second at which the recipe starts.
    frames, rate: fit the recipe to exactly so many frames at this rate
        (both, or ``rate`` alone as a default rate).
    before, after: what shows outside the recipe.
    crossfade: scene seconds over which the seam of a loop is blended
        (with ``after = "loop"``); it shortens the loop.
    clip: the performance it is bound to; not part of the recipe's file.
    """

    segments: tuple[Segment, ...] = ()
    name: str = "retime"
    label: str = ""
    description: str = ""
    trim_in: float | None = None
    trim_out: float | None = None
    offset: float = 0.0
    frames: int | None = None
    rate: Fraction | None = None
    before: Outside = "hold"
    after: Outside = "hold"
    crossfade: float = 0.0
    clip: Clip | None = None

    def __post_init__(self) -> None:
        from .retime_files import check

        check(self)

    @classmethod
    def load(cls, path: Any) -> Retime:
        """Read a TOML recipe; raises InputError naming the file and the key that is wrong."""
        from .retime_files import load_retime

        return load_retime(path)

    def save(self, path: Any) -> None:
        """Write the recipe as TOML, whole or not at all."""
        from .retime_files import save_retime

        save_retime(self, path)

    def to_dict(self) -> dict[str, Any]:
        """The recipe as plain data, as in its TOML file."""
        from .retime_files import to_dict

        return to_dict(self)

    @classmethod
    def from_dict(cls, data: Any, where: str = "retime") -> Retime:
        """The inverse of :meth:`to_dict`; raises InputError naming ``where`` and the key."""
        from .retime_files import from_dict

        return from_dict(data, where)

    def bind(self, times: np.ndarray, period: float | None = None) -> Retime:
        """The same recipe for a performance with these time stamps [T]:
        its trims and open ranges are now known.

        period: seconds after which the performance repeats, if it does;
        else its last frame is as long as the others.
        """
        times = np.asarray(times, np.float64)
        step = frame_step(times)
        begin, end = float(times[0]), float(times[-1] + step if period is None else times[0] + period)
        first = begin if self.trim_in is None else max(begin, self.trim_in)
        end = end if self.trim_out is None else min(end, self.trim_out)
        if end - first < SNAP:
            raise InputError(
                f"{self.name}: 'in' and 'out' leave nothing of a performance of {times[-1] + step:.3f} s"
            )
        return replace(self, clip=Clip(first, max(first, min(float(times[-1]), end - step)), step, end))

    @property
    def duration(self) -> float:
        """Scene seconds of one pass; of one period where it loops."""
        return self._timeline()[2]

    def frame_count(self, rate: Fraction | None = None) -> int:
        """Frames of one pass at ``rate`` (else its own rate, else 25 a second)."""
        if self.frames is not None and rate in (None, self.rate):
            return self.frames
        return frame_count(self.duration, rate or self.rate or Fraction(25))

    def map(self, scene_times: np.ndarray) -> np.ndarray:
        """Performance seconds, float64 [N], for scene seconds [N]; see
        :meth:`plan` for the cross-fade of a loop."""
        return self.plan(scene_times)[0]

    def frame_plan(self, frames: np.ndarray, rate: Fraction) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """:meth:`plan` for frame numbers counted from 0.

        A loop whose period is a whole number of frames repeats bit for bit: frame N is frame 0.
        """
        frames = np.asarray(frames, np.int64)
        period = self.duration * float(rate)
        whole = round(period)
        repeats = self.after == "loop" and (self.before == "loop" or (frames >= 0).all())
        if repeats and self.offset == 0 and whole >= 1 and abs(period - whole) < 1e-6:
            frames = frames % whole
        return self.plan(frame_times(frames, rate))

    def plan(self, scene_times: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Performance seconds, second performance seconds,
        and the weight 0..1 of the second, each float64 [N].

        The weight is above 0 only in the cross-fade at the head of a loop, where the material that follows
        the loop's end runs out under the material that begins it.
        """
        pieces, stretch, duration = self._timeline()
        t = np.atleast_1d(np.asarray(scene_times, np.float64)) - self.offset
        whole = duration + self.crossfade
        inside = t.copy()
        for mode, chosen in ((self.before, t < -SNAP), (self.after, t > duration - SNAP)):
            if mode == "loop":
                inside[chosen] = wrap(t[chosen], duration)
            elif mode == "ping-pong":
                turn = max(whole - self._scene_step(stretch), SNAP)
                phase = wrap(t[chosen], 2 * turn)
                inside[chosen] = np.minimum(phase, 2 * turn - phase)
            else:
                inside[chosen] = np.clip(t[chosen], 0.0, whole)
        main = _map_pieces(pieces, inside / stretch)
        second, weight = main.copy(), np.zeros_like(main)
        if self.crossfade > 0:
            head = np.flatnonzero((inside < self.crossfade) & (inside > -SNAP))
            u = inside[head] / self.crossfade
            second[head] = _map_pieces(pieces, (duration + inside[head]) / stretch)
            weight[head] = 1.0 - u * u * (3.0 - 2.0 * u)
        return main, second, weight

    def _scene_step(self, stretch: float) -> float:
        if self.rate is not None:
            return float(1 / self.rate)
        return self.clip.step * stretch if self.clip is not None else 0.0

    def _timeline(self) -> tuple[list[_Piece], float, float]:
        """Pieces in natural time, the factor from natural to scene time,
        and the duration in scene seconds."""
        pieces: list[_Piece] = []
        begin, at = 0.0, self._edge("first", "in", 0)
        for number, segment in enumerate(self.segments or (Segment("play"),), 1):
            piece = self._piece(segment, number, begin, at, first=number == 1)
            pieces.append(piece)
            begin, at = begin + piece.length, piece.exit
        natural = begin
        if self.frames is None or self.rate is None:
            stretch = 1.0
        else:
            stretch = (float(self.frames / self.rate) + self.crossfade) / natural
        duration = natural * stretch - self.crossfade
        if duration < SNAP:
            raise InputError(f"{self.name}: 'crossfade' of {self.crossfade:g} s leaves nothing of the loop")
        return pieces, stretch, duration

    def _edge(self, which: Literal["first", "last", "end"], key: str, number: int) -> float:
        if self.clip is not None:
            return float(getattr(self.clip, which))
        known = self.trim_in or 0.0 if which == "first" else self.trim_out
        if known is None:
            raise InputError(
                f"{self.name}: segment {max(number, 1)} needs '{key}', or a performance to take it from"
            )
        return known

    def _piece(self, segment: Segment, number: int, begin: float, at: float, *, first: bool) -> _Piece:
        kind, speed = segment.kind, float(segment.speed)
        where = f"{self.name}: segment {number}"
        if kind == "hold":
            start = at if segment.start is None else segment.start
            return _Piece(segment, begin, float(segment.duration or 0), start, start, 0.0)
        if kind == "curve":
            return _Piece(segment, begin, segment.keys[-1][0], segment.keys[0][1], segment.keys[-1][1], 1.0)
        if segment.start is not None:
            start = segment.start
        elif kind == "reverse" and first:
            start = self._edge("last", "from", number)
        else:
            start = self._edge("first", "from", number) if kind in ("loop", "ping-pong") else at
        end = segment.end
        if end is None and segment.duration is not None and kind in ("play", "reverse"):
            end = start + segment.duration * speed * (1 if kind == "play" else -1)
        elif end is None and kind == "reverse":
            # one step beyond the first frame: the first frame is shown for as long as every other one
            end = self._edge("first", "to", number) - (self.clip.step if self.clip else 0.0)
        elif end is None:
            end = self._edge("last" if kind == "ping-pong" else "end", "to", number)
        span = start - end if kind == "reverse" else end - start
        if span <= 0:
            word = "after" if kind == "reverse" else "before"
            raise InputError(f"{where}: 'from' ({start:g} s) must come {word} 'to' ({end:g} s) in a {kind}")
        if kind in ("play", "reverse"):
            length = span / speed if segment.duration is None else segment.duration
        else:
            period = (2 if kind == "ping-pong" else 1) * span / speed
            length = period * segment.cycles if segment.duration is None else segment.duration
        return _Piece(segment, begin, length, start, end, speed)


def _map_pieces(pieces: list[_Piece], t: np.ndarray) -> np.ndarray:
    begins = np.array([piece.begin for piece in pieces])
    which = np.clip(np.searchsorted(begins, t + SNAP, "right") - 1, 0, len(pieces) - 1)
    out = np.empty_like(t)
    for index, piece in enumerate(pieces):
        chosen = which == index
        if chosen.any():
            out[chosen] = piece.map(np.clip(t[chosen] - piece.begin, 0.0, piece.length))
    return out
