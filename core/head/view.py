# SPDX-License-Identifier: GPL-3.0-or-later
"""What a posed head proxy shows on a grid: where its skin came from, what it uncovers, teeth and eyes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .arkit import INDEX
from .fit import HeadFit, HeadState
from .model import LOOK_ASIDE, LOOK_UP_DOWN, PARTS, HeadModel
from .raster import Fragments, rasterize, vertex_normals
from .rotation import to_matrix

NOTHING = 255  # in a map of parts: no head here
HIDDEN = 0.04  # model units: skin this far behind what was seen at rest was hidden
IRIS, PUPIL = 0.42, 0.18  # radians from the middle of the gaze
# plain colors of skin, eyes, teeth and tongue, before light
COLORS = np.array(
    [
        [0.0, 0.0, 0.0],
        [0.93, 0.92, 0.90],
        [0.93, 0.92, 0.90],
        [0.95, 0.93, 0.86],
        [0.95, 0.93, 0.86],
        [0.72, 0.36, 0.34],
    ],
    np.float32,
)
LIGHT = np.array([0.0, -0.45, -0.893])  # from above and in front


@dataclass(frozen=True, eq=False)
class HeadView:
    """A posed proxy over a box of the picture, on a grid [h, w] whose nodes are the middles of equal cells.

    part: uint8, index into PARTS of what is seen, NOTHING where there is no head.
    shift: float32 [h, w, 2] px, where seen skin was at rest minus where it is; 0 where nothing is known.
    uncovered: bool, head that is seen now and was hidden, or outside the box, at rest.
    shaded: float32 [h, w, 3] 0..1, eyeballs, teeth and tongue in plain colors and light; 0 elsewhere.
    """

    part: np.ndarray
    shift: np.ndarray
    uncovered: np.ndarray
    shaded: np.ndarray


def posed_vertices(model: HeadModel, fit: HeadFit, state: HeadState) -> np.ndarray:
    """float64 [V, 3] px of a portrait's proxy in one state (z smaller = nearer);
    its shoulders travel but do not turn."""
    rest = model.shape(fit.identity, fit.state.expression) @ to_matrix(fit.state.rotation).T
    turned = model.shape(fit.identity, state.expression) @ to_matrix(state.rotation).T
    rest, turned = rest * float(fit.state.scale), turned * float(state.scale)
    return state.translation + rest + model.follow[:, None] * (turned - rest)


def view_head(
    model: HeadModel,
    fit: HeadFit,
    state: HeadState,
    box: tuple[int, int, int, int],
    shape: tuple[int, int],
) -> HeadView:
    """Look at a portrait's proxy in one state; ``box`` in px, ``shape`` (h, w) of the grid over it."""
    cell = np.array([(box[2] - box[0]) / shape[1], (box[3] - box[1]) / shape[0]])

    def look(vertices: np.ndarray) -> Fragments:
        view = np.column_stack([(vertices[:, :2] - box[:2]) / cell - 0.5, vertices[:, 2]])
        return rasterize(view, model.triangles, shape)

    rest, now = posed_vertices(model, fit, fit.state), posed_vertices(model, fit, state)
    before, seen = look(rest), look(now)
    part = np.where(seen.covered, model.part[seen.triangle], NOTHING).astype(np.uint8)
    source = seen.interpolate(model.triangles, rest)
    target = seen.interpolate(model.triangles, now)
    column, row = np.rint((source[..., :2] - box[:2]) / cell - 0.5).astype(int).transpose(2, 0, 1)
    inside = (column >= 0) & (column < shape[1]) & (row >= 0) & (row < shape[0])
    nearest = before.depth[np.clip(row, 0, shape[0] - 1), np.clip(column, 0, shape[1] - 1)]
    behind = ~inside | (source[..., 2] > nearest + HIDDEN * float(fit.state.scale))
    skin = part == 0
    uncovered = seen.covered & behind
    shift = np.where((skin & ~uncovered)[..., None], source[..., :2] - target[..., :2], 0.0)
    return HeadView(part, shift.astype(np.float32), uncovered, _shade(model, state, now, seen, part))


def _shade(
    model: HeadModel, state: HeadState, vertices: np.ndarray, seen: Fragments, part: np.ndarray
) -> np.ndarray:
    normals = seen.interpolate(model.triangles, vertex_normals(vertices, model.triangles))
    normals /= np.linalg.norm(normals, axis=2, keepdims=True) + 1e-6
    light = 0.5 + 0.5 * np.clip(normals @ LIGHT, 0, 1)
    color = COLORS[np.clip(part, 0, len(PARTS) - 1)]
    for index, side in ((1, "Right"), (2, "Left")):
        away = np.arccos(np.clip(normals @ _gaze(state, side), -1, 1))
        eye = part == index
        color = np.where((eye & (away < IRIS))[..., None], np.array([0.35, 0.24, 0.16]), color)
        color = np.where((eye & (away < PUPIL))[..., None], np.array([0.03, 0.03, 0.03]), color)
    inner = (part > 0) & (part != NOTHING)
    return np.where(inner[..., None], color * light[..., None], 0.0).astype(np.float32)


def _gaze(state: HeadState, side: str) -> np.ndarray:
    """Unit vector [3] along which an eye looks, in picture axes."""
    value = {
        way: float(state.expression[INDEX[f"eyeLook{way}{side}"]]) for way in ("In", "Out", "Up", "Down")
    }
    outward = -1.0 if side == "Right" else 1.0  # the sitter's right eye is on the picture's left
    aside = outward * (value["Out"] - value["In"]) * LOOK_ASIDE
    up = (value["Up"] - value["Down"]) * LOOK_UP_DOWN
    ahead = np.array([np.sin(aside) * np.cos(up), -np.sin(up), -np.cos(aside) * np.cos(up)])
    return np.asarray(to_matrix(state.rotation) @ ahead)
