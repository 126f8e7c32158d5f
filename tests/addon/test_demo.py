# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo's .blend plays its frames in any Blender, wherever its folder is moved."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from .conftest import Blender


def run_demo(repo: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(repo / "addon/demo.py"), *map(str, arguments)]
    env = {key: value for key, value in os.environ.items() if not key.startswith("BLENDER")}
    return subprocess.run(command, text=True, capture_output=True, timeout=900, env=env, check=False)


@pytest.mark.slow
def test_demo_plays_where_it_is_moved(
    blender: Blender, repo: Path, tmp_path: Path, demo_portrait: Path
) -> None:
    picture = tmp_path / "small.png"
    Image.open(demo_portrait).convert("RGB").resize((320, 400), Image.Resampling.LANCZOS).save(picture)
    done = run_demo(repo, picture, "blink", "-o", tmp_path / "made", "--name", "loop")
    assert done.returncode == 0, done.stderr[-3000:]
    for name in ("loop.blend", "loop.mp4", "sheet.png", "frames"):
        assert str(tmp_path / "made" / name) in done.stdout
    moved = tmp_path / "moved"
    (tmp_path / "made").rename(moved)
    frames = sorted((moved / "frames").glob("frame.*.png"))
    seen = blender.run("opened.py", tmp_path, blend=moved / "loop.blend", frame=7)
    assert seen["range"] == [1, len(frames)]
    assert seen["current"] == 1
    assert seen["rate"] > 0
    assert seen["view"] == "Standard"
    assert seen["camera"]
    assert sorted(seen["files"]) == ["//frames/frame.0001.png", "//portrait.png"]
    assert seen["views"] == [["CAMERA", "TEXTURE"]]
    assert seen["action"] == ["loop blink"]
    render = np.asarray(Image.open(tmp_path / "opened.png").convert("RGB")).astype(int)
    baked = np.asarray(Image.open(frames[6]).convert("RGB")).astype(int)
    assert abs(render - baked).max() == 0


def test_demo_says_what_is_wrong_in_one_line(repo: Path, tmp_path: Path, demo_portrait: Path) -> None:
    for portrait, performance, text in (
        (tmp_path / "none.png", "blink", "there is no such picture"),
        (demo_portrait, "blnk", "neither a file nor one of blink"),
    ):
        done = run_demo(repo, portrait, performance, "-o", tmp_path / "out")
        assert done.returncode == 2
        assert text in done.stderr.strip().splitlines()[-1]
        assert "Traceback" not in done.stderr
