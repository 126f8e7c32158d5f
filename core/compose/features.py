# SPDX-License-Identifier: GPL-3.0-or-later
"""The curves along which a face opens: lids and inner lips, and the outer lips that frame them.

Each curve is sampled from its landmarks by a fixed linear map, so that curves whose landmarks coincide coincide everywhere:
lids that meet at their landmarks meet along their whole length.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline


def spline_matrix(count: int, samples: int) -> np.ndarray:
    """float64 [samples, count]: a cubic curve through ``count`` evenly spaced points, at ``samples`` even places."""
    place = np.linspace(0.0, 1.0, count)
    return np.asarray(CubicSpline(place, np.eye(count), bc_type="not-a-knot" if count > 4 else "natural")(np.linspace(0.0, 1.0, samples)))


@dataclass(frozen=True)
class Opening:
    """A slit of the face: upper and lower edge as landmark indices, from the picture's left corner to its right."""

    name: str
    upper: tuple[int, ...]
    lower: tuple[int, ...]
    samples: int

    @property
    def matrix(self) -> np.ndarray:
        """[samples, number of landmarks of one edge]."""
        return spline_matrix(len(self.upper), self.samples)

    def curves(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Upper and lower edge [samples, 2] for landmarks [68, >=2]."""
        matrix = self.matrix
        return matrix @ points[list(self.upper), :2], matrix @ points[list(self.lower), :2]


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
