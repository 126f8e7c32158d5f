# SPDX-License-Identifier: GPL-3.0-or-later
"""The one landmark schema: the 68 points of iBUG with depth, and two irises.

Right and left are the sitter's: the right eye (points 36-41) lies on the left side of an unmirrored picture.
Iris order is right, left.  Everything here is plain data and numpy; nothing heavy is imported.
"""

from __future__ import annotations

import numpy as np

POINTS = 68
"""Number of face points."""

REGIONS: dict[str, tuple[int, ...]] = {
    "jaw": tuple(range(17)),
    "brow_right": tuple(range(17, 22)),
    "brow_left": tuple(range(22, 27)),
    "nose_bridge": tuple(range(27, 31)),
    "nose_base": tuple(range(31, 36)),
    "eye_right": tuple(range(36, 42)),
    "eye_left": tuple(range(42, 48)),
    "lips_outer": tuple(range(48, 60)),
    "lips_inner": tuple(range(60, 68)),
}
"""Region name -> point indices, in drawing order; together they are the 68 points, each once."""

IRISES = ("iris_right", "iris_left")
"""Names of the two irises, in the order in which every iris array stores them."""

POINT_NAMES: tuple[str, ...] = tuple(
    f"{region}_{place}" for region, indices in REGIONS.items() for place in range(len(indices))
)
"""A readable, unique name for each point (``jaw_0`` ... ``lips_inner_7``), in index order."""


def _mirror() -> np.ndarray:
    pairs = [(i, 16 - i) for i in range(8)]
    pairs += [(17 + i, 26 - i) for i in range(5)]
    pairs += [(31, 35), (32, 34)]
    pairs += [(36, 45), (37, 44), (38, 43), (39, 42), (40, 47), (41, 46)]
    pairs += [(48, 54), (49, 53), (50, 52), (59, 55), (58, 56)]
    pairs += [(60, 64), (61, 63), (67, 65)]
    permutation = np.arange(POINTS)
    for a, b in pairs:
        permutation[a], permutation[b] = b, a
    permutation.flags.writeable = False
    return permutation


MIRROR: np.ndarray = _mirror()
"""int64 [68]: point i of a mirrored face is point MIRROR[i] of the face (points on the middle line stay)."""

IRIS_MIRROR: tuple[int, int] = (1, 0)
"""The same permutation for the irises."""

MIRROR_REGIONS: dict[str, str] = {
    name: name.replace("right", "*").replace("left", "right").replace("*", "left") for name in REGIONS
}
"""Region -> the region it becomes in a mirrored face."""

REGION_COLORS: dict[str, tuple[int, int, int]] = {
    "jaw": (255, 255, 255),
    "brow_right": (255, 0, 0),
    "brow_left": (0, 255, 0),
    "nose_bridge": (0, 0, 255),
    "nose_base": (0, 0, 255),
    "eye_right": (255, 0, 255),
    "eye_left": (0, 255, 255),
    "lips_outer": (255, 255, 0),
    "lips_inner": (255, 255, 0),
}
"""Region -> RGB 0..255 in which it is drawn; the same colors the few-shot method draws its rasters with."""

CLOSED_REGIONS = frozenset({"eye_right", "eye_left", "lips_outer", "lips_inner"})
"""Regions whose curve returns to its first point."""

CONNECTIONS: list[tuple[str, tuple[int, ...], bool]] = [
    (name, indices, name in CLOSED_REGIONS) for name, indices in REGIONS.items()
]
"""Curves to draw: (region, point indices, closed)."""


def mirror_points(points: np.ndarray, irises: np.ndarray, width: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the landmarks of the picture flipped left to right.

    points [..., 68, 2 or 3] and irises [..., 2, 2] in px of a picture
    ``width`` px wide; right and left swap roles.
    """
    flipped = points[..., MIRROR, :].copy()
    flipped[..., 0] = width - flipped[..., 0]
    flipped_irises = irises[..., list(IRIS_MIRROR), :].copy()
    flipped_irises[..., 0] = width - flipped_irises[..., 0]
    return flipped, flipped_irises
