# SPDX-License-Identifier: GPL-3.0-or-later
"""Talking to a person at a terminal, and running other programs for them."""

from __future__ import annotations

import os
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
def stage(name: str, timings: dict[str, float] | None = None) -> Iterator[None]:
    """Announce a piece of work and print how long it took; ``timings`` collects it for a summary."""
    say(f"== {name}")
    started = time.perf_counter()
    yield
    seconds = time.perf_counter() - started
    if timings is not None:
        timings[name] = seconds
    say(f"   {seconds:.1f} s")


def call(*argv: str | os.PathLike[str], cwd: Path = ROOT, environment: dict[str, str] | None = None) -> int:
    """Run a program with its output on this terminal; returns its exit code."""
    variables = {**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})}
    return subprocess.run([os.fspath(part) for part in argv], cwd=cwd, env=variables, check=False).returncode


def require(*argv: str | os.PathLike[str], what: str, environment: dict[str, str] | None = None) -> None:
    """Run a program that has to succeed; its own output has told why where it does not."""
    code = call(*argv, environment=environment)
    if code != 0:
        raise BuildError(f"{what} failed (exit code {code}); the reason stands above")


def project() -> dict[str, Any]:
    """What pyproject.toml says."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
