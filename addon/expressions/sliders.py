# SPDX-License-Identifier: GPL-3.0-or-later
"""The sliders of a rig: custom properties whose drivers move a bone between the head and each landmark.

The bones in between leave the landmark bones' own channels to the track and to the animator.  Drivers are
sums of products, which Blender computes itself: no script runs, so a file plays them with scripts switched
off and without the extension, on every frame and sub-frame, in strips, in renders and in linked files.
"""

from __future__ import annotations

import re
import string
from typing import TYPE_CHECKING, Any

from ..portrait import rig as rigs

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

COLLECTION = "Expression Offsets"
PREFIX = "expression."
LENGTH = 255  # characters that Blender keeps of a driver's expression
DIGITS = 999  # weights are whole numbers up to this, times one factor
SYMBOLS = [*string.ascii_letters, "_x", "_y"]  # names of the variables, short for the sake of LENGTH
TERM = re.compile(r"([+-]?\d+)\*(\w+)")
SUM = re.compile(r"\((.*)\)\*([-+.e\d]+)")
GAZE = ("gazeX", "gazeY")


def present(rig: Any) -> bool:
    """Whether ``rig`` has its sliders."""
    return f"{PREFIX}iris_right" in rig.data.bones or COLLECTION in rig.data.collections


def names(rig: Any) -> list[str]:
    """The sliders of ``rig`` in the engine's order; empty where it has none."""
    return [name for name in order() if rig.get(name) is not None]


def order() -> list[str]:
    """All sliders in the engine's order."""
    from ...core.head.arkit import ARKIT

    return [*ARKIT, *GAZE]


def path(name: str) -> str:
    """The data path of a slider."""
    return f'["{name}"]'


def add(context: Any, rig: Any, order: Sequence[str], basis: np.ndarray) -> None:
    """Give ``rig`` the sliders ``order`` [N], or new effects where it has them:
    ``basis`` [N, 70, 3] is how far a full slider moves each landmark, in the rig's space.

    Values and curves that are there stay.
    """
    hidden = rig.hide_get()
    if not present(rig):
        _add_bones(context, rig)
    for name in order:
        if rig.get(name) is None:
            rig[name] = 0.0
        # soft limits only: hard ones would clip what animation evaluates to
        low = -1.0 if name in GAZE else 0.0
        rig.id_properties_ui(name).update(
            soft_min=low, soft_max=1.0, min=-10.0, max=10.0, default=0.0, step=0.05, precision=3
        )
        rig.property_overridable_library_set(path(name), True)
    least = 2e-4 * float(abs(basis).max())
    for index, bone in enumerate(rigs.bone_names()):
        for axis in range(3):
            _drive(rig, f'pose.bones["{PREFIX}{bone}"].location', axis, order, basis[:, index, axis], least)
    rig.hide_set(hidden)
    rig.update_tag()


def effects(rig: Any, paths: Sequence[str]) -> np.ndarray:
    """float64 [N, 70, 3], in the rig's space: how far a full slider moves each landmark, of the sliders with
    these data paths.  That is read from the drivers; one that is not as ``add`` makes them moves nothing."""
    import numpy as np

    symbols = {path(name): symbol for symbol, name in zip(SYMBOLS, order(), strict=True)}
    columns = {symbols[item]: column for column, item in enumerate(paths)}
    bones = {PREFIX + bone: index for index, bone in enumerate(rigs.bone_names())}
    out = np.zeros((len(paths), len(bones), 3))
    for curve in rig.animation_data.drivers if columns and rig.animation_data is not None else ():
        bone = curve.data_path.split('"')[1] if '"' in curve.data_path else ""
        found = SUM.fullmatch(curve.driver.expression) if bone in bones else None
        if found is None:
            continue
        for weight, symbol in TERM.findall(found[1]):
            if symbol in columns:
                out[columns[symbol], bones[bone], curve.array_index] = int(weight) * float(found[2])
    return out


def remove(context: Any, rig: Any) -> None:
    """Take sliders, drivers and bones away; curves of them stay in the actions, without effect."""
    for name in names(rig):
        del rig[name]
    for curve in list(rig.animation_data.drivers) if rig.animation_data is not None else ():
        if curve.data_path.startswith(f'pose.bones["{PREFIX}'):
            rig.animation_data.drivers.remove(curve)
    hidden = rig.hide_get()
    with rigs.edit_mode(context, rig):
        bones = rig.data.edit_bones
        for bone in rigs.bone_names():
            between = bones.get(PREFIX + bone)
            if between is not None:
                if bone in bones:
                    bones[bone].parent = bones[rigs.HEAD]
                bones.remove(between)
    collection = rig.data.collections.get(COLLECTION)
    if collection is not None:
        rig.data.collections.remove(collection)
    rig.hide_set(hidden)


def _add_bones(context: Any, rig: Any) -> None:
    with rigs.edit_mode(context, rig):
        bones = rig.data.edit_bones
        for name in rigs.bone_names():
            landmark = bones[name]
            between = bones.new(PREFIX + name)
            between.head, between.tail, between.roll = landmark.head, landmark.tail, landmark.roll
            between.parent, landmark.parent = bones[rigs.HEAD], between
    collection = rig.data.collections.new(COLLECTION)
    collection.is_visible = False
    for name in rigs.bone_names():
        collection.assign(rig.data.bones[PREFIX + name])
        rig.pose.bones[PREFIX + name].lock_location = (True,) * 3


def _drive(rig: Any, target: str, axis: int, order: Sequence[str], weights: np.ndarray, least: float) -> None:
    """Let ``target``[``axis``] be ``order`` times ``weights``; those below ``least`` are left out."""
    used = [i for i in range(len(order)) if abs(weights[i]) > least]
    text = _sum(used, weights)
    while len(text) > LENGTH:  # the least of all goes
        used.remove(min(used, key=lambda i: abs(weights[i])))
        text = _sum(used, weights)
    curves = rig.animation_data.drivers if rig.animation_data is not None else None
    found = curves.find(target, index=axis) if curves is not None else None
    if found is not None:
        same = found.driver.expression == text and found.is_valid and not len(found.keyframe_points)
        if same:  # making hundreds of drivers anew takes a while
            return
        rig.driver_remove(target, axis)
    if not used:
        return
    made = rig.driver_add(target, axis)
    # Blender 5 maps the result through keys at 0 and 1, and takes what is below 1e-4 for the first of them
    made.keyframe_points.clear()
    driver = made.driver
    driver.type = "SCRIPTED"
    for i in used:
        variable = driver.variables.new()
        variable.name = SYMBOLS[i]
        variable.targets[0].id = rig
        variable.targets[0].data_path = path(order[i])
    driver.expression = text


def _sum(used: Sequence[int], weights: np.ndarray) -> str:
    """The expression: whole-number weights in brackets, and the factor that they all share."""
    if not used:
        return ""
    factor = max(abs(float(weights[i])) for i in used) / DIGITS
    terms = "".join(f"{round(float(weights[i]) / factor):+d}*{SYMBOLS[i]}" for i in used)
    return f"({terms.removeprefix('+')})*{factor:.6g}"
