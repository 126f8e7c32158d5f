# SPDX-License-Identifier: GPL-3.0-or-later
"""Retime recipes as TOML: reading, writing and checking, with errors that name the file and the key."""

from __future__ import annotations

import json
import math
import os
import tomllib
from collections.abc import Mapping
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

from ..atomic import atomic_path
from ..errors import InputError
from .rates import parse_rate
from .retime import INTERPOLATIONS, KINDS, OUTSIDES, Retime, Segment

SCHEMA = "tableau-vivant/retime-1"
LONGEST = 24 * 3600.0

# key in the file -> field of Retime
_TOP = {
    "name": "name",
    "label": "label",
    "description": "description",
    "in": "trim_in",
    "out": "trim_out",
    "offset": "offset",
    "frames": "frames",
    "rate": "rate",
    "before": "before",
    "after": "after",
    "crossfade": "crossfade",
}
_SEGMENT = {
    "kind": "kind",
    "from": "start",
    "to": "end",
    "speed": "speed",
    "duration": "duration",
    "cycles": "cycles",
    "keys": "keys",
    "interpolation": "interpolation",
}
# which keys mean something in which kind
_ALLOWED = {
    "play": {"from", "to", "speed", "duration"},
    "reverse": {"from", "to", "speed", "duration"},
    "hold": {"from", "duration"},
    "curve": {"keys", "interpolation"},
    "ping-pong": {"from", "to", "speed", "duration", "cycles"},
    "loop": {"from", "to", "speed", "duration", "cycles"},
}


def load_retime(path: str | os.PathLike[str]) -> Retime:
    """Read a recipe; raises InputError naming the file and what is wrong."""
    return from_dict(read_toml(path), str(path))


def save_retime(retime: Retime, path: str | os.PathLike[str]) -> None:
    """Write a recipe as TOML, atomically; reading it back gives an equal recipe."""
    data = to_dict(retime)
    lines = [f"{key} = {_toml(value)}" for key, value in data.items() if key != "segment"]
    for segment in data.get("segment", ()):
        lines += ["", "[[segment]]", *(f"{key} = {_toml(value)}" for key, value in segment.items())]
    with atomic_path(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")


def read_toml(path: str | os.PathLike[str]) -> dict[str, Any]:
    """A TOML file as a dictionary; raises InputError naming the file and the line that is wrong."""
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path}: not valid TOML ({error})") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: not a text file; a TOML recipe is expected") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None


def to_dict(retime: Retime) -> dict[str, Any]:
    """Plain data with the keys of the file; defaults are left out."""
    default, plain = Retime(), {"schema": SCHEMA}
    for key, name in _TOP.items():
        value = getattr(retime, name)
        if value != getattr(default, name) or key == "name":
            plain[key] = str(value) if isinstance(value, Fraction) else value
    segments = []
    for segment in retime.segments:
        entry: dict[str, Any] = {"kind": segment.kind}
        blank = Segment(segment.kind)
        for key, name in _SEGMENT.items():
            value = getattr(segment, name)
            if key != "kind" and value != getattr(blank, name):
                entry[key] = str(value) if isinstance(value, Fraction) else value
        if "keys" in entry:
            entry["keys"] = [list(pair) for pair in entry["keys"]]
        segments.append(entry)
    return plain | ({"segment": segments} if segments else {})


def from_dict(data: Any, where: str = "retime") -> Retime:
    """Build a recipe from the data of a file; raises InputError naming ``where`` and the key."""
    if not isinstance(data, Mapping):
        raise InputError(f"{where}: a retime must be a table of keys")
    if data.get("schema", SCHEMA) != SCHEMA:
        raise InputError(f"{where}: 'schema' is {data['schema']!r}, expected {SCHEMA!r}")
    _only(data, {"schema", "segment", *_TOP}, where)
    fields: dict[str, Any] = {}
    for key, name in _TOP.items():
        if key not in data:
            continue
        value = data[key]
        if key == "rate":
            fields[name] = parse_rate(value, f"{where}: 'rate'")
        elif key in ("name", "label", "description", "before", "after"):
            fields[name] = _text(value, where, key)
        elif key == "frames":
            if isinstance(value, bool) or not isinstance(value, int):
                raise InputError(f"{where}: 'frames' must be a whole number, not {value!r}")
            fields[name] = value
        else:
            fields[name] = _number(value, where, key)
    entries = data.get("segment", ())
    if not isinstance(entries, list | tuple):
        raise InputError(f"{where}: 'segment' must be a list of tables ([[segment]])")
    fields["segments"] = tuple(_segment(entry, f"{where}: segment {n}") for n, entry in enumerate(entries, 1))
    try:
        return Retime(**fields)
    except InputError as error:
        # the recipe's own checks speak of its name; the file is what the user can open
        message = str(error).removeprefix(f"{fields.get('name', 'retime')}: ")
        raise InputError(f"{where}: {message}") from None


