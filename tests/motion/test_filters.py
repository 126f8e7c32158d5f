# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters and events on a synthetic performance: a jittery head that turns, speaks and blinks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.errors import InputError
from core.head.rotation import from_head_angles, to_matrix
from core.landmarks.track import LandmarkTrack
from core.motion.events import detect_blinks, detect_mouth_closures
from core.motion.features import eye_aperture, eye_distance, mouth_aperture
from core.motion.filters import OneEuro, Smoothing, blink_weights, remove_outliers, smooth_track
from core.motion.smoothing import smooth

BLINKS = (20, 70, 71 + 30)  # frames at which the lids are shut


def face() -> np.ndarray:
    """A plausible frontal face, [68, 3] px, eye distance 90."""
    p = np.zeros((68, 3))
    angle = np.linspace(np.pi, 0, 17)
    p[0:17] = np.stack([100 + 75 * np.cos(angle), 100 + 90 * np.sin(angle), 60 * np.abs(np.cos(angle))], 1)
    for start, x in ((17, 52.0), (22, 108.0)):
        p[start : start + 5, 0] = x + 10 * np.arange(5)
        p[start : start + 5, 1] = 72
    p[27:31] = np.stack([np.full(4, 100.0), [88, 98, 108, 118], [-5, -12, -20, -28]], 1)
    p[31:36] = np.stack([[88, 94, 100, 106, 112], [124, 126, 127, 126, 124], [-8, -12, -14, -12, -8]], 1)
    for start, x in ((36, 55.0), (42, 115.0)):
        p[start : start + 6, :2] = np.array([[0, 90], [10, 85], [20, 85], [30, 90], [20, 95], [10, 95]]) + [
            x,
            0,
        ]
    ring = np.linspace(np.pi, -np.pi, 12, endpoint=False)
    p[48:60, :2] = np.stack([100 + 24 * np.cos(ring), 150 - 9 * np.sin(ring)], 1)
    inner = np.linspace(np.pi, -np.pi, 8, endpoint=False)
    p[60:68, :2] = np.stack([100 + 18 * np.cos(inner), 150 - 1e-3 * np.sin(inner)], 1)
    return p


def performance(noise: float, frames: int = 150, rate: float = 30.0, seed: int = 0) -> LandmarkTrack:
    """Turns slowly, blinks at BLINKS, opens its mouth at 2 Hz from frame 90 on;
    noise in px per coordinate."""
    rng = np.random.default_rng(seed)
    times = np.arange(frames) / rate
    points = np.tile(face(), (frames, 1, 1))
    closure = np.zeros(frames)
    for blink in BLINKS:
        closure = np.maximum(
            closure, np.interp(np.arange(frames) - blink, [-3, -1, 0, 1, 5], [0, 0.8, 1, 1, 0])
        )
    for upper, lower in ((37, 41), (38, 40), (43, 47), (44, 46)):
        points[:, upper, 1] += closure * (points[0, lower, 1] - points[0, upper, 1])
    gape = np.where(np.arange(frames) >= 90, 8 - 8 * np.cos(4 * np.pi * (times - 3.0)), 0.0)
    points[:, [65, 66, 67], 1] += gape[:, None]
    points[:, 55:60, 1] += gape[:, None]
    rotation = to_matrix(from_head_angles(12 * np.sin(2 * np.pi * times / 5), 0, 0))
    points = np.einsum("tij,tpj->tpi", rotation, points - [100, 110, 40]) + [100, 110, 40]
    irises = np.stack([points[:, [37, 40], :2].mean(1), points[:, [43, 46], :2].mean(1)], 1)
    return LandmarkTrack(
        points + rng.normal(0, noise, points.shape),
        irises + rng.normal(0, noise, irises.shape),
        times,
        np.ones((frames, 68)),
        (200, 240),
    )


def jitter(track: LandmarkTrack) -> float:
    return float(np.median(np.abs(np.diff(track.points[..., :2], 2, axis=0))))


