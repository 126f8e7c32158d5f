# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes wrong in the artist's hands: one line each, shown as a report and never as a traceback."""

from __future__ import annotations


class Problem(Exception):
    """One line that says what is wrong and what to do;
    ``details`` may hold more for whoever wants to look."""

    def __init__(self, message: str, details: str = "") -> None:
        super().__init__(one_line(message))
        self.details = details


class Stopped(Problem):
    """The artist cancelled the work."""


def one_line(text: str) -> str:
    """``text`` with its line breaks and runs of blanks made single spaces."""
    return " ".join(text.split())
