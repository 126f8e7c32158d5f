# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether this Python can run the engine, in plain words: versions, device, what is missing and what to do.

Needs nothing but the standard library, because it is asked where things are missing.  torch is imported only
to ask it for its version and its devices.  ``python -m core check``, the worker's method "check", and this
module run by itself all give the same report.
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import re
import shutil
import sys
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from .errors import Cancelled
from .version import VERSION

NEEDS = Path(__file__).resolve().parents[1] / "presets" / "engine" / "needs.json"
SET_UP = "press Set Up Engine in Blender"
# packages that are imported under another name than the one they are installed by
_MODULES = {
    "absl-py": "absl",
    "opencv-python-headless": "cv2",
    "pillow": "PIL",
    "protobuf": "google.protobuf",
    "scikit-image": "skimage",
}


def check(
    needs: Path = NEEDS,
    *,
    load: bool = False,
    progress: Callable[[int, int, str], None] = lambda done, total, text: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Look at this Python.

    ``load`` imports every package instead of only asking which version is installed (some seconds).

    Returns ``ok``; ``engine``, ``python``, ``executable``; ``packages`` (name -> installed version or None);
    ``device`` (what the engine computes on, in words; empty without torch); ``problems`` and ``hints``, lists
    of lines.  With problems the engine does not run; with hints it does, but could do better.
    Raises Cancelled between two packages.
    """
    wanted = json.loads(needs.read_text(encoding="utf-8"))
    packages: dict[str, str | None] = {}
    missing, wrong = [], []
    problems: list[str] = []
    for number, requirement in enumerate(wanted["requirements"]):
        if cancelled():
            raise Cancelled("the check was stopped")
        name, specifiers = _parse(requirement)
        if load:
            progress(number, len(wanted["requirements"]), name)
        packages[name] = version = _installed(name)
        if version is None:
            missing.append(name)
        elif not fits(version, specifiers):
            wrong.append(f"{name} is {version}, needed is {specifiers}")
        elif load and name != "torch" and (reason := _does_not_load(name)):
            problems.append(f"{name} {version} is there but does not load ({reason}); {SET_UP} again")
    if missing:
        problems.insert(0, f"Missing: {', '.join(missing)}; {SET_UP}{_too_new(wanted['pythons'])}")
    if wrong:
        problems.append(f"Other versions are needed: {'; '.join(wrong)}; {SET_UP}")
    device = ""
    hints: list[str] = []
    if packages.get("torch"):
        try:
            device, hints = _device()
        except (ImportError, OSError, AttributeError) as error:  # half installed, or a library that it lacks
            problems.append(f"torch is there but does not load ({_one_line(error)}); {SET_UP} again")
    return {
        "ok": not problems,
        "engine": VERSION,
        "python": platform.python_version(),
        "executable": sys.executable,
        "packages": packages,
        "device": device,
        "problems": problems,
        "hints": hints,
    }


def describe(report: dict[str, Any]) -> list[str]:
    """The report in lines for people: what it is, what it computes on, then what is to be done."""
    first = f"Engine {report['engine']} on Python {report['python']}"
    packages = report["packages"]
    if packages.get("torch"):
        first += f", PyTorch {packages['torch']}"
    lines = [first]
    if report["device"]:
        lines.append(f"Computes on: {report['device']}")
    return lines + report["problems"] + report["hints"]


def fits(version: str, specifiers: str) -> bool:
    """Whether ``version`` ("2.13.0+cpu") meets ``specifiers`` (">=2.6,<3": >=, <, <=, >, ==).

    Only the release numbers count; "" is met by all.
    """
    for part in filter(None, specifiers.split(",")):
        found = re.fullmatch(r"(>=|<=|==|<|>)\s*([\d.]+)", part.strip())
        if found is None:
            raise ValueError(f"'{part}' is not a version specifier that is known here")
        ours, theirs = _release(version), _release(found[2])
        width = max(len(ours), len(theirs))
        ours, theirs = (numbers + (0,) * (width - len(numbers)) for numbers in (ours, theirs))
        met = {
            ">=": ours >= theirs,
            "<=": ours <= theirs,
            "==": ours == theirs,
            "<": ours < theirs,
            ">": ours > theirs,
        }
        if not met[found[1]]:
            return False
    return True


def _release(version: str) -> tuple[int, ...]:
    found = re.match(r"\d+(\.\d+)*", version)
    return tuple(int(number) for number in found[0].split(".")) if found else ()


def _parse(requirement: str) -> tuple[str, str]:
    """Name and version specifiers of a line such as "numpy>=1.26,<2"."""
    found = re.fullmatch(r"([\w.-]+?)\s*((?:[<>=].*)?)", requirement)
    if found is None:
        raise ValueError(f"'{requirement}' is not a requirement")
    return found[1], found[2]


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _does_not_load(name: str) -> str:
    try:
        importlib.import_module(_MODULES.get(name, name.replace("-", "_")))
    except Exception as error:  # packages fail to load in every way there is
        return _one_line(error)
    return ""


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def _too_new(pythons: Sequence[str]) -> str:
    """What to say about a Python for which the packages are not made; empty for one of ``pythons``."""
    ours = f"{sys.version_info[0]}.{sys.version_info[1]}"
    if ours in pythons:
        return ""
    return f" (they are made for Python {' and '.join(pythons)}, this is {ours})"


def _device() -> tuple[str, list[str]]:
    """What the engine computes on, in words, and hints."""
    import torch

    if torch.cuda.is_available():
        memory = torch.cuda.get_device_properties(0).total_memory / 2**30
        kind = f"CUDA {torch.version.cuda}" if torch.version.cuda else "ROCm"
        return f"{torch.cuda.get_device_name(0)}, {memory:.0f} GiB ({kind})", []
    hints = []
    if shutil.which("nvidia-smi") or Path("/proc/driver/nvidia/version").exists():
        hints.append(f"There is an NVIDIA GPU that this PyTorch cannot use; {SET_UP} again for one that can")
    return f"the processor, {_threads()} threads", hints


def _threads() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def main(arguments: Sequence[str]) -> None:
    """``[--load] [needs.json]``: the report as one line of JSON on stdout, with its ``lines`` for people."""
    files = [Path(argument) for argument in arguments if argument != "--load"]
    report = check(*files, load="--load" in arguments)
    print(json.dumps({**report, "lines": describe(report)}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
