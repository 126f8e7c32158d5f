# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters: One-Euro for live work, zero-phase smoothing for bakes,
outlier removal.  Blinks survive all of the latter.

All take time from the time stamps, so variable frame rates are fine, and leave lost frames (NaN) lost.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from ..errors import InputError
from ..head.rotation import continuous, from_matrix, normalize, to_matrix
from ..landmarks.track import LandmarkTrack
from .events import detect_blinks
from .features import eye_distance, iris_offset, place_irises
from .limits import ramp
from .pose import Poses, track_poses
from .smoothing import smooth


class OneEuro:
    """The One-Euro filter (Casiez, Roussel, Vogel, CHI 2012): causal; calm when still, quick when moving.

    min_cutoff: Hz, lower is calmer at rest; one for all, or one per element.
    beta: rise of the cutoff per unit a second, higher lags less in motion.
    unit: size of one unit of the signal (for landmarks the eye distance in px), so that settings fit any
        picture.
    A NaN element stays NaN and starts afresh at its next number.
    """

    def __init__(
        self,
        min_cutoff: float | np.ndarray = 1.2,
        beta: float = 4.0,
        derivative_cutoff: float = 1.0,
        unit: float = 1.0,
    ) -> None:
        if np.less_equal(min_cutoff, 0).any() or min(derivative_cutoff, unit) <= 0 or beta < 0:
            raise InputError("One-Euro filter: cutoffs and unit must be above 0, beta not below")
        self.min_cutoff, self.beta, self.derivative_cutoff, self.unit = (
            min_cutoff,
            beta,
            derivative_cutoff,
            unit,
        )
        self._time: float | None = None
        self._value: np.ndarray | None = None
        self._speed: np.ndarray | None = None

    def __call__(self, time: float, value: np.ndarray) -> np.ndarray:
        """The filtered value (float64, same shape) at ``time`` seconds,
        which must increase from call to call."""
        value = np.asarray(value, np.float64)
        if self._time is None or self._value is None or self._speed is None:
            self._time, self._value, self._speed = time, value.copy(), np.zeros_like(value)
            return value.copy()
        step = time - self._time
        if not step > 0:
            raise InputError(f"One-Euro filter: time must increase ({time:g} s after {self._time:g} s)")
        fresh = ~np.isfinite(self._value)
        change = np.where(fresh, 0.0, (value - self._value) / step)
        speed = _follow(self._speed, change, self.derivative_cutoff, step)
        cutoff = self.min_cutoff + self.beta * np.abs(speed) / self.unit
        out = np.where(fresh, value, _follow(self._value, value, cutoff, step))
        self._time, self._value = time, out
        self._speed = np.where(np.isfinite(speed), speed, 0.0)
        return out.copy()


def _follow(before: np.ndarray, now: np.ndarray, cutoff: float | np.ndarray, step: float) -> np.ndarray:
    share = 1.0 / (1.0 + 1.0 / (2 * np.pi * cutoff * step))
    return before + share * (now - before)


@dataclass(frozen=True)
class Smoothing:
    """Zero-phase smoothing per region: standard deviation of the Gaussian
    in seconds; 0 leaves a region alone.

    head: the head's turns and shifts; its size is smoothed over twice that time, so that it does not pump.
    """

    head: float = 0.05
    jaw: float = 0.05
    brows: float = 0.05
    nose: float = 0.08
    eyes: float = 0.04
    mouth: float = 0.025
    gaze: float = 0.03

    def __post_init__(self) -> None:
        for entry in fields(self):
            if not 0 <= getattr(self, entry.name) <= 5:
                raise InputError(f"smoothing: '{entry.name}' must be seconds from 0 to 5")


STRENGTHS = {
    "light": Smoothing(0.025, 0.03, 0.03, 0.05, 0.02, 0.012, 0.015),
    "medium": Smoothing(),
    "strong": Smoothing(0.1, 0.1, 0.1, 0.15, 0.08, 0.045, 0.06),
}
_REGION_POINTS = {
    "jaw": slice(0, 17),
    "brows": slice(17, 27),
    "nose": slice(27, 36),
    "eyes": slice(36, 48),
    "mouth": slice(48, 68),
}


