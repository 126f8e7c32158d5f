# SPDX-License-Identifier: GPL-3.0-or-later
"""Timecode as facial-capture programs write it: hours:minutes:seconds:frames.fraction.

``frames.fraction`` counts frames of the timecode's own rate within the second, so 13:13:04:31.652 at 60 is
0.527533 s past 13:13:04.  Nothing in a file says that rate.  It is read off the place where a second rolls
over; where a clip has no such place, it is 60, at which such programs record.
"""

from __future__ import annotations

import math
import re
from fractions import Fraction

import numpy as np

from ...errors import InputError
from ..rates import parse_rate

BASE = 60  # frames to a second of timecode, where nothing says otherwise
BASES = (24, 25, 30, 48, 50, 60, 100, 120, 240)
DAY = 24 * 3600
_PATTERN = re.compile(r"(\d{1,2}):(\d{1,2}):(\d{1,2})([:;])(\d{1,3}(?:\.\d*)?)")


def parse_timecodes(texts: list[str], where: list[str], rate: str | Fraction | None = None) -> np.ndarray:
    """Seconds since midnight, float64 [T], unrolled over midnight.

    rate: frames per second that the timecode counts, where the user knows better ("59.94": each label is one
    of 60000/1001 frames a second, and a second of timecode lasts 1.001 s).  ``;`` before the frames is
    drop-frame timecode, which is NTSC's by definition.  where: names of the rows, for messages.
    Raises InputError on what is no timecode, or runs backward.
    """
    seconds, frames = np.empty(len(texts)), np.empty(len(texts))
    dropped = False
    for index, text in enumerate(texts):
        match = _PATTERN.fullmatch(text)
        if match is None or int(match[2]) > 59 or int(match[3]) > 59:
            raise InputError(
                f"{where[index]}: '{text[:40]}' is no timecode; expected hours:minutes:seconds:frames"
            )
        seconds[index] = int(match[1]) * 3600 + int(match[2]) * 60 + int(match[3])
        frames[index] = float(match[5])
        dropped |= match[4] == ";"
    seconds += DAY * np.cumsum(np.diff(seconds, prepend=seconds[:1]) < -DAY / 2)
    known = None if rate is None else parse_rate(rate, "the timecode's rate")
    base = _base(seconds, frames) if known is None else math.ceil(known)
    if frames.max() >= base:
        raise InputError(
            f"{where[int(frames.argmax())]}: frame {frames.max():g} does not exist at {base} frames a second"
        )
    if dropped:
        known = Fraction(base * 1000, 1001)
    count = seconds * base + frames
    if dropped:
        minutes = seconds // 60
        count -= round(base / 15) * (minutes - minutes // 10)
    times = count / float(known or base)
    back = np.flatnonzero(np.diff(times) < 0)
    if len(back):
        raise InputError(f"{where[back[0] + 1]}: the timecode runs backward; sort the rows or cut the take")
    return times


def _base(seconds: np.ndarray, frames: np.ndarray) -> int:
    step = np.diff(frames)[np.diff(seconds) == 0]
    turn = np.flatnonzero(np.diff(seconds) == 1)
    if len(step) == 0 or len(turn) == 0:
        return BASE if frames.max() < BASE else next(b for b in (*BASES, 1000) if b > frames.max())
    guess = float(np.median(np.median(step) + frames[turn] - frames[turn + 1]))
    usual = [base for base in BASES if base > frames.max()] or [1000]
    return min(usual, key=lambda base: abs(base - guess))


def format_timecode(seconds: float, base: int = BASE) -> str:
    """``seconds`` since midnight as hours:minutes:seconds:frames.fraction, to a thousandth of a frame."""
    ticks = round(seconds * base * 1000) % (DAY * base * 1000)
    whole, rest = divmod(ticks, base * 1000)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}:{rest // 1000:02d}.{rest % 1000:03d}"