def _segment(entry: Any, where: str) -> Segment:
    if not isinstance(entry, Mapping):
        raise InputError(f"{where}: must be a table")
    kind = entry.get("kind", "play")
    if kind not in KINDS:
        raise InputError(f"{where}: 'kind' is {kind!r}, expected one of {', '.join(KINDS)}")
    _only(entry, {"kind", *_ALLOWED[kind]}, f"{where} ({kind})")
    fields: dict[str, Any] = {"kind": kind}
    for key, value in entry.items():
        if key == "kind":
            continue
        if key == "speed":
            fields["speed"] = _ratio(value, where, key)
        elif key == "interpolation":
            fields["interpolation"] = _text(value, where, key)
        elif key == "keys":
            fields["keys"] = _keys(value, where)
        else:
            fields[_SEGMENT[key]] = _number(value, where, key)
    return Segment(**fields)


def check(retime: Retime) -> None:
    """Raise InputError, one line naming the recipe and the key, where a value makes no sense."""
    where = retime.name
    for key in ("before", "after"):
        if getattr(retime, key) not in OUTSIDES:
            raise InputError(
                f"{where}: '{key}' is {getattr(retime, key)!r}, expected one of {', '.join(OUTSIDES)}"
            )
    if retime.frames is not None and not 1 <= retime.frames <= 1_000_000:
        raise InputError(f"{where}: 'frames' must lie between 1 and 1,000,000, not {retime.frames}")
    if retime.frames is not None and retime.rate is None:
        raise InputError(f"{where}: 'frames' needs 'rate' to know how long they last")
    if not 0 <= retime.crossfade <= LONGEST or not abs(retime.offset) <= LONGEST:
        raise InputError(
            f"{where}: 'crossfade' and 'offset' must be seconds within a day, the first not negative"
        )
    if retime.crossfade > 0 and retime.after != "loop":
        raise InputError(
            f"{where}: 'crossfade' blends the seam of a loop; set 'after' to \"loop\" or leave it out"
        )
    if retime.trim_in is not None and retime.trim_out is not None and retime.trim_in >= retime.trim_out:
        raise InputError(
            f"{where}: 'in' ({retime.trim_in:g} s) must come before 'out' ({retime.trim_out:g} s)"
        )
    for number, segment in enumerate(retime.segments, 1):
        _check_segment(segment, f"{where}: segment {number}")


def _check_segment(segment: Segment, where: str) -> None:
    if segment.kind not in KINDS:
        raise InputError(f"{where}: 'kind' is {segment.kind!r}, expected one of {', '.join(KINDS)}")
    if not Fraction(1, 1000) <= segment.speed <= 1000:
        raise InputError(f"{where}: 'speed' must lie between 0.001 and 1000 (use a reverse to go backward)")
    if segment.duration is not None and not 0 < segment.duration <= LONGEST:
        raise InputError(f"{where}: 'duration' must be seconds above 0 and within a day")
    if not 0 < segment.cycles <= 1_000_000:
        raise InputError(f"{where}: 'cycles' must lie above 0")
    if segment.kind == "hold" and segment.duration is None:
        raise InputError(f"{where}: a hold needs 'duration', in scene seconds")
    if segment.kind == "curve":
        scene = [key[0] for key in segment.keys]
        if len(scene) < 2 or scene[0] != 0 or any(b <= a for a, b in pairwise(scene)):
            raise InputError(
                f"{where}: 'keys' needs two or more [scene, performance] pairs, scene from 0 and increasing"
            )
        if segment.interpolation not in INTERPOLATIONS:
            raise InputError(f"{where}: 'interpolation' must be one of {', '.join(INTERPOLATIONS)}")
    fixed = segment.kind in ("play", "reverse") and None not in (segment.end, segment.duration)
    if fixed and segment.speed != 1:
        raise InputError(f"{where}: 'speed' follows from 'to' and 'duration'; leave one of the three out")


def _only(data: Mapping[str, Any], known: set[str], where: str) -> None:
    for key in data:
        if key not in known:
            raise InputError(f"{where}: unknown key '{key}'; known are {', '.join(sorted(known))}")


def _text(value: Any, where: str, key: str) -> str:
    if not isinstance(value, str):
        raise InputError(f"{where}: '{key}' must be text, not {value!r}")
    return value


def _number(value: Any, where: str, key: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InputError(f"{where}: '{key}' must be a number, not {value!r}")
    return float(value)


def _ratio(value: Any, where: str, key: str) -> Fraction:
    try:
        if isinstance(value, str) or (isinstance(value, int | float) and not isinstance(value, bool)):
            return Fraction(str(value))
    except (ValueError, ZeroDivisionError):
        pass
    raise InputError(f"{where}: '{key}' must be a number or a ratio such as \"25/24\", not {value!r}")


def _keys(value: Any, where: str) -> tuple[tuple[float, float], ...]:
    if not isinstance(value, list | tuple):
        raise InputError(f"{where}: 'keys' must be a list of [scene, performance] pairs")
    pairs = []
    for number, pair in enumerate(value, 1):
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            raise InputError(
                f"{where}: key {number} of 'keys' must be a [scene, performance] pair, not {pair!r}"
            )
        pairs.append((_number(pair[0], where, f"keys[{number}]"), _number(pair[1], where, f"keys[{number}]")))
    return tuple(pairs)


def _toml(value: Any) -> str:
    # JSON's text, numbers and lists are TOML's too, for the values that a recipe holds
    return json.dumps(value, ensure_ascii=False)
