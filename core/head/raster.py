# SPDX-License-Identifier: GPL-3.0-or-later
"""A z-buffer rasterizer for the head proxy: which triangle is seen at each grid point, and where in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit


@dataclass(frozen=True, eq=False)
class Fragments:
    """What a grid of sample points sees.

    triangle: int32 [h, w], index of the nearest triangle, -1 where there is none.
    bary: float32 [h, w, 3], barycentric coordinates in that triangle (0 where there is none).
    depth: float32 [h, w], z of the surface, +inf where there is none.
    """

    triangle: np.ndarray
    bary: np.ndarray
    depth: np.ndarray

    @property
    def covered(self) -> np.ndarray:
        """bool [h, w]: something is seen."""
        return self.triangle >= 0

    def interpolate(self, triangles: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Values per vertex [V, C] to float32 [h, w, C]; 0 where nothing is seen."""
        return _interpolate(self.triangle, self.bary, triangles, np.ascontiguousarray(values, np.float32))


def rasterize(
    points: np.ndarray, triangles: np.ndarray, shape: tuple[int, int], *, mask: np.ndarray | None = None
) -> Fragments:
    """Rasterize ``points`` [V, 3] (x, y in grid units: sample (i, j) is at x = j, y = i; z smaller = nearer).

    triangles: int32 [F, 3].  mask: bool [F], triangles to draw (all by default).  Back faces are drawn too:
    the z-buffer hides them wherever the surface is closed.
    """
    height, width = shape
    triangle = np.full((height, width), -1, np.int32)
    bary = np.zeros((height, width, 3), np.float32)
    depth = np.full((height, width), np.inf, np.float32)
    use = np.ones(len(triangles), np.bool_) if mask is None else np.asarray(mask, np.bool_)
    _rasterize(np.ascontiguousarray(points, np.float32), triangles, use, triangle, bary, depth)
    return Fragments(triangle, bary, depth)


def vertex_normals(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Unit normals [V, 3] that point out of the head
    (toward smaller z where the surface faces the viewer)."""
    a, b, c = (points[triangles[:, i]] for i in range(3))
    # wound counter-clockwise seen from outside in the source's axes;
    # turning y and z over keeps that a rotation
    face = np.cross(b - a, c - a)
    sums = [np.bincount(triangles.ravel(), np.repeat(face[:, k], 3), len(points)) for k in range(3)]
    normals = np.stack(sums, 1)
    return normals / (np.linalg.norm(normals, axis=1, keepdims=True) + 1e-12)


@njit(cache=True, nogil=True)
def _rasterize(points, triangles, use, triangle, bary, depth):  # type: ignore[no-untyped-def]
    height, width = triangle.shape
    for f in range(triangles.shape[0]):
        if not use[f]:
            continue
        a, b, c = triangles[f, 0], triangles[f, 1], triangles[f, 2]
        ax, ay, az = points[a, 0], points[a, 1], points[a, 2]
        bx, by, bz = points[b, 0], points[b, 1], points[b, 2]
        cx, cy, cz = points[c, 0], points[c, 1], points[c, 2]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if abs(area) < 1e-9:
            continue
        x0 = max(int(np.ceil(min(ax, bx, cx))), 0)
        x1 = min(int(np.floor(max(ax, bx, cx))), width - 1)
        y0 = max(int(np.ceil(min(ay, by, cy))), 0)
        y1 = min(int(np.floor(max(ay, by, cy))), height - 1)
        inverse = 1.0 / area
        for y in range(y0, y1 + 1):
            for x in range(x0, x1 + 1):
                u = ((bx - x) * (cy - y) - (by - y) * (cx - x)) * inverse
                v = ((cx - x) * (ay - y) - (cy - y) * (ax - x)) * inverse
                w = 1.0 - u - v
                if u < -1e-5 or v < -1e-5 or w < -1e-5:
                    continue
                z = u * az + v * bz + w * cz
                if z < depth[y, x]:
                    depth[y, x] = z
                    triangle[y, x] = f
                    bary[y, x, 0] = u
                    bary[y, x, 1] = v
                    bary[y, x, 2] = w


@njit(cache=True, nogil=True)
def _interpolate(triangle, bary, triangles, values):  # type: ignore[no-untyped-def]
    height, width = triangle.shape
    channels = values.shape[1]
    out = np.zeros((height, width, channels), np.float32)
    for y in range(height):
        for x in range(width):
            f = triangle[y, x]
            if f < 0:
                continue
            for k in range(channels):
                total = np.float32(0)
                for i in range(3):
                    total += bary[y, x, i] * values[triangles[f, i], k]
                out[y, x, k] = total
    return out
