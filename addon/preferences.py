# SPDX-License-Identifier: GPL-3.0-or-later
"""Preferences: which Python runs the engine, and a check that says in plain words whether it works."""

import bpy
from bpy.props import EnumProperty, StringProperty

from . import ROOT, engine, jobs
from .problems import Problem

_found: list[tuple[str, str, str]] = []  # Blender needs the strings of a dynamic enum kept alive
_state = ""


class TableauPreferences(bpy.types.AddonPreferences):
    bl_idname = ROOT

    engine_python: StringProperty(
        name="Engine Python",
        description=(
            "The Python interpreter of the engine's environment. "
            f"Leave empty to use the environment variable {engine.VARIABLE}"
        ),
        subtype="FILE_PATH",
        options={"PATH_SUPPORTS_BLEND_RELATIVE"},
    )

    def draw(self, context):
        column = self.layout.column()
        column.prop(self, "engine_python")
        row = column.row(align=True)
        row.operator("tableau.find_engine", icon="VIEWZOOM")
        row.operator("tableau.check_engine", icon="CHECKMARK")
        try:
            path = engine.interpreter()
        except Problem as problem:
            column.label(text=str(problem), icon="ERROR")
            return
        column.label(text=_state or f"Not checked yet: {path}", icon="INFO")


class TABLEAU_OT_find_engine(bpy.types.Operator):
    """Look for an environment named .venv beside a working tree of the project"""

    bl_idname = "tableau.find_engine"
    bl_label = "Find Engine"
    bl_options = {"INTERNAL"}

    choice: EnumProperty(
        name="Python", description="The interpreter to use", items=lambda self, context: _found
    )

    @classmethod
    def poll(cls, context):
        if ROOT not in context.preferences.addons:
            cls.poll_message_set("The extension is not enabled in the preferences")
            return False
        return True

    def execute(self, context):
        if not _find():
            self.report({"ERROR"}, "No .venv with a Python was found; choose the engine's Python by hand")
            return {"CANCELLED"}
        context.preferences.addons[ROOT].preferences.engine_python = self.choice or _found[0][0]
        return {"FINISHED"}

    def invoke(self, context, event):
        if len(_find()) < 2:
            return self.execute(context)
        return context.window_manager.invoke_props_dialog(self, width=500)


class TABLEAU_OT_check_engine(jobs.JobOperator, bpy.types.Operator):
    """Start the engine and say what it is"""

    bl_idname = "tableau.check_engine"
    bl_label = "Check Engine"
    bl_options = {"INTERNAL"}

    def steps(self, context):
        global _state
        _state = ""
        yield engine.request("ping")
        hello = engine.worker().hello or {}
        versions = hello.get("versions") or {}
        there = [f"{name} {number}" for name, number in versions.items() if number]
        missing = [name for name, number in versions.items() if not number]
        _state = f"Engine {hello.get('engine')} on Python {hello.get('python')}: {', '.join(there)}"
        if missing:
            _state += f"; missing: {', '.join(missing)}"
        return _state


def _find() -> list[tuple[str, str, str]]:
    _found[:] = [(str(path), str(path), "") for path in engine.find_interpreters()]
    return _found


CLASSES = (TableauPreferences, TABLEAU_OT_find_engine, TABLEAU_OT_check_engine)
