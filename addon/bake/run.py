# SPDX-License-Identifier: GPL-3.0-or-later
"""A bake under way: it can be paused and resumed, and tells which frames are on disk.

A pause ends the engine's work on it, so that machine and memory are free; the bake's own record makes the
next request go on where this one stopped.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from .. import engine
from ..problems import Problem, Stopped
from ..tasks import Task

_EVERY = 1.0  # seconds between two looks at the files

_current: BakeRun | None = None


def current() -> BakeRun | None:
    """The bake that is under way or paused, if any."""
    return _current if _current is not None and not _current.done else None


class BakeRun(Task):
    """The bake of the job file ``job``; ``shown`` is called, now and then, when frames were written."""

    def __init__(self, job: Path, shown: Callable[[], None]) -> None:
        global _current
        super().__init__()
        self._job, self._shown = job, shown
        self._pausing = self._stopping = False
        self._looked = time.monotonic()
        self._written = 0
        self._request: Task | None = self._ask()
        _current = self

    @property
    def paused(self) -> bool:
        """Whether it rests, or will as soon as the frame under way is written."""
        return self._pausing

    @property
    def progress(self) -> tuple[int, int, str]:
        if self._request is None:
            return 0, 0, f"paused after {self.text}" if self.text.startswith("frame") else "paused"
        done, total, self.text = self._request.progress
        return (0, 0, "pausing") if self._pausing else (done, total, self.text)

    def pause(self) -> None:
        """Stop after the frame under way; what is written stays."""
        if self._request is not None and not self._pausing:
            self._pausing = True
            self._request.cancel()

    def resume(self) -> None:
        """Go on; a pause that has not come into effect yet is waited for."""
        self._pausing = False
        if self._request is None and not self.done:
            try:
                self._request = self._ask()
            except Problem as problem:
                self.problem = problem

    def cancel(self) -> None:
        self._stopping = True
        if self._request is None:
            self.problem = Stopped("stopped while it was paused")
        else:
            self._request.cancel()

    def pump(self) -> None:
        if self._request is None or self.done:
            return
        self._request.pump()
        if not self._request.done:
            self._look()
            return
        request, self._request = self._request, None
        self.notice = request.notice or self.notice
        if request.problem is None:
            self.result = request.result
        elif isinstance(request.problem, Stopped) and not self._stopping:
            if self._pausing:
                self._shown()
            else:  # the pause was taken back meanwhile
                self.resume()
        else:
            self.problem = request.problem

    def _ask(self) -> Task:
        return engine.request("bake", job=str(self._job))

    def _look(self) -> None:
        now = time.monotonic()
        done = self.progress[0]
        if done != self._written and now - self._looked >= _EVERY:
            self._written, self._looked = done, now
            self._shown()
