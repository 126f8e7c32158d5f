# SPDX-License-Identifier: GPL-3.0-or-later
"""The script of the README goes from picture to film."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from .conftest import Blender

RUN = """
import importlib, runpy, sys
import bpy
importlib.import_module("addon_utils").enable("bl_ext.user_default.tableau_vivant", default_set=True)
runpy.run_path(sys.argv[1])
"""


@pytest.mark.slow
def test_the_script_makes_a_loop_and_a_film(
    blender: Blender, repo: Path, demo_portrait: Path, tmp_path: Path
) -> None:
    script = re.search(r"```python\n(.*?)```", (repo / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert script is not None and len(script[1].splitlines()) <= 20
    (tmp_path / "film.py").write_text(script[1])
    small = cv2.resize(cv2.imread(str(demo_portrait)), (256, 320), interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(tmp_path / "portrait.png"), small)
    done = blender.call(
        "-c", RUN, str(tmp_path / "film.py"), str(tmp_path / "portrait.png"), "wink", str(tmp_path / "out")
    )
    assert done.returncode == 0, done.stderr[-4000:]
    film = Path(done.stdout.strip().splitlines()[-1])
    assert film.is_file() and (tmp_path / "out/film.blend").is_file()
    frames = sorted((film.parent / "frames/v001").glob("*.png"))
    assert 40 <= len(frames) <= 90
    pictures = [cv2.imread(str(frame)).astype(int) for frame in frames]
    steps = [np.abs(a - b).mean() for a, b in zip(pictures, [*pictures[1:], pictures[0]], strict=True)]
    assert max(steps) > 0.1, "something moves"
    assert steps[-1] <= max(steps[:-1]), "the last frame leads to the first without a jump"
