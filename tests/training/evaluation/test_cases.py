# SPDX-License-Identifier: GPL-3.0-or-later
"""Which frames are shots and targets, and what part of a frame is judged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.errors import InputError
from core.training.evaluation.cases import _window, find_clips, pair_rows, shot_rows, target_rows


def test_one_shot_is_the_first_frame_and_targets_are_of_the_second_half() -> None:
    valid = np.ones(101, bool)
    assert shot_rows(valid, 1) == (0,)
    assert target_rows(valid, 3) == (50, 75, 100)
    assert target_rows(valid, 1) == (50,)


def test_more_shots_are_spaced_over_the_first_half() -> None:
    valid = np.ones(100, bool)
    assert shot_rows(valid, 8) == (0, 7, 14, 21, 28, 35, 42, 49)
    assert len(shot_rows(valid, 32)) == 32
    assert max(shot_rows(valid, 32)) < min(target_rows(valid, 12))


def test_lost_frames_are_neither() -> None:
    valid = np.ones(40, bool)
    valid[[0, 1, 20, 39]] = False
    assert shot_rows(valid, 1) == (2,)
    assert shot_rows(valid, 99) == tuple(range(2, 20))
    assert (min(target_rows(valid, 99)), max(target_rows(valid, 99))) == (21, 38)
    with pytest.raises(InputError, match="second half"):
        target_rows(np.arange(40) < 10, 4)
    with pytest.raises(InputError, match="first half"):
        shot_rows(np.arange(40) > 30, 4)


def test_pairs_are_targets_with_the_frame_after_them() -> None:
    valid = np.ones(100, bool)
    valid[76] = False
    assert pair_rows(valid, (50, 75, 99), 9) == ((50, 51),)  # 76 is lost, 100 is not there
    assert pair_rows(valid, (50, 60, 70), 2) == ((50, 51), (70, 71))
    assert pair_rows(valid, (50, 60, 70), 0) == ()


def test_large_frames_are_judged_around_the_face() -> None:
    points = np.zeros((2, 68, 3))
    points[0, :, 0], points[0, :, 1] = np.linspace(600, 700, 68), np.linspace(300, 420, 68)
    points[1] = points[0] + (20, 0, 0)
    assert _window(points, (256, 256)) is None
    window = _window(points, (1280, 720))
    assert window is not None
    x0, y0, x1, y1 = window
    assert x1 - x0 == y1 - y0 == 216  # 1.8 times 120
    assert (x0 + x1) / 2 == pytest.approx(660, abs=1) and (y0 + y1) / 2 == pytest.approx(360, abs=1)
    # near a border it moves inside
    assert _window(points - (600, 300, 0), (1280, 720)) == (0, 0, 216, 216)


def test_folders_without_clips_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no folder"):
        find_clips(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"holds no \*\.mp4"):
        find_clips(tmp_path)
    for name in ("b", "a"):
        (tmp_path / f"{name}.mp4").touch()
    assert [clip.stem for clip in find_clips(tmp_path)] == ["a", "b"]
    with pytest.raises(InputError, match="has no clip c"):
        find_clips(tmp_path, ["a", "c"])
