# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever is missing is one line in a report, never a traceback, and leaves nothing half made."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from .conftest import Blender

EXPECTED = {
    "no_portrait": "Load a portrait first",
    "no_file": "No picture was chosen",
    "missing_picture": "there is no such picture",
    "not_a_picture": "is not a picture that Blender reads",
    "no_rig": "Detect the portrait's landmarks first",
    "missing_engine": "the engine's Python is not there",
    "missing_engine_check": "the engine's Python is not there",
    "no_face": "face",
    "missing_performance": "there is no such performance",
    "not_a_performance": "text.png",
    "picture_moved": "the picture is not there",
    "which_portrait": "Select the portrait that is meant",
}


def test_errors_are_reports(blender: Blender, tmp_path: Path, demo_portrait: Path) -> None:
    blank = tmp_path / "blank.png"
    Image.new("RGB", (300, 300), (120, 110, 90)).save(blank)
    seen = blender.run("errors.py", tmp_path, picture=demo_portrait, blank=blank)
    for name, text in EXPECTED.items():
        line = seen[name]
        assert text in line, f"{name}: {line!r}"
        assert "\n" not in line, f"{name}: {line!r}"
        assert "Traceback" not in line, name
    assert "Traceback" not in seen["stderr"]
    assert seen["two_portraits"] == ""
    assert seen["images_left"] == []
    assert seen["objects_left"] == []
    assert seen["blank_stays"] == "blank", "a portrait without landmarks stays on its plane"
