# SPDX-License-Identifier: GPL-3.0-or-later
"""Retimed strips as ordinary keys within a tolerance, and filters that can be taken off again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from addon.retime import reduce

from .conftest import Blender


def test_baked_keys_and_filters(blender: Blender, tmp_path: Path, demo_portrait: Path) -> None:
    seen = blender.run("retime_bake.py", tmp_path, picture=demo_portrait)
    print({key: value for key, value in seen.items() if key not in ("stdout", "stderr")})
    for error, tolerance in zip(seen["errors"], (0.1, 0.5, 2.0), strict=True):
        assert error <= tolerance, "measured on the evaluated rig, not promised by the reduction"
    assert seen["total"] > seen["counts"][0] > seen["counts"][1] > seen["counts"][2]
    assert seen["counts"][1] < 0.5 * seen["total"]
    assert seen["muted"] == [True, False]
    assert seen["on_trial"] == 1 and seen["stopped"] == ["Stopped", 0, False]
    start, end, first, last = seen["span"]
    assert (start, end) == (first, last)
    assert seen["whole"]
    assert seen["again"] == pytest.approx(last - first + 2)
    assert "muted" in seen["nothing"]

    assert "not filtered" in seen["not_filtered"]
    before, after = seen["nose"]
    assert after < 0.4 * before
    before, after = seen["lips"]
    assert after == pytest.approx(before, rel=1e-3), "a region at 0 stays as it was recorded"
    (deep, at), (deep_after, at_after) = seen["lids"]
    assert at_after == at
    assert deep_after < deep + 1.0, "a blink stays as deep as it was"
    assert seen["by_hand"] and seen["unfiltered"]
    assert seen["not_twice"] < 1e-3, "filters never pile up"
    assert seen["strong"] < 0.4 * before
    assert seen["euro"] < 0.7 * before
    assert seen["removed"][0] < 1e-3
    assert seen["removed"][1] == -1, "the kept motion goes with the filter"
    assert "by hand" in seen["too_short"]


def test_reduction_keeps_its_promise_and_needs_few_keys() -> None:
    frames = np.arange(200.0)
    values = np.stack([np.sin(frames / 15), np.where(frames < 100, 0.0, 1.0), np.zeros(200)], axis=1)
    slopes = np.gradient(values, axis=0)
    tolerance = np.array([0.01, 0.01, 0.01])
    rows = reduce.needed(frames, values, slopes, tolerance)
    assert rows[0] == 0 and rows[-1] == 199
    assert (np.abs(reduce.hermite(frames, values, slopes, rows) - values) <= tolerance).all()
    assert len(rows) < 40
    assert reduce.needed(frames, values[:, 2:], slopes[:, 2:], tolerance[2:]).tolist() == [0]
