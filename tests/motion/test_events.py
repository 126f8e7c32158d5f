# SPDX-License-Identifier: GPL-3.0-or-later
"""Closures of the lips in speech: p, b and m are found, each once; silence, vowels and w are not."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from core.landmarks.track import LandmarkTrack
from core.motion.events import detect_mouth_closures
from core.motion.rates import frame_times, parse_rate

from .test_filters import face

# what the lips do at seconds: closed in silence, then "ma-pa-wa-ba-am", closed again
CLOSURES = {"m": (0.9, 0.14), "p": (1.3, 0.07), "b": (2.1, 0.06), "m at the end": (2.6, 0.13)}
SILENT = 0.5, 3.2
W = 1.7


def gape(times: np.ndarray) -> np.ndarray:
    """Opening of the lips in px [T]; the eyes are 60 px apart."""
    opening = np.interp(times, [0, SILENT[0], 0.7, 2.9, SILENT[1], 9], [0, 0, 14, 14, 0, 0])
    for middle, length in CLOSURES.values():
        opening = np.minimum(opening, np.clip((np.abs(times - middle) - length / 2) / 0.1, 0, 1) * 14)
    # a w rounds the lips and leaves them apart
    return np.minimum(opening, 6 + 14 * np.clip(np.abs(times - W) / 0.15, 0, 1))


def speech(rate: Fraction, noise: float = 0.0) -> LandmarkTrack:
    times = frame_times(round(4 * rate), rate)
    points = np.tile(face(), (len(times), 1, 1))
    for lower in ([65, 66, 67], range(55, 60)):
        points[:, list(lower), 1] += gape(times)[:, None]
    points += np.random.default_rng(1).normal(0, noise, points.shape)
    irises = np.stack([points[:, [37, 40], :2].mean(1), points[:, [43, 46], :2].mean(1)], 1)
    return LandmarkTrack(points, irises, times, np.ones((len(times), 68)), (200, 240))


@pytest.mark.parametrize("rate", ["23.976", "24", "25", "29.97", "50", "60"])
@pytest.mark.parametrize("noise", [0.0, 0.3, 1.0])
def test_p_b_and_m_are_found_once_each_and_nothing_else(rate: str, noise: float) -> None:
    fps = parse_rate(rate)
    events = detect_mouth_closures(speech(fps, noise))
    assert len(events) == len(CLOSURES)
    for event, (middle, length) in zip(events, CLOSURES.values(), strict=True):
        # the peak is a frame on which the lips touch
        assert abs(event.peak / float(fps) - middle) <= length / 2 + 1.5 / float(fps)
        assert event.start <= event.peak <= event.end
        assert event.end_time - event.start_time <= length + 3 / float(fps)


def test_a_mouth_that_never_shuts_has_no_closures() -> None:
    track = speech(Fraction(25))
    points = np.tile(face(), (len(track), 1, 1))
    points[:, [65, 66, 67], 1] += 10 + 5 * np.sin(track.times * 12)[:, None]
    moved = LandmarkTrack(points, track.irises, track.times, track.confidence, track.size)
    assert detect_mouth_closures(moved) == []
