# SPDX-License-Identifier: GPL-3.0-or-later
"""The portrait as a relief: every vertex of the mesh knows its depth,
how far it follows the head, and which handles move it.

Solved once per portrait.  Per frame a vertex goes where the turned relief takes it,
plus a biharmonic correction that makes lids, lips, brows and nose meet their landmarks
and lets the cheeks move as the head proxy's do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse
from scipy.interpolate import RBFInterpolator
from scipy.ndimage import map_coordinates
from scipy.spatial import cKDTree

from ..head.fit import HeadFit, HeadState
from ..head.model import HeadModel
from ..head.raster import rasterize, vertex_normals
from ..head.rotation import to_matrix
from .membrane import biharmonic, interpolation, laplacian, smooth_fit
from .mesh import EXTENT, CutMesh, FaceUnits, build_mesh

CELL = 0.02  # face units per sample of the maps that the proxy is seen on
FIRM, JAW_FIRM, CHEEK_FIRM = 1e7, 15.0, 60.0  # how firmly handles hold, against the bending energy
CHEEK_SPACING = 0.16  # face units between the skin handles
HAIR_DEPTH = 0.35  # face units within which the depth of the skull's outline runs out into that of the hair
LEAST_LIP = 0.4  # of a painted lip's thickness, kept whatever the landmarks ask for
LEAST_AREA = 0.06  # of a triangle's area at rest: below this the motion is relaxed
UNFOLD_ROUNDS = 160
RIM = 0.9  # face units over which all motion fades to nothing before the mesh's border


@dataclass(frozen=True, eq=False)
class Relief:
    """What :func:`build_relief` solves.

    rest: [V, 3] px, the vertices in the picture (z: depth).
    model: [V, 3], the same in the head model's axes and units.
    turn, move: [V] 0..1, how far a vertex turns with the head and travels with the neck joint.
    weights: float32 [V, H + C], biharmonic weights of the H landmark handles and the C skin handles.
    skin: [C] vertices of the skin handles; skin_expression: [52, C, 3] their motion in model units.
    face: bool [F], triangles of the visible face.  landmarks: [68, 2] px at rest.
    areas: [F] px^2 at rest.  neighbors: [V, V], the mean over a vertex's neighbors.
    """

    units: FaceUnits
    mesh: CutMesh
    rest: np.ndarray
    model: np.ndarray
    turn: np.ndarray
    move: np.ndarray
    weights: np.ndarray
    skin: np.ndarray
    skin_expression: np.ndarray
    face: np.ndarray
    landmarks: np.ndarray
    areas: np.ndarray
    neighbors: sparse.csr_matrix

    def moved(self, scale: float, offset: np.ndarray) -> Relief:
        """The same portrait in a picture whose pixels are ``scale * pixels + offset`` [2]."""
        units = FaceUnits(self.units.origin * scale + offset, self.units.unit * scale)
        rest = self.rest * scale + np.append(offset, 0.0)
        landmarks = self.landmarks * scale + offset
        return replace(self, units=units, rest=rest, landmarks=landmarks, areas=self.areas * scale**2)

    def pose(self, fit: HeadFit, state: HeadState, points: np.ndarray) -> np.ndarray:
        """Vertices [V, 3] px of one frame; ``state`` is a single HeadState,
        ``points`` the target landmarks [68, >=2] px."""
        rotation, scale = to_matrix(state.rotation), float(state.scale)
        rest_turned = (self.model @ to_matrix(fit.state.rotation).T) * float(fit.state.scale)
        turned = (self.model @ rotation.T) * scale
        travel = np.append(state.translation[:2] - fit.state.translation[:2], 0.0)
        out = self.rest + self.turn[:, None] * (turned - rest_turned) + self.move[:, None] * travel
        change = np.asarray(state.expression - fit.state.expression, np.float64)
        skin = np.tensordot(change, self.skin_expression, 1) @ rotation.T * scale
        handles = self.mesh.handles
        delta = points[:, :2].astype(np.float64) - self.landmarks
        wanted = self._with_lips(self.rest[handles, :2] + self.mesh.handle_map @ delta)
        pull = np.concatenate([wanted - out[handles, :2], skin[:, :2]])
        out[:, :2] += self.weights @ pull.astype(np.float32)
        self._unfold(out)
        return out

    def _with_lips(self, wanted: np.ndarray) -> np.ndarray:
        """Landmarks of another mouth can ask for lips thinner than nothing:
        some of the painted thickness is always kept."""
        outer, inner = self.mesh.lips.T
        thick = self.rest[self.mesh.handles[outer], :2] - self.rest[self.mesh.handles[inner], :2]
        length = np.maximum(np.hypot(*thick.T), 1e-6)
        normal = thick / length[:, None]
        kept = ((wanted[outer] - wanted[inner]) * normal).sum(1)
        out = wanted.copy()
        out[outer] += normal * np.maximum(LEAST_LIP * length - kept, 0)[:, None]
        return out

    def _unfold(self, vertices: np.ndarray) -> None:
        """Relax the motion around triangles that are about to turn over, until none is; in place."""
        shift = vertices[:, :2] - self.rest[:, :2]
        best, fewest = shift, np.inf
        for _ in range(UNFOLD_ROUNDS):
            ratio = signed_areas(self.rest[:, :2] + shift, self.mesh.triangles) / self.areas
            folded = int((ratio <= 0).sum())
            if folded < fewest:
                best, fewest = shift.copy(), folded
            bad = ratio < LEAST_AREA
            if not bad.any():
                best = shift
                break
            around = np.unique(self.mesh.triangles[bad])
            shift[around] = 0.4 * shift[around] + 0.6 * (self.neighbors[around] @ shift)
        vertices[:, :2] = self.rest[:, :2] + best


def build_relief(
    model: HeadModel, fit: HeadFit, points: np.ndarray, matte: Callable[[np.ndarray], np.ndarray]
) -> Relief:
    """Solve a portrait: its landmarks [68, >=2] px, its head fit,
    and matte(pixels [N, 2]) -> alpha [N] 0..1."""
    landmarks = points[:, :2].astype(np.float64)
    units = FaceUnits.of(landmarks)
    mesh = build_mesh(units.to_face(landmarks))
    proxy = _ProxyView(model, fit, units, landmarks)
    pixels = units.to_pixels(mesh.points)

    stiffness, mass = laplacian(mesh.points, mesh.triangles)
    bending = biharmonic(stiffness, mass, tension=0.5)
    facing, covered = proxy.sample("facing", mesh.points), proxy.sample("covered", mesh.points) > 0.5
    # where the proxy is seen edge-on it says little about depth;
    # what lies there is carried over from around it
    trust = mass * covered * np.clip(facing, 0.25, 1) ** 2 / 0.12**4
    # hair stands about the skull: on the whole as far from the viewer as the joint that the head turns about
    alpha = matte(pixels)
    trust += mass * ~covered / HAIR_DEPTH**4
    depth = smooth_fit(bending, np.where(covered, proxy.sample("depth", mesh.points), 0.0), trust)

    inside = matte(units.to_pixels(mesh.points[mesh.triangles].mean(1)))
    # a value passes easily within the sitter, hardly through the background: hair goes with the skull
    conduction, _ = laplacian(mesh.points, mesh.triangles, 0.03 + 0.97 * inside**2)
    firm = mass * covered / 0.2**2
    leak = mass * (0.002 + 0.5 * (1 - alpha))
    ease = _ease(mesh.points)
    turn = smooth_fit(conduction, proxy.sample("follow", mesh.points), firm + leak * ~covered, mesh.rim)
    move = smooth_fit(conduction, covered.astype(np.float64), firm + leak * ~covered, mesh.rim)

    rotation, scale = to_matrix(fit.state.rotation), float(fit.state.scale)
    view = np.column_stack([(pixels - fit.state.translation[:2]) / scale, depth])
    skin = _skin_handles(mesh, facing, proxy.sample("follow", mesh.points), covered)
    chosen = np.concatenate([mesh.handles, skin])
    at = sparse.csr_matrix(
        (np.ones(len(chosen)), (np.arange(len(chosen)), chosen)), shape=(len(chosen), len(mesh.points))
    )
    firmness = np.concatenate([np.where(mesh.handle_jaw, JAW_FIRM, FIRM), np.full(len(skin), CHEEK_FIRM)])
    weights = interpolation(biharmonic(stiffness, mass, tension=3.0), at, firmness, ease <= 0)
    return Relief(
        units=units,
        mesh=mesh,
        rest=np.column_stack([pixels, depth * scale]),
        model=view @ rotation,
        turn=np.clip(turn, 0, 1) * ease,
        move=np.clip(move, 0, 1) * ease,
        weights=weights,
        skin=skin,
        skin_expression=proxy.expression(mesh.points[skin]),
        face=_face_triangles(mesh, units.to_face(landmarks)),
        landmarks=landmarks,
        areas=signed_areas(pixels, mesh.triangles),
        neighbors=_neighbors(mesh),
    )


def signed_areas(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Signed area [F] of triangles over points [V, >=2]; negative where one is turned over."""
    a, b, c = (points[triangles[:, i], :2] for i in range(3))
    return 0.5 * ((b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0]))


