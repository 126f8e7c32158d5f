# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine itself: whether all of it is there and works."""

from __future__ import annotations

from .signature import Cancelled, Progress, Result


def check(*, load: bool = False, progress: Progress, cancelled: Cancelled) -> Result:
    """Versions, device and what is missing, as ``checkup.check`` reports them; ``lines`` for people."""
    from .. import checkup

    report = checkup.check(load=load, progress=progress, cancelled=cancelled)
    return {**report, "lines": checkup.describe(report)}
