# SPDX-License-Identifier: GPL-3.0-or-later
"""Landmarks set by hand, in a small JSON file.

    {"schema": "tableau-vivant/landmarks-1",
     "size": [width, height],                     of the picture they were set on; another size scales them
     "points": [[x, y] or [x, y, z], ... 68],     px, origin at the top-left corner; z smaller is nearer
     "irises": [[x, y], [x, y]]}                  the sitter's right, then left; may be left out

Instead of "points", "named" may give only some of them: {"named": {"nose_tip": [x, y], ...}} by the names of
``schema.POINT_NAMES`` (``jaw_0`` ...) or of ``NAMES`` below; those of ``NEEDED`` must be there.  The others
come from a mean face, turned and bent so that it meets the given ones.  Depth that is not given comes from
the same mean face.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..atomic import atomic_path
from ..errors import InputError
from .face import Face, points_box
from .mean_face import complete, with_depth
from .schema import POINT_NAMES, POINTS
from .track import LandmarkTrack

SCHEMA = "tableau-vivant/landmarks-1"
NAMES: dict[str, int] = {
    "eye_right_outer": 36,
    "eye_right_inner": 39,
    "eye_left_inner": 42,
    "eye_left_outer": 45,
    "nose_tip": 30,
    "nose_below": 33,
    "mouth_right": 48,
    "mouth_left": 54,
    "mouth_top": 51,
    "mouth_bottom": 57,
    "chin": 8,
    **{name: index for index, name in enumerate(POINT_NAMES)},
}
"""Name -> point index for "named"."""
NEEDED = ("eye_right_outer", "eye_left_outer", "nose_tip", "mouth_right", "mouth_left", "chin")


def load_face(path: Path, size: tuple[int, int]) -> Face:
    """The face in a hand-made JSON file or in the first found frame
    of a track file, in px of a picture of ``size``.

    Raises InputError with one line where the file is missing, damaged or made for a picture of another shape.
    """
    if path.suffix.lower() in (".npz", ".csv"):
        track = LandmarkTrack.load(path)
        found = np.flatnonzero(track.valid)
        if not len(found):
            raise InputError(f"{path}: no frame of this track holds a face")
        frame = int(found[0])
        face = _face(track.points[frame], track.irises[frame])
        return _scaled(path, replace(face, confidence=track.confidence[frame]), track.size, size)
    data = _read(path)
    made_on = _size(path, data)
    points = _named(path, data["named"]) if "named" in data else _numbers(path, data, "points", POINTS)
    irises = _irises(path, data)
    return _scaled(path, _face(with_depth(points), irises), made_on, size)


def save_face(path: Path, face: Face, size: tuple[int, int]) -> None:
    """Write ``face`` as a JSON file that ``load_face`` reads, as a start for setting points by hand."""
    known = np.isfinite(face.irises).all()
    data = {
        "schema": SCHEMA,
        "size": list(size),
        "points": [[round(float(number), 2) for number in point] for point in face.points],
        **(
            {"irises": [[round(float(number), 2) for number in iris] for iris in face.irises]}
            if known
            else {}
        ),
    }
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(data) + "\n", encoding="utf-8")


def _face(points: np.ndarray, irises: np.ndarray) -> Face:
    points = points.astype(np.float32)
    return Face(points, irises.astype(np.float32), np.ones(POINTS, np.float32), points_box(points), 1.0)


def _scaled(path: Path, face: Face, made_on: tuple[int, int], size: tuple[int, int]) -> Face:
    if made_on == size:
        return face
    scale = size[0] / made_on[0]
    if abs(size[1] / made_on[1] - scale) > 0.01 * scale:
        (w, h), (width, height) = made_on, size
        raise InputError(f"{path}: was made for a picture of {w} x {h}, and this one has {width} x {height}")
    return face.moved(np.array([[scale, 0.0, 0.0], [0.0, scale, 0.0]]))


def _read(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: cannot be read as a JSON file of landmarks ({error})") from error
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        raise InputError(f'{path}: is not a landmarks file: it must begin with {{"schema": "{SCHEMA}"')
    if ("points" in data) == ("named" in data):
        raise InputError(f'{path}: must hold either "points" (68 of them) or "named"')
    return data


def _size(path: Path, data: dict[str, Any]) -> tuple[int, int]:
    size = data.get("size")
    if not (
        isinstance(size, list) and len(size) == 2 and all(type(side) is int and side > 0 for side in size)
    ):
        raise InputError(f'{path}: "size" must be [width, height] of the picture in px')
    return size[0], size[1]


def _numbers(path: Path, data: dict[str, Any], key: str, count: int) -> np.ndarray:
    rows = data[key]
    if not isinstance(rows, list) or len(rows) != count:
        raise InputError(f'{path}: "{key}" must be a list of {count} points')
    return np.array([_point(path, f"{key}[{row}]", value) for row, value in enumerate(rows)])


def _point(path: Path, what: str, value: Any) -> list[float]:
    """x, y, z of one point; z is NaN where it is not given."""
    good = (
        isinstance(value, list)
        and len(value) in (2, 3)
        and all(type(number) in (int, float) for number in value)
    )
    if not good or not np.isfinite(np.array(value, np.float64)).all():
        raise InputError(f'{path}: "{what}" must be [x, y] or [x, y, z] in px')
    return [float(value[0]), float(value[1]), float(value[2]) if len(value) == 3 else np.nan]


def _named(path: Path, named: Any) -> np.ndarray:
    if not isinstance(named, dict):
        raise InputError(f'{path}: "named" must give points by name: {{"nose_tip": [x, y], ...}}')
    for name in named:
        if name not in NAMES:
            raise InputError(f"{path}: there is no point named '{name}'; see {', '.join(NEEDED)}")
    given = {NAMES[name]: _point(path, name, value) for name, value in named.items()}
    for name in NEEDED:
        if NAMES[name] not in given:
            raise InputError(f"{path}: the point '{name}' is missing; needed are {', '.join(NEEDED)}")
    indices = np.array(list(given))
    return complete(indices, np.array(list(given.values())))


def _irises(path: Path, data: dict[str, Any]) -> np.ndarray:
    if data.get("irises") is None:
        return np.full((2, 2), np.nan)
    return _numbers(path, data, "irises", 2)[:, :2]
