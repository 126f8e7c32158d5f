# SPDX-License-Identifier: GPL-3.0-or-later
"""Fix Landmarks changes where the rig rests, and nothing else; posing and the overlay follow it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .conftest import Blender


@pytest.fixture(scope="module")
def seen(blender: Blender, tmp_path_factory: pytest.TempPathFactory, demo_portrait: Path) -> dict[str, Any]:
    return blender.run("landmarks.py", tmp_path_factory.mktemp("landmarks"), picture=demo_portrait)


def test_bones_are_grouped_by_region(seen: dict[str, Any]) -> None:
    groups = {"Head": 1, "Brows": 10, "Eyes": 12, "Gaze": 2, "Nose": 9, "Lips": 20, "Jaw": 17}
    assert seen["collections"] == groups


def test_dragged_points_become_the_rest_pose(seen: dict[str, Any]) -> None:
    assert (seen["kind"], seen["mode"], seen["rig_hidden"], seen["renders"]) == ("FIX", "EDIT", True, False)
    assert seen["flat"] == 0.0, "the points lie on the picture, so that no view shifts them against it"
    assert seen["moved"] == {
        "40": pytest.approx([7, -3, 0], abs=0.02),
        "57": pytest.approx([0, 5, 0], abs=0.02),
    }
    assert seen["after"] == [True, "OBJECT", False, 2]
    assert seen["left"] == []
    assert seen["action_stays"]
    assert seen["saved"] < 1e-3, "retargeting and the bake read this file"
    assert seen["sure"] == [1.0, 1.0, pytest.approx(0.1 + 0.8 * 41 / 67, abs=1e-3)]


def test_discard_deletion_and_starting_again(seen: dict[str, Any]) -> None:
    assert seen["discarded"] == 0.0
    assert seen["with_deleted"] == [20]
    assert "Start Fix Landmarks first" in seen["points_gone"]
    assert seen["again"] == "FIX"


def test_reset_and_symmetrize(seen: dict[str, Any]) -> None:
    assert seen["reset_selected"] == [pytest.approx(3.0, abs=0.02), pytest.approx(0.0, abs=0.02)]
    assert seen["reset"] < 0.02
    assert seen["right_kept"] < 0.02 < seen["left_changed"]
    assert seen["turned_error"] < 1e-9
    assert seen["mended"] < 0.25 * seen["pulled"]


def test_what_is_missing_is_said(seen: dict[str, Any]) -> None:
    assert "Load a portrait first" in seen["no_rig"]
    assert "Start Fix Landmarks first" in seen["not_fixing"]
    assert "press Done" in seen["twice"]
    assert "press Done first" in seen["pose_while_fixing"]
    assert "Leave Edit Mode first" in seen["bake_while_fixing"]
    assert "No point is selected" in seen["nothing_selected"]


def test_posing_is_another_mode(seen: dict[str, Any]) -> None:
    assert seen["pose"] == [True, "POSE"]
    assert seen["pose_off"] == "OBJECT"


def test_the_still_picture_is_what_points_are_laid_on(seen: dict[str, Any]) -> None:
    assert seen["while_fixing"] == [False, True]
    assert seen["fixed"] == [True, False]


def test_linked_rigs_are_left_alone(seen: dict[str, Any]) -> None:
    for line in seen["linked"]:
        assert "linked from another file" in line


def test_overlay_draws_curves_through_the_landmarks(seen: dict[str, Any]) -> None:
    # 7 open and closed curves: a piece per step between neighbors
    steps = 6 * (16 + 4 + 4 + 3 + 4 + 6 + 6 + 12 + 8)
    assert seen["segments"] == steps
    assert seen["through"] < 1e-6
    red, amber, green = seen["colors"]
    assert red[0] > 2 * red[1] and green[1] > 2 * green[0] and min(amber[:2]) > 3 * amber[2]
    assert seen["with_gap"][0] < steps and seen["with_gap"][1]
    assert seen["drawn"] == [pytest.approx(0, abs=1e-5), pytest.approx(0, abs=1e-5)]
    assert seen["shown"] and seen["off"] == []


def test_overlay_leaves_no_handler(seen: dict[str, Any]) -> None:
    assert seen["no_handlers_headless"] == 0
    assert seen["handlers"] == 2
    assert seen["handlers_after"] == [0, 0]
