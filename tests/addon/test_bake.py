# SPDX-License-Identifier: GPL-3.0-or-later
"""The three steps with the real engine: the plane plays the very frames that were baked."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from .conftest import Blender


@pytest.fixture
def small(tmp_path: Path, demo_portrait: Path) -> Path:
    picture = tmp_path / "portrait.png"
    Image.open(demo_portrait).convert("RGB").resize((400, 500), Image.Resampling.LANCZOS).save(picture)
    return picture


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB")).astype(int)


@pytest.mark.slow
def test_bake_plays_on_the_plane(blender: Blender, tmp_path: Path, small: Path) -> None:
    seen = blender.run("bake.py", tmp_path, picture=small)
    work = tmp_path / "tableau/scene/portrait"
    first, second = seen["first"], seen["second"]
    assert seen["rig"] == "RIG"
    assert seen["detector"]
    assert seen["current"] == 6
    assert first["frames"] == [f"frame.{number:04d}.png" for number in (5, 6, 7, 8)]
    assert first["image"] == "//tableau/scene/portrait/frames/v001/frame.0005.png"
    assert first["source"] == "SEQUENCE"
    assert first["user"] == [5, 4, 4, True, True]
    assert first["still_hidden"] == [True, True]
    assert {"face.npz", "target.npz", "job.json", "portrait_v001.mp4", "sheet_v001.png"} <= set(seen["files"])
    for frame, number in ((5, 5), (6, 6), (8, 8), (10, 6)):
        baked = pixels(tmp_path / f"first-frames/frame.{number:04d}.png")
        assert abs(pixels(tmp_path / f"scene-{frame}.png") - baked).max() == 0, frame
    still, turned = pixels(small), pixels(tmp_path / "scene-8.png")
    assert abs(still - turned).max() > 20, "the pose moves the picture"
    corner = np.s_[:20, :20]
    assert abs(still - turned)[corner].max() == 0

    assert "frame.0005.png" not in seen["rewritten"], "what did not change is not painted again"
    assert {"frame.0008.png", "frame.0009.png"} <= set(seen["rewritten"])
    assert second["user"] == [5, 5, 4, False, True]
    assert second["nodes"] == first["nodes"]
    assert second["objects"] == first["objects"]
    assert seen["same_plane"]
    for frame, number in ((2, 5), (6, 6)):  # not repeated, the first frame also stands before its time
        baked = pixels(work / f"frames/v001/frame.{number:04d}.png")
        assert abs(pixels(tmp_path / f"reopened-{frame}.png") - baked).max() == 0, frame
    assert all(path.startswith("//") for path in seen["paths"])


def test_choices_make_the_job_and_the_planes(blender: Blender, tmp_path: Path, small: Path) -> None:
    seen = blender.run("bake_options.py", tmp_path, picture=small)
    assert seen["current"] == 6.25, "the scene stands where it stood"
    assert seen["steps"] == pytest.approx([0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5], abs=2e-3)
    assert seen["times"] == pytest.approx([number * 1001 / 24000 for number in range(8)], abs=1e-12)
    assert seen["job"] == ["24000/1001", 0, [-5, 2]]
    assert seen["loaded"]
    rate, frames, steps, current, again = seen["beside"]
    assert [rate, frames, current, again] == ["30000/1001", [2, 3], 6.25, "24000/1001"]
    assert steps == pytest.approx([7.5, 8.0], abs=2e-3)

    assert seen["folder"] == "tableau/scene/portrait/frames/v001"
    assert seen["auto"] == ["png", 8, None]
    assert seen["chosen"] == ["out/portrait/frames/v001/frame.000007.png", 16, 100, None]
    assert seen["layers"] == ["exr", 16, 0.5, True, "layers"]
    assert "9000 px wide, the picture has 400" in seen["too_wide"]
    assert "comes before the first" in seen["backwards"]
    assert "Name the folder" in seen["no_folder"]
    assert seen["version"] == 8
    assert seen["counted"] and seen["recounted"]
    assert not seen["crowded"][0] and "bake each as Layers" in seen["crowded"][1]

    assert seen["ready"] == [0, 3]
    assert seen["grown_late"] == [20, 1, -1, False]
    assert seen["held"] == [0, -1], "before its first frame there is none to show but that one"
    assert seen["grown"] == [[-2, 1, -1, False], [-2, 3, -1, True]]
    assert seen["free"] == [None, 7, "frame // 2"], "what is repeated, keyed or driven goes its own way"
    assert max(seen["matched"]) < 1e-5 < 1e-3 < seen["unmatched"]
    assert seen["depths"] == [0.0, 0.6, 0.612]
    assert seen["respaced"] == 0.2
    assert seen["through"] == [False, True, True]
    assert seen["blended"][1:] == ["BLENDED", "BLENDED"]
    assert seen["hidden"] == [True, False, False, False]
    assert seen["shared"] and seen["apart"]
    assert seen["stays"] == [False, False, True]
    assert seen["gone"]
    assert seen["plays"] == [True, True, False]
    assert not seen["plays_not"]


@pytest.mark.slow
def test_layers_of_a_group_and_a_farm(blender: Blender, tmp_path: Path, small: Path) -> None:
    one = Image.open(small)
    both = Image.new("RGB", (720, 500), (96, 84, 70))
    both.paste(one, (0, 0))
    both.paste(one.resize((320, 400), Image.Resampling.LANCZOS), (400, 100))
    both.save(tmp_path / "couple.png")
    seen = blender.run("bake_layers.py", tmp_path, picture=tmp_path / "couple.png")
    assert seen["due"] == ["3 of 3 frames to render", "All 3 frames are up to date"]
    still, plane = pixels(tmp_path / "couple.png"), pixels(tmp_path / "plane.png")
    assert abs(still - plane).max() > 20
    assert abs(pixels(tmp_path / "portrait.png") - plane).max() == 0
    assert abs(pixels(tmp_path / "layers.png") - plane).max() <= 4

    assert seen["pause"][-1].startswith("paused after frame")
    assert seen["paused_at"] < 6 == len(seen["all"])
    assert "6 frames, -1 to 4" in seen["resumed"][0] and seen["resumed"][1] == "None"

    group = pixels(tmp_path / "group.png")
    assert abs(group - plane)[:, :390].max() <= 4, "the first one moves as she did alone"
    assert abs(group - still)[100:, 410:].max() > 20, "the second one moves too"
    assert seen["plate"] == "frame.plate-group.exr"
    empty = abs(pixels(tmp_path / "plate.png") - still).max(axis=2) > 20
    assert empty[:, :390].mean() > 0.1 and empty[100:, 410:].mean() > 0.1, "nobody is left on the plate"

    assert seen["farm"] == ["inputs", "job.json", "template.json"]
    places = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    program = shutil.which("openjd", path=places)
    if program is None:
        pytest.skip("openjd is not installed (pip install openjd-cli)")
    moved = (tmp_path / "farm").rename(tmp_path / "elsewhere")
    parameters = ["-p", f"Python={sys.executable}"]
    done = subprocess.run(
        [program, "run", str(moved / "template.json"), *parameters],
        text=True,
        capture_output=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    frames = sorted(path.name for path in (moved / "out/frames").iterdir())
    assert frames == [f"frame.{number:05d}.png" for number in range(4)]
    assert (moved / "out/film.mp4").is_file() or list((moved / "out").glob("*.mp4"))
    last = pixels(moved / "out/frames/frame.00002.png")
    assert abs(last - still)[100:, 410:].max() > 20
