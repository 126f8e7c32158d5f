# SPDX-License-Identifier: GPL-3.0-or-later
"""Every difference between Blender 4.5 and 5.2 that the extension meets; nothing else tests for a version."""

from __future__ import annotations

from typing import Any

import bpy
from bpy_extras import anim_utils

V5 = bpy.app.version >= (5, 0, 0)


def ensure_curve(owner: Any, action: Any, path: str, index: int, group: str) -> Any:
    """The F-curve of ``path``[``index``] in ``action``, made where missing;
    ``owner`` must have the action already."""
    if V5:
        return action.fcurve_ensure_for_datablock(owner, path, index=index, group_name=group)
    curve = action.fcurve_ensure_for_datablock(owner, path, index=index)
    bag = action_curves(owner)
    if curve.group is None and bag is not None:
        curve.group = bag.groups.get(group) or bag.groups.new(group)
    return curve


def action_curves(owner: Any) -> Any:
    """The channel bag (``.fcurves``, ``.groups``) that animates ``owner``, or None."""
    data = owner.animation_data
    if data is None or data.action is None or data.action_slot is None:
        return None
    return anim_utils.action_get_channelbag_for_slot(data.action, data.action_slot)


def is_keyed(owner: Any, path: str) -> bool:
    """Whether the action of ``owner`` has a curve of ``path``."""
    bag = action_curves(owner)
    return bag is not None and bag.fcurves.find(path) is not None


def slot_curve(action: Any, path: str, index: int, group: str) -> Any:
    """The F-curve of ``path``[``index``] in the first slot of ``action``, made where missing;
    the action may be used by strips alone."""
    bag = anim_utils.action_get_channelbag_for_slot(action, action.slots[0])
    curve = bag.fcurves.find(path, index=index)
    if curve is None:
        curve = bag.fcurves.new(path, index=index)
        curve.group = bag.groups.get(group) or bag.groups.new(group)
    return curve


def slot_curves(action: Any) -> Any:
    """All F-curves in the first slot of ``action``."""
    return anim_utils.action_get_channelbag_for_slot(action, action.slots[0]).fcurves


def node_tree(material: Any) -> Any:
    """The node tree of a material; before 5.0 a new material has none until it is asked for."""
    if not V5:
        material.use_nodes = True
    return material.node_tree


def set_blended(material: Any) -> None:
    """Draw transparent pixels of ``material`` smoothly in the viewport."""
    if hasattr(material, "surface_render_method"):
        material.surface_render_method = "BLENDED"
