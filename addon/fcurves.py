# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys of an F-curve as arrays: a whole curve at a time, never key by key."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

LINEAR, BEZIER = 1, 2
"""Numbers of Blender's interpolations."""
STILL = 1e-7
"""What moves less than this (Blender units, radians) needs one key."""
_FREE = 0  # number of Blender's handle type


def read(curve: Any) -> tuple[np.ndarray, np.ndarray]:
    """Frames [T] and values [T] of the keys, float64."""
    places = _all(curve, "co", 2)
    return places[::2].astype(np.float64), places[1::2].astype(np.float64)


def write(curve: Any, frames: np.ndarray, values: np.ndarray, slopes: np.ndarray | None = None) -> None:
    """Let ``curve`` have keys with ``values`` [T] at ``frames`` [T] and nothing else.

    slopes: [T] per frame, with which the curve passes the keys; None: straight lines.
    """
    points = curve.keyframe_points
    points.clear()
    points.add(len(frames))
    points.foreach_set("co", np.column_stack([frames, values]).astype(np.float32).ravel())
    points.foreach_set("interpolation", np.full(len(frames), LINEAR if slopes is None else BEZIER, np.int32))
    if slopes is not None:
        _set_handles(points, frames, values, slopes)
    curve.update()


def write_moving(curve: Any, frames: np.ndarray, values: np.ndarray) -> None:
    """``write`` straight lines, with one key where nothing moves."""
    moves = slice(None) if np.ptp(values) >= STILL else slice(1)
    write(curve, frames[moves], values[moves])


def reader(curve: Any) -> Callable[[np.ndarray], np.ndarray]:
    """What tells the values [T], float64, that ``curve`` comes to at frames [T], as it is now."""
    kinds = _all(curve, "interpolation", 1, np.int32)
    plain = len(kinds) and not len(curve.modifiers) and curve.extrapolation == "CONSTANT"
    if plain and (kinds[:-1] == LINEAR).all():
        places, values = read(curve)
        return lambda frames: np.interp(frames, places, values)
    return lambda frames: np.array([curve.evaluate(frame) for frame in frames])


def mark(curve: Any) -> str:
    """A short mark of the keys of ``curve``, their interpolation and, where it has a say, their handles."""
    kinds = _all(curve, "interpolation", 1, np.int32)
    parts = [kinds, _all(curve, "co", 2)]
    if (kinds == BEZIER).any():
        parts += [_all(curve, name, 2) for name in ("handle_left", "handle_right")]
    return f"{zlib.crc32(b''.join(part.tobytes() for part in parts)):08x}"


def _all(curve: Any, name: str, size: int, kind: Any = np.float32) -> np.ndarray:
    """[T * size]: the property ``name`` of all keys."""
    out = np.empty(size * len(curve.keyframe_points), kind)
    curve.keyframe_points.foreach_get(name, out)
    return out


def _set_handles(points: Any, x: np.ndarray, y: np.ndarray, slope: np.ndarray) -> None:
    """Handles at a third of each step: time then runs evenly and the curve is the Hermite cubic."""
    step = np.diff(x) / 3
    left, right = np.append(step[:1], step), np.append(step, step[-1:])
    if len(x) == 1:
        left = right = np.ones(1)
    for side, dx in (("left", -left), ("right", right)):
        points.foreach_set(f"handle_{side}_type", np.full(len(x), _FREE, np.int32))
        places = np.column_stack([x + dx, y + dx * slope]).astype(np.float32)
        points.foreach_set(f"handle_{side}", places.ravel())
