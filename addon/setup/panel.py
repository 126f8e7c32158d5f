# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine in one line each: which Python, how it is, whether it runs; and the buttons for it."""

import bpy

from .. import engine, jobs
from ..panels import TableauPanel
from ..problems import Problem
from . import checking


# only there while there is no engine: without it nothing else in the tab works
class TABLEAU_PT_no_engine(TableauPanel, bpy.types.Panel):
    bl_label = "First of All"
    bl_order = 0

    @classmethod
    def poll(cls, context):
        return _missing() and jobs.running() is None

    def draw(self, context):
        column = self.layout.column()
        column.label(text="The engine that animates is not set up", icon="INFO")
        column.scale_y = 1.2
        column.operator("tableau.set_up_engine", icon="IMPORT")
        column.operator("tableau.use_python", icon="FILE_FOLDER")


class TABLEAU_PT_engine(TableauPanel, bpy.types.Panel):
    bl_label = "Engine"
    bl_order = 100
    bl_options = {"DEFAULT_CLOSED"}

    @classmethod
    def poll(cls, context):
        return not _missing()

    def draw(self, context):
        column = self.layout.column()
        draw_state(column)
        draw_buttons(column)


def draw_state(layout: bpy.types.UILayout) -> None:
    """Interpreter, what is known of it, the worker: one line each."""
    try:
        python = engine.interpreter()
    except Problem as problem:
        layout.label(text=str(problem), icon="ERROR")
        return
    layout.label(text=f"Python: {python}", icon="CONSOLE")
    text, good = checking.state(python)
    layout.label(text=text, icon="CHECKMARK" if good else "ERROR")
    worker = engine.current()
    if worker is not None and worker.python == python and worker.running:
        layout.label(text="Running; it ends with Blender", icon="PLAY")
    else:
        layout.label(text="Not running; starts when needed", icon="PAUSE")


def draw_buttons(layout: bpy.types.UILayout) -> None:
    """In the order of the work: get an engine, check it, tell what went wrong."""
    layout.operator("tableau.set_up_engine", icon="IMPORT")
    row = layout.row(align=True)
    row.operator("tableau.use_python", icon="FILE_FOLDER")
    row.operator("tableau.find_engine", icon="VIEWZOOM", text="")
    layout.operator("tableau.check_engine", icon="CHECKMARK")
    layout.operator("tableau.copy_details", icon="COPYDOWN")


def _missing() -> bool:
    try:
        engine.interpreter()
    except Problem:
        return True
    return False


CLASSES = (TABLEAU_PT_no_engine, TABLEAU_PT_engine)
