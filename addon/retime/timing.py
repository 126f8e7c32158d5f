# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys of a time curve: which frame of the performance (y) shows at which scene frame (x).

Pure functions from keys to keys.  N frames of a performance lie on N - 1 steps: frame 1 to frame N.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

Shape = Literal["LINEAR", "BEZIER", "CONSTANT"]
NEAR = 1e-4
"""Two frames nearer than this are the same."""


@dataclass(frozen=True)
class Key:
    """A key at scene frame ``x`` showing frame ``y`` of the performance.

    shape: of the way to the next key.  left, right: offsets (frames, frames) of the handles of a curve whose
    handles are set by hand; None: Blender sets them so that the curve never overshoots.
    """

    x: float
    y: float
    shape: Shape = "LINEAR"
    left: tuple[float, float] | None = None
    right: tuple[float, float] | None = None


Keys = Sequence[Key]


def straight(start: float, first: float, last: float) -> list[Key]:
    """The performance from frame ``first`` to ``last`` at its own speed, from scene frame ``start``."""
    return [Key(start, first), Key(start + max(last - first, 1.0), last)]


def stretched(keys: Keys, start: float, factor: float) -> list[Key]:
    """The same motion from scene frame ``start``, ``factor`` (above 0) times as long."""
    origin = keys[0].x

    def wider(handle: tuple[float, float] | None) -> tuple[float, float] | None:
        return None if handle is None else (handle[0] * factor, handle[1])

    return [
        replace(k, x=start + (k.x - origin) * factor, left=wider(k.left), right=wider(k.right)) for k in keys
    ]


def fitted(keys: Keys, start: float, frames: int) -> list[Key]:
    """The same motion on exactly ``frames`` (at least 2) scene frames: its last key is the last of them."""
    return stretched(keys, start, (frames - 1) / (keys[-1].x - keys[0].x))


def split(keys: Keys, at: float, value: float) -> tuple[list[Key], list[Key]]:
    """The keys up to scene frame ``at`` and those from there on, both with a key there.

    value: what the curve shows at ``at``.  A curve with handles of its own keeps its form on both sides.
    """
    before = [key for key in keys if key.x < at - NEAR]
    after = [key for key in keys if key.x > at + NEAR]
    here = next((key for key in keys if abs(key.x - at) <= NEAR), None)
    if here is None:
        shape: Shape = before[-1].shape if before and after else "LINEAR"
        here = Key(at, value, shape)
        if before and after and shape == "BEZIER" and before[-1].right and after[0].left:
            before[-1], here, after[0] = _cut(before[-1], after[0], at)
    return [*before, here], [here, *after]


def _cut(a: Key, b: Key, at: float) -> tuple[Key, Key, Key]:
    """De Casteljau: the curve between two keys with handles, in two parts."""
    assert a.right is not None
    assert b.left is not None
    points = [
        (a.x, a.y),
        (a.x + a.right[0], a.y + a.right[1]),
        (b.x + b.left[0], b.y + b.left[1]),
        (b.x, b.y),
    ]
    low, high = 0.0, 1.0
    for _ in range(60):
        t = (low + high) / 2
        rows = [points]
        while len(rows[-1]) > 1:
            row = rows[-1]
            rows.append(
                [(p[0] + (q[0] - p[0]) * t, p[1] + (q[1] - p[1]) * t) for p, q in itertools.pairwise(row)]
            )
        low, high = (t, high) if rows[3][0][0] < at else (low, t)
    x, y = at, rows[3][0][1]
    return (
        replace(a, right=(rows[1][0][0] - a.x, rows[1][0][1] - a.y)),
        Key(x, y, "BEZIER", (rows[2][0][0] - x, rows[2][0][1] - y), (rows[2][1][0] - x, rows[2][1][1] - y)),
        replace(b, left=(rows[1][2][0] - b.x, rows[1][2][1] - b.y)),
    )


def held(keys: Keys, at: float, value: float, frames: float) -> list[Key]:
    """What shows at scene frame ``at`` stays for ``frames`` more; all that follows comes so much later."""
    before, after = split(keys, at, value)
    end = replace(after[0], x=at + frames, left=None)
    return [
        *before[:-1],
        replace(before[-1], shape="LINEAR", right=None),
        end,
        *(replace(key, x=key.x + frames) for key in after[1:]),
    ]


