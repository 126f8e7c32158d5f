# SPDX-License-Identifier: GPL-3.0-or-later
"""Frame rates as exact fractions, and frame times that do not drift.

Convention: a frame shows the instant at its start, t = (frame - start) / rate.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from ..errors import InputError

# the decimals by which people name the NTSC rates
_NTSC = {"23.98": 24, "23.976": 24, "29.97": 30, "47.95": 48, "47.952": 48, "59.94": 60, "119.88": 120}


def parse_rate(value: str | int | float | Fraction, where: str = "rate") -> Fraction:
    """Frames per second from 25, "25", "24000/1001" or "23.976" (the decimal names of NTSC rates are exact).

    Raises InputError naming ``where`` unless the rate lies in (0, 1000].
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float | Fraction):
        raise InputError(f'{where}: a frame rate such as 25 or "24000/1001" is expected, not {value!r}')
    text = str(value).strip()
    try:
        rate = Fraction(_NTSC[text] * 1000, 1001) if text in _NTSC else Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise InputError(
            f'{where}: a frame rate such as 25 or "24000/1001" is expected, not {value!r}'
        ) from None
    if not 0 < rate <= 1000:
        raise InputError(f"{where}: a frame rate must lie between 0 and 1000, not {value!r}")
    return rate


def frame_times(frames: int | np.ndarray, rate: Fraction, start: int = 0) -> np.ndarray:
    """Start times in seconds, float64 [N], of frame numbers [N], or of the first N frames.

    Each time is one division of whole numbers, so frame 17,982 at
    24000/1001 is exact, not a sum of rounded steps.
    """
    numbers = start + np.arange(frames) if isinstance(frames, int) else np.asarray(frames)
    return (numbers - start) * float(rate.denominator) / float(rate.numerator)


def frame_count(duration: float, rate: Fraction) -> int:
    """How many frames start within ``duration`` seconds;
    a duration within rounding of a frame does not add one."""
    return max(1, int(np.ceil(duration * float(rate) - 1e-6)))


def frame_step(times: np.ndarray) -> float:
    """The usual distance of frames in seconds (the median; 1/25 where there is only one frame)."""
    return float(np.median(np.diff(times))) if len(times) > 1 else 1 / 25
