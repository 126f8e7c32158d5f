# SPDX-License-Identifier: GPL-3.0-or-later
"""What Blender 4.5 saved opens in the newer one and plays the same, with the extension and without it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from core.generator.identity import shipped
from core.generator.sitter import Sitter

from .conftest import Blender

SIZE = (240, 300)


@pytest.fixture(scope="module")
def saved(
    old_and_new: tuple[Blender, Blender], tmp_path_factory: pytest.TempPathFactory, demo_portrait: Path
) -> tuple[Path, dict[str, Any]]:
    """The folder of all.blend, written by the old Blender, and what it showed there."""
    folder = tmp_path_factory.mktemp("old")
    picture = folder / "portrait.png"
    Image.open(demo_portrait).convert("RGB").resize(SIZE, Image.Resampling.LANCZOS).save(picture)
    sitter, style = folder / "made.sitter.safetensors", torch.zeros(1, 8)
    delta = {"painting.weight": torch.ones(2, 2).half()}
    Sitter(style + 1, style, delta, shipped(), ("ab" * 32,), {"method": "fine-tuned"}).save(sitter)
    return folder, old_and_new[0].run("save_all.py", folder, picture=picture, sitter=sitter)


@pytest.mark.slow
@pytest.mark.parametrize("enabled", [True, False], ids=["with the extension", "without it"])
def test_an_old_file_plays_the_same(
    old_and_new: tuple[Blender, Blender], saved: tuple[Path, dict[str, Any]], tmp_path: Path, enabled: bool
) -> None:
    folder, before = saved
    facts = {"rig": before["rig"], "bones": before["bones"], "size": SIZE, "enabled": enabled}
    seen = old_and_new[1].run("open_all.py", tmp_path, blend=folder / "all.blend", **facts)
    assert before["version"].startswith("4.5") and seen["version"] > "5"
    assert seen["current"] == 10
    old, new = np.array(before["landmarks"]), np.array(seen["landmarks"])
    assert old.shape == new.shape == (7, 70, 3)
    moved = abs(old - old[0]).max(axis=(1, 2))
    assert (moved[1:] > 1e-3).all(), "the landmarks move"
    assert abs(old - new).max() < 1e-5, "meters on a picture of two"
    assert seen["keys"] == pytest.approx(np.array(before["keys"])) and len(before["keys"]) >= 4
    assert seen["played"] == before["played"] and len(before["played"]) == 1
    for frame in (10, 12):
        baked = next(folder.rglob(f"frames/v001/frame.{frame:04d}.png"))
        shown = np.asarray(Image.open(tmp_path / f"{enabled}-{frame}.png").convert("RGB")).astype(int)
        assert abs(shown - np.asarray(Image.open(baked).convert("RGB"))).max() == 0
    assert [file for file, _ in before["mattes"]] == [file for file, _ in seen["mattes"]] == [before["mask"]]
    (_, painted), (_, found) = before["mattes"][0], seen["mattes"][0]
    assert max(painted[:4]) == 0 < 0.1 < min(painted[4:8]), "what was painted black, and what was not"
    assert found == pytest.approx(painted, abs=1e-6)
    if not enabled:
        return
    assert seen["mask"] == [before["mask"], "matte.png"], "the bake of the new Blender uses it"
    assert seen["matte"] == [True, False, ""] and seen["mattes_after"] == seen["mattes"]
    assert seen["own"] == ["RIG", "wink", "PORTRAIT", "SEQUENCE"]
    assert seen["gain"] == pytest.approx(1.3)
    assert seen["sitter"] == [True, 0.75, True]
    assert seen["sliders"] and seen["take"] == "wink"
    assert [seen["due_said"], seen["due"]] == ["", "All 4 frames are up to date"]
    assert set(seen["steps"].values()) == {""}, "work goes on where it was left"
    assert seen["keys_after"] > len(before["keys"])
