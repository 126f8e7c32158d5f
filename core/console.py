# SPDX-License-Identifier: GPL-3.0-or-later
"""What the command line prints: results on stdout, progress and remarks on stderr."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

_EVERY = 0.1  # seconds between two updates of a progress line
_SHARE = 0.1  # of the work between two lines where stderr is not a terminal


class Console:
    """``json``: the result is one JSON document on stdout; else it is text for people."""

    def __init__(self, *, json: bool = False) -> None:
        self.json = json
        self._terminal = sys.stderr.isatty()
        self._open = False
        self._last = 0.0
        self._shown = ("", 0.0)

    def remark(self, text: str) -> None:
        """One line about what happens, on stderr."""
        self._break()
        print(text, file=sys.stderr, flush=True)

    def progress(self, done: int, total: int, text: str) -> None:
        """The progress callback of the engine."""
        share = done / total if total else 1.0
        now = time.monotonic()
        if self._terminal:
            if now - self._last < _EVERY and done < total:
                return
            self._last, self._open = now, True
            print(f"\r\x1b[K{share:4.0%}  {done} of {total}  {text}", end="", file=sys.stderr, flush=True)
            if done >= total:
                self._break()
            return
        # a new kind of work is told at once, then every tenth of it
        kind = text.rstrip("0123456789 ")
        last_kind, last_share = self._shown
        if kind != last_kind or share - last_share >= _SHARE or (done >= total and last_share < 1):
            self._shown = (kind, share)
            print(f"{share:4.0%}  {done} of {total}  {text}", file=sys.stderr, flush=True)

    def result(self, data: dict[str, Any], text: str) -> None:
        """The result of a command: ``data`` with --json, else ``text``."""
        self._break()
        if self.json:
            print(json.dumps(data, indent=1, allow_nan=False))
        elif text:
            print(text)

    def error(self, text: str) -> None:
        self.remark("error: " + " ".join(text.split()))

    def _break(self) -> None:
        if self._open:
            print(file=sys.stderr, flush=True)
            self._open = False


class TaskConsole(Console):
    """Speaks to a render farm: progress and errors are Open Job Description messages on stdout."""

    def progress(self, done: int, total: int, text: str) -> None:
        now = time.monotonic()
        if now - self._last < _EVERY and done < total:
            return
        self._last = now
        share = done / total if total else 1.0
        print(f"openjd_status: {text}\nopenjd_progress: {100 * share:.1f}", flush=True)

    def error(self, text: str) -> None:
        print("openjd_fail: " + " ".join(text.split()), flush=True)
        super().error(text)
