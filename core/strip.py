# SPDX-License-Identifier: GPL-3.0-or-later
"""What a sitter changes, in one look: a few expressions of the portrait without it and with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .animate import make_target
from .errors import Cancelled, InputError
from .head.arkit import INDEX
from .landmarks.track import LandmarkTrack
from .motion.curves import ExpressionCurves
from .plan import rest_face
from .review import Progress

if TYPE_CHECKING:
    from .landmarks.face import Face
    from .media.picture import Picture

POSES: tuple[tuple[str, dict[str, float], float], ...] = (
    ("smile", {"mouthSmileLeft": 0.8, "mouthSmileRight": 0.8, "cheekSquintLeft": 0.4}, 0.0),
    ("speech", {"jawOpen": 0.45, "mouthFunnel": 0.2}, 0.0),
    ("blink", {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0}, 0.0),
    ("turn", {"browInnerUp": 0.6}, 15.0),
)
"""(label, ARKIT coefficients, degrees that the head turns): what a column of the strip shows."""
CELL = 256
"""Side in px of a cell."""
FACE = 0.72
"""How much of a cell the face takes at most, in width or height."""
GAIN = 8
"""How many times the difference is enlarged in the row that shows where it is."""
SHOWN = 2
"""Expressions, those that change most, in the small form."""


def write_strip(
    image: Path,
    face: Path,
    sitter: Path,
    output: Path,
    *,
    likeness: float = 1.0,
    base: Path | None = None,
    progress: Progress,
    cancelled: Callable[[], bool],
) -> dict[str, Any]:
    """POSES without the ``sitter``, with it at its ``likeness``, and the change GAIN times: rows of a PNG.

    Beside it, as ``-small``, the SHOWN poses that change most, before on the left, after on the right.
    ``face``: one-frame track of the portrait's landmarks.  Returns "strip", "thumbnail", "size", "poses"
    and "difference": the mean absolute difference of before and after, of 255.  Raises InputError,
    WeightsError, OutputError and Cancelled; each file is written whole or not at all.
    """
    progress(0, 2 * len(POSES), "preparing the portrait")
    from .generator.render import Renderer
    from .generator.sitter import Sitter
    from .generator.weights import find_base, load_base
    from .media.picture import load_picture, save_picture

    rest = LandmarkTrack.load(face)
    picture = load_picture(image)
    if len(rest) != 1 or rest.size != picture.size:
        raise InputError(f"{face}: no landmarks of {image.name} as it is now; detect them again")
    if cancelled():
        raise Cancelled("the preview was stopped; nothing was written")
    personal, weights = Sitter.load(sitter).at(likeness), load_base(find_base(base))
    small, where = at_cell_size(picture, rest_face(rest))
    x, y = corner(where, small.size)
    target = make_target(_curves(), where, small.size, reference="first")
    before = Renderer(small, where, weights)
    rows: list[np.ndarray] = []
    for renderer in (before, before.personalized(weights, personal)):
        cells: list[np.ndarray] = []
        for number in range(1, len(target)):
            if cancelled():
                raise Cancelled("the preview was stopped; nothing was written")
            progress(len(rows) * len(POSES) + number - 1, 2 * len(POSES), "preview of the sitter")
            frame = renderer.render(target.points[number], target.irises[number])
            cells.append(frame[y : y + CELL, x : x + CELL, :3])
        rows.append(np.stack(cells))
    change = np.abs(rows[1].astype(np.int16) - rows[0])
    sheet = _sheet(rows[0], rows[1], change)
    if cancelled():
        raise Cancelled("the preview was stopped; nothing was written")
    output.parent.mkdir(parents=True, exist_ok=True)
    save_picture(output, sheet)
    thumbnail = output.with_name(f"{output.stem}-small.png")
    save_picture(thumbnail, _small_form(rows[0], rows[1], change))
    return {
        "strip": str(output),
        "thumbnail": str(thumbnail),
        "size": [sheet.shape[1], sheet.shape[0]],
        "poses": [name for name, _, _ in POSES],
        "difference": round(float(change.mean()), 3),
    }


def _sheet(before: np.ndarray, after: np.ndarray, change: np.ndarray) -> np.ndarray:
    """The large form; the three are [N, h, w, 3], a cell per pose."""
    from .media.picture import contact_sheet

    strongest = np.minimum(GAIN * change.max(axis=-1, keepdims=True), 255).astype(np.uint8)
    where = np.repeat(strongest, 3, axis=-1)
    words = "without sitter", "with sitter", f"change x {GAIN}"
    labels = [f"{name}, {what}" for what in words for name, _, _ in POSES]
    return contact_sheet([*before, *after, *where], len(POSES), CELL * len(POSES), labels)


def _small_form(before: np.ndarray, after: np.ndarray, change: np.ndarray) -> np.ndarray:
    """uint8: a row for each of the SHOWN poses that change most, before on the left."""
    most = np.sort(np.argsort(-change.mean(axis=(1, 2, 3)), kind="stable")[:SHOWN])
    return np.vstack([np.hstack([before[index], after[index]]) for index in most])


def _curves() -> ExpressionCurves:
    """A neutral frame and one for each of POSES."""
    count = len(POSES) + 1
    expression = np.zeros((count, len(INDEX)), np.float32)
    rotation = np.tile(np.array([1, 0, 0, 0], np.float32), (count, 1))
    for row, (_, coefficients, degrees) in enumerate(POSES, 1):
        for name, value in coefficients.items():
            expression[row, INDEX[name]] = value
        half = np.radians(degrees) / 2
        rotation[row] = np.cos(half), 0.0, np.sin(half), 0.0
    return ExpressionCurves(np.arange(count) / 25, expression, rotation, np.zeros((count, 3), np.float32))


def at_cell_size(picture: Picture, face: Face) -> tuple[Picture, Face]:
    """Picture, 8 bits, and face at a size at which the face takes FACE of a cell, never enlarged."""
    import cv2

    pixels = picture.rgb8()
    extent = float(np.ptp(face.points[:, :2], axis=0).max())
    scale = min(1.0, FACE * CELL / extent)
    if scale < 1.0:
        size = max(1, round(scale * picture.size[0])), max(1, round(scale * picture.size[1]))
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    moved = face.moved(np.array([[scale, 0.0, 0.0], [0.0, scale, 0.0]]))
    return replace(picture, pixels=pixels, icc=None), moved


def corner(face: Face, size: tuple[int, int]) -> tuple[int, int]:
    """Upper left corner in px of the cell around the face, within the picture."""
    low, high = face.points[:, :2].min(axis=0), face.points[:, :2].max(axis=0)
    x, y = np.clip(np.round((low + high) / 2 - CELL / 2), 0, np.maximum(0, np.array(size) - CELL))
    return int(x), int(y)
