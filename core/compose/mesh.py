# SPDX-License-Identifier: GPL-3.0-or-later
"""The mesh that the picture is laid on: fine on the face, coarse around it, cut open along lids and lips.

Coordinates are face units: origin midway between the outer eye corners, x right and y down in the picture,
the distance between the outer eye corners is 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.path import Path as Polygon
from scipy.spatial import Delaunay, cKDTree

from .features import EYES, MOUTH, OPENINGS, OUTER_LIPS, Opening, ring

EXTENT = (-3.4, -3.2, 3.4, 4.8)  # left, top, right, bottom of the mesh
FINE, MIDDLE, COARSE = 0.05, 0.09, 0.17  # distance of neighboring vertices on the face, around it, at the rim
JAW, SINGLE = (
    tuple(range(17)),
    tuple(range(17, 36)),
)  # landmarks that are handles one by one; lids and lips are curves
CORNER = 0.04
JAW_CLEARANCE = 0.14
BROWS = ((17, 18, 19, 20, 21), (22, 23, 24, 25, 26))
# a lid rolls out from under its crease: above that the skin goes with the brow
CREASE_HEIGHT, CREASE_PART = (
    0.09,
    0.5,
)  # above the open lid, at most; and at most this part of the way to the brow
CREASE_PULL = 0.2  # how far the crease follows the lid
SEAM = 0.004  # closed lips and lids are pulled this far apart, so that the mesh can be cut between them


@dataclass(frozen=True, eq=False)
class FaceUnits:
    """The similarity between picture pixels and face units (the mesh is upright in the picture)."""

    origin: np.ndarray  # [2] px
    unit: float  # px

    @staticmethod
    def of(points: np.ndarray) -> FaceUnits:
        right, left = points[36, :2].astype(np.float64), points[45, :2].astype(np.float64)
        return FaceUnits((right + left) / 2, float(np.linalg.norm(left - right)))

    def to_face(self, pixels: np.ndarray) -> np.ndarray:
        return (pixels - self.origin) / self.unit

    def to_pixels(self, face: np.ndarray) -> np.ndarray:
        return face * self.unit + self.origin


@dataclass(frozen=True, eq=False)
class CutMesh:
    """points: [V, 2].  triangles: int32 [F, 3] of the skin (the openings are left out).
    upper, lower: per opening, the vertex indices along its edges (corners shared).
    handles: [H] vertices that follow landmarks.  handle_jaw: bool [H], those on the jaw line.
    handle_map: [H, 68], the handles' positions as a linear map of the landmarks.
    lips: [N, 2] pairs of handle numbers, outer lip and the inner lip beside it.
    rim: bool [V], the outer border.
    """

    points: np.ndarray
    triangles: np.ndarray
    upper: tuple[np.ndarray, ...]
    lower: tuple[np.ndarray, ...]
    handles: np.ndarray
    handle_map: np.ndarray
    handle_jaw: np.ndarray
    lips: np.ndarray
    rim: np.ndarray


def separated(upper: np.ndarray, lower: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The two edges, moved apart where they are closer than the seam (or crossed); corners stay."""
    middle = (upper + lower) / 2
    half = np.maximum((lower[:, 1] - upper[:, 1]) / 2, SEAM / 2)
    half[[0, -1]] = 0.0
    up, low = upper.copy(), lower.copy()
    up[:, 1], low[:, 1] = middle[:, 1] - half, middle[:, 1] + half
    return up, low


