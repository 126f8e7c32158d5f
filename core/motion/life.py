# SPDX-License-Identifier: GPL-3.0-or-later
"""The small life that keeps a still face from looking dead: breath, sway, darting eyes, blinks.

Everything follows from a seed and is periodic in the performance's duration, so a loop closes exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .limits import ramp

# a blink, in seconds from its start: three frames at 25 a second down,
# a moment shut, seven up and slower toward the end
_BLINK_TIMES = np.array([0.0, 0.04, 0.08, 0.12, 0.16, 0.20, 0.24, 0.28, 0.34, 0.42])
_BLINK_CLOSURE = np.array([0.0, 0.22, 0.78, 1.0, 1.0, 0.72, 0.42, 0.2, 0.06, 0.0])
BLINK_LENGTH = float(_BLINK_TIMES[-1])
_DART = 0.05  # seconds that a small saccade takes


@dataclass(frozen=True)
class Life:
    """Strengths are factors: 1 is a calm sitter.

    breaths: whole breaths in the performance.
    breath, sway, darts: strengths of breathing, of the head's slow drift and of the eyes' small jumps.
    darts_per_second: how often these jumps come.
    blinks: start times in seconds.
    """

    seed: int = 1
    breaths: int = 0
    breath: float = 1.0
    sway: float = 0.0
    darts: float = 0.0
    darts_per_second: float = 0.8
    blinks: tuple[float, ...] = ()


def spread_blinks(count: int, duration: float, seed: int) -> tuple[float, ...]:
    """Start times of ``count`` blinks, unevenly spread over a loop of ``duration`` seconds."""
    rng = np.random.default_rng([seed, 17])
    gaps = rng.uniform(0.55, 1.45, count)
    starts = np.cumsum(gaps / gaps.sum()) * duration - gaps[0] / gaps.sum() * duration * 0.5
    return tuple(round(float(start) % duration, 3) for start in starts)


def add_life(life: Life, times: np.ndarray, duration: float, channels: dict[str, np.ndarray]) -> None:
    """Add the small life at ``times`` [N] seconds onto ``channels``
    (name -> [N], see performance files), in place."""
    turn = 2 * np.pi * times / duration
    rng = np.random.default_rng([life.seed, 3])
    if life.breaths and life.breath:
        # in faster than out, and a little rest before the next breath
        phase = turn * life.breaths
        air = 0.5 - 0.5 * np.cos(phase + 0.35 * np.sin(phase))
        channels["headY"] += -0.014 * life.breath * air
        channels["headPitch"] += 0.7 * life.breath * air
        channels["headZ"] += -0.012 * life.breath * air
        channels["noseSneer"] += 0.03 * life.breath * air
        channels["jawOpen"] += 0.012 * life.breath * air
    if life.sway:
        for name, size in {
            "headYaw": 0.9,
            "headPitch": 0.6,
            "headRoll": 0.6,
            "headX": 0.008,
            "headY": 0.004,
        }.items():
            channels[name] += life.sway * size * _drift(turn, rng, duration)
        for name, size in {"browInnerUp": 0.03, "mouthSmile": 0.02, "mouthPress": 0.025}.items():
            channels[name] += life.sway * size * (0.5 + 0.5 * _drift(turn, rng, duration))
    if life.darts:
        _add_darts(life, times, duration, channels)
    for number, start in enumerate(life.blinks):
        # no two blinks are quite alike
        depth = 1.0 - 0.04 * (number % 2)
        add_blink(channels, np.mod(times - start, duration), depth)


def add_blink(channels: dict[str, np.ndarray], since: np.ndarray, depth: float) -> None:
    """One blink at ``since`` seconds after its start:
    lids, and the little that brows, cheeks and gaze do with them."""
    closure = np.interp(since, _BLINK_TIMES, _BLINK_CLOSURE, left=0.0, right=0.0) * depth
    # brows and cheeks come a frame later and softer than the lids
    late = np.interp(since - 0.04, _BLINK_TIMES, _BLINK_CLOSURE, left=0.0, right=0.0) * depth
    channels["eyeBlink"] += closure
    channels["eyeSquint"] += 0.14 * late
    channels["cheekSquint"] += 0.06 * late
    channels["browDown"] += 0.09 * late
    channels["gazePitch"] += -2.0 * closure


def _drift(turn: np.ndarray, rng: np.random.Generator, duration: float) -> np.ndarray:
    """A slow wandering in about -1..1, made of whole numbers of waves
    per loop, none quicker than 1.6 seconds."""
    most = max(1, int(duration / 1.6))
    waves = np.arange(1, most + 1)
    size = rng.uniform(0.5, 1.0, most) / waves
    phase = rng.uniform(0, 2 * np.pi, most)
    return np.sin(turn[:, None] * waves + phase) @ size / size.sum() * 1.2


def _add_darts(life: Life, times: np.ndarray, duration: float, channels: dict[str, np.ndarray]) -> None:
    rng = np.random.default_rng([life.seed, 5])
    count = max(2, round(duration * life.darts_per_second))
    gaps = rng.gamma(3.0, 1.0, count) + 0.6
    starts = np.cumsum(gaps / gaps.sum()) * duration
    for name, size in {"gazeYaw": 1.5, "gazePitch": 0.8}.items():
        places = rng.normal(0.0, size * life.darts, count).clip(-2 * size, 2 * size)
        # the eyes rest at place n from start n to start n+1; the last place is also the first
        value = np.full(len(times), places[-1])
        for number, start in enumerate(starts):
            step = places[number] - places[number - 1]
            value += step * ramp(times, start - _DART, start)
        # the final jump lands at the loop's very end
        channels[name] += value
