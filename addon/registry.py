# SPDX-License-Identifier: GPL-3.0-or-later
"""Every class of the extension, registered in one order and unregistered in the mirrored one."""

from __future__ import annotations

import bpy

from . import details, engine, jobs, panels, preferences, properties
from .bake import operators as bake_operators
from .bake import panel as bake_panel
from .performance import operators as performance_operators
from .performance import panel as performance_panel
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
    performance_operators,
    bake_operators,
    panels,
    setup_panel,
    portrait_panel,
    performance_panel,
    bake_panel,
)
"""Modules with a tuple CLASSES; panels last, so that the operators they draw exist."""


def register() -> None:
    for module in MODULES:
        for cls in module.CLASSES:
            bpy.utils.register_class(cls)
    properties.attach()


def unregister() -> None:
    jobs.stop_all()
    engine.stop()
    properties.detach()
    for module in reversed(MODULES):
        for cls in reversed(module.CLASSES):
            bpy.utils.unregister_class(cls)