def _neighbors(mesh: CutMesh) -> sparse.csr_matrix:
    a, b = mesh.triangles[:, [0, 1, 2]].ravel(), mesh.triangles[:, [1, 2, 0]].ravel()
    count = len(mesh.points)
    links = sparse.coo_matrix(
        (np.ones(2 * len(a)), (np.concatenate([a, b]), np.concatenate([b, a]))), shape=(count, count)
    )
    links = links.tocsr()
    links.data[:] = 1.0
    return sparse.diags(1.0 / np.maximum(np.asarray(links.sum(1)).ravel(), 1)).dot(links).tocsr()


def _ease(points: np.ndarray) -> np.ndarray:
    """1 well inside the mesh, falling smoothly to 0 at its border."""
    left, top, right, bottom = EXTENT
    gap = np.minimum.reduce(
        [points[:, 0] - left, right - points[:, 0], points[:, 1] - top, bottom - points[:, 1]]
    )
    t = np.clip((gap - 0.05) / RIM, 0, 1)
    return t * t * (3 - 2 * t)


def _skin_handles(mesh: CutMesh, facing: np.ndarray, follow: np.ndarray, covered: np.ndarray) -> np.ndarray:
    """Vertices on the well-seen skin of the face, evenly spaced and away from landmarks."""
    near, _ = cKDTree(mesh.points[mesh.handles]).query(mesh.points)
    candidates = np.flatnonzero(covered & (facing > 0.4) & (follow > 0.95) & (near > 0.13))
    chosen: list[int] = []
    for vertex in candidates:
        if not chosen or np.hypot(*(mesh.points[chosen] - mesh.points[vertex]).T).min() > CHEEK_SPACING:
            chosen.append(int(vertex))
    return np.array(chosen, int)


