# SPDX-License-Identifier: GPL-3.0-or-later
"""Portraits beside others: in one scene, and linked from another file."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from .conftest import Blender


@pytest.fixture
def small(tmp_path: Path, demo_portrait: Path) -> Path:
    picture = tmp_path / "portrait.png"
    Image.open(demo_portrait).convert("RGB").resize((240, 300), Image.Resampling.LANCZOS).save(picture)
    return picture


@pytest.mark.slow
def test_one_portrait_leaves_the_other_alone(blender: Blender, tmp_path: Path, small: Path) -> None:
    seen = blender.run("beside.py", tmp_path, picture=small)
    assert seen["both"] == seen["alone"], "a shorter performance cuts nothing off a longer one beside it"
    assert seen["looped"] == seen["alone"]
    assert len(set(seen["folders"])) == 2
    assert seen["first_kept"] and not seen["first_sliders"]


@pytest.mark.slow
def test_sampling_takes_turns(blender: Blender, tmp_path: Path, small: Path) -> None:
    seen = blender.run("beside.py", tmp_path, picture=small)
    assert seen["same"], "in turns or at one go, the poses are the same"
    assert seen["frame"] == 3, "the scene stands where it stood after every turn"
    assert seen["turns"] == [3], "frames that a turn has time for"
    assert seen["asked"] == 0 and seen["wanted"] == 0, "the live preview does not follow the sampling"
    assert "another scene than Scene" in seen["elsewhere"]


@pytest.mark.slow
def test_linked_portraits_say_what_cannot_be_done(blender: Blender, tmp_path: Path, small: Path) -> None:
    seen = blender.run("linked.py", tmp_path, picture=small)
    for way in ("linked", "override"):
        said = seen[way]
        for step in ("preset", "retarget", "detect", "fix", "curve", "keys", "sliders"):
            assert "linked from another file" in said[step], (way, step)
            assert "Traceback" not in said[step] and "mistake" not in said[step], (way, step)
        assert "linked from another file" in said["personalize"]
        assert said["preview"] == said["stop"] == "" and said["shown"], "it can be previewed"
        assert said["follows"] > 0
    assert "linked from another file" in seen["linked"]["pose"]
    assert "linked from another file" in seen["linked"]["version"] and seen["override"]["version"] == ""
    assert "Traceback" not in seen["stderr"]


@pytest.mark.slow
def test_linked_portraits_are_baked_in_the_file_that_uses_them(
    blender: Blender, tmp_path: Path, small: Path
) -> None:
    seen = blender.run("linked_bake.py", tmp_path, picture=small)
    for way in ("linked", "override"):
        said = seen[way]
        assert said["problem"] == "" and said["again"] == "", way
        assert said["same"], "the frames are those that the library's own file bakes"
        assert said["beside"], "they lie beside the file that uses the portrait"
        assert said["plane"] == said["plane_again"] and said["plane"]["own"], "one plane, of this file"
        assert said["covered"], "nothing of the library's plays over it"
        assert said["rewritten"] == [], "a bake after reopening renders nothing again"
        assert said["layers"] == ["painted", "plate", "sitter"]
        assert "choose another target" in said["portrait"]
        assert said["due"] == "All 2 frames are up to date"
    assert seen["override"]["kept"] == ["override", True, "PNG16", 777, True]
    assert seen["linked"]["kept"][3] == 1080, "what the library's file has"
    assert "does not keep these choices" in seen["linked"]["unkept"] and seen["override"]["unkept"] == ""
    assert "a library override of it does" in seen["stdout"], "the bake says so"
    assert seen["linked"]["before"] > 0, "that its portrait is hidden is not kept: the plane lies before it"
    assert seen["library_same"], "the library's file is left alone"
    assert "Traceback" not in seen["stderr"]