def ramped(
    keys: Keys, at: float, value: float, speeds: tuple[float, float], length: float, ends: tuple[float, float]
) -> list[Key]:
    """From scene frame ``at`` the speed (1 is the recording's) goes evenly from one to the other
    in ``length`` frames, and then stays until the performance is over.

    ends: first and last frame of the performance; where it runs out within the ramp, it stops there.
    """
    before, _ = split(keys, at, value)
    v0, v1 = speeds
    slope = (v1 - v0) / length
    length = min([length, *_reached(value, v0, slope, ends)])
    v1 = v0 + slope * length
    x, y = at + length, min(max(value + (v0 + v1) / 2 * length, ends[0]), ends[1])
    third = length / 3
    out = [
        *before[:-1],
        replace(before[-1], shape="BEZIER", right=(third, v0 * third)),
        Key(x, y, "LINEAR", (-third, -v1 * third), (third, v1 * third)),
    ]
    goal = ends[1] if v1 > 0 else ends[0]
    if abs(v1) > NEAR and abs(goal - y) > NEAR:
        out.append(Key(x + (goal - y) / v1, goal))
    return out


def _reached(value: float, speed: float, slope: float, ends: tuple[float, float]) -> list[float]:
    """After how many frames value + speed t + slope t^2 / 2 leaves ``ends``, in order; often never."""
    times = []
    for goal, sign in ((ends[0], -1.0), (ends[1], 1.0)):
        a, b, c = slope / 2, speed, value - goal
        if abs(a) < 1e-12:
            roots = [-c / b] if abs(b) > 1e-12 else []
        else:
            root = b * b - 4 * a * c
            roots = [] if root < 0 else [(-b + s * math.sqrt(root)) / (2 * a) for s in (-1, 1)]
        times += [t for t in roots if t > NEAR and (speed + slope * t) * sign > 0]
    return sorted(times)


def ping_pong(keys: Keys, cycles: int) -> list[Key]:
    """There and back, ``cycles`` times.  Each turn shows its frame once: N frames become 2 N - 2 a cycle,
    and the last key, which shows the first frame again, is where the next cycle begins."""
    out = list(keys)
    for _ in range(2 * cycles - 1):
        end = out[-1].x
        way = [key for key in out if key.x >= end - (keys[-1].x - keys[0].x) - NEAR]
        out[-1:] = _mirrored(way, end)
    return out


def _mirrored(keys: Keys, end: float) -> list[Key]:
    def turned(handle: tuple[float, float] | None) -> tuple[float, float] | None:
        return None if handle is None else (-handle[0], handle[1])

    back = list(reversed(keys))
    shapes = [key.shape for key in back[1:]] + ["LINEAR"]
    return [
        Key(2 * end - key.x, key.y, shape, turned(key.right), turned(key.left))  # type: ignore[arg-type]
        for key, shape in zip(back, shapes, strict=True)
    ]


def first_reach(curve: Callable[[float], float], start: float, end: float, value: float) -> float | None:
    """The first scene frame in [start, end] at which ``curve`` shows ``value``, or None."""
    steps = max(2, math.ceil((end - start) * 2) + 1)
    xs = [start + (end - start) * i / (steps - 1) for i in range(steps)]
    previous = curve(xs[0]) - value
    if abs(previous) < NEAR:
        return xs[0]
    for a, b in itertools.pairwise(xs):
        now = curve(b) - value
        if abs(now) < NEAR:
            return b
        if previous * now < 0:
            for _ in range(40):
                middle = (a + b) / 2
                if (curve(middle) - value) * previous > 0:
                    a = middle
                else:
                    b = middle
            return (a + b) / 2
        previous = now
    return None


def pinned(keys: Keys, moves: Sequence[tuple[float, float, float]]) -> list[Key]:
    """Time bent so that each move (scene frame now, scene frame wanted, frame shown) is met.

    The ends stay, everything between two moves is stretched evenly, and the curve never overshoots.
    A move that would need time to run backward, or lies beyond the ends, is left out.
    """
    first, last = keys[0], keys[-1]
    row = [(first.x, first.x, first.y)]
    for now, wanted, shown in sorted(moves):
        if now - row[-1][0] > NEAR and wanted - row[-1][1] > 0.5 and last.x - wanted > 0.5:
            row.append((now, wanted, shown))
    row.append((last.x, last.x, last.y))
    out: list[Key] = []
    for (a, to_a, _), (b, to_b, _) in itertools.pairwise(row):
        for key in keys:
            if a + NEAR < key.x < b - NEAR:
                out.append(Key(to_a + (key.x - a) / (b - a) * (to_b - to_a), key.y, key.shape))
    out += [Key(wanted, shown, "BEZIER") for _, wanted, shown in row]
    return sorted(out, key=lambda key: key.x)
