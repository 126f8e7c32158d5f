# SPDX-License-Identifier: GPL-3.0-or-later
"""What an artist can do about the engine: set it up, take one that is there, check it."""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy.props import EnumProperty, StringProperty

from .. import ROOT, engine, jobs
from ..problems import Problem
from . import checking, environment, steps

_found: list[tuple[str, str, str]] = []  # Blender needs the strings of a dynamic enum kept alive


class TABLEAU_OT_set_up_engine(jobs.JobOperator, bpy.types.Operator):
    bl_idname = "tableau.set_up_engine"
    bl_label = "Set Up Engine"
    bl_description = (
        "Make the engine ready: fetch the packages that animate portraits into a folder of this extension. "
        "Nothing else on this computer changes, and the folder goes when the extension goes"
    )

    wheels: StringProperty(
        name="Folder of Wheels",
        description=(
            "For a computer without internet: a folder with the packages as files (.whl), "
            "fetched on another computer. Leave empty to fetch them now"
        ),
        subtype="DIR_PATH",
    )
    python: StringProperty(
        name="Python",
        description="The Python to build on. Leave empty to take the one that fits best",
        subtype="FILE_PATH",
    )

    def invoke(self, context, event):
        if bpy.app.background:
            return self.execute(context)
        self.asked_for_file = True
        return context.window_manager.invoke_props_dialog(self, width=480, confirm_text="Set Up")

    def draw(self, context):
        column = self.layout.column()
        if bpy.app.online_access:
            column.label(
                text="Fetches 460 MB and takes 1.6 GB of disk; some GB more with an NVIDIA GPU", icon="URL"
            )
        else:
            column.label(text="Allow Online Access is off in Preferences > System", icon="ERROR")
            column.label(text="Allow it, or name a folder that holds the packages")
        column.prop(self, "wheels")
        column.prop(self, "python")
        column.label(text=f"Goes into {environment.root()}", icon="FILE_FOLDER")

    def steps(self, context):
        wanted = steps.order(self.wheels, self.python)
        python, report = yield from steps.set_up(wanted)
        _use(context, python)
        for folder in environment.others(python.parent.parent):
            yield environment.removal(folder)
        return f"The engine is ready. {checking.summary(report)}"


class TABLEAU_OT_use_python(jobs.JobOperator, bpy.types.Operator):
    bl_idname = "tableau.use_python"
    bl_label = "Use Existing Python"
    bl_description = (
        "Use an environment that is on this computer: choose its folder, or the program python in it. "
        "It is checked at once, and only taken if the engine runs on it"
    )

    filepath: StringProperty(name="Python", description="A Python interpreter, or an environment's folder")

    def invoke(self, context, event):
        return self.ask_for_file(context)

    def steps(self, context):
        python = _interpreter(self.filepath)
        report = yield from checking.ask(python)
        if not report["ok"]:
            raise Problem(f"{python}: not used. {report['problems'][0]}", "\n".join(report["lines"]))
        _use(context, python)
        return checking.summary(report)


class TABLEAU_OT_find_engine(bpy.types.Operator):
    """Look for an environment named .venv beside a working tree of the project"""

    bl_idname = "tableau.find_engine"
    bl_label = "Find Engine"
    bl_options = {"INTERNAL"}

    choice: EnumProperty(
        name="Python", description="The interpreter to use", items=lambda self, context: _found
    )

    def execute(self, context):
        if not _find():
            self.report({"ERROR"}, "No .venv with a Python was found; choose the engine's Python by hand")
            return {"CANCELLED"}
        _use(context, Path(self.choice or _found[0][0]))
        return {"FINISHED"}

    def invoke(self, context, event):
        if len(_find()) < 2:
            return self.execute(context)
        return context.window_manager.invoke_props_dialog(self, width=500)


class TABLEAU_OT_check_engine(jobs.JobOperator, bpy.types.Operator):
    """Ask the engine whether all is well: its version, what it computes on, and what is missing"""

    bl_idname = "tableau.check_engine"
    bl_label = "Check Engine"

    def steps(self, context):
        report = yield from checking.ask(engine.interpreter())
        if not report["ok"]:
            raise Problem(report["problems"][0], "\n".join(report["lines"]))
        yield engine.request("ping")
        return checking.summary(report)


def _use(context, python: Path) -> None:
    """Make this the engine's Python; the worker of the former one ends."""
    addon = context.preferences.addons.get(ROOT)
    if addon is not None and addon.preferences is not None:
        addon.preferences.engine_python = str(python)
        context.preferences.is_dirty = True
    engine.stop()


def _interpreter(chosen: str) -> Path:
    """The program meant by a path: itself, or the one of the environment in that folder."""
    if not chosen:
        raise Problem("No Python was chosen; name its path, or the folder of its environment")
    path = Path(bpy.path.abspath(chosen))
    if path.is_dir():
        inside = environment.python_of(path)
        if not inside.is_file():
            raise Problem(
                f"{path}: is no Python environment; choose the folder that holds {inside.parent.name}"
            )
        return inside
    if not path.is_file():
        raise Problem(f"{path}: there is no such Python; choose it again")
    return path


def _find() -> list[tuple[str, str, str]]:
    _found[:] = [(str(path), str(path), "") for path in engine.find_interpreters()]
    return _found


CLASSES = (TABLEAU_OT_set_up_engine, TABLEAU_OT_use_python, TABLEAU_OT_find_engine, TABLEAU_OT_check_engine)
