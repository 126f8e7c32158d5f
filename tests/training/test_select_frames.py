# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames chosen of tracks whose every frame is known."""

from __future__ import annotations

import numpy as np
import pytest

from core.landmarks.mean_face import mean_face
from core.landmarks.track import LandmarkTrack
from core.training.select_frames import APART, WEIGHTS, choose_shots, choose_targets, measures, usable_frames

FRAMES = 60
BLINK, OPEN, TURN, LOST, SLIP = range(10, 14), range(20, 28), range(34, 42), range(46, 49), 53


@pytest.fixture
def track() -> LandmarkTrack:
    """A still head with a blink, an open mouth, a turn, lost frames and one slip of the detector."""
    rest = _face()
    points = np.repeat(rest[None], FRAMES, 0)
    points += np.random.default_rng(0).normal(0, 0.02, points.shape)
    for frame in BLINK:
        for up, low in ((37, 41), (38, 40), (43, 47), (44, 46)):
            points[frame, up, 1] = points[frame, low, 1] - 0.3
    points[OPEN.start : OPEN.stop, 65:68, 1] += 18
    points[OPEN.start : OPEN.stop, 55:60, 1] += 18
    for frame in TURN:
        # smoothly: a jump is a slip
        angle = 0.7 * np.sin(np.pi * (frame - TURN.start + 0.5) / len(TURN))
        middle = rest.mean(0)
        turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
        points[frame] = (points[frame] - middle) @ turn.T + middle
    points[LOST.start : LOST.stop] = np.nan
    points[SLIP, :, 0] += 25
    valid = np.isfinite(points).all(2)
    irises = np.full((FRAMES, 2, 2), np.nan)
    return LandmarkTrack(points, irises, np.arange(FRAMES) / 25, valid.astype(float), (256, 256))


def _face() -> np.ndarray:
    face = np.zeros((68, 3))
    face[:, :2] = mean_face()[:, :2]
    face[:, :2] -= face[:, :2].mean(0)
    face[:, :2] *= 75 / np.linalg.norm(face[45, :2] - face[36, :2])
    face[:, :2] += 128
    face[:, 2] = np.abs(face[:, 0] - 128) * 0.5
    return face


def test_lost_frames_and_slips_are_not_used(track: LandmarkTrack) -> None:
    usable = set(usable_frames(track).tolist())
    assert not usable & {*LOST, SLIP}
    assert {*BLINK} <= usable and len(usable) > 40


def test_measures_tell_what_the_face_does(track: LandmarkTrack) -> None:
    values = measures(track)
    apart = np.abs(values - values[0]) * WEIGHTS
    assert apart[OPEN[3]].argmax() == 0
    assert apart[BLINK[1]].argmax() in (2, 3)
    assert apart[TURN[4]].argmax() == 4
    assert np.isnan(values[LOST[0]]).any()


def test_shots_have_open_eyes_and_face_the_viewer_mostly(track: LandmarkTrack) -> None:
    picked = [choose_shots(track, 4, np.random.default_rng(seed)) for seed in range(20)]
    first = [shots[0] for shots in picked]
    odd = {*BLINK, *TURN[2:-2]}
    assert not set(first) & odd
    share = sum(shot in odd for shots in picked for shot in shots) / 80
    assert 0 < share < 0.3
    assert all(len(set(shots)) == len(shots) == 4 for shots in picked)


def test_targets_cover_the_extremes_and_ordinary_moments(track: LandmarkTrack) -> None:
    targets = choose_targets(track, 0, 12, np.random.default_rng(1), {2, 3})
    assert targets == sorted(set(targets)) and len(targets) == 12
    assert all(set(targets) & set(moments) for moments in (BLINK, OPEN, TURN))
    ordinary = set(targets) - {*BLINK, *OPEN, *TURN}
    assert len(ordinary) >= 2
    assert not set(targets) & {*LOST, SLIP, 2, 3, *range(APART)}


def test_far_turned_frames_are_no_targets(track: LandmarkTrack) -> None:
    yaw = measures(track)[:, 4]
    targets = {
        f for shot in range(5) for f in choose_targets(track, shot, 40, np.random.default_rng(0), set())
    }
    assert max(abs(yaw[sorted(targets)])) < 0.65
    far = {frame for frame in TURN if abs(yaw[frame]) > 0.65}
    assert far and not far & targets and len(targets) > 30


def test_the_same_seed_chooses_the_same_frames(track: LandmarkTrack) -> None:
    def choose(seed: int) -> tuple[list[int], list[int]]:
        random = np.random.default_rng(seed)
        return choose_shots(track, 3, random), choose_targets(track, 0, 8, random, set())

    assert choose(5) == choose(5) != choose(6)


def test_a_short_track_gives_what_it_has(track: LandmarkTrack) -> None:
    short = track.slice(0, 9)
    random = np.random.default_rng(0)
    assert choose_targets(short, 0, 12, random, set()) == [5, 6, 7, 8]
    lost = track.slice(LOST.start, LOST.stop)
    assert choose_shots(lost, 3, random) == []
