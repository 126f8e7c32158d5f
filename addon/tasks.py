# SPDX-License-Identifier: GPL-3.0-or-later
"""What a job can wait for without blocking: the worker's answers, programs, work in a thread."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

from .problems import Problem, Stopped

TURN = 0.05
"""Seconds that work on the main thread may take before the window gets its turn."""


class Task:
    """Something under way; ``done`` once ``result`` or ``problem`` is set, which only ``pump`` does."""

    def __init__(self) -> None:
        self.result: dict[str, Any] | None = None
        self.problem: Problem | None = None
        self.finished, self.total, self.text = 0, 0, ""
        self.notice = ""
        """One line on something that went wrong and was put right; shown when the job ends."""

    @property
    def done(self) -> bool:
        return self.result is not None or self.problem is not None

    @property
    def progress(self) -> tuple[int, int, str]:
        """(done, total, text); total 0 where it is not known."""
        return self.finished, self.total, self.text

    def pump(self) -> None:
        """Take note of what has happened; never waits.  Called on the main thread."""

    def cancel(self) -> None:
        """Ask it to stop; it ends, with a Stopped problem, in one of the next pumps."""


class Turns(Task):
    """Work on the main thread, a little at every turn.

    ``work`` yields whenever it may be put aside, and leaves Blender as it was then; what it returns is the
    result's "value".  ``total``: how often it will yield.
    """

    def __init__(self, work: Generator[None, None, Any], total: int, text: str) -> None:
        super().__init__()
        self._work = work
        self.total, self.text = total, text

    def pump(self) -> None:
        begun = time.monotonic()
        try:
            while not self.done and time.monotonic() - begun < TURN:
                next(self._work)
                self.finished += 1
        except StopIteration as stop:
            self.result = {"value": stop.value}
        except Problem as problem:
            self.problem = problem

    def cancel(self) -> None:
        self._work.close()
        self.problem = self.problem or Stopped(f"stopped: {self.text}")


class Removal(Task):
    """Deletes a folder in a thread: an environment is tens of thousands of files.  It cannot be stopped."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.text = "clearing away what was half made"
        self._thread = threading.Thread(target=shutil.rmtree, args=(folder, True), name="tableau-removal")
        self._thread.start()

    def pump(self) -> None:
        if not self._thread.is_alive():
            self.result = {}
