# SPDX-License-Identifier: GPL-3.0-or-later
"""The three steps with the real engine: the plane plays the very frames that were baked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from .conftest import Blender


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB")).astype(int)


@pytest.mark.slow
def test_bake_plays_on_the_plane(blender: Blender, tmp_path: Path, demo_portrait: Path) -> None:
    picture = tmp_path / "portrait.png"
    Image.open(demo_portrait).convert("RGB").resize((400, 500), Image.Resampling.LANCZOS).save(picture)
    seen = blender.run("bake.py", tmp_path, picture=picture)
    work = tmp_path / "tableau/scene/portrait"
    first, second = seen["first"], seen["second"]
    assert seen["rig"] == "RIG"
    assert seen["detector"]
    assert seen["current"] == 6
    assert first["frames"] == [f"frame.{number:04d}.png" for number in (5, 6, 7, 8)]
    assert first["image"] == "//tableau/scene/portrait/frames/frame.0005.png"
    assert first["source"] == "SEQUENCE"
    assert first["user"] == [5, 4, 4, True, True]
    assert first["still_hidden"] == [True, True]
    assert {"face.npz", "target.npz", "job.json", "portrait.mp4", "sheet.png"} <= set(seen["files"])
    for frame, number in ((5, 5), (6, 6), (8, 8), (10, 6)):
        baked = pixels(tmp_path / f"first-frames/frame.{number:04d}.png")
        assert abs(pixels(tmp_path / f"scene-{frame}.png") - baked).max() == 0, frame
    still, turned = pixels(picture), pixels(tmp_path / "scene-8.png")
    assert abs(still - turned).max() > 20, "the pose moves the picture"
    corner = np.s_[:20, :20]
    assert abs(still - turned)[corner].max() == 0

    assert "frame.0005.png" not in seen["rewritten"], "what did not change is not painted again"
    assert {"frame.0008.png", "frame.0009.png"} <= set(seen["rewritten"])
    assert second["user"] == [5, 5, 4, False, True]
    assert second["nodes"] == first["nodes"]
    assert second["objects"] == first["objects"]
    assert seen["same_plane"]
    assert abs(pixels(tmp_path / "reopened-6.png") - pixels(work / "frames/frame.0006.png")).max() == 0
    assert all(path.startswith("//") for path in seen["paths"])