def _face_triangles(mesh: CutMesh, landmarks: np.ndarray) -> np.ndarray:
    """Triangles inside the outline of jaw line and brows, raised by a third of the face for the forehead."""
    from matplotlib.path import Path as Polygon

    brows = landmarks[[26, 25, 24, 19, 18, 17]] - [0, 0.35]
    outline = np.concatenate([landmarks[0:17], brows])
    return Polygon(outline).contains_points(mesh.points[mesh.triangles].mean(1))


class _ProxyView:
    """The fitted proxy as the viewer sees it, sampled on a grid in face units."""

    def __init__(self, model: HeadModel, fit: HeadFit, units: FaceUnits, landmarks: np.ndarray) -> None:
        scale = float(fit.state.scale)
        turned = model.shape(fit.identity, fit.state.expression) @ to_matrix(fit.state.rotation).T.astype(
            np.float32
        )
        seen = units.to_face(turned[:, :2] * scale + fit.state.translation[:2])
        left, top, right, bottom = EXTENT
        self.origin = np.array([left, top])
        shape = (int((bottom - top) / CELL) + 1, int((right - left) / CELL) + 1)
        view = np.column_stack([(seen - self.origin) / CELL, turned[:, 2]])
        fragments = rasterize(view, model.triangles, shape, mask=model.part == 0)
        normals = vertex_normals(
            np.column_stack([view[:, :2] * CELL * units.unit / scale, view[:, 2]]), model.triangles
        )
        values = np.column_stack([turned[:, 2], -normals[:, 2], model.follow])
        maps = fragments.interpolate(model.triangles, values)
        self.maps = {"depth": maps[..., 0], "facing": maps[..., 1], "follow": maps[..., 2]}
        self.maps["covered"] = fragments.covered.astype(np.float32)
        self.model, self.fragments = model, fragments
        # the painter's face is not quite the proxy's:
        # a point of the picture is looked up where its landmarks say
        inner = slice(17, 68)
        offset = fit.residual[inner].astype(np.float64) / units.unit
        self.offset = RBFInterpolator(
            units.to_face(landmarks[inner]), offset, kernel="linear", smoothing=0.02, degree=0
        )

    def _grid(self, points: np.ndarray) -> np.ndarray:
        return (points - self.offset(points) - self.origin) / CELL

    def sample(self, name: str, points: np.ndarray) -> np.ndarray:
        """Values [N] at face-unit points [N, 2]."""
        x, y = self._grid(points).T
        return map_coordinates(
            self.maps[name], [y, x], order=0 if name == "covered" else 1, mode="nearest"
        ).astype(np.float64)

    def expression(self, points: np.ndarray) -> np.ndarray:
        """The 52 expression displacements [52, N, 3] (model units)
        of the skin seen at face-unit points [N, 2]."""
        x, y = np.rint(self._grid(points)).astype(int).T
        triangle = self.fragments.triangle[y, x]
        bary = self.fragments.bary[y, x] * (triangle >= 0)[:, None]
        corners = self.model.triangles[triangle]
        return np.einsum("nk,enkc->enc", bary, self.model.expression[:, corners])
