# SPDX-License-Identifier: GPL-3.0-or-later
"""What drives a portrait: a performance on its own head, frame by frame, and its rest."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..errors import InputError
from ..head.arkit import ARKIT, INDEX
from ..head.fit import HeadFit, HeadState, batch, project, solve_track
from ..head.model import HeadModel
from ..head.rotation import to_matrix
from ..landmarks.track import LandmarkTrack
from .curves import ExpressionCurves
from .features import eye_aperture
from .reference import choose_reference
from .smoothing import smooth

SCALE_SIGMA = 0.08  # seconds; single frames misjudge the head's size, which would make the face pump
CHUNK = 512  # frames solved at once: memory stays bounded for long takes
OVERLAP = 12
CAMERA = 12.0  # distance of the viewer in eye distances, for the depth of expression curves


@dataclass(frozen=True, eq=False)
class Driver:
    """A performance.  T frames, 70 points (68 landmarks, two irises), lost frames NaN.

    points: [T, 70, 3] what was seen.  base: [T, 70, 3] the face
        of the reference frame in the pose of each frame.
    state: HeadState of T frames; rest: that of the reference frame (single).  identity: [I].
    local: [T, 70, 3] seen minus projected, in head axes and units;
        local_rest: the same of the reference frame.
    reference: its index, or None for the neutral head.  closed: [2] closure of each eye that counts as shut.
    """

    times: np.ndarray
    points: np.ndarray
    base: np.ndarray
    state: HeadState
    rest: HeadState
    identity: np.ndarray
    local: np.ndarray
    local_rest: np.ndarray
    reference: int | None
    closed: np.ndarray


def to_local(state: HeadState, offset: np.ndarray) -> np.ndarray:
    """Picture-plane offsets [T, P, 2] in px as vectors [T, P, 3] in head axes and units."""
    flat = np.concatenate([offset, np.zeros((*offset.shape[:-1], 1))], axis=-1)
    return np.einsum("tji,tpj->tpi", to_matrix(state.rotation), flat) / state.scale[:, None, None]


def to_picture(state: HeadState, local: np.ndarray) -> np.ndarray:
    """The inverse of :func:`to_local`, as [T, P, 3] px; ``local`` [T or 1, P, 3] turns with the head."""
    local = np.broadcast_to(local, (len(state), *local.shape[1:]))
    return np.einsum("tij,tpj->tpi", to_matrix(state.rotation), local) * state.scale[:, None, None]


def track_driver(model: HeadModel, track: LandmarkTrack, fit: HeadFit, reference: int | str) -> Driver:
    """Solve a landmark track on the head model and choose its reference frame."""
    identity, state = solve_long(model, track)
    state = steady(track.times, state)
    chosen = choose_reference(
        reference, state.rotation, state.expression, fit.state.rotation, fit.state.expression
    )
    points = np.concatenate(
        [track.points, np.concatenate([track.irises, np.zeros((len(track), 2, 1))], axis=2)], axis=1
    ).astype(np.float64)
    projected = project(model, identity, state)
    seen = np.isfinite(points[..., 0])
    points = np.where(seen[..., None], points, np.where(track.valid[:, None, None], projected, np.nan))
    local = to_local(state, points[..., :2] - projected[..., :2])
    rest = state[chosen]
    posed = replace(state, expression=np.broadcast_to(rest.expression, state.expression.shape))
    base = project(model, identity, posed) + to_picture(state, local[chosen][None])
    # an eye that was seen to close tells how far closing goes for this performer and detector
    aperture = eye_aperture(points[:, :68]) / np.maximum(eye_aperture(base[:, :68]), 1e-6)
    least = np.nanmin(np.where(np.isfinite(aperture), aperture, 1.0), axis=0)
    return Driver(
        times=track.times,
        points=points,
        base=base,
        state=state,
        rest=rest,
        identity=identity,
        local=local,
        local_rest=local[chosen],
        reference=chosen,
        closed=1.0 - np.clip(least, 0.08, 0.3),
    )


def curves_driver(model: HeadModel, curves: ExpressionCurves, fit: HeadFit, reference: int | str) -> Driver:
    """Expression curves on the mean head.

    ``auto`` takes the neutral head as rest where the curves were made
    relative to it (``meta["rest"]`` is "neutral").
    """
    state = curves_state(curves)
    identity = np.zeros(len(model.identity))
    if reference == "auto" and curves.meta.get("rest") == "neutral":
        chosen = None
        rest = HeadState(np.array([1.0, 0, 0, 0]), np.zeros(3), np.ones(()), np.zeros(len(ARKIT)))
    else:
        chosen = choose_reference(
            reference, state.rotation, state.expression, fit.state.rotation, fit.state.expression
        )
        rest = state[chosen]
    posed = replace(state, expression=np.broadcast_to(rest.expression, state.expression.shape))
    points = project(model, identity, state)
    nothing = np.zeros_like(points)
    shut = rest.expression.copy()
    shut[[INDEX["eyeBlinkLeft"], INDEX["eyeBlinkRight"]]] = 1.0
    pair = batch(rest), batch(replace(rest, expression=shut))
    open_, closed = (eye_aperture(project(model, identity, s)[:, :68])[0] for s in pair)
    return Driver(
        times=curves.times,
        points=points,
        base=project(model, identity, posed),
        state=state,
        rest=rest,
        identity=identity,
        local=nothing,
        local_rest=nothing[0],
        reference=chosen,
        closed=np.clip(1.0 - closed / np.maximum(open_, 1e-6), 0.6, 1.0),
    )


def curves_state(curves: ExpressionCurves) -> HeadState:
    """Expression curves as states of the head model, in eye distances;
    a head that is nearer by translation z is larger."""
    return HeadState(
        rotation=curves.rotation.astype(np.float64),
        translation=curves.translation.astype(np.float64),
        scale=CAMERA / np.maximum(CAMERA + curves.translation[:, 2].astype(np.float64), 1.0),
        expression=np.clip(curves.expression.astype(np.float64), 0.0, 1.0),
    )


def solve_long(
    model: HeadModel, track: LandmarkTrack, identity: np.ndarray | None = None
) -> tuple[np.ndarray, HeadState]:
    """Solve a track of any length on the head model: identity [I] (found, where None) and T states in px.

    Lost frames are NaN.  Raises InputError where no frame has a face.
    """
    count = len(track)
    if not track.valid.any():
        raise InputError("the performance has no frame with a face")
    if count <= CHUNK + 2 * OVERLAP:
        return solve_track(model, track.points, track.irises, identity=identity)
    if identity is None:
        valid = np.flatnonzero(track.valid)
        some = valid[np.unique(np.linspace(0, len(valid) - 1, 48).astype(int))]
        identity, _ = solve_track(model, track.points[some], track.irises[some], smooth=0.0)
    parts: list[HeadState] = []
    for start in range(0, count, CHUNK):
        low, high = max(0, start - OVERLAP), min(count, start + CHUNK + OVERLAP)
        kept = slice(start - low, min(start + CHUNK, count) - low)
        if track.valid[low:high].any():
            _, state = solve_track(model, track.points[low:high], track.irises[low:high], identity=identity)
        else:
            state = _lost(high - low)
        parts.append(state[kept])
    fields = ("rotation", "translation", "scale", "expression")
    return identity, HeadState(*(np.concatenate([getattr(p, f) for p in parts]) for f in fields))


def _lost(count: int) -> HeadState:
    return HeadState(*(np.full((count, *shape), np.nan) for shape in ((4,), (3,), (), (len(ARKIT),))))


def steady(times: np.ndarray, state: HeadState) -> HeadState:
    """The same states with a calmer size; what this leaves unexplained stays in the residual."""
    return replace(state, scale=np.exp(smooth(times, np.log(state.scale), SCALE_SIGMA)))
