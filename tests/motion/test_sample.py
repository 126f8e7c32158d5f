# SPDX-License-Identifier: GPL-3.0-or-later
"""Sampling between frames: exact on frames, monotone between them, honest about gaps, seamless in loops."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from core.errors import InputError
from core.head.rotation import from_vector
from core.landmarks.track import LandmarkTrack
from core.motion.curves import ExpressionCurves
from core.motion.rates import frame_times
from core.motion.sample import blend_tracks, sample_curves, sample_track, wrap


def make_track(times: np.ndarray, signal: np.ndarray) -> LandmarkTrack:
    """A track whose every coordinate follows ``signal`` (plus a constant per point)."""
    base = np.random.default_rng(0).uniform(0, 100, (68, 3))
    points = base[None] + signal[:, None, None]
    irises = np.array([[30.0, 40.0], [60.0, 40.0]])[None] + signal[:, None, None]
    return LandmarkTrack(points, irises, times, np.ones((len(times), 68)), (200, 200), {"rate": "30"})


def make_curves(times: np.ndarray, signal: np.ndarray, angle: np.ndarray) -> ExpressionCurves:
    rotation = from_vector(np.stack([np.zeros_like(angle), angle, np.zeros_like(angle)], axis=1))
    return ExpressionCurves(
        times, np.tile(signal[:, None], (1, 52)), rotation, np.tile(signal[:, None], (1, 3))
    )


def test_frames_come_back_bit_for_bit() -> None:
    times = np.cumsum(np.random.default_rng(1).uniform(0.02, 0.06, 40))
    track = make_track(times, np.random.default_rng(2).normal(size=40))
    again = sample_track(track, times)
    assert np.array_equal(again.points, track.points)
    assert np.array_equal(again.irises, track.irises)
    assert "rate" not in again.meta


def test_a_step_does_not_overshoot() -> None:
    times = np.arange(20) / 25
    track = make_track(times, (times >= 0.4).astype(float))
    fine = sample_track(track, np.linspace(0, times[-1], 2000))
    rise = fine.points - track.points[0]
    assert rise.min() >= -1e-4
    assert rise.max() <= 1 + 1e-4
    assert (np.diff(rise, axis=0) > -1e-4).all()


def test_variable_frame_rate_is_read_from_the_time_stamps() -> None:
    times = np.concatenate([[0.0], np.cumsum(np.random.default_rng(4).uniform(0.01, 0.12, 60))])
    track = make_track(times, 10 * times)
    wanted = np.linspace(0, times[-1], 333)
    moved = sample_track(track, wanted).points - track.points[0]
    assert np.abs(moved - 10 * wanted[:, None, None]).max() < 1e-4


def test_gaps_stay_gaps_and_do_not_spread() -> None:
    times = np.arange(30) / 30
    track = make_track(times, np.sin(9 * times))
    points, irises = np.array(track.points), np.array(track.irises)
    points[10:13] = np.nan
    irises[20, 1] = np.nan
    holed = LandmarkTrack(points, irises, times, np.ones((30, 68)), (200, 200))
    wanted = np.arange(0, 29 / 30, 1 / 120)
    out = sample_track(holed, wanted)
    in_gap = (wanted > times[9] + 1e-6) & (wanted < times[13] - 1e-6)
    assert np.array_equal(~out.valid, in_gap)
    assert (out.confidence[in_gap] == 0).all()
    lost_eye = (wanted > times[19] + 1e-6) & (wanted < times[21] - 1e-6)
    assert np.array_equal(np.isnan(out.irises[:, 1, 0]), lost_eye)
    assert np.isfinite(out.irises[:, 0]).all()


def test_outside_the_track_its_ends_are_held_or_it_wraps() -> None:
    times = np.arange(10) / 10
    track = make_track(times, times)
    held = sample_track(track, np.array([-1.0, 5.0]))
    assert np.array_equal(held.points, track.points[[0, -1]])
    wrapped = sample_track(track, np.array([1.0, 2.3, -0.1]), period=1.0, clock=np.arange(3.0))
    assert np.array_equal(wrapped.points, track.points[[0, 3, 9]])
    with pytest.raises(InputError, match="period"):
        sample_track(track, np.array([0.0]), period=0.5)


def test_a_loop_is_smooth_across_its_seam() -> None:
    period, count = 2.0, 50
    times = np.arange(count) / 25
    curves = make_curves(
        times, 0.5 - 0.5 * np.cos(2 * np.pi * times / period), 0.3 * np.sin(2 * np.pi * times / period)
    )
    wanted = np.linspace(-0.2, 0.2, 201) + period
    out = sample_curves(curves, wanted, period=period)
    truth = 0.5 - 0.5 * np.cos(2 * np.pi * wanted / period)
    # a monotone cubic flattens an extremum by a small part of one frame's change
    assert np.abs(out.expression[:, 0] - truth).max() < 2e-3
    assert np.abs(np.diff(out.rotation, axis=0)).max() < 0.002
    last, first = sample_curves(curves, np.array([period - 1e-9]), period=period), curves.expression[0]
    assert np.array_equal(last.expression[0], first)


def test_rotations_between_frames_go_the_short_way() -> None:
    times = np.arange(5) / 5.0
    curves = make_curves(times, np.zeros(5), np.linspace(0, 0.8, 5))
    flipped = ExpressionCurves(
        times, curves.expression, curves.rotation * np.array([1, -1, 1, -1, 1])[:, None], curves.translation
    )
    wanted = np.linspace(0, 0.8, 41)
    out = sample_curves(flipped, wanted).rotation
    assert np.allclose(2 * np.arctan2(out[:, 2], out[:, 0]), wanted, atol=1e-5)
    assert (np.sum(out[1:] * out[:-1], axis=1) > 0).all()


def test_lost_frames_of_curves_stay_lost() -> None:
    curves = make_curves(np.arange(5) / 5.0, np.linspace(0, 1, 5), np.zeros(5))
    curves.expression[2] = np.nan
    out = sample_curves(curves, np.array([0.1, 0.3, 0.4, 0.5, 0.7]))
    assert list(out.valid) == [True, False, False, False, True]


def test_blending_keeps_the_bits_where_the_weight_is_zero() -> None:
    times = np.arange(4) / 4
    a, b = make_track(times, times), make_track(times, times + 8)
    out = blend_tracks(a, b, np.array([0, 0.25, 1, 0]))
    assert np.array_equal(out.points[[0, 3]], a.points[[0, 3]])
    assert np.allclose(out.points[1] - a.points[1], 2, atol=1e-4)
    assert np.allclose(out.points[2], b.points[2])


def test_wrapping_never_lands_just_before_the_seam() -> None:
    rate = Fraction(24000, 1001)
    times = frame_times(20000, rate)
    period = float(100 / rate)
    phase = wrap(times, period)
    assert (phase[::100] == 0).all()
    assert np.abs(phase - np.tile(phase[:100], 200)).max() < 1e-8


@pytest.mark.slow
def test_ten_minutes_resample_in_well_under_a_second() -> None:
    import time

    times = np.arange(18000) / 30
    track = make_track(times, np.sin(times))
    wanted = frame_times(14385, Fraction(24000, 1001))
    best = np.inf
    for _ in range(3):
        start = time.perf_counter()
        out = sample_track(track, wanted)
        best = min(best, time.perf_counter() - start)
    assert out.valid.all()
    assert best < 1.0
