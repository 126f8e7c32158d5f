# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker as an artist meets it: crashes are survived, errors are one line, nothing is left behind."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from .conftest import Blender


@pytest.mark.skipif(sys.platform == "win32", reason="stops processes by signals")
@pytest.mark.parametrize("uninstall", [False, True])
def test_worker_life(blender: Blender, tmp_path: Path, demo_portrait: Path, uninstall: bool) -> None:
    if uninstall:  # the other tests need the profile with the extension
        shutil.copytree(blender.profile, tmp_path / "profile")
        blender = Blender(blender.python, tmp_path / "profile")
    seen = blender.run(
        "engine_life.py", tmp_path, picture=demo_portrait, python=sys.executable, uninstall=uninstall
    )
    assert seen["lazy"], "the worker starts before there is work for it"
    assert seen["first"] == "done"
    assert seen["shared"], "each scene starts a worker of its own"
    assert seen["after_idle_crash"] == ["done", True]
    line = "The engine stopped unexpectedly (killed, perhaps for want of memory) and was started again"
    assert seen["after_crash"] == ["done", [line]]

    assert "broken.png" in seen["line"]
    assert "\n" not in seen["line"] and "Traceback" not in seen["line"]
    assert seen["copied"] == ["FINISHED"]
    assert "Traceback" in seen["details"] and "broken.png" in seen["details"]
    assert "Blender" in seen["details"] and sys.executable in seen["details"]
    assert "ZeroDivisionError" in seen["mistake"]

    assert seen["alive"] == [True, True]
    assert seen["left"] == [False, False], "a process outlives the extension"
    assert seen["enabled_again"] == "done"
    if uninstall:
        assert seen["uninstalled"] == [False, False, False]
    for process in seen["last"]:
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)
