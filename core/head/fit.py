# SPDX-License-Identifier: GPL-3.0-or-later
"""Fitting the head proxy to landmarks: one portrait, or every frame of a performance.

Regularized Gauss-Newton on scaled-orthographic projections of the model's 70 points.  Per frame: rotation,
translation, scale and the 52 expression coefficients (kept in 0..1); shared by all frames: the identity
coefficients, eliminated by the Schur complement, so that one portrait and a long clip are the same problem.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..errors import InputError
from .arkit import ARKIT
from .model import POINTS, HeadModel
from .rotation import from_vector, multiply, to_matrix

# expected error of a landmark, in eye distances: what the detector or the model gets wrong
SIGMA = np.full(POINTS, 0.02)
SIGMA[0:17] = 0.09  # the jaw line: a projected contour in one detector, the visible one in another
SIGMA[[7, 8, 9]] = 0.05
SIGMA[17:27] = 0.03
SIGMA[36:48] = 0.012
SIGMA[60:68] = 0.014
SIGMA[68:70] = 0.015
DEPTH_SIGMA = 6.0  # times the above, for depth
ROBUST = 3.0  # residuals beyond this many sigmas count ever less
# expected size of the coefficients; what 68 points hardly show is held back
SPREAD = np.full(len(ARKIT), 0.35)
for _name, _spread in {
    "tongueOut": 1e-3,
    "cheekPuff": 0.03,
    "jawForward": 0.03,
    "cheekSquint": 0.05,
    "mouthRoll": 0.12,
    "mouthShrug": 0.12,
    "mouthDimple": 0.1,
    "mouthPress": 0.1,
    "mouthClose": 0.2,
    "noseSneer": 0.12,
    "eyeSquint": 0.2,
    "jawLeft": 0.15,
    "jawRight": 0.15,
    "eyeLook": 0.6,
    "eyeBlink": 0.6,
    "jawOpen": 0.5,
}.items():
    SPREAD[[name.startswith(_name) for name in ARKIT]] = _spread
POSE = 7  # rotation vector, translation x y z, log scale


@dataclass(frozen=True, eq=False)
class HeadState:
    """Pose and expression, of one frame or of T frames (leading axis).

    rotation: [..., 4] unit quaternion (w, x, y, z).  translation: [..., 3] pixels,
    where the model's origin projects (z free).
    scale: [...] pixels per model unit.  expression: [..., 52] in 0..1.
    """

    rotation: np.ndarray
    translation: np.ndarray
    scale: np.ndarray
    expression: np.ndarray

    def __len__(self) -> int:
        return len(self.scale)

    def __getitem__(self, index: int | slice | np.ndarray) -> HeadState:
        return HeadState(
            self.rotation[index], self.translation[index], self.scale[index], self.expression[index]
        )


@dataclass(frozen=True, eq=False)
class HeadFit:
    """The head proxy fitted to one portrait.

    identity: [I].  state: a single HeadState.  residual: float32 [70, 2], landmarks and irises minus their
    projections, pixels (NaN where an iris is unknown).  size: (width, height) of the picture.
    """

    identity: np.ndarray
    state: HeadState
    residual: np.ndarray
    size: tuple[int, int]


def fit_portrait(model: HeadModel, points: np.ndarray, irises: np.ndarray, size: tuple[int, int]) -> HeadFit:
    """Fit pose, identity and expression to one face: points [68, 3] px
    (z may be NaN), irises [2, 2] px (NaN unknown)."""
    joined = _join(points[None], irises[None])
    if not np.isfinite(joined[0, :68, :2]).all():
        raise InputError("the portrait's landmarks are not complete: 68 finite points are needed")
    # a still face is explained by its bones first:
    # what looks like a raised brow in a painting is the sitter's brow
    identity, state = _solve(model, joined, spread=SPREAD * 0.5, identity=None, iterations=14)
    projected = project(model, identity, state)[0]
    return HeadFit(identity, state[0], (joined[0, :, :2] - projected[:, :2]).astype(np.float32), size)


def solve_track(
    model: HeadModel,
    points: np.ndarray,
    irises: np.ndarray,
    *,
    identity: np.ndarray | None = None,
    smooth: float = 0.5,
) -> tuple[np.ndarray, HeadState]:
    """Solve a performance: points [T, 68, 3], irises [T, 2, 2] in pixels ->
    (identity [I], HeadState of T frames).

    Frames with NaN landmarks come back as NaN.  The identity is found on at most 24 frames spread over the
    clip unless it is given.
    smooth: weight of the tie to the neighboring frames (0 solves each frame alone).
    """
    valid = np.isfinite(points[:, :, :2]).all((1, 2))
    if not valid.any():
        raise InputError("the performance has no frame with a face")
    joined = _join(points[valid], irises[valid])
    if identity is None:
        chosen = np.unique(np.linspace(0, len(joined) - 1, 24).astype(int))
        identity, _ = _solve(model, joined[chosen], spread=SPREAD, identity=None, iterations=10)
    _, state = _solve(model, joined, spread=SPREAD, identity=identity, iterations=8, smooth=smooth)
    return identity, _scatter(state, valid)


def solve_portrait(model: HeadModel, fit: HeadFit, points: np.ndarray, irises: np.ndarray) -> HeadState:
    """Solve landmarks laid over a fitted portrait: points [T, 68, 3],
    irises [T, 2, 2] in the picture's pixels.

    The portrait's own residuals are taken off first and its expression is the prior's center,
    so that the portrait's own landmarks give back its own state exactly.
    """
    joined = _join(points, irises)
    joined[..., :2] -= np.nan_to_num(fit.residual)
    joined[..., 2] = np.nan  # depth of a painting is the proxy's own
    start = batch(fit.state)[np.zeros(len(points), int)]
    _, state = _solve(model, joined, spread=SPREAD, identity=fit.identity, iterations=8, start=start)
    return state


def project(model: HeadModel, identity: np.ndarray, state: HeadState) -> np.ndarray:
    """float64 [T, 70, 3] pixels (z relative to the model's origin):
    landmarks 0..67, right iris, left iris."""
    mean, identity_basis, expression_basis = model.basis
    shape = (
        mean + np.tensordot(identity, identity_basis, 1) + np.tensordot(state.expression, expression_basis, 1)
    )
    turned = np.einsum("tij,tpj->tpi", to_matrix(state.rotation), shape)
    return turned * state.scale[:, None, None] + state.translation[:, None]


def batch(state: HeadState) -> HeadState:
    """A single state as a batch of one."""
    return HeadState(
        state.rotation[None], state.translation[None], np.asarray(state.scale)[None], state.expression[None]
    )


def _join(points: np.ndarray, irises: np.ndarray) -> np.ndarray:
    """float64 [T, 70, 3]; irises get no depth."""
    iris = np.concatenate([irises, np.full((*irises.shape[:2], 1), np.nan)], 2)
    return np.concatenate([points, iris], 1).astype(np.float64)


def _scatter(state: HeadState, valid: np.ndarray) -> HeadState:
    def spread(values: np.ndarray) -> np.ndarray:
        out = np.full((len(valid), *values.shape[1:]), np.nan)
        out[valid] = values
        return out

    return HeadState(
        spread(state.rotation), spread(state.translation), spread(state.scale), spread(state.expression)
    )


def _start(model: HeadModel, joined: np.ndarray) -> HeadState:
    """Upright, scaled and placed by eyes, nose and mouth; turned by the nose's place between the eyes."""
    stable = [36, 39, 42, 45, 30, 33, 48, 54]
    target, source = joined[:, stable, :2], model.basis[0][stable, :2]
    tc, sc = target.mean(1, keepdims=True), source.mean(0)
    t, s = target - tc, source - sc
    cosine = np.einsum("tpi,pi->t", t, s)
    sine = (s[:, 0] * t[:, :, 1] - s[:, 1] * t[:, :, 0]).sum(1)
    roll = np.arctan2(sine, cosine)
    scale = np.hypot(sine, cosine) / (s**2).sum()
    direction = np.stack([np.cos(roll), np.sin(roll)], 1)
    eyes = (joined[:, 36, :2] + joined[:, 45, :2]) / 2
    aside = np.einsum("ti,ti->t", joined[:, 30, :2] - eyes, direction) / scale
    yaw = np.arcsin(np.clip(-aside / 0.62, -0.8, 0.8))
    vector = np.stack([np.zeros_like(yaw), yaw, np.zeros_like(yaw)], 1)
    rolled = np.stack([np.zeros_like(yaw), np.zeros_like(yaw), roll], 1)
    rotation = multiply(from_vector(rolled), from_vector(vector))
    turned = np.einsum("tij,pj->tpi", to_matrix(rotation), model.basis[0][stable])
    translation = np.zeros((len(joined), 3))
    translation[:, :2] = (target - turned[..., :2] * scale[:, None, None]).mean(1)
    return HeadState(rotation, translation, scale, np.zeros((len(joined), len(ARKIT))))


def _solve(
    model: HeadModel,
    joined: np.ndarray,
    *,
    spread: np.ndarray,
    identity: np.ndarray | None,
    iterations: int,
    smooth: float = 0.0,
    start: HeadState | None = None,
) -> tuple[np.ndarray, HeadState]:
    """Gauss-Newton on T frames; solves the identity too where it is None.

    The prior is centered on ``start``, else on zero.
    """
    mean, identity_basis, expression_basis = model.basis
    count, frames = len(ARKIT), len(joined)
    free_identity = identity is None
    shape_identity = np.zeros(len(identity_basis)) if identity is None else np.asarray(identity, np.float64)
    state = _start(model, joined) if start is None else start
    center = state.expression
    known = np.isfinite(joined)
    target = np.where(known, joined, 0.0)
    prior = 1.0 / spread**2
    for _ in range(iterations):
        rotation = to_matrix(state.rotation)
        shape = (
            mean
            + np.tensordot(shape_identity, identity_basis, 1)
            + np.tensordot(state.expression, expression_basis, 1)
        )
        turned = np.einsum("tij,tpj->tpi", rotation, shape)
        scale = state.scale[:, None, None]
        # residuals and derivatives in eye distances: everything is divided by the scale
        residual = (target - state.translation[:, None]) / scale - turned
        weight = np.where(known, 1.0 / SIGMA[:, None] ** 2, 0.0)
        weight[..., 2] /= DEPTH_SIGMA**2
        distance = np.sqrt((residual[..., :2] ** 2).sum(-1)) / SIGMA
        weight *= (1.0 / (1.0 + (distance / ROBUST) ** 2))[..., None]

        jacobian = np.zeros((frames, POINTS, 3, POSE + count))
        # d(turned) for a small rotation w applied on the left is w x turned
        jacobian[..., 0, 1], jacobian[..., 0, 2] = turned[..., 2], -turned[..., 1]
        jacobian[..., 1, 0], jacobian[..., 1, 2] = -turned[..., 2], turned[..., 0]
        jacobian[..., 2, 0], jacobian[..., 2, 1] = turned[..., 1], -turned[..., 0]
        for axis in range(3):
            jacobian[..., axis, 3 + axis] = 1.0
        jacobian[..., 6] = turned
        jacobian[..., POSE:] = np.einsum("tij,epj->tpie", rotation, expression_basis)
        flat = jacobian.reshape(frames, POINTS * 3, POSE + count)
        weighted = flat * weight.reshape(frames, -1, 1)
        a = weighted.transpose(0, 2, 1) @ flat
        g = np.einsum("tnk,tn->tk", weighted, residual.reshape(frames, -1))

        diagonal = np.zeros((frames, POSE + count))
        diagonal[:, :POSE] = 1e-3
        diagonal[:, POSE:] = prior
        g[:, POSE:] -= prior * (state.expression - center)
        if smooth > 0 and frames > 2:
            padded = np.concatenate([state.expression[:1], state.expression, state.expression[-1:]])
            tie = smooth * 60.0
            diagonal[:, POSE:] += tie
            g[:, POSE:] += tie * ((padded[:-2] + padded[2:]) / 2 - state.expression)
        # coefficients that push against their bounds stay where they are
        stuck = ((state.expression <= 0) & (g[:, POSE:] < 0)) | ((state.expression >= 1) & (g[:, POSE:] > 0))
        diagonal[:, POSE:] += np.where(stuck, 1e9, 0.0)
        g[:, POSE:] = np.where(stuck, 0.0, g[:, POSE:])
        a[:, np.arange(POSE + count), np.arange(POSE + count)] += diagonal

        if free_identity:
            jac_identity = np.einsum("tij,kpj->tpik", rotation, identity_basis).reshape(
                frames, POINTS * 3, -1
            )
            b = weighted.transpose(0, 2, 1) @ jac_identity
            weighted_identity = jac_identity * weight.reshape(frames, -1, 1)
            c = (weighted_identity.transpose(0, 2, 1) @ jac_identity).sum(0)
            h = np.einsum("tnk,tn->k", weighted_identity, residual.reshape(frames, -1))
            # many frames must not shout the prior down: their errors are the same detector's, not independent
            share = 1.0 / np.sqrt(frames)
            solved_b, solved_g = np.linalg.solve(a, b), np.linalg.solve(a, g[..., None])
            left = share * (c - np.einsum("tnk,tnl->kl", b, solved_b)) + np.eye(len(identity_basis))
            right = share * (h - np.einsum("tnk,tn->k", b, solved_g[..., 0])) - shape_identity
            change = np.linalg.solve(left, right)
            shape_identity = np.clip(shape_identity + change, -3.5, 3.5)
            delta: np.ndarray = solved_g[..., 0] - solved_b @ change
        else:
            delta = np.linalg.solve(a, g[..., None])[..., 0]
        delta[:, :3] = np.clip(delta[:, :3], -0.4, 0.4)
        delta[:, 6] = np.clip(delta[:, 6], -0.3, 0.3)
        rotated = multiply(from_vector(delta[:, :3]), state.rotation)
        state = replace(
            state,
            rotation=rotated / np.linalg.norm(rotated, axis=1, keepdims=True),
            translation=state.translation + delta[:, 3:6] * state.scale[:, None],
            scale=state.scale * np.exp(delta[:, 6]),
            expression=np.clip(state.expression + delta[:, POSE:], 0.0, 1.0),
        )
    return shape_identity, state
