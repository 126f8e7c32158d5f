# SPDX-License-Identifier: GPL-3.0-or-later
"""The portrait as a relief: every vertex of the mesh knows its depth,
how far it follows the head, and which handles move it.

Solved once per portrait.  Per frame a vertex goes where the turned relief takes it,
plus a biharmonic correction that makes lids, lips, brows and nose meet their landmarks,
lets the cheeks move as the head proxy's do, and draws the paint at the head's outline out over what a turn
uncovers.
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
from .mesh import EXTENT, FINE, CutMesh, FaceUnits, build_mesh
from .unfold import Unfolding

CELL = 0.02  # face units per sample of the maps that the proxy is seen on
# how firmly handles hold, against the bending energy; a jaw that gives way puts chins too low or too high
FIRM, JAW_FIRM, CHEEK_FIRM, OUTLINE_FIRM = 1e7, 1000.0, 300.0, 60.0
CHEEK_SPACING, OUTLINE_SPACING = 0.16, 0.12  # face units between handles of the skin, of the outline
OUTLINE = 0.08  # face units within which of the proxy's edge a vertex lies on its outline
SLICES = 24  # of the head, whose middles are its axis
ONSET = 0.05  # sine of the turn from which on a side that comes into view is drawn out in full
HAIR_DEPTH = 0.35  # face units within which the depth of the skull's outline runs out into that of the hair
LEAST_LIP = 0.4  # of a painted lip's thickness, kept whatever the landmarks ask for
RIM = 0.9  # face units over which all motion fades to nothing before the mesh's border


@dataclass(frozen=True, eq=False)
class Relief:
    """What :func:`build_relief` solves.

    rest: [V, 3] px, the vertices in the picture (z: depth).
    model: [V, 3], the same in the head model's axes and units.
    turn, move: [V] 0..1, how far a vertex turns with the head and travels with the neck joint.
    weights: float32 [V, H + C + O], biharmonic weights of the handles: landmarks, skin, outline.
    skin: [C] vertices of the skin handles; skin_expression: [52, C, 3] their motion in model units.
    outline: [O] vertices on the outline of the head.
    radius: [O, 3], the level way there from the head's upright axis, in the model's axes and units.
    face: bool [F], triangles of the visible face.  landmarks: [68, 2] px at rest.
    areas: [F] px^2 at rest.
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
    outline: np.ndarray
    radius: np.ndarray
    face: np.ndarray
    landmarks: np.ndarray
    areas: np.ndarray
    unfolding: Unfolding

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
        at_rest = to_matrix(fit.state.rotation)
        rest_turned = (self.model @ at_rest.T) * float(fit.state.scale)
        turned = (self.model @ rotation.T) * scale
        travel = np.append(state.translation[:2] - fit.state.translation[:2], 0.0)
        out = self.rest + self.turn[:, None] * (turned - rest_turned) + self.move[:, None] * travel
        change = np.asarray(state.expression - fit.state.expression, np.float64)
        skin = np.tensordot(change, self.skin_expression, 1) @ rotation.T * scale
        handles = self.mesh.handles
        delta = points[:, :2].astype(np.float64) - self.landmarks
        wanted = self._with_lips(self.rest[handles, :2] + self.mesh.handle_map @ delta)
        uncovered = self.uncovered(at_rest, rotation) * scale
        pull = np.concatenate([wanted - out[handles, :2], skin[:, :2], uncovered])
        out[:, :2] += self.weights @ pull.astype(np.float32)
        rest = self.rest[:, :2]
        out[:, :2] = rest + self.unfolding.relax(rest, self.areas, out[:, :2] - rest)
        return out

    def uncovered(self, at_rest: np.ndarray, turned: np.ndarray) -> np.ndarray:
        """How far [O, 2], in model units, the outline lies beyond the paint that was on it at rest, for two
        rotations [3, 3] of the head.

        Around its axis a head is round: on the side that turns into view the outline stays about where it
        was, while the paint that was there moves in towards the middle.
        """
        before, after = self.radius @ at_rest.T, self.radius @ turned.T
        # measured along the head's own level line, so that a tilted or nodding head uncovers nothing
        was, aside = (matrix[:2, 0] / np.hypot(*matrix[:2, 0]) for matrix in (at_rest, turned))
        reach = before[:, :2] @ was
        side = np.sign(reach)
        inward = np.maximum(side * (reach - after[:, :2] @ aside), 0)
        # depth grows away from the viewer; what turns out of view is covered by what was before it
        shown = np.clip((before[:, 2] - after[:, 2]) / (ONSET * np.abs(reach) + 1e-6), 0, 1)
        return (self.turn[self.outline] * shown * side * inward)[:, None] * aside

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
    follow = proxy.sample("follow", mesh.points)
    skin = _skin_handles(mesh, facing, follow, covered)
    outline = _outline_handles(mesh, follow, covered)
    chosen = np.concatenate([mesh.handles, skin, outline])
    at = sparse.csr_matrix(
        (np.ones(len(chosen)), (np.arange(len(chosen)), chosen)), shape=(len(chosen), len(mesh.points))
    )
    firmness = np.concatenate(
        [
            np.where(mesh.handle_jaw, JAW_FIRM, FIRM),
            np.full(len(skin), CHEEK_FIRM),
            np.full(len(outline), OUTLINE_FIRM),
        ]
    )
    in_model = view @ rotation
    face = _face_triangles(mesh, units.to_face(landmarks))
    weights = interpolation(biharmonic(stiffness, mass, tension=3.0), at, firmness, ease <= 0)
    return Relief(
        units=units,
        mesh=mesh,
        rest=np.column_stack([pixels, depth * scale]),
        model=in_model,
        turn=np.clip(turn, 0, 1) * ease,
        move=np.clip(move, 0, 1) * ease,
        weights=weights,
        skin=skin,
        skin_expression=proxy.expression(mesh.points[skin]),
        outline=outline,
        radius=_from_axis(model, in_model[outline]),
        face=face,
        landmarks=landmarks,
        areas=signed_areas(pixels, mesh.triangles),
        unfolding=Unfolding.of(mesh.triangles, face, len(mesh.points)),
    )