def build_mesh(landmarks: np.ndarray) -> CutMesh:
    """Triangulate around one face's landmarks [68, 2] in face units."""
    parts: list[np.ndarray] = []
    count = 0

    def add(points: np.ndarray) -> np.ndarray:
        nonlocal count
        parts.append(points)
        count += len(points)
        return np.arange(count - len(points), count)

    uppers, lowers, outlines = [], [], []
    vertices: list[np.ndarray] = []
    maps: list[np.ndarray] = []

    def hold(indices: np.ndarray, matrix: np.ndarray) -> None:
        vertices.append(indices)
        maps.append(matrix)

    for opening in OPENINGS:
        at = opening.even(landmarks)
        upper, lower = opening.maps(at)
        up, low = separated(*opening.curves(landmarks, at))
        top = add(up)
        bottom = np.concatenate([top[:1], add(low[1:-1]), top[-1:]])
        hold(top, upper)
        hold(bottom[1:-1], lower[1:-1])
        uppers.append(top)
        lowers.append(bottom)
        outlines.append((ring(up, low), top, bottom))
        if opening is not MOUTH:
            add(_around_corners(up))
    at = OUTER_LIPS.even(landmarks)
    upper, lower = OUTER_LIPS.maps(at)
    lips_up, lips_low = OUTER_LIPS.curves(landmarks, at)
    mouth_corners = landmarks[[60, 64]]
    # a mouth corner of the outer lips that coincides with the inner one would make slivers
    keep = np.ones(len(lips_up), bool)
    keep[[0, -1]] = [np.hypot(*(lips_up[i] - mouth_corners[j])) > 0.02 for i, j in ((0, 0), (-1, 1))]
    # the mouth is the last opening: its edges are the last handles so far
    first = sum(map(len, vertices)) - 2 * MOUTH.samples + 2
    edge_up = first + np.arange(MOUTH.samples)
    edge_low = np.concatenate([edge_up[:1], edge_up[-1] + np.arange(1, MOUTH.samples - 1), edge_up[-1:]])
    beside_up = edge_up[cKDTree(up).query(lips_up)[1]]
    beside_low = edge_low[cKDTree(low).query(lips_low[1:-1])[1]]
    outer = sum(map(len, vertices))
    hold(add(lips_up[keep]), upper[keep])
    hold(add(lips_low[1:-1]), lower[1:-1])
    beside = np.concatenate([beside_up[keep], beside_low])
    lips = np.column_stack([outer + np.arange(len(beside)), beside])
    # on a turned head the jaw line of a 3D detector runs across eye or cheek: there it is no handle
    clear, _ = cKDTree(np.concatenate([*parts, landmarks[list(SINGLE)]])).query(landmarks[list(JAW)])
    for index in (*np.array(JAW)[clear > JAW_CLEARANCE], *SINGLE):
        hold(add(landmarks[[index]]), np.eye(68)[[index]])
    for opening, brow in zip(EYES, BROWS, strict=True):
        places, matrix = _crease(landmarks, opening, brow)
        hold(add(places), matrix)
    handles, handle_map = np.concatenate(vertices), np.concatenate(maps)
    handle_jaw = handle_map[:, list(JAW)].any(1)
    features = np.concatenate(parts)

    grid = _grid()
    distance, _ = cKDTree(features).query(grid)
    grid = grid[distance > 0.6 * FINE]
    for outline, _, _ in outlines:
        grid = grid[~Polygon(outline).contains_points(grid)]
    add(grid)
    points = np.concatenate(parts)
    triangles = Delaunay(points).simplices.astype(np.int32)
    a, b, c = (points[triangles[:, i]] for i in range(3))
    turn = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    triangles[turn < 0] = triangles[turn < 0][:, ::-1]
    center = (a + b + c) / 3
    inside = np.zeros(len(triangles), bool)
    for outline, top, bottom in outlines:
        above, below = np.isin(triangles, top[1:-1]).any(1), np.isin(triangles, bottom[1:-1]).any(1)
        member = np.isin(triangles, np.concatenate([top, bottom])).all(1)
        # within the opening, or across its cut
        inside |= (member & Polygon(outline).contains_points(center)) | (above & below)
    triangles = triangles[~inside & (np.abs(turn) > 1e-9)]
    left, top_, right, bottom_ = EXTENT
    rim = (
        (points[:, 0] <= left) | (points[:, 0] >= right) | (points[:, 1] <= top_) | (points[:, 1] >= bottom_)
    )
    return CutMesh(
        points,
        np.ascontiguousarray(triangles),
        tuple(uppers),
        tuple(lowers),
        handles,
        handle_map,
        handle_jaw,
        lips,
        rim,
    )


def _crease(landmarks: np.ndarray, opening: Opening, brow: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Points [n, 2] of the fold above an eye; their motion, a map of landmarks [n, 68]."""
    at = np.array([0.25, 0.5, 0.75])
    lid = opening.matrix(at)
    edge, above = lid @ landmarks[list(opening.upper)], landmarks[list(brow)]
    # the brow's point over each of the lid's: between the two that it lies between
    column = np.clip(np.searchsorted(above[:, 0], edge[:, 0]), 1, len(brow) - 1)
    span = np.maximum(above[column, 0] - above[column - 1, 0], 1e-3)
    share = np.clip((edge[:, 0] - above[column - 1, 0]) / span, 0, 1)
    over = np.zeros((len(at), len(brow)))
    over[np.arange(len(at)), column - 1] = 1 - share
    over[np.arange(len(at)), column] = share
    way = over @ above - edge
    length = np.hypot(*way.T)
    room = np.minimum(CREASE_HEIGHT, CREASE_PART * length)
    clear = room > 0.6 * FINE
    places = edge + way * (room / np.maximum(length, 1e-6))[:, None]
    matrix = np.zeros((len(at), 68))
    matrix[:, [*opening.upper, *brow]] = np.concatenate([CREASE_PULL * lid, (1 - CREASE_PULL) * over], 1)
    return places[clear], matrix[clear]


def _around_corners(edge: np.ndarray) -> np.ndarray:
    """Points [6, 2] beside, above and below both ends of an eye:
    room for a lid's end to turn about its corner."""
    axis = (edge[-1] - edge[0]) / np.hypot(*(edge[-1] - edge[0]))
    down = np.array([-axis[1], axis[0]])
    return np.concatenate(
        [
            [end + CORNER * out, end + CORNER * (0.5 * out - down), end + CORNER * (0.5 * out + down)]
            for end, out in ((edge[0], -axis), (edge[-1], axis))
        ]
    )


def _grid() -> np.ndarray:
    """Hexagonal points [N, 2] in three densities, and the rim."""
    left, top, right, bottom = EXTENT
    parts = []
    for spacing, inner, outer in ((FINE, -9.0, 1.0), (MIDDLE, 1.0, 1.75), (COARSE, 1.75, 99.0)):
        rows = np.arange(top + spacing / 2, bottom - spacing / 4, spacing * 0.866)
        columns = np.arange(left + spacing / 2, right - spacing / 4, spacing)
        x, y = np.meshgrid(columns, rows)
        x = x + (np.arange(len(rows)) % 2)[:, None] * spacing / 2
        points = np.column_stack([x.ravel(), y.ravel()])
        radius = np.hypot(points[:, 0] / 1.15, (points[:, 1] - 0.55) / 1.45)
        edge = spacing / 3  # keeps the densities from running into each other
        parts.append(
            points[(radius >= inner + edge) & (radius < outer) & (points[:, 0] < right - spacing / 4)]
        )
    corners = ((left, top), (right, top), (right, bottom), (left, bottom))
    for a, b in zip(corners, (*corners[1:], corners[0]), strict=True):
        steps = round(np.hypot(b[0] - a[0], b[1] - a[1]) / COARSE)
        parts.append(np.linspace(a, b, steps, endpoint=False))
    return np.concatenate(parts)
