# SPDX-License-Identifier: GPL-3.0-or-later
"""Seamless loops of a strip: the best seam, an exact period, no frame shown twice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from addon.retime import loops

from .conftest import Blender


def test_a_loop_has_its_period_and_no_seam(blender: Blender, tmp_path: Path, demo_portrait: Path) -> None:
    seen = blender.run("retime_loop.py", tmp_path, picture=demo_portrait)
    assert seen["best"] == [11, 90, 240], "a sway of 80 frames, three times"
    assert seen["period"] < 1e-3
    after, before = seen["steps"]
    assert after < 1.02 * before, "no jump at the seam"
    assert seen["muted"] == [True, False]
    assert seen["exact"] == [11, 60]
    assert seen["exact_period"] < 1e-3, "frame N + 1 is frame 1"
    assert seen["next"] > 0.1, "frame N is not frame 1"
    assert "too short" in seen["short"]


def test_the_seam_is_found_where_pose_and_speed_agree() -> None:
    frames = np.arange(130)
    phase = 2 * np.pi * (frames - 4) / 100
    points = np.stack([np.sin(phase), np.cos(2 * phase), 0 * phase], axis=1)[:, None] * 50
    a, b, apart = loops.best_seam(points, 20, 8)
    assert b - a == 100
    assert apart == pytest.approx(0, abs=1e-9)


def test_cross_fade_joins_what_does_not_meet() -> None:
    ramp = loops.loop(lambda at: np.asarray(at, float)[:, None] ** 1.0, 2, 52, 60, 50, 8)[:, 0]
    assert ramp[0] == ramp[-1] == 52, "it begins with what follows the end"
    assert abs(ramp[49] - 51) < 1e-9
    assert abs(ramp[8] - 10) < 1e-9
    assert len(ramp) == 51
