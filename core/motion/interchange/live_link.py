# SPDX-License-Identifier: GPL-3.0-or-later
"""Live Link Face .csv: what the iPhone app (Epic Games) saves of a take, read and written.

Columns: Timecode, BlendShapeCount (61; newer versions write BlendshapeCount), Apple's 52 names with a capital
first letter (in the app's order, right before left for jaw and mouth; here they are found by name), then
HeadYaw, HeadPitch, HeadRoll, LeftEyeYaw, LeftEyePitch, LeftEyeRoll, RightEyeYaw, RightEyePitch, RightEyeRoll.
Coefficients are 0..1 (a calibrated take may leave that range: it is cut off), angles are radians.

Signs.  Eyes, from recorded takes, where they go with the eyeLook coefficients at 30 to 33 degrees for a full
one: yaw > 0 to the sitter's right, pitch > 0 down.  Head, as receivers of the app's stream take it: yaw > 0
to the sitter's left, pitch > 0 up, roll > 0 tips the crown to the sitter's right.  The head's place is not in
the file.  The eyes are taken from the eyeLook columns; where those are all zero, from the angles.

A row with BlendShapeCount 0 or without values is a frame that the phone lost: it is NaN here.  Frames that
are missing altogether leave a gap in the timecode, which is kept: times are the timecode's.  Written rows
have the time of day in sixtieths of a second, at any frame rate.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from ...atomic import atomic_path
from ...errors import InputError
from ...head.arkit import ARKIT
from ...head.rotation import continuous, from_head_angles, to_head_angles, to_vector
from ..curves import ExpressionCurves
from ..gaze import LOOKS, gaze_angles, with_gaze
from .table import Table
from .timecode import format_timecode, parse_timecodes

NAME = "live-link"
HEAD = ("HeadYaw", "HeadPitch", "HeadRoll")
EYES = ("LeftEyeYaw", "LeftEyePitch", "LeftEyeRoll", "RightEyeYaw", "RightEyePitch", "RightEyeRoll")
_HEAD_SIGN = np.array([1.0, 1.0, -1.0])
# a frame like this shows a face at zero: written takes have one; raw takes of a still face have a mean of
# 0.05 and more, and heads that were never quite straight
_REST_EXPRESSION, _REST_TURN = 0.01, 2.0  # mean coefficient; degrees


def _app_order() -> tuple[str, ...]:
    names = [name[0].upper() + name[1:] for name in ARKIT]
    for stem in ("Jaw", "Mouth"):
        left, right = names.index(f"{stem}Left"), names.index(f"{stem}Right")
        names[left], names[right] = names[right], names[left]
    return tuple(names)


SHAPES = _app_order()
COLUMNS = ("Timecode", "BlendShapeCount", *SHAPES, *HEAD, *EYES)


def is_live_link(names: tuple[str, ...]) -> bool:
    """Whether these are the column names of such a file."""
    lower = {name.lower() for name in names}
    return "timecode" in lower and {"eyeblinkleft", "jawopen"} <= lower


def read_live_link(table: Table, rate: str | Fraction | None = None) -> ExpressionCurves:
    """Expression curves of a take, its first row at time 0; ``rate`` as for ``parse_timecodes``.

    meta: "start", the first row's time of day in seconds; "rest" is "neutral" where some frame shows
    a face at zero, as in written takes; else a retarget starts from the calmest frame.
    Raises InputError, naming the line.
    """
    where = [f"{table.path}: line {line}" for line in table.lines]
    names = {name.lower(): name for name in table.names}
    shapes = [names.get(name.lower(), name) for name in ARKIT]
    if names.get("tongueout") is None:  # the app of the first iPhones had 51
        shapes.remove("tongueOut")
    column = table.names.index(names["timecode"])
    times = parse_timecodes([row[column] for row in table.rows], where, rate)
    values = table.numbers([*shapes, *(names[n.lower()] for n in (*HEAD, *EYES) if n.lower() in names)])
    expression = np.zeros((len(times), len(ARKIT)))
    expression[:, : len(shapes)] = values[:, : len(shapes)]
    found = [n for n in (*HEAD, *EYES) if n.lower() in names]
    turns = {name: values[:, len(shapes) + index] for index, name in enumerate(found)}
    lost = ~np.isfinite(values).all(axis=1)
    if "blendshapecount" in names:
        lost |= table.numbers([names["blendshapecount"]])[:, 0] == 0
    if lost.all():
        raise InputError(f"{table.path}: no row has all its values; the take is empty or was cut short")
    # a time that is given twice: the later row is the correction
    last = np.append(np.diff(times) > 1e-9, True)
    none = np.zeros(len(times))
    head = np.degrees(np.stack([turns.get(name, none) for name in HEAD], axis=1)) * _HEAD_SIGN
    if not expression[~lost][:, LOOKS.ravel()].any():
        eyes = [
            [turns.get(f"{side}Eye{turn}", none) for turn in ("Yaw", "Pitch")] for side in ("Right", "Left")
        ]
        expression = with_gaze(expression, -np.degrees(np.moveaxis(np.array(eyes), -1, 0)))
    rotation = continuous(from_head_angles(head[:, 0], head[:, 1], head[:, 2]))
    expression = np.clip(expression, 0.0, 1.0)
    translation = np.zeros((len(times), 3))
    for array in (expression, rotation, translation):
        array[lost] = np.nan
    meta: dict[str, Any] = {"source": table.path.name, "format": NAME, "start": round(float(times[0]), 6)}
    turned = np.degrees(np.linalg.norm(to_vector(rotation), axis=1))
    if ((expression.mean(axis=1) < _REST_EXPRESSION) & (turned < _REST_TURN)).any():
        meta["rest"] = "neutral"
    return ExpressionCurves(times[last] - times[0], expression[last], rotation[last], translation[last], meta)


def write_live_link(curves: ExpressionCurves, path: Path) -> None:
    """Write curves as the app would; lost frames become rows with BlendShapeCount 0 and no values.

    Loses the head's place.  Raises OutputError where the file cannot be written.
    """
    start = float(curves.meta.get("start", 0.0))
    head = np.radians(np.stack(to_head_angles(curves.rotation), axis=1)) * _HEAD_SIGN
    gaze = -np.radians(gaze_angles(curves.expression))  # right, left
    eyes = np.zeros((len(curves), len(EYES)))
    eyes[:, [0, 1, 3, 4]] = np.concatenate([gaze[:, 1], gaze[:, 0]], axis=1)
    order = [ARKIT.index(name[0].lower() + name[1:]) for name in SHAPES]
    values = np.concatenate([curves.expression[:, order], head, eyes], axis=1)
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as handle:
        handle.write(",".join(COLUMNS) + "\n")
        for time, row, good in zip(curves.times, values, curves.valid, strict=True):
            stamp = format_timecode(start + float(time))
            if good:
                handle.write(f"{stamp},{len(row)}," + ",".join(f"{value:.10f}" for value in row) + "\n")
            else:
                handle.write(f"{stamp},0\n")