def signed_areas(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Signed area [F] of triangles over points [V, >=2]; negative where one is turned over."""
    a, b, c = (points[triangles[:, i], :2] for i in range(3))
    return 0.5 * ((b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0]))


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
    return _spaced(mesh.points, candidates, CHEEK_SPACING)


def _outline_handles(mesh: CutMesh, follow: np.ndarray, covered: np.ndarray) -> np.ndarray:
    """Vertices of the head along its outline, evenly spaced and away from landmarks."""
    near, _ = cKDTree(mesh.points[mesh.handles]).query(mesh.points)
    edge, _ = cKDTree(mesh.points[~covered]).query(mesh.points)
    candidates = np.flatnonzero(covered & (edge < OUTLINE) & (follow > 0.9) & (near > FINE))
    return _spaced(mesh.points, candidates[np.argsort(edge[candidates], kind="stable")], OUTLINE_SPACING)


def _spaced(points: np.ndarray, candidates: np.ndarray, spacing: float) -> np.ndarray:
    """Those of the candidates, in their order, that keep their distance from all taken before."""
    chosen: list[int] = []
    for vertex in candidates:
        if not chosen or np.hypot(*(points[chosen] - points[vertex]).T).min() > spacing:
            chosen.append(int(vertex))
    return np.array(chosen, int)


def _from_axis(model: HeadModel, points: np.ndarray) -> np.ndarray:
    """The level way [N, 3] to model points [N, 3] from the axis through the middles of the head's slices."""
    skin = np.unique(model.triangles[model.part == 0])
    head = model.vertices[skin[model.follow[skin] > 0.5]]
    edges = np.linspace(head[:, 1].min(), head[:, 1].max(), SLICES + 1)
    number = np.clip(np.digitize(head[:, 1], edges) - 1, 0, SLICES - 1)
    depth = [head[number == i, 2] for i in range(SLICES)]
    middle = [(one.min() + one.max()) / 2 for one in depth]
    axis = np.interp(points[:, 1], (edges[:-1] + edges[1:]) / 2, middle)
    return np.column_stack([points[:, 0], np.zeros(len(points)), points[:, 2] - axis])


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
