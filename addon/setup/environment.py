# SPDX-License-Identifier: GPL-3.0-or-later
"""The environments that the extension has made: where they lie, and which of them is whole.

Each has a folder of its own with a short name (paths on Windows are limited), in the extension's user folder,
which Blender deletes with the extension.  Only a finished one has the file ``ready.json``.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from .. import paths
from ..problems import Problem
from ..tasks import Removal

READY, OWNER = "ready.json", "owner.json"


def root() -> Path:
    return paths.user_folder("engine")


def python_of(folder: Path) -> Path:
    """The interpreter of an environment."""
    return folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def claim() -> Path:
    """A new, empty folder for an environment, marked as being made by this Blender."""
    for number in range(1, 1000):
        folder = root() / str(number)
        with suppress(FileExistsError):
            folder.mkdir()
            (folder / OWNER).write_text(json.dumps({"process": os.getpid()}), encoding="utf-8")
            return folder
    raise Problem(f"{root()}: is full of environments that cannot be deleted; delete them by hand")


def finish(folder: Path, facts: dict[str, Any]) -> None:
    """Declare an environment whole; ``facts`` say what it is (``digest``: of the recipe it was made by)."""
    temporary = folder / f"{READY}.tmp"
    temporary.write_text(json.dumps(facts, indent=1), encoding="utf-8")
    os.replace(temporary, folder / READY)
    (folder / OWNER).unlink(missing_ok=True)


def current() -> Path | None:
    """The Python of the newest whole environment, or None."""
    found = [(path.stat().st_mtime, path.parent) for path in root().glob(f"*/{READY}")]
    return python_of(max(found)[1]) if found else None


def facts(python: Path) -> dict[str, Any] | None:
    """What ``finish`` was told about the environment of this interpreter; None if it is not one of ours."""
    with suppress(OSError, ValueError):
        return json.loads((python.parent.parent / READY).read_text(encoding="utf-8"))
    return None


def others(keep: Path) -> list[Path]:
    """Every environment but ``keep``, whole or not, that no Blender is making now."""
    return [folder for folder in root().iterdir() if folder.is_dir() and folder != keep and not _made(folder)]


def leftovers() -> list[Path]:
    """What a Blender that has gone left half made."""
    return [folder for folder in others(root()) if not (folder / READY).exists()]


def removal(folder: Path) -> Removal:
    """Delete an environment in the background."""
    (folder / READY).unlink(missing_ok=True)  # first: what is left of it must not count as one
    return Removal(folder)


def discard(folder: Path) -> None:
    """Delete an environment at once, as far as the system lets it."""
    (folder / READY).unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def _made(folder: Path) -> bool:
    """Whether a Blender that is still there is making it now."""
    try:
        process = int(json.loads((folder / OWNER).read_text(encoding="utf-8"))["process"])
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return process != os.getpid() and _alive(process)


def _alive(process: int) -> bool:
    if sys.platform == "win32":  # os.kill would end it there
        handle = ctypes.windll.kernel32.OpenProcess(0x1000, False, process)
        if handle:
            ctypes.windll.kernel32.CloseHandle(handle)
        return bool(handle)
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
