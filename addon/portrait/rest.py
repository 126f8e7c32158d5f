# SPDX-License-Identifier: GPL-3.0-or-later
"""Changing the rest landmarks of a rig that is there: its action, strips and settings stay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import lookup, paths
from . import rig as rigs
from .space import PictureSpace

if TYPE_CHECKING:
    import numpy as np


def rest_local(rig: Any) -> np.ndarray:
    """float64 [70, 3]: where the landmark bones rest, in the rig's space."""
    import numpy as np

    bones = rig.data.bones
    return np.array([bones[name].head_local for name in rigs.bone_names()], np.float64)


def set_rest(context: Any, rig: Any, local: np.ndarray) -> None:
    """Let the landmark bones rest at ``local`` [70, 3] in the rig's space and write the engine's file.

    The head bone moves along unless something animates the rig: a head that turns about another point
    would no longer do what it was keyed to.
    """
    hidden = rig.hide_get()
    with rigs.edit_mode(context, rig):
        bones = rig.data.edit_bones
        if not lookup.has_action(rig):
            _move(bones[rigs.HEAD], local[list(rigs.PIVOT)].mean(axis=0))
        for name, point in zip(rigs.bone_names(), local, strict=True):
            _move(bones[name], point)
    rigs.size_shapes(rig, local)
    rig.hide_set(hidden)
    rigs.rest_track(rig).save(paths.work_folder(rig) / "face.npz")


def detected_local(rig: Any) -> np.ndarray | None:
    """float64 [70, 3]: where the detector found the landmarks, in the rig's space; None where unknown."""
    import numpy as np

    found = rig.data.get(rigs.DETECTED)
    if found is None or len(found) != 210:
        return None
    return PictureSpace.of(rig.tableau.portrait).to_local(np.array(found, np.float64).reshape(70, 3))


def confidence(rig: Any) -> np.ndarray:
    """float32 [70]: the detector's confidence in each landmark, 0..1; 1 where it was set by hand."""
    import numpy as np

    stored = rig.data.get(rigs.CONFIDENCE)
    return np.ones(70, np.float32) if stored is None or len(stored) != 70 else np.array(stored, np.float32)


def mean_confidence(rig: Any) -> float:
    """The mean of ``confidence`` over the 68 points, without numpy: panels call it at each redraw."""
    stored = rig.data.get(rigs.CONFIDENCE)
    return 1.0 if stored is None or len(stored) != 70 else sum(list(stored)[:68]) / 68


def _move(bone: Any, head: np.ndarray) -> None:
    shift = bone.tail - bone.head
    bone.head = head
    bone.tail = bone.head + shift
