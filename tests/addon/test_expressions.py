# SPDX-License-Identifier: GPL-3.0-or-later
"""Expression sliders over a track, solving into them, and takes that are applied again."""

from __future__ import annotations

from pathlib import Path

import pytest

from core import methods
from core.head.arkit import ARKIT

from .conftest import Blender


@pytest.mark.slow
def test_sliders_solve_and_retarget(blender: Blender, tmp_path: Path, demo_portrait: Path) -> None:
    face = tmp_path / "face.npz"
    params = {"image": str(demo_portrait), "output": str(face)}
    methods.run("detect", params, lambda done, total, text: None, lambda: False)
    seen = blender.run("expressions.py", tmp_path, picture=demo_portrait, face=face)
    print({key: value for key, value in seen.items() if key not in ("stdout", "stderr")})
    assert all("Load a portrait first" in line for line in seen["no_portrait"])
    assert "Detect the portrait's landmarks first" in seen["no_rig"]
    assert all("Load a performance first" in line for line in seen["no_performance"])

    assert seen["sliders"] == [*ARKIT, "gazeX", "gazeY"]
    assert seen["simple"], "drivers must play where scripts are not allowed to run"
    assert seen["longest"] <= 255
    assert seen["soft"] == [0.0, 1.0]
    assert seen["effect_error"] < 0.3
    own, other = seen["closes"]
    assert own > 3 and other < 0.2 * own

    assert seen["take"] == [True, "takes", True] and seen["read_only"] == 0
    assert seen["solved_error"] < 0.05, "solving moves nothing"
    assert seen["told_error"] < 0.01, "what the curves tell is what the drivers show"
    assert "eyeBlinkLeft" in seen["shown"] and len(seen["shown"]) < 30
    assert seen["blink_peak"] > 0.7
    assert seen["all_shown"] == 54
    own, other = seen["keyed"]
    assert own > 3 and other < 0.2 * own

    assert "Gains" in seen["due_gains"] and seen["not_due"] == ""
    assert seen["mouth"][1] < 0.5 * seen["mouth"][0]
    assert seen["edited"] == seen["still_edited"] == ["eyeBlinkRight"]
    assert seen["kept"][0] < 0.5 * seen["kept"][1], "Re-target does not undo what was done by hand"
    assert seen["overwritten"] == [] and seen["back"] < 0.3
    assert "Gains" in seen["due_keys"] and seen["not_due_keys"] == ""
    assert seen["first_half"] < 0.3
    assert seen["second_half"][0] < 0.3 < 2 < seen["second_half"][1]
    assert "fixed" in seen["due_fixed"]
    assert 2 < seen["fixed"] < 6

    assert seen["removed"] == [71, 0]
    assert [strip[1] for strip in seen["strips"]][-1] == "nod" and len(seen["strips"]) == 2
    assert seen["active"] and seen["strip_error"] < 0.05
    assert seen["strip_retargeted"] > 1 and seen["same_strips"]
    assert "was changed" in seen["changed"]
    assert "the take is not there" in seen["lost"]
    assert ".mp4" in seen["handler"]
