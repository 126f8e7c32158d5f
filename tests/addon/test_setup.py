# SPDX-License-Identifier: GPL-3.0-or-later
"""Setting up the engine with the real pip or uv, from tiny wheels; refusals; nothing half-made is left."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import Blender
from .wheels import make_recipe, make_wheel

PLACES = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
UV = shutil.which("uv", path=PLACES)


@pytest.mark.slow  # pip has to be put into each environment
@pytest.mark.parametrize("tool", ["pip", "uv"])
def test_setup_from_a_folder_of_wheels(
    blender: Blender, tmp_path: Path, tool: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if tool == "uv" and UV is None:
        pytest.skip("uv is neither in this environment nor on the PATH")
    if tool == "uv":
        monkeypatch.setenv("PATH", PLACES)
        monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    else:
        monkeypatch.setenv("PATH", "/usr/bin:/bin")
        monkeypatch.setenv("HOME", str(tmp_path))
    recipe = make_recipe(tmp_path / "recipe", tmp_path / "wheels")
    other = make_wheel(tmp_path / "other", "tinybrush", "1.2", "STROKES = 8\n")
    names = {"recipe": recipe, "wheels": tmp_path / "wheels", "other": other, "python": sys.executable}
    seen = blender.run("setup.py", tmp_path, uv=tool == "uv", **names)
    assert seen["first"] == ["FINISHED"]
    assert ("uv" in seen["programs"]) == (tool == "uv")
    assert not seen["leftover"], "what a former Blender left half made stays"
    assert seen["folders"] == ["1"]
    assert seen["interpreter"] == seen["preference"] == seen["own_without_preference"]
    assert str(blender.profile) in seen["interpreter"], (
        "the environment belongs in the extension's user folder"
    )
    assert seen["ready"]["packages"] == {"tinybrush": "1.2", "torch": "2.13.0"}
    assert not seen["owner"]
    assert seen["state"][1] and "PyTorch 2.13.0; computes on: the processor" in seen["state"][0]
    assert seen["site"] == ["tinybrush.py"]
    done = [step[1] for step in seen["told"]]
    assert done == sorted(done) and seen["told"][-1][2] == 1 + 15 + 5
    # what is told is what one sees who looks now and then: a quick step goes by between two looks
    assert "Installing PyTorch" in seen["titles"]

    assert len(seen["folders_again"]) == 1, "the former environment stays"
    assert "its hash differs" in seen["damaged"] and "\n" not in seen["damaged"]
    assert "tinybrush" in seen["damaged_details"]
    assert seen["folders_damaged"] == seen["folders_again"] and seen["still"]

    assert seen["while_making"] == 2
    assert seen["cancelled"] == "Stopped"
    assert seen["alive"] == 1 or (tool == "uv" and seen["alive"] == 0), "uv may be done before one looks"
    assert seen["folders_cancelled"] == seen["folders_abandoned"] == seen["folders_again"]
    assert seen["left_running"] == 0
    assert "is no Python" in seen["no_python"]
    assert seen["folders_no_python"] == seen["folders_again"]
    assert seen["stale"] == ["Made by another version of the extension: press Set Up Engine", False]
    assert seen["none_left"] == []
    assert "Traceback" not in seen["stderr"]


def test_an_engine_is_taken_only_if_it_runs(blender: Blender, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(bare)], check=True)
    old = tmp_path / "old"
    old.write_text('#!/bin/sh\necho \'{"old": "3.8"}\'\n')
    old.chmod(0o755)
    (tmp_path / "text").write_text("no program")
    (tmp_path / "empty").mkdir()
    seen = blender.run("engines.py", tmp_path, bare=bare, good=sys.prefix)
    assert "Allow Online Access" in seen["offline"] and "folder of wheels" in seen["offline"]
    assert "there is no such folder" in seen["no_folder"]
    assert "holds no wheels" in seen["no_wheels"]
    assert seen["folders"] == []
    assert "Missing: av, numba, numpy" in seen["bare"] and "Set Up Engine" in seen["bare"]
    assert "Python 3.8; the engine needs 3.11 or 3.12" in seen["old"]
    assert "does not start" in seen["not_a_program"]
    assert "is no Python environment" in seen["empty_folder"]
    assert "there is no such Python" in seen["nothing"]
    assert seen["unchanged"] == ""
    for name in ("offline", "no_folder", "no_wheels", "bare", "old", "not_a_program", "empty_folder"):
        assert "\n" not in seen[name] and "Traceback" not in seen[name], name
    assert seen["good"] == ["FINISHED"] and seen["chosen"].startswith(sys.prefix)
    assert seen["check"] == ["FINISHED"]
    assert "PyTorch" in seen["state"][0] and seen["state"][1]
    assert "Traceback" not in seen["stderr"]
