# SPDX-License-Identifier: GPL-3.0-or-later
"""Track files: ``.npz`` for programs, ``.csv`` for spreadsheets and people.
Both give the numbers back bit for bit.

npz: arrays points, irises, times, confidence, size and a JSON text ``meta``; no pickle is written or read.
csv: one comment line ``# {"schema": ..., "size": [w, h], "meta": {...}}``, one line of column names, one line
per frame: time in seconds, x, y, z and confidence of each named point in px, x and y of the irises.  An empty
cell is a number that is not known (NaN).  Numbers are the shortest decimals that read back to the same float.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from ..atomic import atomic_path
from ..errors import InputError
from .schema import IRISES, POINT_NAMES, POINTS
from .track import LandmarkTrack

SCHEMA = "tableau-vivant/track-1"

COLUMNS: tuple[str, ...] = (
    "time",
    *(f"{name}_{axis}" for name in POINT_NAMES for axis in ("x", "y", "z", "confidence")),
    *(f"{name}_{axis}" for name in IRISES for axis in ("x", "y")),
)
_ARRAYS = ("points", "irises", "times", "confidence", "size", "meta")
_ROWS_AT_ONCE = 512


def save_track(track: LandmarkTrack, path: Path) -> None:
    """Write ``track`` by the suffix of ``path``; InputError for another suffix,
    OutputError where it cannot be written."""
    suffix = path.suffix.lower()
    if suffix == ".npz":
        with atomic_path(path) as temporary, temporary.open("wb") as handle:
            np.savez(
                handle,
                points=track.points,
                irises=track.irises,
                times=track.times,
                confidence=track.confidence,
                size=np.array(track.size, np.int64),
                meta=np.array(json.dumps({"schema": SCHEMA, "meta": track.meta}, ensure_ascii=True)),
            )
    elif suffix == ".csv":
        with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as handle:
            head = {"schema": SCHEMA, "size": list(track.size), "meta": track.meta}
            handle.write("# " + json.dumps(head, ensure_ascii=True) + "\n" + ",".join(COLUMNS) + "\n")
            for start in range(0, len(track), _ROWS_AT_ONCE):
                handle.write(_csv_rows(track, start, min(start + _ROWS_AT_ONCE, len(track))))
    else:
        raise InputError(f"{path}: a track file ends in .npz or .csv, not in '{path.suffix}'")


def load_track(path: Path) -> LandmarkTrack:
    """Read a track file by its suffix; InputError with one line where
    it is missing, damaged or not a track."""
    suffix = path.suffix.lower()
    if suffix not in (".npz", ".csv"):
        raise InputError(f"{path}: a track file ends in .npz or .csv, not in '{path.suffix}'")
    if not path.is_file():
        raise InputError(f"{path}: no such track file")
    try:
        return _load_npz(path) if suffix == ".npz" else _load_csv(path)
    except InputError as error:
        text = str(error)
        raise InputError(text if text.startswith(str(path)) else f"{path}: {text}") from error
    except (OSError, MemoryError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from error


def _csv_rows(track: LandmarkTrack, start: int, stop: int) -> str:
    part = slice(start, stop)
    count = stop - start
    points = np.concatenate([track.points[part], track.confidence[part, :, None]], axis=2).reshape(count, -1)
    numbers = np.concatenate([points, track.irises[part].reshape(count, -1)], axis=1)
    # numpy's text of a float is its shortest exact decimal, in float32 as in float64
    cells = np.where(np.isnan(numbers), "", numbers.astype(np.str_)).tolist()
    times = [repr(time) for time in track.times[part].tolist()]
    return "".join(f"{time},{','.join(row)}\n" for time, row in zip(times, cells, strict=True))


def _load_npz(path: Path) -> LandmarkTrack:
    if not zipfile.is_zipfile(path):
        raise InputError(f"{path}: is not a whole .npz file (damaged or cut short); make the track again")
    try:
        with np.load(path, allow_pickle=False) as archive:
            missing = [name for name in _ARRAYS if name not in archive.files]
            if missing:
                raise InputError(f"{path}: is not a landmark track: it has no array '{missing[0]}'")
            data: dict[str, Any] = {name: archive[name] for name in _ARRAYS}
        if data["size"].shape != (2,) or any(data[name].dtype.kind != "f" for name in _ARRAYS[:4]):
            raise InputError(f"{path}: is not a landmark track: its arrays have the wrong types")
        head = json.loads(str(data["meta"]))
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
        raise InputError(f"{path}: cannot be read as a landmark track ({_one_line(error)})") from error
    _check_schema(path, head)
    width, height = (int(side) for side in data["size"])
    return LandmarkTrack(
        data["points"],
        data["irises"],
        data["times"],
        data["confidence"],
        (width, height),
        head.get("meta") or {},
    )


def _load_csv(path: Path) -> LandmarkTrack:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not a text file in UTF-8, so it is no .csv track") from error
    lines = text.splitlines()
    if len(lines) < 3 or not lines[0].startswith("#"):
        raise InputError(
            f'{path}: is not a .csv track: its first line must be \'# {{"schema": "{SCHEMA}", ...}}\''
        )
    try:
        # a spreadsheet may have padded the first line with the separators of the others
        head = json.loads(lines[0][1:].strip().rstrip(","))
        size = tuple(int(side) for side in head["size"])
        if len(size) != 2:
            raise ValueError("size must be [width, height]")
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: line 1 does not describe a track ({_one_line(error)})") from error
    _check_schema(path, head)
    names = [name.strip() for name in lines[1].split(",")]
    if tuple(names) != COLUMNS:
        wrong = next((n for n in COLUMNS if n not in names), None) or next(
            (n for n in names if n not in COLUMNS), "?"
        )
        raise InputError(
            f"{path}: line 2 must name the {len(COLUMNS)} columns of a track in order; see '{wrong}'"
        )
    times = np.empty(len(lines) - 2, np.float64)
    numbers = np.empty((len(lines) - 2, len(COLUMNS) - 1), np.float32)
    for row, line in enumerate(lines[2:]):
        cells = line.split(",")
        if len(cells) != len(COLUMNS):
            raise InputError(f"{path}: line {row + 3} has {len(cells)} cells instead of {len(COLUMNS)}")
        try:
            times[row] = float(cells[0])
            numbers[row] = [float(cell) if cell else np.nan for cell in cells[1:]]
        except ValueError as error:
            raise InputError(f"{path}: line {row + 3} holds something that is no number ({error})") from error
    body = numbers[:, : POINTS * 4].reshape(-1, POINTS, 4)
    irises = numbers[:, POINTS * 4 :].reshape(-1, 2, 2)
    return LandmarkTrack(
        body[..., :3], irises, times, body[..., 3], (size[0], size[1]), head.get("meta") or {}
    )


def _check_schema(path: Path, facts: Any) -> None:
    schema = facts.get("schema") if isinstance(facts, dict) else None
    if schema != SCHEMA:
        raise InputError(
            f"{path}: is not a landmark track of this version (schema {schema!r}, expected {SCHEMA!r})"
        )


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
