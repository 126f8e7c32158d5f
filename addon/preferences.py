# SPDX-License-Identifier: GPL-3.0-or-later
"""Preferences: which Python runs the engine, how it is, and what can be done about it."""

import bpy
from bpy.props import StringProperty

from . import ROOT, engine
from .options import RELATIVE
from .setup import panel


class TableauPreferences(bpy.types.AddonPreferences):
    bl_idname = ROOT

    engine_python: StringProperty(
        name="Engine Python",
        description=(
            "The Python that runs the engine. Set Up Engine fills it in; "
            f"leave it empty to use what that made, or what the environment variable {engine.VARIABLE} names"
        ),
        subtype="FILE_PATH",
        options=RELATIVE,
    )

    def draw(self, context):
        column = self.layout.column()
        panel.draw_state(column)
        panel.draw_buttons(column)
        column.separator()
        column.prop(self, "engine_python")


CLASSES = (TableauPreferences,)
