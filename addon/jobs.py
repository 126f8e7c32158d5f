# SPDX-License-Identifier: GPL-3.0-or-later
"""Work that takes a while: the same steps block in a script and run on a timer, with progress, in a window.

A job is a generator.  It yields tasks (worker requests, mostly) and gets their results;
between two yields it does short work in Blender.  One job runs at a time.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from . import details, pace
from .problems import Problem, Stopped
from .tasks import Task

Steps = Generator[Task, dict[str, Any], str]
"""Yields tasks, receives their results, returns the line to report."""

listeners: list[Callable[[str, int, int, str], None]] = []
"""Called as (title, done, total, text) whenever a job moves on; for scripts that print progress."""


class Job:
    """Drives one generator of steps; ``pump`` until it returns False,
    then ``message`` or ``problem`` is set."""

    def __init__(self, title: str, steps: Steps) -> None:
        self.title = title
        self.message = ""
        self.problem: Problem | None = None
        self.notices: list[str] = []
        self.cancelled = False
        self.pace = pace.Pace()
        self._steps = steps
        self._task: Task | None = None
        self._told: tuple[int, int, str] | None = None
        self._advance(None)

    @property
    def running(self) -> bool:
        return self._task is not None

    @property
    def progress(self) -> tuple[int, int, str]:
        """(done, total, text); total 0 where it is not known."""
        return (0, 0, "") if self._task is None else self._task.progress

    def pump(self) -> bool:
        """Move on as far as possible without waiting; False when all is over."""
        if self._task is None:
            return False
        self._task.pump()
        if self._task.done:
            self._advance(self._task)
        elif self.progress != self._told:
            self._told = self.progress
            self.pace.note(*self._told[:2])
            for listener in listeners:
                listener(self.title, *self.progress)
        return self.running

    def cancel(self) -> None:
        """Ask what is under way to stop; the job ends with the next pumps."""
        self.cancelled = True
        if self._task is not None:
            self._task.cancel()

    def abandon(self) -> None:
        """Stop at once without finishing (Blender closes, or loads another file)."""
        self.cancel()
        self._task = None
        self._steps.close()

    def _advance(self, answered: Task | None) -> None:
        self._task = None
        if answered is not None and answered.notice:
            self.notices.append(answered.notice)
        try:
            if answered is None:
                self._task = next(self._steps)
            elif answered.problem is not None:
                self._task = self._steps.throw(answered.problem)
            else:
                self._task = self._steps.send(answered.result or {})
            if self.cancelled:  # it was asked to stop between two tasks
                self._task.cancel()
        except StopIteration as stop:
            self.message = stop.value or ""
        except Problem as problem:
            self.problem = problem
        except OSError as error:
            self.problem = Problem(f"{error.filename or 'A file'}: {error.strerror or error}")
        except Exception as error:
            if hasattr(
                error, "kind"
            ):  # one of the engine's own errors, from the parts of it that run in here
                self.problem = Problem(str(error))
            else:
                traceback.print_exc()
                what = f"{type(error).__name__}: {error} (a mistake of the extension)"
                self.problem = Problem(what, traceback.format_exc())


_running: Job | None = None


def running() -> Job | None:
    """The job that runs on a timer now, if any."""
    return _running


def stop_all() -> None:
    global _running
    if _running is not None:
        _running.abandon()
        _running = None


class JobOperator:
    """Mix-in of operators whose work is a job: give ``steps``, get execute, invoke, modal and cancel."""

    keeps_changes = False
    """Set by ``steps`` once the scene has changed for good: a problem after that leaves one step to undo."""

    if TYPE_CHECKING:  # what bpy.types.Operator brings
        bl_label: str
        report: Callable[[set[str], str], None]

    def steps(self, context: Any) -> Steps:
        raise NotImplementedError

    _job: Job | None = None
    asked_for_file = False
    """Set by ``ask_for_file``: the file browser will call execute, and somebody is watching."""

    def ask_for_file(self, context: Any) -> set[str]:
        self.asked_for_file = True
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: Any) -> set[str]:
        if self.asked_for_file:
            self.asked_for_file = False
            return self.invoke_job(context)
        job = self._begin(context)
        try:
            while job.pump():
                time.sleep(0.01)
        except KeyboardInterrupt:
            job.abandon()
            raise
        return self._end(context, job)

    def invoke(self, context: Any, event: Any) -> set[str]:
        return self.invoke_job(context)

    def invoke_job(self, context: Any) -> set[str]:
        """Run on a timer, so that the window stays alive; without a window, block."""
        global _running
        if bpy.app.background or context.window is None:
            return self.execute(context)
        if _running is not None:
            self.report({"ERROR"}, f"{_running.title} is still running; wait for it or stop it first")
            return {"CANCELLED"}
        job = self._begin(context)
        if not job.running:
            return self._end(context, job)
        _running = self._job = job
        manager = context.window_manager
        self._timer = manager.event_timer_add(0.1, window=context.window)
        manager.modal_handler_add(self)
        _show(context, job)
        return {"RUNNING_MODAL"}

    def modal(self, context: Any, event: Any) -> set[str]:
        job = self._job
        if job is None or _running is not job:  # the extension was switched off meanwhile
            self._release(context)
            return {"CANCELLED"}
        if event.type == "ESC" and event.value == "PRESS":
            job.cancel()
            return {"RUNNING_MODAL"}
        if event.type != "TIMER":
            return {"PASS_THROUGH"}
        if job.pump():
            _show(context, job)
            return {"PASS_THROUGH"}
        self._release(context)
        return self._end(context, job)

    def cancel(self, context: Any) -> None:
        """Blender ends the operator itself: no file was chosen, another file is loaded, the window closes."""
        if self._job is not None:
            self._job.abandon()
            self._release(context)

    def _begin(self, context: Any) -> Job:
        return Job(self.bl_label, self.steps(context))

    def _release(self, context: Any) -> None:
        global _running
        context.window_manager.event_timer_remove(self._timer)
        if _running is self._job:
            _running = None
        _show(context, None)

    def _end(self, context: Any, job: Job) -> set[str]:
        for notice in job.notices:
            self.report({"WARNING"}, notice)
        if isinstance(job.problem, Stopped):
            self.report({"WARNING"}, f"{self.bl_label} was stopped")
            return {"FINISHED"} if self.keeps_changes else {"CANCELLED"}
        if job.problem is not None:
            details.remember(self.bl_label, job.problem)
            self.report({"ERROR"}, str(job.problem))
            return {"FINISHED"} if self.keeps_changes else {"CANCELLED"}
        if job.message:
            self.report({"INFO"}, job.message)
        return {"FINISHED"}


class FileJobOperator(JobOperator):
    """Mix-in of job operators that read a file: without one, they ask for it."""

    if TYPE_CHECKING:  # the property of the operator
        filepath: str

    def invoke(self, context: Any, event: Any) -> set[str]:
        return self.invoke_job(context) if self.filepath else self.ask_for_file(context)

    def chosen_file(self, otherwise: str) -> Path:
        """The file that was chosen; Problem, which ends in the words ``otherwise``, where it is not there."""
        path = Path(bpy.path.abspath(self.filepath)).absolute() if self.filepath else None
        if path is None or not path.is_file():
            raise Problem(f"{self.filepath or 'No file'}: {otherwise}")
        return path


def line(job: Job) -> str:
    """What a job is doing, in one line."""
    done, total, text = job.progress
    words = "Stopping" if job.cancelled else (text[:1].upper() + text[1:] or job.title)
    if total < 2:  # not known, or all in one go
        return words
    left = "" if job.cancelled else pace.words(job.pace.left())
    return f"{words} ({done} of {total}{', ' + left if left else ''})"


def status(job: Job) -> str:
    """The status bar's words for a job."""
    words = line(job)
    return f"{words if words == job.title else f'{job.title}: {words}'}    Esc: stop"


def _show(context: Any, job: Job | None) -> None:
    """Progress in the status bar and in the panels; None clears it away."""
    if context.workspace is not None:
        context.workspace.status_text_set(None if job is None else status(job))
    for window in context.window_manager.windows:
        for area in window.screen.areas:
            if area.type in {"VIEW_3D", "PREFERENCES"}:
                area.tag_redraw()


class TABLEAU_OT_stop(bpy.types.Operator):
    """Stop the running job; frames that are already written stay"""

    bl_idname = "tableau.stop"
    bl_label = "Stop"

    @classmethod
    def poll(cls, context):
        return _running is not None

    def execute(self, context):
        if _running is not None:
            _running.cancel()
        return {"FINISHED"}


CLASSES = (TABLEAU_OT_stop,)