def smooth_track(track: LandmarkTrack, strength: str | Smoothing = "medium") -> LandmarkTrack:
    """A calmer track of the same frames, without delay.

    The head's rigid motion and the face's own motion are smoothed apart, so a turning head does not blur
    a mouth.  During blinks the lids keep their own motion: a blink stays as quick and as deep as it was.
    Raises InputError for an unknown strength ("light", "medium", "strong", or a Smoothing).
    """
    if isinstance(strength, str):
        if strength not in STRENGTHS:
            raise InputError(f"smoothing: '{strength}' is not one of {', '.join(STRENGTHS)}")
        strength = STRENGTHS[strength]
    if not track.valid.any() or len(track) < 3:
        return track
    points, times = track.points.astype(np.float64), track.times
    poses = track_poses(points)
    local = poses.to_local(points)
    calm = local.copy()
    for region, where in _REGION_POINTS.items():
        calm[:, where] = smooth(times, local[:, where], getattr(strength, region))
    keep = blink_weights(track)
    for eye, where in enumerate((slice(36, 42), slice(42, 48))):
        weight = keep[:, eye, None, None]
        calm[:, where] = local[:, where] * weight + calm[:, where] * (1 - weight)
    rotation = normalize(smooth(times, continuous(from_matrix(poses.rotation)), strength.head))
    scale = np.exp(smooth(times, np.log(poses.scale), 2 * strength.head))
    # the place of the face's middle is what must not shake:
    # smooth that, not the origin of the head's own axes
    middle = np.nanmean(local, axis=(0, 1))
    seat = np.einsum("tij,j->ti", poses.rotation, middle) * poses.scale[:, None] + poses.shift
    turned = to_matrix(rotation)
    shift = smooth(times, seat, strength.head) - np.einsum("tij,j->ti", turned, middle) * scale[:, None]
    out = Poses(turned, scale, shift).to_picture(calm)
    offset = iris_offset(points, track.irises.astype(np.float64))
    irises = place_irises(out, smooth(times, offset, strength.gaze))
    return replace(track, points=out, irises=irises)


def blink_weights(track: LandmarkTrack) -> np.ndarray:
    """float64 [T, 2]: 1 during a blink of that eye, 0 away from it, over two frames between."""
    weights = np.zeros((len(track), 2))
    frames = np.arange(len(track))
    for event in detect_blinks(track):
        rise = 1.0 - ramp(np.maximum(event.start - frames, frames - event.end), 0, 3)
        for eye, name in enumerate(("right", "left")):
            if event.eyes in (name, "both"):
                weights[:, eye] = np.maximum(weights[:, eye], rise)
    return weights


def remove_outliers(track: LandmarkTrack, jump: float = 0.35, stray: float = 0.1) -> LandmarkTrack:
    """Drop frames in which the detector jumped elsewhere, and put single stray points back in line.

    jump: how far (eye distances) a face may lie from the median of five neighboring frames;
    its size may differ by half of it as a factor.  Frames beyond become NaN; fill them with ``fill_gaps``.
    stray: the same for one point within the face; beyond, it takes the median's place.
    Lids in a blink and lips are allowed three times that.
    """
    if track.valid.sum() < 5:
        return track
    points = track.points.astype(np.float64)
    good = np.flatnonzero(track.valid)
    unit = float(np.median(eye_distance(points[good])))
    center, size = points[good].mean(axis=1), np.log(eye_distance(points[good]))
    away = np.linalg.norm(center - _running_median(center), axis=1) / unit
    lost = (away > jump) | (np.abs(size - _running_median(size)) > np.log1p(jump / 2))
    points[good[lost]] = np.nan
    good = good[~lost]
    if len(good) >= 5:
        spared = np.ones((len(track), 68))
        spared[:, _REGION_POINTS["mouth"]] = 3.0
        spared[:, 36:42] += 2.0 * blink_weights(track)[:, :1]
        spared[:, 42:48] += 2.0 * blink_weights(track)[:, 1:]
        points[good] = _in_line(points[good], stray * unit * spared[good])
    gone = ~np.isfinite(points).all(axis=(1, 2))
    irises, confidence = np.array(track.irises), np.array(track.confidence)
    irises[gone], confidence[gone] = np.nan, 0.0
    return replace(track, points=points, irises=irises, confidence=confidence)


def _in_line(points: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """Points [T, 68, 3] that stray by more than ``allowed`` px [T, 68]
    within the face, put on the running median."""
    bad = np.zeros(points.shape[:2], bool)
    # twice: a stray point that takes part in the head's pose pulls at it until it is back in line
    for _ in range(2):
        poses = track_poses(points)
        local = poses.to_local(points)
        middle = _running_median(local)
        bad |= np.linalg.norm(local - middle, axis=2) * poses.scale[:, None] > allowed
        points = np.where(bad[..., None], poses.to_picture(middle), points)
    return points


def _running_median(values: np.ndarray) -> np.ndarray:
    from scipy.ndimage import median_filter  # late: the other filters also run in Blender, which has no scipy

    return median_filter(values, size=(5, *[1] * (values.ndim - 1)), mode="nearest")
