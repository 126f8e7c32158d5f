# SPDX-License-Identifier: GPL-3.0-or-later
"""The one worker of this Blender session, and which Python runs it."""

from __future__ import annotations

import atexit
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import bpy

from . import ROOT, paths
from .problems import Problem
from .setup import environment
from .worker_client import Request, Worker

PACKAGE = Path(__file__).resolve().parents[1]
"""The folder that holds ``core`` and ``addon``: the installed extension, or the working tree."""

# The package has to have the name ``core`` in the worker, whatever the extension is called: compiled code
# that the engine caches beside its modules remembers the name, and the command line shares that cache.
_BOOT = (
    "import runpy, sys; sys.path.insert(0, sys.argv.pop()); "
    "runpy.run_module('core.worker', run_name='__main__', alter_sys=True)"
)
VARIABLE = "TABLEAU_ENGINE_PYTHON"
_worker: Worker | None = None


def request(method: str, /, **params: Any) -> Request:
    """Call the engine; raises Problem where no interpreter is set up."""
    return worker().request(method, **params)


def worker() -> Worker:
    """The shared worker for the interpreter that is set up now."""
    global _worker
    python = interpreter()
    if _worker is None or _worker.python != python:
        stop()
        _worker = Worker(python, ["-c", _BOOT, str(PACKAGE)], paths.user_folder("logs") / "engine.log")
    return _worker


def current() -> Worker | None:
    """The worker if one was made; starts nothing."""
    return _worker


def stop() -> None:
    global _worker
    if _worker is not None:
        _worker.close()
        _worker = None


atexit.register(stop)


def interpreter() -> Path:
    """The engine's Python: the preference, else the environment variable, else the environment that the
    extension made, else Blender-as-a-module's own Python."""
    chosen = _preference() or os.environ.get(VARIABLE, "") or str(environment.current() or "")
    if not chosen and not bpy.app.binary_path:
        chosen = sys.executable
    if not chosen:
        raise Problem("No engine is set up; press Set Up Engine in the Tableau tab or in the preferences")
    path = Path(bpy.path.abspath(chosen))
    if not path.is_file():
        found = shutil.which(chosen)
        if found is None:
            raise Problem(
                f"{chosen}: the engine's Python is not there; press Set Up Engine, or choose another"
            )
        path = Path(found)
    return path


def find_interpreters() -> list[Path]:
    """Pythons of environments named .venv in a folder above the package, the .blend or the current folder."""
    starts = [PACKAGE, Path.cwd(), Path.home() / "tableau-vivant"]
    if bpy.data.filepath:
        starts.append(Path(bpy.data.filepath).parent)
    found: list[Path] = []
    for start in starts:
        for folder in (start, *start.parents):
            for tail in ("bin/python", "Scripts/python.exe"):
                candidate = folder / ".venv" / tail
                if candidate.is_file() and candidate not in found:
                    found.append(candidate)
    return found


def _preference() -> str:
    addon = bpy.context.preferences.addons.get(ROOT)
    return addon.preferences.engine_python if addon and addon.preferences else ""
