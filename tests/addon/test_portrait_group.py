# SPDX-License-Identifier: GPL-3.0-or-later
"""Group portraits: every face is listed, each may have its rig on the one picture."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from .conftest import Blender


@pytest.mark.slow
def test_one_rig_per_chosen_face(blender: Blender, tmp_path: Path, demo_portrait: Path) -> None:
    one = Image.open(demo_portrait).convert("RGB").resize((400, 500), Image.Resampling.LANCZOS)
    both = Image.new("RGB", (720, 500), (96, 84, 70))
    both.paste(one, (0, 0))
    both.paste(one.resize((320, 400), Image.Resampling.LANCZOS), (400, 100))
    both.save(tmp_path / "couple.png")
    seen = blender.run("group.py", tmp_path, picture=tmp_path / "couple.png")

    left, right = seen["boxes"]
    assert left[2] < 400 < right[0]
    assert seen["thumbnails"] == [True, True]
    assert seen["first"] == [0, 0, True]
    assert seen["rigs"] == ["couple", "couple 2"]
    assert seen["planes"] == 1
    assert seen["folders"] == 2
    for middle, box in zip(seen["beside"], seen["boxes"], strict=True):
        assert box[0] < middle < box[2]
    assert all(0.1 < value < 1.0 for value in seen["sure"])
    assert seen["drawn"] == [[1, False], [2, True]]
    assert seen["chosen"] == [True, True, True]
    assert seen["active_wins"]

    assert seen["fixes"]
    assert seen["redetected"] < 0.05
    assert seen["face_stays"] == 1
    assert seen["by_hand"] == 1
    assert seen["detected_again"] == [0, pytest.approx(0, abs=0.05), True, 2]
    assert seen["instead"] == [0]
