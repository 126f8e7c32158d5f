# SPDX-License-Identifier: GPL-3.0-or-later
"""How much time is left of a work that says how far it is."""

from __future__ import annotations

import time
from collections import deque

SETTLED = 3.0
"""Seconds of progress before anything is promised."""
WINDOW = 40
"""Reports looked back on: the speed of now, not of the start."""


class Pace:
    """Takes every report of progress; ``left`` extrapolates the recent ones."""

    def __init__(self) -> None:
        self._total = 0
        self._reports: deque[tuple[float, int]] = deque(maxlen=WINDOW)

    def note(self, done: int, total: int, now: float | None = None) -> None:
        """``done`` of ``total``, at the time ``now`` in s (else the clock's); another work starts afresh."""
        if total != self._total or (self._reports and done < self._reports[-1][1]):
            self._reports.clear()
            self._total = total
        if not self._reports or done > self._reports[-1][1]:
            self._reports.append((time.monotonic() if now is None else now, done))

    def left(self, now: float | None = None) -> float | None:
        """Seconds that are left, or None where it cannot be told yet."""
        if len(self._reports) < 2 or not self._total:
            return None
        (start, first), (end, last) = self._reports[0], self._reports[-1]
        if end - start < SETTLED:
            return None
        now = time.monotonic() if now is None else now
        return max(0.0, (self._total - last) * (end - start) / (last - first) - (now - end))


def words(seconds: float | None) -> str:
    """ "about 2 min left"; empty where it is not known."""
    if seconds is None:
        return ""
    if seconds < 5:
        return "a moment left"
    if seconds < 55:
        return f"about {5 * round(seconds / 5)} s left"
    if seconds < 3300:
        return f"about {max(1, round(seconds / 60))} min left"
    return f"about {seconds / 3600:.1f} h left"