def test_blinks_are_found_where_they_are() -> None:
    events = detect_blinks(performance(0.3))
    assert [e.kind for e in events] == ["blink"] * 3
    assert all(abs(e.peak - wanted) <= 1 for e, wanted in zip(events, BLINKS, strict=True))
    assert all(e.eyes == "both" and e.depth > 0.85 for e in events)
    assert detect_blinks(replace(performance(0.3), points=np.tile(face(), (150, 1, 1)))) == []


def test_a_wink_is_one_eye_and_a_long_closure_is_no_blink() -> None:
    track = performance(0.0)
    points = np.tile(face(), (150, 1, 1))
    points[40:45, [43, 44], 1] = points[40:45, [47, 46], 1]
    points[80:120, [37, 38, 43, 44], 1] = 95
    events = detect_blinks(replace(track, points=points))
    assert [(e.kind, e.eyes) for e in events] == [("blink", "left"), ("eyes-closed", "both")]


def test_mouth_closures_are_the_ones_between_openings() -> None:
    events = detect_mouth_closures(performance(0.05))
    # the mouth shuts at 3.0 s (coming from silence), then every half second while it speaks
    assert [round(e.peak / 15) for e in events] == [7, 8, 9]
    assert all(e.kind == "mouth-closed" for e in events)


def test_zero_phase_calms_without_delay_and_keeps_blinks() -> None:
    clean, noisy = performance(0.0), performance(0.4)
    calm = smooth_track(noisy, "medium")
    assert jitter(calm) < 0.4 * jitter(noisy)
    error = np.sqrt(np.mean((calm.points - clean.points)[..., :2] ** 2))
    assert error < 0.6 * 0.4
    before, after = eye_aperture(noisy.points), eye_aperture(calm.points)
    for blink in BLINKS:
        assert np.allclose(after[blink], before[blink], atol=0.01)
        assert after[blink].max() < 0.12 < 0.3 < after[blink - 8].min()
    # no delay: the yaw's extremes stay where they are
    nose = calm.points[:, 30, 0] - calm.points[:, [36, 45], 0].mean(1)
    truth = clean.points[:, 30, 0] - clean.points[:, [36, 45], 0].mean(1)
    lags = range(-3, 4)
    match = [np.corrcoef(np.roll(nose, lag)[10:-10], truth[10:-10])[0, 1] for lag in lags]
    assert list(lags)[int(np.argmax(match))] == 0


def test_without_blink_safety_the_same_filter_would_swallow_blinks() -> None:
    noisy = performance(0.4)
    plain = smooth(noisy.times, noisy.points.astype(np.float64), 0.08)
    assert eye_aperture(plain)[BLINKS[0]].min() > 0.1
    safe = smooth_track(noisy, Smoothing(eyes=0.08))
    assert eye_aperture(safe.points)[BLINKS[0]].max() < 0.05


def test_regions_are_smoothed_by_their_own_strength() -> None:
    noisy = performance(0.4)
    only_brows = smooth_track(noisy, Smoothing(0, 0, 0.1, 0, 0, 0, 0))
    moved = np.abs(only_brows.points - noisy.points).max(axis=(0, 2))
    assert moved[17:27].min() > 0.2
    assert np.delete(moved, np.arange(17, 27)).max() < 1e-3


def test_lost_frames_stay_lost_and_harm_nobody() -> None:
    noisy = performance(0.4)
    points = np.array(noisy.points)
    points[40:50] = np.nan
    calm = smooth_track(replace(noisy, points=points), "strong")
    assert np.array_equal(calm.valid, np.isfinite(points).all(axis=(1, 2)))
    clean = performance(0.0)
    assert np.abs(calm.points - clean.points)[calm.valid][..., :2].max() < 4


def test_smoothing_a_straight_line_changes_nothing_even_at_uneven_times() -> None:
    times = np.cumsum(np.random.default_rng(1).uniform(0.01, 0.1, 50))
    line = 3 * times[:, None] + [1, 2]
    assert np.allclose(smooth(times, line, 0.1), line)
    line[20] = np.nan
    out = smooth(times, line, 0.1)
    assert np.isnan(out[20]).all()
    assert np.allclose(np.delete(out, 20, 0), np.delete(line, 20, 0))


