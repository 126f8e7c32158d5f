# SPDX-License-Identifier: GPL-3.0-or-later
"""Small pictures of the performances that come with the project, made of the demo portrait at build time.

Each shows the frame in which the face is farthest from its rest, with open eyes if that says enough.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .animate import make_target
from .head.arkit import INDEX
from .head.rotation import to_vector
from .landmarks.detect import portrait_faces
from .landmarks.face import Face
from .media.picture import Picture, load_picture
from .presets import FOLDER, PERFORMANCES, load_performance, preset_names
from .rendering import Rendering
from .strip import CELL, at_cell_size, corner

PORTRAIT = FOLDER / "portraits" / "demo" / "portrait.png"
SIDE = 128
"""Side in px of a thumbnail, what Blender shows of an icon at most."""
COLORS = 64
"""A palette keeps all of them together below 200 KB; at this size nobody sees it."""

TURN = 8.0
"""Full expressions that count as much as a head turned by one radian."""
STILL = 0.8
"""What of expressions and turns goes unseen."""


def write_thumbnails(folder: Path = PERFORMANCES) -> list[Path]:
    """A PNG of SIDE px for each performance, beside it and named like it; their paths.

    Raises InputError and OutputError.
    """
    picture = load_picture(PORTRAIT)
    faces, chosen, _ = portrait_faces(picture)
    small, face = at_cell_size(picture, faces[chosen])
    maker = Rendering(mode="full").prepare(small, face)
    x, y = corner(face, small.size)
    written = []
    for name in preset_names():
        points, irises = _telling(name, small, face)
        cell = maker.render(points, irises)[y : y + CELL, x : x + CELL, :3]
        written.append(_save(cell, folder / f"{name}.png"))
        print(written[-1].name, flush=True)
    return written


def _telling(name: str, picture: Picture, face: Face) -> tuple[np.ndarray, np.ndarray]:
    """Landmarks [68, 3] and irises [2, 2] of the frame that tells most of a performance."""
    curves = load_performance(name)
    shut = curves.expression[:, [INDEX["eyeBlinkLeft"], INDEX["eyeBlinkRight"]]].min(axis=1)
    turn = np.linalg.norm(to_vector(curves.rotation), axis=1)
    # everybody blinks now and then: closed eyes tell something only where nothing else does
    said = curves.expression.sum(axis=1) - 2.0 * shut + TURN * turn
    shown = np.where(shut < 0.1, said, 0.0)
    best = int(np.argmax(shown if shown.max() > STILL else shut))
    target = make_target(curves, face, picture.size)
    return target.points[best], target.irises[best]


def _save(cell: np.ndarray, path: Path) -> Path:
    from PIL import Image

    from .atomic import atomic_path

    image = Image.fromarray(cell).resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        image.quantize(COLORS).save(stream, "PNG", optimize=True)
    return path


if __name__ == "__main__":
    write_thumbnails()
