# SPDX-License-Identifier: GPL-3.0-or-later
"""What lies behind the one line of an error, for whoever wants to report it: on the clipboard at a click."""

from __future__ import annotations

import platform

import bpy

from . import engine
from .problems import Problem

_last: tuple[str, Problem] | None = None


def remember(title: str, problem: Problem) -> None:
    """Keep what went wrong in the operator ``title`` until something else does."""
    global _last
    _last = (title, problem)


def text() -> str:
    """The last problem with its traceback, all that the engine has said since, and the versions around it."""
    parts = [f"Tableau Vivant in Blender {bpy.app.version_string} on {platform.platform()}"]
    try:
        parts.append(f"Engine's Python: {engine.interpreter()}")
    except Problem as missing:
        parts.append(str(missing))
    worker = engine.current()
    if worker is not None and worker.hello is not None:
        parts.append(f"Engine: {worker.hello}")
    said = worker.output() if worker is not None else ""
    if _last is not None:
        title, problem = _last
        parts.append(f"\n{title}: {problem}")
        if problem.details and problem.details != said:
            parts.append(problem.details)
    if said.strip():
        parts.append(f"\nWhat the engine said:\n{said}")
    return "\n".join(parts)


class TABLEAU_OT_copy_details(bpy.types.Operator):
    bl_idname = "tableau.copy_details"
    bl_label = "Copy Details"
    bl_description = (
        "Put the last error with everything behind it on the clipboard, for an e-mail or a bug report"
    )

    def execute(self, context):
        copied = text()
        context.window_manager.clipboard = copied
        self.report({"INFO"}, f"{len(copied.splitlines())} lines are on the clipboard")
        return {"FINISHED"}


CLASSES = (TABLEAU_OT_copy_details,)
