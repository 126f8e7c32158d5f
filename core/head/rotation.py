# SPDX-License-Identifier: GPL-3.0-or-later
"""Unit quaternions ``(w, x, y, z)`` in arrays of shape [..., 4],
and the head angles that people write and read.

Axes are the camera's: x right, y down, z away from the viewer;
an unrotated head looks at the viewer (along -z).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

_TINY = 1e-12


def normalize(q: np.ndarray) -> np.ndarray:
    """Scale to unit length; a zero quaternion becomes the identity, NaN stays NaN."""
    q = np.asarray(q, np.float64)
    length = np.linalg.norm(q, axis=-1, keepdims=True)
    unit = q / np.where(length < _TINY, 1.0, length)
    return np.where(length < _TINY, np.array([1.0, 0.0, 0.0, 0.0]), unit)


def multiply(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The rotation ``b`` followed by ``a`` (Hamilton product, broadcasting)."""
    aw, ax, ay, az = np.moveaxis(np.asarray(a, np.float64), -1, 0)
    bw, bx, by, bz = np.moveaxis(np.asarray(b, np.float64), -1, 0)
    return np.stack(
        [
            aw * bw - ax * bx - ay * by - az * bz,
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
        ],
        axis=-1,
    )


def conjugate(q: np.ndarray) -> np.ndarray:
    """The inverse rotation of a unit quaternion."""
    return np.asarray(q, np.float64) * np.array([1.0, -1.0, -1.0, -1.0])


def to_matrix(q: np.ndarray) -> np.ndarray:
    """Rotation matrices [..., 3, 3] that act on column vectors."""
    w, x, y, z = np.moveaxis(normalize(q), -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def from_matrix(matrix: np.ndarray) -> np.ndarray:
    """Quaternions [..., 4] of rotation matrices [..., 3, 3]; NaN stays NaN."""
    m = np.asarray(matrix, np.float64)
    trace = np.trace(m, axis1=-2, axis2=-1)
    diagonal = np.stack([trace, m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]], axis=-1)
    # four equivalent solutions; the one with the largest component is well conditioned
    a = 1.0 + 2.0 * diagonal - trace[..., None]
    a[..., 0] = 1.0 + trace
    d0 = m[..., 2, 1] - m[..., 1, 2]
    d1 = m[..., 0, 2] - m[..., 2, 0]
    d2 = m[..., 1, 0] - m[..., 0, 1]
    s01 = m[..., 0, 1] + m[..., 1, 0]
    s02 = m[..., 0, 2] + m[..., 2, 0]
    s12 = m[..., 1, 2] + m[..., 2, 1]
    solutions = np.stack(
        [
            np.stack([a[..., 0], d0, d1, d2], axis=-1),
            np.stack([d0, a[..., 1], s01, s02], axis=-1),
            np.stack([d1, s01, a[..., 2], s12], axis=-1),
            np.stack([d2, s02, s12, a[..., 3]], axis=-1),
        ],
        axis=-2,
    )
    best = np.argmax(np.nan_to_num(a), axis=-1)[..., None, None]
    return normalize(np.take_along_axis(solutions, best, axis=-2)[..., 0, :])


def from_vector(vector: ArrayLike) -> np.ndarray:
    """Quaternion of a rotation vector [..., 3] (axis times angle in radians)."""
    vector = np.asarray(vector, np.float64)
    angle = np.linalg.norm(vector, axis=-1, keepdims=True)
    # sin(a/2)/a tends to 1/2: np.sinc keeps the small-angle limit exact
    return np.concatenate([np.cos(angle / 2), vector * (0.5 * np.sinc(angle / (2 * np.pi)))], axis=-1)


def to_vector(q: np.ndarray) -> np.ndarray:
    """Rotation vector [..., 3] of the shortest turn (angle in 0..pi radians)."""
    q = normalize(q)
    q = np.where(q[..., :1] < 0, -q, q)
    sine = np.linalg.norm(q[..., 1:], axis=-1, keepdims=True)
    angle = 2 * np.arctan2(sine, q[..., :1])
    return q[..., 1:] * np.where(sine < _TINY, 2.0, angle / np.maximum(sine, _TINY))


def slerp(a: np.ndarray, b: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Great-circle interpolation from ``a`` (u = 0) to ``b`` (u = 1)
    along the shorter way; ``u`` broadcasts over [...]."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    u = np.asarray(u, np.float64)[..., None]
    dot = np.sum(a * b, axis=-1, keepdims=True)
    b = np.where(dot < 0, -b, b)
    angle = np.arccos(np.clip(np.abs(dot), 0.0, 1.0))
    sine = np.sin(angle)
    near = sine < 1e-6
    safe = np.where(near, 1.0, sine)
    wa = np.where(near, 1 - u, np.sin((1 - u) * angle) / safe)
    wb = np.where(near, u, np.sin(u * angle) / safe)
    return normalize(wa * a + wb * b)


def continuous(q: np.ndarray) -> np.ndarray:
    """Choose signs along the first axis so that neighbors never jump
    to the opposite quaternion; NaN rows are skipped."""
    q = np.array(q, np.float64)
    good = np.flatnonzero(np.isfinite(q).all(axis=-1))
    if len(good) > 1:
        flips = np.sum(q[good[1:]] * q[good[:-1]], axis=-1) < 0
        signs = np.where(np.cumsum(flips) % 2 == 1, -1.0, 1.0)
        q[good[1:]] *= signs[:, None]
    return q


def from_head_angles(yaw: ArrayLike, pitch: ArrayLike, roll: ArrayLike) -> np.ndarray:
    """Head rotation from angles in degrees, turned as a neck turns: yaw outermost, then pitch, then roll.

    Yaw > 0 turns the face toward the sitter's left (the picture's right), pitch > 0 looks up, roll > 0 tips
    the crown toward the picture's right.
    """
    yaw, pitch, roll = np.broadcast_arrays(
        *(np.radians(np.asarray(a, np.float64)) for a in (yaw, pitch, roll))
    )
    zero = np.zeros_like(yaw)
    turn = from_vector(np.stack([zero, -yaw, zero], axis=-1))
    nod = from_vector(np.stack([-pitch, zero, zero], axis=-1))
    tip = from_vector(np.stack([zero, zero, roll], axis=-1))
    return multiply(turn, multiply(nod, tip))


def to_head_angles(q: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Yaw, pitch, roll in degrees, the inverse of :func:`from_head_angles` for pitch within +-90 degrees."""
    m = to_matrix(q)
    yaw = np.arctan2(-m[..., 0, 2], m[..., 2, 2])
    pitch = np.arcsin(np.clip(m[..., 1, 2], -1.0, 1.0))
    roll = np.arctan2(m[..., 1, 0], m[..., 1, 1])
    return np.degrees(yaw), np.degrees(pitch), np.degrees(roll)
