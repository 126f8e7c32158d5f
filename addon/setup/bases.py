# SPDX-License-Identifier: GPL-3.0-or-later
"""What this machine offers to make an environment with: uv, Pythons, a GPU."""

from __future__ import annotations

import os
import shutil
import site
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..problems import Problem, Stopped
from .program import Program

if TYPE_CHECKING:
    from collections.abc import Generator

    from ..tasks import Task

# a Python has to be able to make environments; ensurepip is what Debian leaves out
_PROBE = "import ensurepip, sys, venv; print('%d.%d' % sys.version_info[:2])"
_PROBE_WITH_UV = "import sys; print('%d.%d' % sys.version_info[:2])"
# where programs lie that the PATH of a Blender started from the desktop does not name
_PLACES = ("~/.local/bin", "~/.cargo/bin", "/opt/homebrew/bin", "/usr/local/bin")


def find_uv() -> str | None:
    """The program uv: on the PATH, where its installer puts it, or installed by pip beside some Python."""
    if found := shutil.which("uv"):
        return found
    folders = [*_PLACES, sysconfig.get_path("scripts"), os.path.join(site.getuserbase(), "bin")]
    return shutil.which("uv", path=os.pathsep.join(os.path.expanduser(folder) for folder in folders))


def find_python(pythons: tuple[str, ...], uv: str | None) -> Generator[Task, dict[str, Any], str | None]:
    """A Python of the machine, of one of the versions ``pythons``, that can make environments; None if there
    is none.  Blender's own is not among them."""
    for candidate in _candidates(pythons):
        if (yield from version_of(candidate, uv)) in pythons:
            return candidate
    return None


def version_of(python: str, uv: str | None) -> Generator[Task, dict[str, Any], str | None]:
    """Like "3.11"; None for what is no Python, or one that cannot make environments."""
    try:
        answer = yield Program([python, "-I", "-c", _PROBE_WITH_UV if uv else _PROBE], "Looking for a Python")
    except Stopped:
        raise
    except Problem:
        return None
    return answer["output"].strip()


def blenders_own(pythons: tuple[str, ...]) -> str | None:
    """The Python that Blender brings, where its version is one of ``pythons``.

    Second choice: an environment made with it ends when that Blender is deleted.
    """
    ours = f"{sys.version_info[0]}.{sys.version_info[1]}"
    return sys.executable if ours in pythons and os.path.isfile(sys.executable) else None


def has_nvidia() -> bool:
    return shutil.which("nvidia-smi") is not None or Path("/proc/driver/nvidia/version").exists()


def _candidates(pythons: tuple[str, ...]) -> Iterator[str]:
    seen = set()
    path = os.pathsep.join([os.environ.get("PATH", ""), *(os.path.expanduser(place) for place in _PLACES)])
    names = [f"python{version}" for version in pythons] + ["python3", "python"]
    for name in names:
        found = shutil.which(name, path=path)
        if found is not None and os.path.realpath(found) not in seen:
            seen.add(os.path.realpath(found))
            yield found
    if sys.platform == "win32":
        for version in pythons:
            base = Path(os.environ.get("LOCALAPPDATA", "")) / "Programs" / "Python"
            installed = base / f"Python{version.replace('.', '')}" / "python.exe"
            if installed.is_file():
                yield str(installed)
