# SPDX-License-Identifier: GPL-3.0-or-later
"""The presets by picture: in the panel's grid, and as assets in a library of their own."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from core import methods
from core.presets import PERFORMANCES, preset_names

from .conftest import Blender


def test_every_preset_has_a_small_picture() -> None:
    for name in preset_names():
        with Image.open(PERFORMANCES / f"{name}.png") as picture:
            assert picture.size == (128, 128), name
    assert sum(path.stat().st_size for path in PERFORMANCES.glob("*.png")) < 200_000


@pytest.mark.slow
def test_presets_are_assets(blender: Blender, tmp_path: Path, demo_portrait: Path) -> None:
    face = tmp_path / "face.npz"
    params = {"image": str(demo_portrait), "output": str(face)}
    methods.run("detect", params, lambda done, total, text: None, lambda: False)
    seen = blender.run("assets.py", tmp_path, picture=demo_portrait, face=face)
    assert seen["items"] == preset_names() and seen["first"] == preset_names()[0]
    assert all(size == [128, 128] for size in seen["sizes"])

    assert "not in the Asset Browser" in seen["none"]
    assert seen["untouched"], "the artist's own file has nothing of it"
    assert seen["listed"] == [[], ["Tableau Vivant"]]
    assert seen["files"] == ["blender_assets.cats.txt", "performances.blend"]
    assert f"{seen['catalog']}:Tableau Vivant/Performances:" in seen["catalogs"]
    assert len(seen["assets"]) == len(preset_names()) and "Slow Smile" in seen["assets"]
    size, contrast = seen["preview"]
    assert size == [128, 128] and contrast > 0.1

    assert seen["peak"] > 0.7
    assert seen["loaded"] == ["wink", "wink"]
    assert "no performance of Tableau Vivant" in seen["other"]
    assert "no performance of Tableau Vivant" in seen["nothing"]
    assert seen["disabled"] == [] and seen["enabled"] == ["Tableau Vivant"]
    assert seen["removed"] == [[], False]