def test_one_euro_is_calm_at_rest_and_quick_in_motion() -> None:
    rng = np.random.default_rng(0)
    euro = OneEuro(min_cutoff=1.0, beta=2.0, unit=1.0)
    times = np.arange(200) / 30
    still = np.array([euro(t, rng.normal(0, 0.01, 5)) for t in times])
    assert still[30:].std() < 0.004
    move = np.where(times > 1, np.clip((times - 1) * 3, 0, 1), 0)
    slow, quick = OneEuro(1.0, 0.0), OneEuro(1.0, 4.0)
    lag = [
        np.array([f(t, np.array([v])) for t, v in zip(times, move, strict=True)])[:, 0] for f in (slow, quick)
    ]
    late = [int(np.argmax(values > 0.9)) - int(np.argmax(move > 0.9)) for values in lag]
    assert late[1] <= 3 < late[0]
    assert lag[1].max() <= 1.0 + 1e-9


def test_one_euro_takes_lost_values_and_refuses_time_that_stands() -> None:
    euro = OneEuro()
    euro(0.0, np.array([1.0, 1.0]))
    assert np.isnan(euro(0.1, np.array([np.nan, 1.0]))[0])
    again = euro(0.2, np.array([5.0, 1.0]))
    assert again[0] == 5.0
    with pytest.raises(InputError, match="time"):
        euro(0.2, np.array([1.0, 1.0]))
    with pytest.raises(InputError):
        OneEuro(min_cutoff=0)
    with pytest.raises(InputError, match="cutoffs"):
        OneEuro(min_cutoff=np.array([1.0, 0.0]))


def test_one_euro_takes_a_cutoff_per_element() -> None:
    values = np.random.default_rng(5).normal(size=(40, 3)).cumsum(axis=0)
    cutoffs = np.array([0.5, 2.0, 8.0])
    whole = OneEuro(min_cutoff=cutoffs)
    both = np.array([whole(n / 25, row) for n, row in enumerate(values)])
    for column, cutoff in enumerate(cutoffs):
        alone = OneEuro(min_cutoff=float(cutoff))
        np.testing.assert_allclose(
            both[:, column], [alone(n / 25, row[column]) for n, row in enumerate(values)]
        )


def test_outliers_go_and_blinks_stay() -> None:
    clean = performance(0.1)
    points = np.array(clean.points)
    points[30] += 80  # another face for one frame
    points[55, 33] += [0, 25, 0]  # one stray point
    points[110, 20] += [15, 0, 0]
    out = remove_outliers(replace(clean, points=points))
    assert list(np.flatnonzero(~out.valid)) == [30]
    assert (out.confidence[30] == 0).all()
    assert np.abs(out.points[55, 33] - clean.points[55, 33]).max() < 1.5
    assert np.abs(out.points[110, 20] - clean.points[110, 20]).max() < 1.5
    untouched = np.ones((150, 68), bool)
    untouched[30], untouched[55, 33], untouched[110, 20] = False, False, False
    assert np.abs(out.points - clean.points)[untouched].max() < 1e-3


def test_blink_weights_rise_and_fall_softly() -> None:
    weights = blink_weights(performance(0.1))
    assert weights[BLINKS[0]].min() == 1.0
    assert weights[BLINKS[0] - 12].max() == 0.0
    assert np.abs(np.diff(weights, axis=0)).max() < 0.8


def test_unknown_strengths_are_refused() -> None:
    with pytest.raises(InputError, match="medium"):
        smooth_track(performance(0.1), "heavy")
    with pytest.raises(InputError, match="'head'"):
        Smoothing(head=-1)


def test_apertures_are_told_in_their_units() -> None:
    points = face()[None]
    assert eye_distance(points)[0] == pytest.approx(90)
    assert np.allclose(eye_aperture(points), 10 / 30)
    assert mouth_aperture(points)[0] == pytest.approx(0, abs=1e-3)
