# SPDX-License-Identifier: GPL-3.0-or-later
"""Every class of the extension, registered in one order and unregistered in the mirrored one."""

from __future__ import annotations

import bpy

from . import details, engine, jobs, menus, panels, preferences, properties
from .bake import operators as bake_operators
from .bake import panel as bake_panel
from .bake import settings as bake_settings
from .bake import undo as bake_undo
from .expressions import exchange_operators
from .expressions import operators as expression_operators
from .expressions import panel as expression_panel
from .performance import asset_operators
from .performance import operators as performance_operators
from .performance import panel as performance_panel
from .performance import presets as performance_presets
from .performance import properties as performance_properties
from .portrait import face_list, files, fix_operators, fix_tools, landmark_panel, matte_operators, overlay
from .portrait import operators as portrait_operators
from .portrait import panel as portrait_panel
from .preview import live
from .preview import operators as preview_operators
from .preview import panel as preview_panel
from .retime import bake_operators as retime_bake
from .retime import event_operators as retime_events
from .retime import filter_operators as retime_filters
from .retime import follow as retime_follow
from .retime import loop_operators as retime_loop
from .retime import operators as retime_operators
from .retime import panel as retime_panel
from .setup import operators as setup_operators
from .setup import panel as setup_panel
from .sitter import operators as sitter_operators
from .sitter import panel as sitter_panel
from .sitter import settings as sitter_settings
from .sitter import shot_operators, store

MODULES = (
    sitter_settings,
    properties,
    bake_settings,
    preferences,
    jobs,
    details,
    setup_operators,
    portrait_operators,
    files,
    fix_operators,
    fix_tools,
    matte_operators,
    performance_properties,
    performance_presets,
    shot_operators,
    sitter_operators,
    store,
    performance_operators,
    asset_operators,
    expression_operators,
    exchange_operators,
    retime_operators,
    retime_loop,
    retime_events,
    retime_filters,
    retime_bake,
    retime_follow,
    preview_operators,
    bake_operators,
    bake_undo,
    menus,
    panels,
    setup_panel,
    face_list,
    portrait_panel,
    landmark_panel,
    sitter_panel,
    performance_panel,
    expression_panel,
    retime_panel,
    preview_panel,
    bake_panel,
    live,
    overlay,
)
"""Modules with a tuple CLASSES, and attach and detach where they hang something else into Blender;
menus and panels after the operators that they draw."""


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
