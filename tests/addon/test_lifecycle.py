# SPDX-License-Identifier: GPL-3.0-or-later
"""The built zip installs, costs little to import and leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

from .conftest import Blender


def test_enable_and_disable_leave_nothing(blender: Blender, tmp_path: Path) -> None:
    seen = blender.run("lifecycle.py", tmp_path)
    assert "load_portrait" in seen["enabled"]["operators"]
    assert seen["enabled"]["object"] == ["tableau", "tableau_bake", "tableau_gains"]
    assert "TABLEAU_FH_picture" in seen["enabled"]["types"]
    assert seen["enabled"]["menu"] == [
        *2 * ["_import_entry"],
        *2 * ["_export_entry"],
        *2 * ["_steps_entry"],
        *3 * ["_retime_entry"],
    ]
    without = set(seen["enabled"]["operators"]) - set(seen["entries"])
    assert without == {"stop", "pause_bake", "remove_shot", "load_asset", "copy_details"}, "not in F3"
    assert set(seen["entries"]) <= set(seen["enabled"]["operators"])
    assert seen["pong"] == {"pong": True}
    assert seen["hello"]["protocol"] == 1
    assert seen["alive"]
    assert seen["ended"], "the worker outlives the extension"
    for state in (seen["disabled"], seen["again"]):
        assert state["types"] == []
        assert state["operators"] == []
        assert state["object"] == []
        assert state["menu"] == []
        assert state["handlers"] == []


def test_import_is_light(blender: Blender, tmp_path: Path) -> None:
    seen = blender.run("lifecycle.py", tmp_path)
    print(f"import and register: {1000 * seen['import_seconds']:.1f} ms")
    assert not {"torch", "numpy", "numba", "cv2", "scipy"} & set(seen["imported"])
