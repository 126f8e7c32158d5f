# SPDX-License-Identifier: GPL-3.0-or-later
"""Expression curves as .csv, for spreadsheets, scripts and people: one column per curve that moves.

Columns: time (seconds), then by name the ARKit coefficients that are not zero throughout (0..1), headYaw,
headPitch, headRoll (degrees; signs as in from_head_angles) and headX, headY, headZ (eye distances; x to the
picture's right, y down, z away).  A column that is not there is zero.  Read, but not written: gazeYaw and
gazePitch (degrees, both eyes), where no eyeLook column is there.  An empty cell is a lost frame.
A first line ``# {"schema": ..., "meta": {...}}`` keeps what is known of the performance; it may be left out.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from ...atomic import atomic_path
from ...errors import InputError
from ...head.arkit import ARKIT, INDEX
from ...head.rotation import continuous, from_head_angles, to_head_angles
from ..authored import GAZE, HEAD
from ..curves import ExpressionCurves
from ..gaze import with_gaze
from .table import Table

NAME = "curves"
SCHEMA = "tableau-vivant/curves-csv-1"
TIME = "time"


def is_curves_csv(names: tuple[str, ...], text: str) -> bool:
    """Whether these are the column names of such a file, or its first line says so."""
    known = {*ARKIT, *HEAD, *GAZE}
    return f'"{SCHEMA}"' in text[:200] or (names[0] == TIME and any(name in known for name in names))


def read_curves_csv(table: Table, text: str) -> ExpressionCurves:
    """Expression curves of such a file.  Raises InputError, naming the line or the column."""
    meta = _meta(table, text)
    known = {TIME, *ARKIT, *HEAD, *GAZE}
    for name in table.names:
        if name not in known:
            raise InputError(
                f"{table.path}: column '{name}' is no curve; known are {TIME}, ARKit's names, "
                f"{', '.join((*HEAD, *GAZE))}"
            )
    if len(set(table.names)) != len(table.names):
        raise InputError(f"{table.path}: a column is there twice")
    values = table.numbers(list(table.names))
    channel = {name: values[:, index] for index, name in enumerate(table.names)}
    if TIME not in channel or not np.isfinite(channel[TIME]).all():
        raise InputError(f"{table.path}: every row needs its time in seconds, in a column '{TIME}'")
    none = np.zeros(len(values))
    expression = np.stack([channel.get(name, none) for name in ARKIT], axis=1)
    if GAZE[0] in channel or GAZE[1] in channel:
        if any(name.startswith("eyeLook") for name in channel):
            raise InputError(f"{table.path}: has gaze and eyeLook columns, which say the same; leave one out")
        angles = np.stack([channel.get(name, none) for name in GAZE], axis=1)
        expression = with_gaze(expression, np.repeat(angles[:, None], 2, axis=1))
    out = np.flatnonzero((expression < -1e-4).any(axis=1) | (expression > 1.0001).any(axis=1))
    if len(out):
        name = ARKIT[int(np.abs(expression[out[0]] - 0.5).argmax())]
        raise InputError(
            f"{table.path}: line {table.lines[out[0]]}: {name} must stay within 0..1; "
            "divide percentages by 100"
        )
    head = [channel.get(name, none) for name in HEAD]
    lost = ~np.isfinite(values).all(axis=1)
    rotation = continuous(from_head_angles(head[0], head[1], head[2]))
    translation = np.stack(head[3:], axis=1)
    for array in (expression, rotation, translation):
        array[lost] = np.nan
    try:
        return ExpressionCurves(channel[TIME], expression, rotation, translation, meta)
    except InputError as error:
        raise InputError(f"{table.path}: {error}") from None


def _meta(table: Table, text: str) -> dict[str, Any]:
    first = text.split("\n", 1)[0]
    meta: Any = {"source": table.path.name}
    if first.startswith("#") and f'"{SCHEMA}"' in first:
        try:
            meta = json.loads(first[1:].strip().rstrip(",;\t"))["meta"]
        except (ValueError, KeyError, TypeError):
            meta = None
        if not isinstance(meta, dict):
            raise InputError(f"{table.path}: line 1 is damaged; repair or delete it")
    return meta


def write_curves_csv(curves: ExpressionCurves, path: Path, *, faint: float = 0.0) -> None:
    """Write the curves that are larger than ``faint`` somewhere (coefficients, eye distances; degrees for
    rotations); numbers read back to the same float32.  Raises OutputError where it cannot be written."""
    columns: dict[str, np.ndarray] = {name: curves.expression[:, INDEX[name]] for name in ARKIT}
    angles = np.stack(to_head_angles(curves.rotation), axis=1).astype(np.float32)
    columns |= dict(zip(HEAD, [*angles.T, *curves.translation.T], strict=True))
    moving = [name for name, values in columns.items() if np.nanmax(np.abs(values), initial=0.0) > faint]
    if not curves.valid.all() and not moving:
        moving = [HEAD[0]]  # a lost frame is an empty cell, so there must be one
    cells = np.stack([columns[name] for name in moving], axis=1) if moving else np.zeros((len(curves), 0))
    texts = np.where(np.isnan(cells), "", cells.astype(np.float32).astype(np.str_)).tolist()
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as handle:
        handle.write("# " + json.dumps({"schema": SCHEMA, "meta": curves.meta}) + "\n")
        handle.write(",".join([TIME, *moving]) + "\n")
        for time, row in zip(curves.times.tolist(), texts, strict=True):
            handle.write(",".join([repr(time), *row]) + "\n")
