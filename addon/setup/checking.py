# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks an interpreter whether it can run the engine, and keeps what it said for the panels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import engine
from ..problems import Problem, Stopped
from . import environment, recipe
from .program import Program

if TYPE_CHECKING:
    from collections.abc import Generator

    from ..tasks import Task

# Understood by every Python 3: an old one must be able to say that it is.
_ASK = """
import sys
package, least = sys.argv[1], tuple(int(part) for part in sys.argv[2].split("."))
del sys.argv[1:3]
if sys.version_info[:2] < least:
    print('{"old": "%d.%d"}' % sys.version_info[:2])
else:
    import runpy
    sys.path.insert(0, package)
    runpy.run_module("core.checkup", run_name="__main__", alter_sys=True)
"""
_known: dict[Path, dict[str, Any]] = {}


def ask(
    python: Path,
    *,
    load: bool = False,
    lists: recipe.Recipe | None = None,
    steps: tuple[int, int, int] = (0, 0, 0),
) -> Generator[Task, dict[str, Any], dict[str, Any]]:
    """The report of ``core.checkup`` on this interpreter, with its ``lines``; ``load`` imports every package.

    Raises Problem where it is no Python, or one that is too old to answer.
    """
    lists = lists or recipe.load()
    _known.pop(python, None)
    argv: list[str | Path] = [python, "-I", "-u", "-X", "utf8", "-c", _ASK, engine.PACKAGE, lists.pythons[0]]
    try:
        answer = yield Program(
            [*argv, *(["--load"] if load else []), lists.needs],
            "Trying the packages" if load else "Asking the engine's Python",
            steps=steps,
        )
    except Stopped:
        raise
    except Problem as problem:
        what = "does not answer as a Python that can run the engine"
        raise Problem(f"{python}: {what} ({problem}); choose another", problem.details) from problem
    report = _parse(answer["output"])
    wanted = " or ".join(lists.pythons)
    if report is None:
        what = "did not answer as a Python does; choose the program python of an environment"
        raise Problem(f"{python}: {what}", answer["output"])
    if "old" in report:
        raise Problem(f"{python}: is Python {report['old']}; the engine needs {wanted}: press Set Up Engine")
    _known[python] = report
    return report


def state(python: Path) -> tuple[str, bool]:
    """One line on an interpreter for the panels, and whether it is good news."""
    made = environment.facts(python)
    if made is not None and made.get("digest") != recipe.load().digest:
        return "Made by another version of the extension: press Set Up Engine", False
    report = _known.get(python)
    if report is None:
        return "Not checked yet in this session", True
    if report["ok"]:
        return summary(report), True
    return report["problems"][0], False


def summary(report: dict[str, Any]) -> str:
    """Versions and device in one line."""
    return "; ".join(
        line[:1].lower() + line[1:] if number else line for number, line in enumerate(report["lines"])
    )


def _parse(output: str) -> dict[str, Any] | None:
    for line in reversed(output.splitlines()):  # packages may print while they are imported
        if line.startswith("{"):
            try:
                return json.loads(line)
            except ValueError:
                return None
    return None
