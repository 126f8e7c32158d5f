# SPDX-License-Identifier: GPL-3.0-or-later
"""LandmarkTrack: the landmarks of a face over time, in memory.
Its files are written and read by ``track_files``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from .schema import POINTS


@dataclass(frozen=True, eq=False)
class LandmarkTrack:
    """Landmarks per frame, in pixels of one picture or video (x right,
    y down, origin at the top-left corner).

    points      float32 [T, 68, 3]; z in the same unit, smaller is nearer; a lost face is NaN in all its
    points
    irises      float32 [T, 2, 2], right then left; NaN where unknown
    times       float64 [T], seconds, strictly increasing
    confidence  float32 [T, 68], 0..1; 0 where the face is lost
    size        (width, height) of the picture in px
    meta        JSON-able facts about the origin: "backend", "source", ...

    The arrays are read-only (a track is immutable); copy one to work on it.  Raises InputError on wrong
    shapes, times that do not increase, or facts that are not JSON.
    """

    points: np.ndarray
    irises: np.ndarray
    times: np.ndarray
    confidence: np.ndarray
    size: tuple[int, int]
    meta: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        times = _frozen(self.times, np.float64)
        count = len(times) if times.ndim == 1 else -1
        if count < 1:
            raise InputError(
                f"a landmark track needs at least one frame; its times have the shape {times.shape}"
            )
        shapes = {"points": (count, POINTS, 3), "irises": (count, 2, 2), "confidence": (count, POINTS)}
        for name, shape in shapes.items():
            array = _frozen(getattr(self, name), np.float32)
            if array.shape != shape:
                raise InputError(f"a landmark track's {name} must have the shape {shape}, not {array.shape}")
            object.__setattr__(self, name, array)
        if not np.isfinite(times).all() or (np.diff(times) <= 0).any():
            raise InputError(
                "a landmark track's times must be finite seconds that increase from frame to frame"
            )
        object.__setattr__(self, "times", times)
        try:
            width, height = (int(side) for side in self.size)
            # a copy through JSON: what is kept is what a file can hold,
            # and later changes outside do not reach it
            meta = json.loads(json.dumps(dict(self.meta), allow_nan=False))
        except (TypeError, ValueError) as error:
            raise InputError(f"a landmark track's size or meta is not usable ({error})") from error
        if width < 1 or height < 1:
            raise InputError(f"a landmark track's size must be positive, not {width} x {height}")
        object.__setattr__(self, "size", (width, height))
        object.__setattr__(self, "meta", meta)

    def __len__(self) -> int:
        return len(self.times)

    @property
    def valid(self) -> np.ndarray:
        """bool [T]: frames in which the face was found (all 68 points are numbers)."""
        return np.isfinite(self.points).all(axis=(1, 2))

    @property
    def rate(self) -> Fraction:
        """Nominal frames per second: meta's "rate" where given,
        else from the frame step, snapped to a usual rate."""
        stated = self.meta.get("rate")
        if isinstance(stated, str):
            try:
                fraction = Fraction(stated)
                if fraction > 0:
                    return fraction
            except (ValueError, ZeroDivisionError):
                pass
        return nominal_rate(self.times)

    def at(self, index: int) -> LandmarkTrack:
        """The one-frame track of frame ``index`` (negative counts from the end)."""
        if not -len(self) <= index < len(self):
            raise InputError(f"frame {index} is outside the track, which has {len(self)} frames")
        index %= len(self)
        return self.slice(index, index + 1)

    def slice(self, start: int, stop: int) -> LandmarkTrack:
        """Frames ``start`` .. ``stop - 1`` with their own times; raises InputError where none is left."""
        start, stop, _ = slice(start, stop).indices(len(self))
        if stop <= start:
            raise InputError(f"no frame lies between {start} and {stop} of a track of {len(self)} frames")
        part = np.s_[start:stop]
        return replace(
            self,
            points=self.points[part],
            irises=self.irises[part],
            times=self.times[part],
            confidence=self.confidence[part],
        )

    def save(self, path: str | Path) -> None:
        """Write a ``.npz`` or ``.csv`` file (by suffix), whole or not at all;
        ``load`` gives back the same bits."""
        from .track_files import save_track

        save_track(self, Path(path))

    @staticmethod
    def load(path: str | Path) -> LandmarkTrack:
        """Read a ``.npz`` or ``.csv`` track; raises InputError with one line on anything else."""
        from .track_files import load_track

        return load_track(Path(path))


def _frozen(array: Any, dtype: Any) -> np.ndarray:
    view = np.ascontiguousarray(array, dtype=dtype).view()
    view.flags.writeable = False
    return view


def nominal_rate(times: np.ndarray) -> Fraction:
    """Frames per second of frame times [T] in seconds, snapped to a usual rate (25 for one frame)."""
    if len(times) < 2:
        return Fraction(25)
    steps = np.diff(times)
    # containers round their stamps: the mean of the usual steps
    # is nearer to the truth than any one of them
    usual = float(np.median(steps))
    measured = 1.0 / float(steps[np.abs(steps - usual) <= 0.1 * usual].mean())
    usual_rates = (
        Fraction(max(1, round(measured))),
        Fraction(max(1, round(measured * 1.001)) * 1000, 1001),
    )
    nearest = min(usual_rates, key=lambda rate: abs(float(rate) - measured))
    if abs(float(nearest) - measured) < 5e-4 * measured:
        return nearest
    return Fraction(measured).limit_denominator(1001)
