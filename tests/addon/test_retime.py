# SPDX-License-Identifier: GPL-3.0-or-later
"""A performance as a strip with a time curve: which frame of it shows at which frame of the scene."""

from __future__ import annotations

from pathlib import Path

import pytest

from addon.retime import timing
from addon.retime.timing import Key
from core import methods

from .conftest import Blender


def test_every_operator_on_the_time_curve(blender: Blender, tmp_path: Path, demo_portrait: Path) -> None:
    seen = blender.run("retime.py", tmp_path, picture=demo_portrait)
    assert "Load a portrait first" in seen["polls"][0]
    assert seen["action"], "the Action became a strip"
    assert seen["same"] < 1e-3, "making a time curve moves nothing"
    assert seen["curve"]["keys"] == [[5, 5], [104, 104]]

    assert seen["fit"]["span"] == [5, 54], "50 frames are 49 steps"
    assert seen["fit"]["seen"] == pytest.approx([0, 99], abs=1e-3)
    assert "two timeline markers" in seen["no_markers"]
    assert seen["markers"]["span"] == [10, 208]
    assert seen["markers"]["seen"] == pytest.approx([0, 49.5, 99], abs=1e-3)

    assert seen["hold"]["seen"] == pytest.approx([30, 30, 30, 40, 99], abs=1e-3)
    assert "outside the strip" in seen["outside"]
    assert seen["ramp"]["seen"] == pytest.approx([40, 48.75, 55, 60], abs=1e-3)
    assert seen["monotone"] > 0
    assert seen["twos"] == pytest.approx([20, 20, 22, 22], abs=1e-3)
    assert seen["ones"] == pytest.approx([20, 21, 22, 23], abs=1e-3)

    assert seen["ping"]["span"] == [1, 97], "25 frames there and back are a loop of 48"
    assert seen["ping"]["seen"] == pytest.approx([0, 23, 24, 23, 1, 0, 1, 24, 1, 0], abs=1e-3)
    assert seen["conform"]["span"] == pytest.approx([1, 1 + 24 * 60 * 1001 / 24000], abs=1e-4)
    assert seen["conform_again"] == seen["conform"]["keys"], "a second time there is nothing to conform"
    assert "'fast'" in seen["bad_rate"]
    before, after = seen["own"]
    assert after == pytest.approx(before, abs=1e-3), "Blender's repeat and scale play on as keys"


def test_a_ramp_stops_where_the_performance_runs_out() -> None:
    keys = timing.ramped([Key(1, 1), Key(100, 100)], 10, 10, (1, -3), 40, (1, 100))
    assert min(key.y for key in keys) == 1
    assert keys[-1].y == pytest.approx(1)
    # the speed falls by a tenth a frame: after 10 frames it stands at frame 15, and back to 1 takes 16.73
    assert keys[-1].x == pytest.approx(10 + 10 + (2 * 14 / 0.1) ** 0.5)
    slow = timing.ramped([Key(1, 1), Key(100, 100)], 95, 95, (1, 1), 40, (1, 100))
    assert slow[-1] == Key(100, 100, "LINEAR", slow[-1].left, slow[-1].right)


def test_a_cut_curve_keeps_its_form() -> None:
    a, b = Key(0, 0, "BEZIER", None, (8, 1)), Key(20, 30, "LINEAR", (-3, -9), None)
    before, after = timing.split([a, b], 7, 0.0)
    assert before[-1] == after[0]
    assert before[-1].x == 7
    # the same point, by the cubic's own formula
    low, high = 0.0, 1.0
    for _ in range(60):
        t = (low + high) / 2
        x = 3 * (1 - t) ** 2 * t * 8 + 3 * (1 - t) * t * t * 17 + t**3 * 20
        low, high = (t, high) if x < 7 else (low, t)
    y = 3 * (1 - t) ** 2 * t * 1 + 3 * (1 - t) * t * t * 21 + t**3 * 30
    assert before[-1].y == pytest.approx(y)


def test_pinned_events_land_and_time_never_runs_back() -> None:
    keys = timing.pinned(
        [Key(1, 1), Key(101, 101)], [(30, 40, 30), (35, 38, 35), (80, 70, 80), (90, 200, 90)]
    )
    assert [(key.x, key.y) for key in keys] == [(1, 1), (40, 30), (70, 80), (101, 101)]


def test_time_curves_go_with_their_strips(blender: Blender, tmp_path: Path, demo_portrait: Path) -> None:
    seen = blender.run("retime_follow.py", tmp_path, picture=demo_portrait)
    assert seen["keys"] == [1, 11, 21, 60]
    assert seen["negative"][0] == [-99, -89, -79, -40]
    assert seen["negative"][1] == pytest.approx([0, 10, 10, 10, 11, 49], abs=2e-3)
    assert seen["moved"] == pytest.approx([0, 10, 10, 11, 49], abs=2e-3), "seen by a frame change alone"
    assert seen["dragged"] == pytest.approx([1, 11, 21, 60], abs=1e-3)
    assert seen["scaled"][0] == [1, 21, 41, 119]
    assert seen["scaled"][1] == pytest.approx([0, 10, 10, 11, 49], abs=2e-3)
    assert seen["fade"] == [11, 20], "an animated influence goes along"
    assert seen["twos"] == pytest.approx([0, 0, 2, 2], abs=2e-3)
    assert seen["longer"] == pytest.approx([6, 85], abs=1e-3)
    assert seen["fit"][0] == 1
    assert seen["fit"][-1] == 60
    assert seen["cut"][0] == pytest.approx(seen["cut"][1], abs=2e-3)
    assert seen["cut"][2][-1] == 30
    assert seen["left_behind"] == pytest.approx(1)
    assert seen["loaded"] == pytest.approx(500), "also where the extension was away"
    assert seen["no_op"] == ""


@pytest.mark.slow
def test_a_retimed_take_survives_retargeting(blender: Blender, tmp_path: Path, demo_portrait: Path) -> None:
    face = tmp_path / "face.npz"
    params = {"image": str(demo_portrait), "output": str(face)}
    methods.run("detect", params, lambda done, total, text: None, lambda: False)
    seen = blender.run("retime_take.py", tmp_path, picture=demo_portrait, face=face)
    print({key: value for key, value in seen.items() if key not in ("stdout", "stderr")})
    assert "Load a performance first" in seen["poll"]
    assert len(seen["laid"]) == 1 and seen["laid"][0][1] == -30
    assert seen["one_strip"], "a performance that is a strip is not made one again"
    assert seen["keys_stay"] and seen["solved_keys"]
    name, start, end = seen["laid"][0]
    assert seen["strip_stays"] == [[name, start, pytest.approx(end + 12)]]
    assert seen["mouth"][1] < 0.6 * seen["mouth"][0], "the strip shows the take as it is now"
    assert seen["held"] < 1e-3, "and still holds"
    assert seen["back"] < 0.01
    assert seen["filtered"] > 0.5 and seen["filter_stays"] < 0.01
    assert seen["unfiltered"] < 0.01
    assert seen["solved"] < 0.3
    loop, take = seen["looped"]
    assert 0.8 * take < loop < 1.1 * take, "a loop moves the mouth as the take does"
    assert len(seen["events"]) > 2
    for (name, frame), (solved_name, solved_frame) in zip(seen["events"], seen["solved_events"], strict=True):
        assert solved_name == name and abs(solved_frame - frame) <= 1
    assert seen["solved_filter"] > 0.05
    assert seen["baked"] < 0.5 + 0.3
