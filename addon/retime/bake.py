# SPDX-License-Identifier: GPL-3.0-or-later
"""All that plays on the rig as keys of one Action, as few as a tolerance in the picture allows."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import bpy
from bpy_extras import anim_utils

from .. import lookup
from ..bake.sample import Sampling, seen_at
from ..performance import action as actions
from ..problems import Problem
from ..tasks import Task, Turns
from . import channels, follow, reduce, strips

if TYPE_CHECKING:
    import numpy as np

SHARE = 0.8
"""Of the tolerance that one channel may use at first; several add up in one landmark."""
ROUNDS = 6
SLIDER_REACH = 0.2
"""How far a full expression slider moves a landmark, at most, in radii of the face (a first guess)."""


@dataclass(frozen=True)
class Baked:
    """plain, keys: how many a plain bake would set (each curve on each frame), and how many are set.
    error: largest distance of a landmark from where it was, in px of the picture, measured."""

    strip: Any
    plain: int
    keys: int
    error: float


def bake_steps(context: Any, rig: Any, frames: range, tolerance: float) -> Generator[Task, Any, Baked]:
    """Lay all that plays on ``rig`` at ``frames`` out as one strip with few keys, the others muted.

    tolerance: how far (px of the picture) a landmark may then be from where it was, at any frame.
    """
    import numpy as np

    uid, rate = rig.session_uid, actions.scene_rate(context.scene)
    playing = _playing(rig)
    rows = sorted({(curve.data_path, curve.array_index) for curves in playing for curve in curves})
    if not rows or len(frames) < 2:
        raise Problem(f"{rig.name}: nothing plays on these frames; choose others, or unmute a strip")
    seen = _landmarks((yield Sampling(context, rig, frames, rate))["track"])
    values = (yield Values(context, lookup.by_session(uid), frames, rate, rows))["values"]
    allowed = _tolerances(lookup.by_session(uid), rows) * tolerance
    at = np.arange(frames.start, frames.stop, dtype=np.float64)
    slopes = np.gradient(values, axis=0)
    names = [(path, index, _group(path)) for path, index in rows]
    paths = {path for path, _ in rows}
    factor, trial = SHARE, ""
    try:
        for round_ in range(ROUNDS):
            last = round_ == ROUNDS - 1
            choice = _kept(at, values, slopes, rows, allowed * (1e-6 if last else factor))
            kept = (yield Turns(choice, len(paths), "choosing keys"))["value"]
            rig = lookup.by_session(uid)
            name = f"{rig.tableau.performance or rig.name} keys"
            trial = channels.write_keys(rig, name, names, at, values, kept, slopes)[0].name
            error = float(_apart(_landmarks((yield Trial(context, rig, frames, rate, trial))["track"]), seen))
            if error <= tolerance or last:
                break
            _remove(trial)
            factor *= 0.85 * tolerance / error
    except BaseException:
        _remove(trial)
        raise
    rig = lookup.by_session(uid)
    action, slot = _trial(trial)
    data = rig.animation_data
    if data.action is not None:
        strips.push(context, rig)
    for track in data.nla_tracks:
        for strip in track.strips:
            strip.mute = True
    return Baked(strips.push_action(context, rig, action, slot), values.size, sum(map(len, kept)), error)


class Values(Sampling):
    """What the curves ``rows`` (data path, index) come to once everything is blended; the result's "values",
    float64 [T, C]."""

    def __init__(
        self, context: Any, rig: Any, frames: range, rate: Fraction, rows: list[tuple[str, int]]
    ) -> None:
        super().__init__(context, rig, frames, rate)
        self._rows = rows
        self.text = "reading the curves"

    def read(self, rig: Any, frames: range) -> np.ndarray:
        paths = {path for path, _ in self._rows}

        def look(graph: Any) -> list[float]:
            posed = rig.evaluated_get(graph)
            found = {path: posed.path_resolve(path) for path in paths}
            return [v[i] if hasattr(v := found[path], "__len__") else v for path, i in self._rows]

        try:
            return seen_at(bpy.context, frames, look)
        except ValueError as error:
            raise Problem(f"{rig.name}: an Action animates what the rig does not have ({error})") from None

    def told(self, rig: Any, parts: np.ndarray) -> dict[str, Any]:
        import numpy as np

        # an angle that was blended or looped may jump by a whole turn, which no curve should follow
        turns = [c for c, (path, _) in enumerate(self._rows) if path.endswith("rotation_euler")]
        parts[:, turns] = np.unwrap(parts[:, turns], axis=0)
        return {"values": parts}


class Trial(Sampling):
    """The landmarks under the Action ``trial`` alone, which is on the rig only while it is sampled."""

    def __init__(self, context: Any, rig: Any, frames: range, rate: Fraction, trial: str) -> None:
        super().__init__(context, rig, frames, rate)
        self._trial = trial
        self.text = "measuring what the keys show"

    def read(self, rig: Any, frames: range) -> np.ndarray:
        with channels.alone(rig, *_trial(self._trial)):
            return super().read(rig, frames)


def _trial(name: str) -> tuple[Any, Any]:
    """The Action of a trial and its slot; Problem where undo took it away."""
    action = bpy.data.actions.get(name)
    if action is None:
        raise Problem("The keys were taken away while they were measured; bake again")
    return action, action.slots[0]


def _remove(name: str) -> None:
    action = bpy.data.actions.get(name) if name else None
    if action is not None:
        bpy.data.actions.remove(action)


def span(rig: Any) -> range:
    """The whole frames on which something plays."""
    import math

    data = rig.animation_data
    ends = [(s.frame_start, s.frame_end) for t in data.nla_tracks for s in t.strips if not s.mute]
    if data.action is not None:
        ends.append(tuple(data.action.frame_range))
    if not ends:
        raise Problem(f"{rig.name}: all its strips are muted; unmute what shall be baked")
    return range(math.floor(min(a for a, _ in ends)), math.ceil(max(b for _, b in ends)) + 1)


def _playing(rig: Any) -> list[Any]:
    """The F-curves of each Action that plays on ``rig``."""
    data = rig.animation_data
    clips = [s for t in data.nla_tracks if not t.mute for s in follow.clips(t.strips) if not s.mute]
    pairs = [(s.action, s.action_slot) for s in clips] + [(data.action, data.action_slot)]
    bags = [anim_utils.action_get_channelbag_for_slot(a, s) for a, s in pairs if a is not None]
    return [bag.fcurves for bag in bags if bag is not None]


def _tolerances(rig: Any, rows: list[tuple[str, int]]) -> np.ndarray:
    """[C]: how much of each channel moves a landmark by a pixel of the picture."""
    import numpy as np

    shape = channels.Shape.of(rig)
    radius = float(np.linalg.norm(shape.rest - shape.pivot, axis=1).max())
    out = np.empty(len(rows))
    for column, (path, _) in enumerate(rows):
        if path.endswith("location"):
            out[column] = shape.pixel
        else:
            out[column] = shape.pixel / (radius * (SLIDER_REACH if path.startswith("[") else 1.0))
    return out


def _kept(
    at: np.ndarray, values: np.ndarray, slopes: np.ndarray, rows: list[tuple[str, int]], allowed: np.ndarray
) -> Generator[None, None, list[np.ndarray]]:
    """Rows to key per channel, property by property; those of one property are keyed on the same frames."""
    import numpy as np

    out: list[np.ndarray] = [np.zeros(0, int)] * len(rows)
    for path in {path for path, _ in rows}:
        columns = [c for c, (other, _) in enumerate(rows) if other == path]
        kept = reduce.needed(at, values[:, columns], slopes[:, columns], allowed[columns])
        for column in columns:
            still = np.ptp(values[:, column]) <= 1e-7
            out[column] = kept[:1] if still else kept
        yield
    return out


def _landmarks(track: Any) -> np.ndarray:
    """float64 [T, 70, 2] px of the picture."""
    import numpy as np

    return np.concatenate([track.points[..., :2], track.irises], axis=1).astype(np.float64)


def _apart(a: np.ndarray, b: np.ndarray) -> float:
    import numpy as np

    return float(np.linalg.norm(a - b, axis=2).max())


def _group(path: str) -> str:
    return (
        path.split('"')[1] if path.startswith("pose.bones") else "Expressions" if path[0] == "[" else "Object"
    )
