# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes wrong in the artist's hands: one line each, shown as a report and never as a traceback."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any


class Problem(Exception):
    """One line that says what is wrong and what to do;
    ``details`` may hold more for whoever wants to look."""

    def __init__(self, message: str, details: str = "") -> None:
        super().__init__(one_line(message))
        self.details = details


class Stopped(Problem):
    """The artist cancelled the work."""


def reported(execute: Callable[[Any, Any], set[str]]) -> Callable[[Any, Any], set[str]]:
    """Decorator of an operator's ``execute``: a Problem in it ends the operator, as its report."""

    @wraps(execute)
    def guarded(self: Any, context: Any) -> set[str]:
        try:
            return execute(self, context)
        except Problem as problem:
            self.report({"ERROR"}, str(problem))
            return {"CANCELLED"}

    return guarded


def one_line(text: str) -> str:
    """``text`` with its line breaks and runs of blanks made single spaces."""
    return " ".join(text.split())
