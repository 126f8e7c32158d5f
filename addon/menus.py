# SPDX-License-Identifier: GPL-3.0-or-later
"""Every step as a menu, too: what no menu shows, Blender's menu search (F3) does not find."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy

STEPS: dict[str, tuple[str | tuple[str, str, str, str], ...]] = {
    "Portrait": (
        "load_portrait",
        "relink_picture",
        "fit_camera",
        "match_artwork_colors",
        "find_matte",
        "paint_matte",
        "keep_matte",
        "remove_matte",
    ),
    "Landmarks": (
        "detect_landmarks",
        "fix_landmarks",
        "symmetrize_landmarks",
        "redetect_landmarks",
        "reset_landmarks",
        "finish_landmarks",
        "pose_rig",
    ),
    "Sitter": (
        "add_shots",
        "sample_shots",
        "personalize",
        "preview_sitter",
        "show_strip",
        "relink_sitter",
        "remove_sitter",
    ),
    "Performance": ("load_preset", "load_performance", "retarget", "make_assets", "remove_assets"),
    "Expressions": (
        "add_sliders",
        "solve_expressions",
        "hide_faint",
        "load_curves",
        "export_performance",
        "remove_sliders",
    ),
    "Retime": (
        "retime_curve",
        ("retime_fit", "to", "FRAMES", "Fit to Frames"),
        ("retime_fit", "to", "MARKERS", "Fit to Markers"),
        ("retime_move", "to", "PLAYHEAD", "Move to Playhead"),
        "retime_hold",
        "retime_ramp",
        "retime_events",
        "retime_snap",
        "retime_filter",
        "retime_unfilter",
        "retime_ping_pong",
        "retime_loop",
        "retime_steps",
        "retime_conform",
        "retime_bake",
    ),
    "Preview": (
        "preview_start",
        "preview_fill",
        "preview_stop",
        "preview_frame",
        "preview_frame_remove",
    ),
    "Bake": ("bake", "count_due", "new_version", "open_frames", "export_farm"),
    "Engine": ("set_up_engine", "use_python", "find_engine", "check_engine"),
}
"""Operators of each step, in the order of the work; one that needs an answer first: with its property, the
property's value and the words of the entry."""

HOSTS = ("VIEW3D_MT_object", "VIEW3D_MT_pose")
"""Menus that end with ours: a portrait is worked on in Object and in Pose Mode."""

TIMELINES = ("DOPESHEET_MT_key", "GRAPH_MT_key", "NLA_MT_strips")
"""Menus that end with the one for retiming."""


class _StepMenu:
    if TYPE_CHECKING:  # what bpy.types.Menu brings
        layout: bpy.types.UILayout
        bl_label: str

    def draw(self, context):
        for entry in STEPS[self.bl_label]:
            if isinstance(entry, str):
                self.layout.operator(f"tableau.{entry}")
            else:
                name, key, value, words = entry
                setattr(self.layout.operator(f"tableau.{name}", text=words), key, value)


_MENUS = {
    step: type(f"TABLEAU_MT_{step.lower()}", (_StepMenu, bpy.types.Menu), {"bl_label": step})
    for step in STEPS
}


class TABLEAU_MT_steps(bpy.types.Menu):
    bl_label = "Tableau"

    def draw(self, context):
        for menu in _MENUS.values():
            self.layout.menu(menu.__name__)


def _steps_entry(self, context):
    self.layout.separator()
    self.layout.menu(TABLEAU_MT_steps.__name__)


def _retime_entry(self, context):
    self.layout.separator()
    self.layout.menu(_MENUS["Retime"].__name__, text="Tableau Retime")


CLASSES = (*_MENUS.values(), TABLEAU_MT_steps)


def _each():
    for names, entry in ((HOSTS, _steps_entry), (TIMELINES, _retime_entry)):
        for name in names:
            yield getattr(bpy.types, name), entry


def attach() -> None:
    for menu, entry in _each():
        menu.append(entry)


def detach() -> None:
    for menu, entry in _each():
        menu.remove(entry)
