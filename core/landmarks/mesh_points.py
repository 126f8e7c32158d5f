# SPDX-License-Identifier: GPL-3.0-or-later
"""From MediaPipe's 478 mesh points to the 68 of the schema, by the table beside this module."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np

from .schema import POINTS

_TABLE = Path(__file__).with_name("mesh468_to_ibug68.json")
RIGHT_EYE, LEFT_EYE = 33, 263
"""Mesh points of the outer eye corners."""
_BROW, _SUBNASAL = 10, 2
"""Mesh points on the middle line that the jaw does not move: they give the frame its downward axis."""


@cache
def _table() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    data = json.loads(_TABLE.read_text(encoding="utf-8"))
    weights = np.zeros((POINTS, 468))
    for row, indices in enumerate(data["map"]):
        weights[row, indices] = 1.0 / len(indices)
    offsets = np.zeros((POINTS, 3))
    offsets[:, :2] = data["offset"]
    return weights, offsets, np.array(data["irises_478"])


def mesh_to_68(mesh: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points float32 [68, 3] and irises float32 [2, 2] (right, left)
    of a mesh [478, 3], all in the mesh's unit.

    The table's offsets are added in a frame that turns with the head in three dimensions, so that they
    foreshorten as the face they were measured on does: x along the outer eye corners, y down the face at
    right angles to it.
    """
    weights, offsets, irises = _table()
    across = mesh[LEFT_EYE] - mesh[RIGHT_EYE]
    unit = float(np.linalg.norm(across))
    x_axis = across / unit
    down = mesh[_SUBNASAL] - mesh[_BROW]
    down = down - x_axis * float(down @ x_axis)
    y_axis = down / np.linalg.norm(down)
    axes = np.stack([x_axis, y_axis, np.cross(x_axis, y_axis)])
    points = weights @ mesh[:468] + offsets @ axes * unit
    return points.astype(np.float32), mesh[irises, :2].astype(np.float32)
