# SPDX-License-Identifier: GPL-3.0-or-later
"""Talking to a person at a terminal, and running other programs for them."""

from __future__ import annotations

import os
import re
import subprocess
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build"
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


class BuildError(Exception):
    """Something a person has to put right; the text is one line that says what."""


def say(text: str) -> None:
    print(text, flush=True)


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Announce a piece of work, and print how long it took."""
    say(f"== {name}")
    started = time.perf_counter()
    yield
    say(f"   {time.perf_counter() - started:.1f} s")


def call(*argv: str | os.PathLike[str], cwd: Path = ROOT) -> int:
    """Run a program with its output on this terminal; returns its exit code."""
    variables = {**os.environ, "PYTHONUNBUFFERED": "1"}
    return subprocess.run([os.fspath(part) for part in argv], cwd=cwd, env=variables, check=False).returncode


def require(*argv: str | os.PathLike[str], what: str) -> None:
    """Run a program that has to succeed; its own output has told why where it does not."""
    code = call(*argv)
    if code != 0:
        raise BuildError(f"{what} failed (exit code {code}); the reason stands above")


def watch(*argv: str | os.PathLike[str], what: str) -> list[tuple[str, float]]:
    """As `require`; returns the stages that the program reported, in lines like "Baking: 12.3 s"."""
    stages = []
    variables = {**os.environ, "PYTHONUNBUFFERED": "1"}
    pipes: dict[str, Any] = {
        "stdout": subprocess.PIPE,
        "stderr": subprocess.STDOUT,
        "text": True,
        "errors": "replace",
    }
    with subprocess.Popen([os.fspath(part) for part in argv], cwd=ROOT, env=variables, **pipes) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("Error: Not freed memory blocks"):
                continue  # Blender's module says so whenever Python ends; it means nothing
            print(line, end="", flush=True)
            found = re.fullmatch(r"(\S.*): (\d+\.\d+) s", line.rstrip())
            if found:
                stages.append((found[1], float(found[2])))
    if process.returncode != 0:
        raise BuildError(f"{what} failed (exit code {process.returncode}); the reason stands above")
    return stages


def project() -> dict[str, Any]:
    """What pyproject.toml says."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
