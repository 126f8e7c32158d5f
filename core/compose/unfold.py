# SPDX-License-Identifier: GPL-3.0-or-later
"""Motion that would turn triangles over is relaxed around them until none does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

LEAST_AREA = 0.06  # of a triangle's area at rest: below this the motion is relaxed
ROUNDS = 160
PATIENCE = 24  # rounds after which, each time, the vertices one step farther away give way, too
STUCK = (
    64  # triangles, at most, for which they do: a head that crosses its ground must not be drawn into that
)


@dataclass(frozen=True, eq=False)
class Unfolding:
    """What of a mesh is needed to relax its motion.

    triangles: int32 [F, 3].  face: bool [F], those of the face.  Compressed rows, one per vertex:
    ``touching`` the triangles around it, from ``first_touching``; ``neighbors`` the vertices next to it,
    from ``first_neighbor``.
    """

    triangles: np.ndarray
    face: np.ndarray
    first_touching: np.ndarray
    touching: np.ndarray
    first_neighbor: np.ndarray
    neighbors: np.ndarray

    @staticmethod
    def of(triangles: np.ndarray, face: np.ndarray, count: int) -> Unfolding:
        """For ``triangles`` int32 [F, 3] of a mesh with ``count`` vertices; ``face``: bool [F]."""
        corner = np.argsort(triangles.ravel(), kind="stable")
        a, b = (triangles[:, order].astype(np.int64).ravel() for order in ([0, 1, 2], [1, 2, 0]))
        links = np.unique(np.concatenate([a * count + b, b * count + a]))
        return Unfolding(
            np.ascontiguousarray(triangles, np.int32),
            face,
            _starts(a, count),
            (corner // 3).astype(np.int32),
            _starts(links // count, count),
            (links % count).astype(np.int32),
        )

    def relax(self, rest: np.ndarray, areas: np.ndarray, shift: np.ndarray) -> np.ndarray:
        """The shift [V, 2] px of vertices at ``rest`` [V, 2] px, relaxed where triangles turn over or
        nearly do; ``areas``: [F] px^2 signed, at rest.

        At first only their own corners move.  Where all that surrounds them is pressed together as evenly,
        that comes to a standstill, and room has to be made from farther and farther away.  That is for the
        face only: a head that crosses the picture presses its ground together, and must not give way to it.
        Where that does not help all of them, the shift with the fewest turned over comes back.
        """
        relaxed: np.ndarray = _relax(
            np.ascontiguousarray(rest, np.float64),
            areas,
            np.array(shift, np.float64, order="C"),
            self.triangles,
            self.face,
            self.first_touching,
            self.touching,
            self.first_neighbor,
            self.neighbors,
        )
        return relaxed


def _starts(owners: np.ndarray, count: int) -> np.ndarray:
    """Where each vertex's row begins, int32 [count + 1]; ``owners``: the vertex of each entry."""
    return np.concatenate([[0], np.cumsum(np.bincount(owners, minlength=count))]).astype(np.int32)


@njit(cache=True, nogil=True, error_model="numpy")
def _ratio(rest, areas, shift, triangles, f):  # type: ignore[no-untyped-def]
    a, b, c = triangles[f, 0], triangles[f, 1], triangles[f, 2]
    ax, ay = rest[a, 0] + shift[a, 0], rest[a, 1] + shift[a, 1]
    bx, by = rest[b, 0] + shift[b, 0], rest[b, 1] + shift[b, 1]
    cx, cy = rest[c, 0] + shift[c, 0], rest[c, 1] + shift[c, 1]
    return 0.5 * ((bx - ax) * (cy - ay) - (by - ay) * (cx - ax)) / areas[f]


@njit(cache=True, nogil=True, error_model="numpy")
def _relax(  # type: ignore[no-untyped-def]
    rest, areas, shift, triangles, face, first_touching, touching, first_neighbor, neighbors
):
    count, faces = len(rest), len(triangles)
    small, few = np.empty(faces, np.int32), 0  # triangles that are too small
    folded = 0
    for f in range(faces):
        ratio = _ratio(rest, areas, shift, triangles, f)
        if ratio < LEAST_AREA:
            small[few] = f
            few += 1
            folded += ratio <= 0
    best, fewest = shift.copy(), folded
    moved, seen = np.empty(count, np.int32), np.zeros(count, np.int32)
    front, reached = np.empty(count, np.int32), np.zeros(count, np.int32)
    checked = np.zeros(faces, np.int32)
    new = np.empty((count, 2))
    for number in range(1, ROUNDS):
        if few == 0:
            return shift
        many = 0
        for k in range(few):
            for i in range(3):
                v = triangles[small[k], i]
                if seen[v] != number:
                    seen[v] = number
                    moved[many] = v
                    many += 1
        size = 0
        for k in range(few if number >= PATIENCE else 0):
            for i in range(3):
                v = triangles[small[k], i]
                if face[small[k]] and reached[v] != number:
                    reached[v] = number
                    front[size] = v
                    size += 1
        first = 0
        for _ in range(number // PATIENCE):
            last = size
            for k in range(first, last):
                v = front[k]
                for j in range(first_neighbor[v], first_neighbor[v + 1]):
                    w = neighbors[j]
                    if reached[w] != number:
                        reached[w] = number
                        front[size] = w
                        size += 1
                    if seen[w] != number:
                        seen[w] = number
                        moved[many] = w
                        many += 1
            first = last
        for k in range(many):
            v = moved[k]
            first, last = first_neighbor[v], first_neighbor[v + 1]
            share = 1.0 / (last - first)
            x = y = 0.0
            for j in range(last - 1, first - 1, -1):
                x += share * shift[neighbors[j], 0]
                y += share * shift[neighbors[j], 1]
            new[k, 0], new[k, 1] = 0.4 * shift[v, 0] + 0.6 * x, 0.4 * shift[v, 1] + 0.6 * y
        for k in range(many):
            shift[moved[k], 0], shift[moved[k], 1] = new[k, 0], new[k, 1]
        # only triangles around what was moved have changed, and all that were too small are among them
        few = folded = 0
        for k in range(many):
            v = moved[k]
            for j in range(first_touching[v], first_touching[v + 1]):
                f = touching[j]
                if checked[f] != number:
                    checked[f] = number
                    ratio = _ratio(rest, areas, shift, triangles, f)
                    if ratio < LEAST_AREA:
                        small[few] = f
                        few += 1
                        folded += ratio <= 0
        if folded < fewest:
            best[:], fewest = shift, folded
    return shift if few == 0 else best
