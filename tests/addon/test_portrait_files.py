# SPDX-License-Identifier: GPL-3.0-or-later
"""A picture comes in by menu or drop, and a lost one is found again without losing the rig."""

from __future__ import annotations

from pathlib import Path

from .conftest import Blender


def test_pictures_come_in_and_are_found_again(blender: Blender, tmp_path: Path, demo_portrait: Path) -> None:
    seen = blender.run("files.py", tmp_path, picture=demo_portrait)
    operator, extensions = seen["handler"]
    assert operator == "tableau.load_portrait"
    assert {".png", ".jpg", ".jpeg", ".tif", ".webp"} <= set(extensions)
    assert seen["menu"] == ["files", "operators"]  # a picture, a performance
    assert seen["dropped"] == ["PORTRAIT", "//here/painting.png"]
    assert seen["camera"]

    assert (seen["colors_before"], seen["colors_after"]) == (False, True)
    assert seen["colors_again"] == ""

    assert seen["present"] == ""
    assert seen["missing"] == "painting.png: the picture is not there"
    assert "find it again" in seen["detect_missing"]
    assert "there is no such picture" in seen["no_file"]
    assert "other proportions" in seen["other"]
    assert seen["unchanged"] == "//here/painting.png"
    assert seen["relinked"] == ["//there/renamed.png", ""]
    assert seen["image"] == ["//there/renamed.png", seen["size"]]
    assert seen["small"] == [side // 2 for side in seen["size"]]
    assert seen["same_plane"] < 1e-6
    assert seen["half"] < 0.01
    assert seen["mended"] == "//here/painting.png"
    assert "No picture was chosen" in seen["nothing_mended"]
