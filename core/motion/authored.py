# SPDX-License-Identifier: GPL-3.0-or-later
"""Performances written by hand: TOML files of eased curves, turned into expression curves at any frame rate.

A file has a [meta] table (name, label, description, fps, duration in seconds, loop, license),
[[curve]] tables and optionally a [life] table (see :class:`core.motion.life.Life`).

A curve has a name, keys = [[seconds, value], ...] and optionally ease: "ease" is flat at every key,
"smooth" is monotone through the keys, "linear" is straight.  Names are ARKIT's; one without its Left or Right
moves both sides, where ``right`` scales the right side and ``lag`` delays it by so many seconds.  Besides,
there are headYaw, headPitch, headRoll and gazeYaw, gazePitch in degrees (signs as in from_head_angles;
the gaze is relative to the head), and headX, headY, headZ in eye distances.  Curves of one name add up.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from scipy.interpolate import PchipInterpolator

from ..errors import InputError
from ..head.arkit import ARKIT
from ..head.model import LOOK_ASIDE, LOOK_UP_DOWN
from ..head.rotation import from_head_angles
from .curves import ExpressionCurves
from .life import Life, add_life, spread_blinks
from .limits import ramp
from .rates import frame_count, frame_times, parse_rate
from .retime_files import read_toml
from .sample import wrap

SCHEMA = "tableau-vivant/performance-1"
Ease = Literal["ease", "smooth", "linear"]
HEAD = ("headYaw", "headPitch", "headRoll", "headX", "headY", "headZ")
GAZE = ("gazeYaw", "gazePitch")
PAIRS = tuple(
    dict.fromkeys(
        n.removesuffix("Left") for n in ARKIT if n.endswith("Left") and n not in ("jawLeft", "mouthLeft")
    )
)
CHANNELS = (*ARKIT, *PAIRS, *HEAD, *GAZE)


@dataclass(frozen=True)
class Curve:
    """One channel over time; keys of (seconds, value)."""

    name: str
    keys: tuple[tuple[float, float], ...]
    ease: Ease = "ease"
    right: float = 1.0
    lag: float = 0.0


@dataclass(frozen=True)
class Authored:
    """A performance as its file tells it."""

    name: str
    label: str
    description: str
    fps: Fraction
    duration: float
    loop: bool
    license: str
    curves: tuple[Curve, ...] = ()
    life: Life = field(default_factory=Life)

    @property
    def frames(self) -> int:
        """Frames of one pass at its own rate."""
        return frame_count(self.duration, self.fps)

    def sample(self, rate: Fraction | None = None) -> ExpressionCurves:
        """Expression curves at ``rate`` (its own where None): one pass;
        a loop's next frame would be the first again."""
        rate = rate or self.fps
        times = frame_times(frame_count(self.duration, rate), rate)
        expression, head = self.evaluate(times)
        meta: dict[str, Any] = {
            "source": self.name,
            "rate": str(rate),
            "rest": "neutral",
            "loop": self.loop,
            "license": self.license,
        }
        if self.loop:
            meta["period"] = self.duration
        rotation = from_head_angles(head[:, 0], head[:, 1], head[:, 2])
        return ExpressionCurves(times, expression, rotation, head[:, 3:], meta)

    def evaluate(self, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Coefficients [N, 52] in 0..1 and head channels [N, 6] (HEAD's order) at any times, seconds."""
        times = np.asarray(times, np.float64)
        # to the nanosecond: frames of different passes are then the same instant, bit for bit
        times = np.round(wrap(times, self.duration), 9) if self.loop else np.clip(times, 0.0, self.duration)
        channels = {name: np.zeros(len(times)) for name in CHANNELS}
        for curve in self.curves:
            if curve.name in PAIRS:
                channels[curve.name + "Left"] += _value(curve, times, self)
                channels[curve.name + "Right"] += curve.right * _value(curve, times - curve.lag, self)
            else:
                channels[curve.name] += _value(curve, times, self)
        add_life(self.life, times, self.duration, channels)
        for stem in PAIRS:
            channels[stem + "Left"] += channels[stem]
            channels[stem + "Right"] += channels[stem]
        _look(channels)
        expression = np.stack([channels[name] for name in ARKIT], axis=1)
        return np.clip(expression, 0.0, 1.0), np.stack([channels[name] for name in HEAD], axis=1)


def _look(channels: dict[str, np.ndarray]) -> None:
    """Gaze angles as the eight eyeLook coefficients;
    lids follow a gaze up or down a little, as real ones do."""
    aside = np.radians(channels["gazeYaw"]) / LOOK_ASIDE
    up = np.radians(channels["gazePitch"]) / LOOK_UP_DOWN
    for side, sign in (("Left", 1.0), ("Right", -1.0)):
        channels[f"eyeLookOut{side}"] += np.maximum(sign * aside, 0.0)
        channels[f"eyeLookIn{side}"] += np.maximum(-sign * aside, 0.0)
        channels[f"eyeLookUp{side}"] += np.maximum(up, 0.0)
        channels[f"eyeLookDown{side}"] += np.maximum(-up, 0.0)
        channels[f"eyeBlink{side}"] += 0.25 * np.maximum(-up, 0.0)
        channels[f"eyeWide{side}"] += 0.2 * np.maximum(up, 0.0)


def _value(curve: Curve, times: np.ndarray, whole: Authored) -> np.ndarray:
    keys = np.array(curve.keys)
    if whole.loop:
        times = wrap(times, whole.duration)
        keys = np.concatenate([keys - [whole.duration, 0], keys, keys + [whole.duration, 0]])
    t, v = keys[:, 0], keys[:, 1]
    times = np.clip(times, t[0], t[-1])
    if len(t) == 1:
        return np.full(len(times), v[0])
    if curve.ease == "linear":
        return np.interp(times, t, v)
    if curve.ease == "smooth":
        return PchipInterpolator(t, v)(times)
    left = np.clip(np.searchsorted(t, times, "right") - 1, 0, len(t) - 2)
    return v[left] + (v[left + 1] - v[left]) * ramp(times, t[left], t[left + 1])


def load_authored(path: str | os.PathLike[str]) -> Authored:
    """Read a performance file; raises InputError with one line that names the file and the key."""
    return authored_from_dict(read_toml(path), str(path), Path(path).stem)


def authored_from_dict(data: Mapping[str, Any], where: str, name: str) -> Authored:
    """Build a performance from the data of its file; ``name`` is taken where the file gives none."""
    _known(data, {"meta", "curve", "life"}, where)
    meta = _table(data.get("meta"), f"{where}: [meta]")
    _known(
        meta,
        {"schema", "name", "label", "description", "fps", "duration", "loop", "license"},
        f"{where}: [meta]",
    )
    if meta.get("schema", SCHEMA) != SCHEMA:
        raise InputError(f"{where}: 'schema' is {meta['schema']!r}, expected {SCHEMA!r}")
    duration = _number(meta.get("duration"), f"{where}: [meta] 'duration'", 0.04, 3600.0)
    loop = meta.get("loop")
    if not isinstance(loop, bool):
        raise InputError(f"{where}: [meta] 'loop' must be true or false")
    texts = {}
    for key, default in (("name", name), ("label", name), ("description", ""), ("license", "")):
        texts[key] = meta.get(key, default)
        if not isinstance(texts[key], str):
            raise InputError(f"{where}: [meta] '{key}' must be text")
    entries = data.get("curve", [])
    if not isinstance(entries, list):
        raise InputError(f"{where}: curves are written as [[curve]] tables")
    curves = tuple(_curve(entry, f"{where}: curve {n}", duration, loop) for n, entry in enumerate(entries, 1))
    return Authored(
        **texts,
        fps=parse_rate(meta.get("fps", 25), f"{where}: [meta] 'fps'"),
        duration=duration,
        loop=loop,
        curves=curves,
        life=_life(_table(data.get("life", {}), f"{where}: [life]"), f"{where}: [life]", duration),
    )


def _curve(entry: Any, where: str, duration: float, loop: bool) -> Curve:
    entry = _table(entry, where)
    _known(entry, {"name", "keys", "ease", "right", "lag"}, where)
    name = entry.get("name")
    if name not in CHANNELS:
        raise InputError(
            f"{where}: 'name' is {name!r}, expected an ARKit name, a pair of them, headYaw, gazeYaw ..."
        )
    where = f"{where} ({name})"
    ease = entry.get("ease", "ease")
    if ease not in get_args(Ease):
        raise InputError(f"{where}: 'ease' is {ease!r}, expected one of {', '.join(get_args(Ease))}")
    if name not in PAIRS and ("right" in entry or "lag" in entry):
        raise InputError(f"{where}: 'right' and 'lag' are for names that move both sides")
    keys, last = [], -math.inf
    pairs = entry.get("keys")
    if not isinstance(pairs, list) or not pairs:
        raise InputError(f"{where}: 'keys' must be a list of [seconds, value] pairs")
    for number, pair in enumerate(pairs, 1):
        if not isinstance(pair, list) or len(pair) != 2:
            raise InputError(f"{where}: key {number} must be a [seconds, value] pair, not {pair!r}")
        at = _number(pair[0], f"{where}: the time of key {number}", 0.0, duration)
        if at <= last:
            raise InputError(f"{where}: the times of 'keys' must increase (key {number})")
        last = at
        low, high = (-90.0, 90.0) if name in HEAD + GAZE else (-1.0, 1.0)
        keys.append((at, _number(pair[1], f"{where}: the value of key {number}", low, high)))
    if loop and len(keys) > 1 and keys[0][0] == 0 and keys[-1][0] == duration:
        if keys[0][1] != keys[-1][1]:
            raise InputError(f"{where}: in a loop the last key must equal the first, or be left out")
        keys.pop()  # the seam is one key, not two
    right = _number(entry.get("right", 1.0), f"{where}: 'right'", 0.0, 2.0)
    lag = _number(entry.get("lag", 0.0), f"{where}: 'lag'", -1.0, 1.0)
    return Curve(name, tuple(keys), ease, right, lag)


def _life(entry: Mapping[str, Any], where: str, duration: float) -> Life:
    _known(entry, {f.name for f in fields(Life)}, where)
    values: dict[str, Any] = {}
    for key, value in entry.items():
        if key in ("seed", "breaths"):
            if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**31:
                raise InputError(f"{where} '{key}' must be a whole number, not {value!r}")
            values[key] = value
        elif key != "blinks":
            values[key] = _number(value, f"{where} '{key}'", 0.0, 10.0)
    blinks = entry.get("blinks", ())
    if isinstance(blinks, int) and not isinstance(blinks, bool) and 0 <= blinks <= duration:
        values["blinks"] = spread_blinks(blinks, duration, values.get("seed", 1))
    elif isinstance(blinks, list | tuple):
        values["blinks"] = tuple(_number(b, f"{where} 'blinks'", 0.0, duration) for b in blinks)
    else:
        raise InputError(f"{where} 'blinks' must be a list of seconds, or how many (at most one a second)")
    return Life(**values)


def _table(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise InputError(f"{where} is missing or not a table")
    return value


def _known(data: Mapping[str, Any], known: set[str], where: str) -> None:
    for key in data:
        if key not in known:
            raise InputError(f"{where}: unknown key '{key}'; known are {', '.join(sorted(known))}")


def _number(value: Any, where: str, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise InputError(f"{where} must be a number from {low:g} to {high:g}, not {value!r}")
    return float(value)
