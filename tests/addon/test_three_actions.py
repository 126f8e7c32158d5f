# SPDX-License-Identifier: GPL-3.0-or-later
"""A new artist: drop a picture, pick a preset, bake; no setting is touched and nothing needs tidying."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from .conftest import Blender


@pytest.mark.slow
def test_picture_preset_bake(blender: Blender, tmp_path: Path, demo_portrait: Path) -> None:
    picture = tmp_path / "portrait.png"
    Image.open(demo_portrait).convert("RGB").resize((240, 300), Image.Resampling.LANCZOS).save(picture)
    seen = blender.run("three_actions.py", tmp_path, picture=picture)
    assert "Cube" in seen["before"]
    cube, plane = seen["boxes"]["Cube"], seen["boxes"][seen["plane"]]
    assert plane[1][1] < cube[1][0], "the cube of a new file stands behind the picture"
    assert plane[2][0] == pytest.approx(0, abs=1e-5), "which stands on the floor"
    assert seen["apart"] > seen["wide"], "a second picture stands beside the first"

    first, last, current = seen["range"]
    assert current == first == 1
    assert last - 1 < seen["keys"][1] < last + 1, "the timeline is as long as the performance"
    assert seen["seen"] == [True, False, False, True], "the bake is seen in place of the still picture"
    assert seen["active"] == seen["rig"]
    assert len(seen["frames"]) == 8 and seen["first"] == seen["frames"][0]
    assert len(seen["films"]) == 1
    still = np.asarray(Image.open(picture)).astype(int)
    frames = [np.asarray(Image.open(path).convert("RGB")).astype(int) for path in seen["frames"]]
    assert all(frame.shape == still.shape for frame in frames)
    moved = [abs(frame - still).max(axis=2) > 12 for frame in frames]
    assert max(part.sum() for part in moved) > 40, "the lids close"
    assert all(part[:20].sum() == 0 for part in moved), "and the wall above the sitter stands still"

    shown, curves = seen["hidden"]
    assert not any(shown) and not curves, "bones and curves are out of the way of the bake"
    shown, curves = seen["posed"]
    assert all(shown) and curves, "posing brings them back"
    shown, curves = seen["again"]
    assert sum(shown) == len(shown) - 1 and curves, "a region that was switched off stays off"
    assert seen["words"] == ["", "Frames go beside film.blend", "Frames go into elsewhere"]
    assert seen["latest"] == [str(Path(seen["first"]).parent)]
    assert seen["saved"] == str(tmp_path / "tableau/film/portrait/frames/v001")
    assert Path(seen["takes"]).is_relative_to(tmp_path / "tableau/film/portrait/takes"), "they come along"
