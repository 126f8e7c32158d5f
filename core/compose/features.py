# SPDX-License-Identifier: GPL-3.0-or-later
"""The curves along which a face opens: lids and inner lips, and the outer lips that frame them.

Each curve is sampled from its landmarks by a fixed linear map, so that curves whose landmarks coincide
coincide everywhere: lids that meet at their landmarks meet along their whole length.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline

# the height of an opened mouth falls from its middle toward its corners by this power of the distance:
# measured on filmed mouths, 2.4 where they are opened a little to 2.8 where wide (2: a parabola)
ROUND = 2.5
CORNERS = 0.5  # of the samples along the lips that crowd toward the corners, where an opened mouth is round


def spline_matrix(count: int, at: np.ndarray, knots: np.ndarray | None = None) -> np.ndarray:
    """float64 [len(at), count]: a cubic curve through ``count`` points,
    evaluated at places 0..1 along it; knots [count]: the points' own places, even where None."""
    places = np.linspace(0.0, 1.0, count) if knots is None else knots
    spline = CubicSpline(places, np.eye(count), bc_type="not-a-knot" if count > 4 else "natural")
    return np.asarray(spline(at))


@dataclass(frozen=True)
class Opening:
    """A slit of the face: upper and lower edge as landmark indices,
    from the picture's left corner to its right."""

    name: str
    upper: tuple[int, ...]
    lower: tuple[int, ...]
    samples: int

    def places(self, count: int) -> np.ndarray:
        """Places [count] 0..1 along the edges at which they are sampled."""
        return np.linspace(0.0, 1.0, count)

    def matrix(self, at: np.ndarray) -> np.ndarray:
        """[len(at), number of landmarks of one edge]."""
        return spline_matrix(len(self.upper), at)

    def maps(self, at: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Upper and lower edge as linear maps [samples, 68] of the landmarks,
        at the edges' own places or at those given."""
        matrix = self.matrix(self.places(self.samples) if at is None else at)
        upper, lower = np.zeros((2, len(matrix), 68))
        upper[:, list(self.upper)] = lower[:, list(self.lower)] = matrix
        return upper, lower

    def curves(self, points: np.ndarray, at: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Upper and lower edge [samples, 2] for landmarks [68, >=2]."""
        matrix = self.matrix(self.places(self.samples) if at is None else at)
        return matrix @ points[list(self.upper), :2], matrix @ points[list(self.lower), :2]

    def even(self, points: np.ndarray) -> np.ndarray:
        """Places [samples] along the edges that are spread over the picture
        as ``places`` are over the curve, for landmarks [68, >=2]."""
        fine = np.linspace(0.0, 1.0, 400)
        upper, lower = self.curves(points, fine)
        length = np.hypot(*np.diff((upper + lower) / 2, axis=0).T) + 1e-9
        along = np.concatenate([[0.0], np.cumsum(length)]) / length.sum()
        return np.interp(self.places(self.samples), along, fine)


@dataclass(frozen=True)
class Lips(Opening):
    """The opening between the lips: round at its corners however few landmarks say so.

    The line on which the lips meet is a plain curve through its landmarks; how far they part swells along it
    as it does in people, which the landmarks only modulate: what lies between a corner and the landmark next
    to it, a third of the mouth, is not left to how a curve happens to run on.

    knots: places of the landmarks along the lips.
    lowered: share of the parting by which the lower lip leaves the line on which they meet.
    """

    knots: tuple[float, ...]
    lowered: float

    def places(self, count: int) -> np.ndarray:
        even = np.linspace(0.0, 1.0, count)
        return (1 - CORNERS) * even + CORNERS * (1 - np.cos(np.pi * even)) / 2

    def matrix(self, at: np.ndarray) -> np.ndarray:
        return spline_matrix(len(self.upper), at, np.array(self.knots))

    def swell(self, at: np.ndarray) -> np.ndarray:
        """[len(at), number of landmarks of one edge]: the gap between the lips from that at the landmarks."""
        inner = np.array(self.knots[1:-1])
        # between the landmarks their share of the swell changes smoothly, beyond them it stays
        share = CubicSpline(inner, np.eye(len(inner)), bc_type="clamped")(np.clip(at, inner[0], inner[-1]))
        out = np.zeros((len(at), len(self.upper)))
        out[:, 1:-1] = _round(at)[:, None] * share / _round(inner)
        return out

    def maps(self, at: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        at = self.places(self.samples) if at is None else at
        line, swell = self.matrix(at), self.swell(at)
        upper, lower = np.zeros((2, len(at), 68))
        for edge, way in ((upper, self.lowered - 1), (lower, self.lowered)):
            edge[:, list(self.upper)] += self.lowered * line - way * swell
            edge[:, list(self.lower)] += (1 - self.lowered) * line + way * swell
        return upper, lower

    def curves(self, points: np.ndarray, at: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        at = self.places(self.samples) if at is None else at
        upper, lower = points[list(self.upper), :2], points[list(self.lower), :2]
        gap = lower - upper
        # where lips meet the gap is nothing, to the last bit
        line, gap = self.matrix(at) @ (lower - self.lowered * gap), self.swell(at) @ gap
        return line + (self.lowered - 1) * gap, line + self.lowered * gap


def _round(at: np.ndarray) -> np.ndarray:
    """Height 0..1 at places 0..1 along an opened mouth."""
    return 1 - np.abs(1 - 2 * np.clip(at, 0, 1)) ** ROUND


EYES = (
    Opening("eye_right", (36, 37, 38, 39), (36, 41, 40, 39), 15),
    Opening("eye_left", (42, 43, 44, 45), (42, 47, 46, 45), 15),
)
# detectors place the inner lips' points nearer to the middle than to the corners; measured on open mouths
# seen from the front: 0.36, 0.50 and 0.64 of the way, the lips 0.96 as far apart there as in the middle,
# and 0.6 of that below the line of the corners
MOUTH = Lips("mouth", (60, 61, 62, 63, 64), (60, 67, 66, 65, 64), 21, (0.0, 0.36, 0.5, 0.64, 1.0), 0.6)
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
        upper, lower = opening.curves(np.asarray(points, np.float64), opening.places(2 * opening.samples - 1))
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
