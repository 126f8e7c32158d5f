# SPDX-License-Identifier: GPL-3.0-or-later
"""The curves along which a face opens: lids and inner lips, and the outer lips that frame them.

Each curve is sampled from its landmarks by a fixed linear map, so that curves whose landmarks coincide
coincide everywhere: lids that meet at their landmarks meet along their whole length.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline


def spline_matrix(count: int, at: np.ndarray) -> np.ndarray:
    """float64 [len(at), count]: a cubic curve through ``count`` points, evaluated at places 0..1 along it."""
    spline = CubicSpline(
        np.linspace(0.0, 1.0, count), np.eye(count), bc_type="not-a-knot" if count > 4 else "natural"
    )
    return np.asarray(spline(at))


@dataclass(frozen=True)
class Opening:
    """A slit of the face: upper and lower edge as landmark indices,
    from the picture's left corner to its right."""

    name: str
    upper: tuple[int, ...]
    lower: tuple[int, ...]
    samples: int

    def matrix(self, at: np.ndarray | None = None) -> np.ndarray:
        """[samples, number of landmarks of one edge], at even places or at those given."""
        return spline_matrix(len(self.upper), np.linspace(0.0, 1.0, self.samples) if at is None else at)

    def curves(self, points: np.ndarray, at: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Upper and lower edge [samples, 2] for landmarks [68, >=2]."""
        matrix = self.matrix(at)
        return matrix @ points[list(self.upper), :2], matrix @ points[list(self.lower), :2]

    def even(self, points: np.ndarray) -> np.ndarray:
        """Places [samples] along the edges that lie evenly in the picture, for landmarks [68, >=2]."""
        fine = np.linspace(0.0, 1.0, 400)
        upper, lower = self.curves(points, fine)
        length = np.hypot(*np.diff((upper + lower) / 2, axis=0).T) + 1e-9
        along = np.concatenate([[0.0], np.cumsum(length)]) / length.sum()
        return np.interp(np.linspace(0.0, 1.0, self.samples), along, fine)


EYES = (
    Opening("eye_right", (36, 37, 38, 39), (36, 41, 40, 39), 15),
    Opening("eye_left", (42, 43, 44, 45), (42, 47, 46, 45), 15),
)
MOUTH = Opening("mouth", (60, 61, 62, 63, 64), (60, 67, 66, 65, 64), 21)
OPENINGS = (*EYES, MOUTH)
OUTER_LIPS = Opening("lips", (48, 49, 50, 51, 52, 53, 54), (48, 59, 58, 57, 56, 55, 54), 15)


def ring(upper: np.ndarray, lower: np.ndarray) -> np.ndarray:
    """The closed outline [2 * samples - 2, 2] of an opening."""
    return np.concatenate([upper, lower[-2:0:-1]])


@dataclass(frozen=True, eq=False)
class Slit:
    """An opening of one frame, measured in its own frame: along the line of its corners and across it.

    corner: [2] px, the left corner.  axis: [2] unit vector to the right corner.  along: [n] px, increasing.
    top, bottom: [n] px across the axis (down positive), top <= bottom wherever it is open.
    """

    corner: np.ndarray
    axis: np.ndarray
    along: np.ndarray
    top: np.ndarray
    bottom: np.ndarray

    @staticmethod
    def of(opening: Opening, points: np.ndarray) -> Slit:
        """Measure an opening for landmarks [68, >=2] px."""
        upper, lower = opening.curves(np.asarray(points, np.float64))
        corner = upper[0]
        axis = upper[-1] - corner
        axis = axis / max(float(np.hypot(*axis)), 1e-6)
        down = np.array([-axis[1], axis[0]])
        u, v = upper - corner, lower - corner
        along = np.maximum.accumulate(u @ axis) + 1e-4 * np.arange(len(u))
        other = np.maximum.accumulate(v @ axis) + 1e-4 * np.arange(len(v))
        return Slit(corner, axis, along, u @ down, np.interp(along, other, v @ down))

    @property
    def width(self) -> float:
        """Distance of the corners, px."""
        return float(self.along[-1])

    @property
    def gap(self) -> float:
        """Mean opening, px."""
        return float(np.maximum(self.bottom - self.top, 0).mean())

    def coordinates(
        self, x: np.ndarray, y: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """(along, across, top there, bottom there) of pixels, all in px; any shape."""
        dx, dy = x - self.corner[0], y - self.corner[1]
        along = dx * self.axis[0] + dy * self.axis[1]
        across = dy * self.axis[0] - dx * self.axis[1]
        return (
            along,
            across,
            np.interp(along, self.along, self.top),
            np.interp(along, self.along, self.bottom),
        )

    def coverage(
        self, x: np.ndarray, y: np.ndarray, pixel: float = 1.0, soft: float = 0.0, grow: float = 0.0
    ) -> np.ndarray:
        """How much of each pixel (of side ``pixel``) lies in the opening, 0..1: exactly 0 where it is closed.

        soft: px over which the edge fades, inside and outside alike.
        grow: px that the opening is made larger all around.
        """
        along, across, top, bottom = self.coordinates(x, y)
        half = pixel / 2 + soft
        open_part = np.minimum(across + half, bottom + grow) - np.maximum(across - half, top - grow)
        ends = np.clip((np.minimum(along, self.width - along) + grow) / pixel + 0.5, 0, 1)
        return (np.clip(open_part / (2 * half), 0, 1) * ends).astype(np.float32)
