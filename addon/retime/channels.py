# SPDX-License-Identifier: GPL-3.0-or-later
"""What an Action does to the rig as arrays of channels: the head bone's location, rotation and scale, a
location per landmark bone, then the expression sliders that it moves."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import bpy
from bpy_extras import anim_utils

from .. import compat, fcurves
from ..expressions import sliders
from ..performance.decompose import matrix_zxy
from ..portrait import rig as rigs
from ..portrait.space import PictureSpace
from ..problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Sequence
    from fractions import Fraction

    import numpy as np

    from ...core.landmarks.track import LandmarkTrack

HEAD = 9
"""Channels of the head bone: location, rotation (ZXY Euler, radians), scale, three each."""
BONES = HEAD + 3 * 70
"""Channels of all bones; those of sliders come after them."""

Row = tuple[str, int, str]
"""Data path, index and group of a channel."""


def layout(action: Any, slot: Any) -> list[Row]:
    """The channels of an Action in the order of the arrays: all bones', and those of the sliders it moves."""
    head = f'pose.bones["{rigs.HEAD}"].'
    out = [(head + p, i, rigs.HEAD) for p in ("location", "rotation_euler", "scale") for i in range(3)]
    out += [(f'pose.bones["{b}"].location', i, b) for b in rigs.bone_names() for i in range(3)]
    known = curves_of(action, slot)
    return out + [
        (path, 0, "Expressions") for path in map(sliders.path, sliders.order()) if (path, 0) in known
    ]


def curves_of(action: Any, slot: Any) -> dict[tuple[str, int], Any]:
    """The F-curves of an Action's slot by path and index."""
    bag = anim_utils.action_get_channelbag_for_slot(action, slot)
    return {(curve.data_path, curve.array_index): curve for curve in bag.fcurves} if bag else {}


def reader(action: Any, slot: Any, bones: Container[str] | None = None) -> Callable[[np.ndarray], np.ndarray]:
    """What tells the channels [T, C], float64, at frames [T] of an Action as it is now; at rest where it has
    no curve, and for landmarks that are not among ``bones``."""
    import numpy as np

    known = curves_of(action, slot)
    if not any(path.startswith("pose.bones") for path, _ in known):
        raise Problem(f"{action.name}: moves no bones of the landmark rig")
    rows = layout(action, slot)
    away = set() if bones is None else {bone for bone in rigs.bone_names() if bone not in bones}
    wanted = [c for c, row in enumerate(rows) if row[:2] in known and row[2] not in away]
    readers = {c: fcurves.reader(known[rows[c][:2]]) for c in wanted}
    rest = np.zeros(len(rows))
    rest[6:HEAD] = 1.0

    def values(frames: np.ndarray) -> np.ndarray:
        out = np.tile(rest, (len(frames), 1))
        for column, read in readers.items():
            out[:, column] = read(frames)
        return out

    return values


@dataclass(frozen=True)
class Shape:
    """The rig at rest, in its units: bones ``rest`` [70, 3], head ``pivot`` [3], size of a ``pixel``, and how
    far each slider that is looked at moves the bones: ``effects`` [S, 70, 3]."""

    rest: np.ndarray
    pivot: np.ndarray
    pixel: float
    effects: np.ndarray

    @classmethod
    def of(cls, rig: Any, rows: Sequence[Row] = ()) -> Shape:
        """The shape of ``rig`` for channels of the layout ``rows``."""
        import numpy as np

        bones = rig.data.bones
        rest = np.array([bones[name].head_local for name in rigs.bone_names()], np.float64)
        pivot = np.array(bones[rigs.HEAD].head_local, np.float64)
        effects = sliders.effects(rig, [path for path, _, _ in rows[BONES:]])
        return cls(rest, pivot, rig.tableau.portrait.tableau.pixel, effects)

    def points(self, values: np.ndarray) -> np.ndarray:
        """float64 [T, 70, 3]: landmarks in px (from the picture's middle, y up) of channels [T, C]."""
        import numpy as np

        offsets = values[:, HEAD:BONES].reshape(len(values), -1, 3)
        offsets = offsets + np.tensordot(values[:, BONES:], self.effects, 1)
        local = (self.rest - self.pivot + offsets) * values[:, None, 6:HEAD]
        turned = np.einsum("tij,tnj->tni", matrix_zxy(values[:, 3:6]), local)
        return (turned + self.pivot + values[:, None, :3]) / self.pixel


def write_action(
    rig: Any, name: str, rows: Sequence[Row], frames: np.ndarray, values: np.ndarray
) -> tuple[Any, Any]:
    """A new Action with linear keys of channels [T, C] at frames [T]; (Action, slot), not left on the rig."""
    import numpy as np

    every = np.arange(len(frames))
    return write_keys(rig, name, rows, frames, values, [every] * values.shape[1], None)


def write_keys(
    rig: Any,
    name: str,
    names: Sequence[Row],
    frames: np.ndarray,
    values: np.ndarray,
    kept: list[np.ndarray],
    slopes: np.ndarray | None,
) -> tuple[Any, Any]:
    """A new Action with keys where ``kept`` (rows per channel) says; (Action, slot), not left on the rig.

    slopes: [T, C] per frame; the curve passes each key with it (Bezier), else it is linear between keys.
    """
    import numpy as np

    data = rig.animation_data_create()
    before, before_slot = data.action, data.action_slot
    action = bpy.data.actions.new(name)
    data.action = action
    try:
        for column, (path, index, group) in enumerate(names):
            rows = kept[column]
            x, y = frames[rows], values[rows, column]
            if np.ptp(y) < fcurves.STILL:
                rows, x, y = rows[:1], x[:1], y[:1]
            curve = compat.ensure_curve(rig, action, path, index, group)
            curve.auto_smoothing = "NONE"
            fcurves.write(curve, x, y, None if slopes is None else slopes[rows, column])
        slot = data.action_slot
    finally:
        data.action = before
        if before is not None and before_slot is not None:
            data.action_slot = before_slot
    return action, slot


@contextlib.contextmanager
def alone(rig: Any, action: Any, slot: Any) -> Iterator[None]:
    """``action`` alone on the rig: its strips switched off, its own Action put aside."""
    data = rig.animation_data
    before = data.action, data.action_slot, data.use_nla
    data.action = action
    data.action_slot = slot
    data.use_nla = False
    try:
        yield
    finally:
        data.action = before[0]
        if before[0] is not None and before[1] is not None:
            data.action_slot = before[1]
        data.use_nla = before[2]


def track_of(
    rig: Any, action: Any, slot: Any, rate: Fraction, bones: Container[str] | None = None
) -> tuple[np.ndarray, LandmarkTrack]:
    """The whole frames [T] of an Action, and the landmarks that it makes of ``rig`` there; ``rate``: of them.

    The rest of the rig's animation has no part in it.  With ``bones``, other landmarks stay where they rest
    in the head, which is quicker.
    """
    import numpy as np

    from ...core.landmarks.track import LandmarkTrack

    first, last = (float(edge) for edge in action.frame_range)
    frames = np.arange(np.ceil(first), np.floor(last) + 1)
    space = PictureSpace.of(rig.tableau.portrait)
    shape = Shape.of(rig, layout(action, slot))
    local = shape.points(reader(action, slot, bones)(frames)) * space.pixel
    points = space.to_pixels(local).astype(np.float32)
    times, sure = (frames - frames[0]) / float(rate), np.ones((len(frames), 68), np.float32)
    size = (space.width, space.height)
    return frames, LandmarkTrack(points[:, :68], points[:, 68:, :2], times, sure, size)
