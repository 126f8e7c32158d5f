# SPDX-License-Identifier: GPL-3.0-or-later
"""Sub-frame sampling by time stamp: monotone cubic (PCHIP) for points and expressions, slerp for rotations.

Times before the first frame hold the first, times after the last hold the last; with ``period`` they wrap
instead. A gap of lost frames (NaN) stays a gap: nothing is interpolated across it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.interpolate import PchipInterpolator

from ..errors import InputError
from ..head.rotation import continuous, slerp
from .curves import ExpressionCurves
from .rates import frame_step as frame_step

if TYPE_CHECKING:
    from ..landmarks.track import LandmarkTrack

# a time this near to a stamp (seconds) is that frame:
# rational frame times differ from stamps by rounding only
SNAP = 1e-7


def wrap(times: np.ndarray, period: float, start: float = 0.0) -> np.ndarray:
    """Fold times into [start, start + period); a time within SNAP of a seam is the seam."""
    phase = np.mod(np.asarray(times, np.float64) - start, period)
    return start + np.where((period - phase < SNAP) | (phase < SNAP), 0.0, phase)


class Grid:
    """Where each of N wanted times falls between the T time stamps of a track.

    With ``period`` the first frame is also the one at ``times[0] + period``.  Raises InputError if the
    track is longer than its period or a wanted time is not finite.
    """

    def __init__(self, stamps: np.ndarray, wanted: np.ndarray, period: float | None = None) -> None:
        wanted = np.atleast_1d(np.asarray(wanted, np.float64))
        if wanted.ndim != 1 or not np.isfinite(wanted).all():
            raise InputError("sampling: the wanted times must be a list of finite seconds")
        stamps = np.asarray(stamps, np.float64)
        self.count = len(stamps)
        # frames of the source, in order; a loop gets neighbors from the other side of the seam on either end
        self.order = np.arange(len(stamps))
        if period is None:
            wanted = np.clip(wanted, stamps[0], stamps[-1])
        else:
            if not period > stamps[-1] - stamps[0]:
                raise InputError(f"sampling: a period of {period:g} s is shorter than the performance itself")
            wanted = wrap(wanted, period, stamps[0])
            reach = min(3, len(stamps))
            self.order = np.concatenate([self.order[-reach:], self.order, self.order[:reach]])
            stamps = np.concatenate([stamps[-reach:] - period, stamps, stamps[:reach] + period])
        self.stamps, self.wanted = stamps, wanted
        self.left = np.clip(np.searchsorted(stamps, wanted, "right") - 1, 0, max(len(stamps) - 2, 0))
        self.right = np.minimum(self.left + 1, len(stamps) - 1)
        step = stamps[self.right] - stamps[self.left]
        self.u = np.where(step > 0, (wanted - stamps[self.left]) / np.where(step > 0, step, 1.0), 0.0)
        near = np.where(self.u > 0.5, self.right, self.left)
        # wanted times that are a frame of the source take that frame's numbers, bit for bit
        self.exact = np.abs(stamps[near] - wanted) <= SNAP
        self.near = near

    def _copy_exact(self, values: np.ndarray, out: np.ndarray) -> np.ndarray:
        out = out.astype(values.dtype, copy=False)
        out[self.exact] = values[self.order[self.near[self.exact]]]
        return out

    def monotone(self, values: np.ndarray) -> np.ndarray:
        """PCHIP of values [T, ...]; a frame with any NaN is a gap for the whole array.
        Returns [N, ...], same dtype."""
        flat = values.reshape(self.count, -1)
        source = flat[self.order]
        good = np.isfinite(source).all(axis=1)
        out = np.full((len(self.wanted), flat.shape[1]), np.nan, np.float64)
        edges = np.flatnonzero(np.diff(np.concatenate([[False], good, [False]]).astype(np.int8)))
        for first, stop in zip(edges[::2], edges[1::2], strict=True):
            if stop - first > 1:
                inside = (self.wanted >= self.stamps[first]) & (self.wanted <= self.stamps[stop - 1])
                if inside.any():
                    # only the frames around the wanted times are needed:
                    # a short cut of a long take stays cheap
                    low = max(first, self.left[inside].min() - 2)
                    high = min(stop, self.right[inside].max() + 3)
                    spline = PchipInterpolator(
                        self.stamps[low:high], source[low:high].astype(np.float64), axis=0
                    )
                    out[inside] = spline(self.wanted[inside])
        return self._copy_exact(flat, out).reshape(len(self.wanted), *values.shape[1:])

    def linear(self, values: np.ndarray) -> np.ndarray:
        """Straight lines between frames [T, ...] -> [N, ...]; NaN on either side gives NaN."""
        u = self.u.reshape(-1, *[1] * (values.ndim - 1))
        out = values[self.order[self.left]] * (1 - u) + values[self.order[self.right]] * u
        return self._copy_exact(values, out)

    def rotation(self, values: np.ndarray) -> np.ndarray:
        """Slerp of unit quaternions [T, 4] -> [N, 4], along the shorter way, signs continuous."""
        out = slerp(values[self.order[self.left]], values[self.order[self.right]], self.u)
        return continuous(self._copy_exact(values, out)).astype(values.dtype)


def sample_track(
    track: LandmarkTrack, times: np.ndarray, *, period: float | None = None, clock: np.ndarray | None = None
) -> LandmarkTrack:
    """The track at N wanted times, in seconds of its own clock, in any order.

    ``clock`` [N] gives the result's own times; it is needed where the wanted times repeat or run backward,
    else they are the wanted times.  ``period`` makes the track repeat after so many seconds.
    """
    grid = Grid(track.times, times, period)
    points = grid.monotone(track.points)
    irises = np.stack([grid.monotone(track.irises[:, eye]) for eye in range(2)], axis=1)
    confidence = grid.linear(track.confidence)
    confidence[~np.isfinite(points).all(axis=(1, 2))] = 0.0
    stamps = np.asarray(times if clock is None else clock, np.float64)
    return replace(
        track,
        points=points,
        irises=irises,
        confidence=confidence,
        times=stamps,
        meta=_without_rate(track.meta),
    )


def sample_curves(
    curves: ExpressionCurves,
    times: np.ndarray,
    *,
    period: float | None = None,
    clock: np.ndarray | None = None,
) -> ExpressionCurves:
    """Expression curves at N wanted times; arguments as for :func:`sample_track`."""
    grid = Grid(curves.times, times, period)
    lost = np.isnan(grid.linear(np.where(curves.valid, 1.0, np.nan)))
    expression = grid.monotone(curves.expression)
    rotation = grid.rotation(curves.rotation)
    translation = grid.monotone(curves.translation)
    for values in (expression, rotation, translation):
        values[lost] = np.nan
    stamps = np.asarray(times if clock is None else clock, np.float64)
    return replace(
        curves,
        expression=expression,
        rotation=rotation,
        translation=translation,
        times=stamps,
        meta=_without_rate(curves.meta),
    )


def fill_curves(curves: ExpressionCurves, method: str = "interpolate") -> ExpressionCurves:
    """Give lost frames values again: "interpolate" between the frames around, "hold" the last one before
    (the first found one at the start), or "leave" them.  Raises InputError where every frame is lost."""
    if method == "leave" or curves.valid.all():
        return curves
    known = np.flatnonzero(curves.valid)
    if len(known) == 0:
        raise InputError("the performance has no frame with a face")
    if method == "hold":
        rows = known[np.maximum(np.searchsorted(known, np.arange(len(curves)), "right") - 1, 0)]
        return _rows(curves, rows, curves.times)
    filled = sample_curves(_rows(curves, known, curves.times[known]), curves.times)
    return replace(filled, meta=curves.meta)


def _rows(curves: ExpressionCurves, rows: np.ndarray, times: np.ndarray) -> ExpressionCurves:
    return replace(
        curves,
        times=times,
        expression=curves.expression[rows],
        rotation=curves.rotation[rows],
        translation=curves.translation[rows],
    )


def blend_tracks(a: LandmarkTrack, b: LandmarkTrack, weight: np.ndarray) -> LandmarkTrack:
    """``a`` (weight 0) to ``b`` (weight 1) frame by frame; weight [T] in 0..1.
    Where the weight is 0 the bits of ``a``."""
    mixed = np.flatnonzero(np.asarray(weight) > 0)
    w = np.asarray(weight, np.float64)[mixed]
    points, irises, confidence = np.array(a.points), np.array(a.irises), np.array(a.confidence)
    for values, other in ((points, b.points), (irises, b.irises), (confidence, b.confidence)):
        wide = w.reshape(-1, *[1] * (values.ndim - 1))
        values[mixed] = values[mixed] * (1 - wide) + other[mixed] * wide
    return replace(a, points=points, irises=irises, confidence=confidence)


def blend_curves(a: ExpressionCurves, b: ExpressionCurves, weight: np.ndarray) -> ExpressionCurves:
    """As :func:`blend_tracks`, with slerp for the rotation."""
    mixed = np.flatnonzero(np.asarray(weight) > 0)
    w = np.asarray(weight, np.float64)[mixed]
    expression, translation, rotation = np.array(a.expression), np.array(a.translation), np.array(a.rotation)
    expression[mixed] = expression[mixed] * (1 - w[:, None]) + b.expression[mixed] * w[:, None]
    translation[mixed] = translation[mixed] * (1 - w[:, None]) + b.translation[mixed] * w[:, None]
    rotation[mixed] = slerp(a.rotation[mixed], b.rotation[mixed], w)
    return replace(a, expression=expression, rotation=continuous(rotation), translation=translation)


def _without_rate(meta: Mapping[str, Any]) -> dict[str, Any]:
    # a stated rate belongs to the frames that were there before
    return {key: value for key, value in meta.items() if key != "rate"}
