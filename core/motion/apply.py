# SPDX-License-Identifier: GPL-3.0-or-later
"""A performance through a retime: the frames that a scene shows."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from .curves import ExpressionCurves
from .rates import frame_times
from .retime import Retime
from .sample import blend_curves, blend_tracks, sample_curves, sample_track

if TYPE_CHECKING:
    from ..landmarks.track import LandmarkTrack

Motion = TypeVar("Motion", "LandmarkTrack", ExpressionCurves)


def apply_retime(
    performance: Motion, retime: Retime, rate: Fraction | None = None, frames: range | None = None
) -> Motion:
    """The performance at the scene's frames.

    rate: the scene's frame rate; None: the recipe's, else the performance's own nominal rate.
    frames: scene frames counted from 0; None: one pass of the recipe.  The result keeps the scene times.
    A performance that loops (``meta`` has "loop" and "period" in seconds) repeats without a seam.
    """
    rate = rate or retime.rate or performance.rate
    period = performance.meta["period"] if performance.meta.get("loop") else None
    bound = retime.bind(performance.times, period)
    wanted = range(bound.frame_count(rate)) if frames is None else frames
    numbers = np.arange(wanted.start, wanted.stop, wanted.step)
    main, second, weight = bound.frame_plan(numbers, rate)
    clock = frame_times(numbers, rate)
    if isinstance(performance, ExpressionCurves):
        shown = sample_curves(performance, main, period=period, clock=clock)
        if (weight > 0).any():
            shown = blend_curves(
                shown, sample_curves(performance, second, period=period, clock=clock), weight
            )
    else:
        shown = sample_track(performance, main, period=period, clock=clock)
        if (weight > 0).any():
            shown = blend_tracks(shown, sample_track(performance, second, period=period, clock=clock), weight)
    return replace(shown, meta={**shown.meta, "rate": str(rate)})
