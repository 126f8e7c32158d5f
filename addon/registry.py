# SPDX-License-Identifier: GPL-3.0-or-later
"""Every class of the extension, registered in one order and unregistered in the mirrored one."""

from __future__ import annotations

import bpy

from . import details, engine, jobs, panels, preferences, properties
from .bake import operators as bake_operators
from .bake import panel as bake_panel
from .performance import operators as performance_operators
from .performance import panel as performance_panel
from .portrait import face_list, files, fix_operators, fix_tools, landmark_panel, matte_operators, overlay
from .portrait import operators as portrait_operators
from .portrait import panel as portrait_panel
from .setup import operators as setup_operators
from .setup import panel as setup_panel

MODULES = (
    properties,
    preferences,
    jobs,
    details,
    setup_operators,
    portrait_operators,
    files,
    fix_operators,
    fix_tools,
    matte_operators,
    performance_operators,
    bake_operators,
    panels,
    setup_panel,
    face_list,
    portrait_panel,
    landmark_panel,
    performance_panel,
    bake_panel,
    overlay,
)
"""Modules with a tuple CLASSES, and attach and detach where they hang something else into Blender;
panels after the operators that they draw."""


def register() -> None:
    for module in MODULES:
        for cls in module.CLASSES:
            bpy.utils.register_class(cls)
    for module in MODULES:
        if hasattr(module, "attach"):
            module.attach()


def unregister() -> None:
    jobs.stop_all()
    engine.stop()
    for module in reversed(MODULES):
        if hasattr(module, "detach"):
            module.detach()
    for module in reversed(MODULES):
        for cls in reversed(module.CLASSES):
            bpy.utils.unregister_class(cls)
