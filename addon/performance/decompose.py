# SPDX-License-Identifier: GPL-3.0-or-later
"""A landmark track as bone channels: the rigid part of the motion on
the head bone, what is left on its children.

The head's similarity is fitted to the points that expressions move least; whatever it is,
the children's offsets are computed against it, so that the posed bones meet the track exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_FIRM = (27, 28, 29, 30, 31, 33, 35, 36, 39, 42, 45, 0, 1, 15, 16)
_WEIGHTS = np.array([1.0] * 7 + [1.5] * 4 + [0.5] * 4)


@dataclass(frozen=True)
class Channels:
    """Bone channels per frame, in the rig's own space.

    location float32 [T, 3] and rotation float32 [T, 3] (Euler angles of order ZXY, radians, without jumps)
    and scale float32 [T] of the head bone; offsets float32 [T, N, 3] = locations of the landmark bones.
    """

    location: np.ndarray
    rotation: np.ndarray
    scale: np.ndarray
    offsets: np.ndarray


def decompose(target: np.ndarray, rest: np.ndarray, pivot: np.ndarray) -> Channels:
    """Channels of the head bone (at ``pivot`` [3]) and its children
    (at ``rest`` [N, 3], or [T, N, 3] where something else moves them in the head)
    that pose them on ``target``.

    target float64 [T, N, 3] in the rig's space, its first 68 points
    in the order of the landmark schema, finite.
    """
    firm = list(_FIRM)
    rotation, scale, shift = _similarity(rest[..., firm, :] - pivot, target[:, firm] - pivot)
    angles = euler_zxy(rotation).astype(np.float32)
    scale, shift = scale.astype(np.float32), shift.astype(np.float32)
    # the offsets are taken against the values as Blender stores them,
    # so rounding does not reach the landmarks
    turned = matrix_zxy(angles.astype(np.float64))
    moved = target - pivot - shift[:, None].astype(np.float64)
    offsets = np.einsum("tji,tnj->tni", turned, moved) / scale[:, None, None].astype(np.float64) - (
        rest - pivot
    )
    return Channels(shift, angles, scale, offsets.astype(np.float32))


def _similarity(source: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weighted least-squares similarity (rotation [T, 3, 3],
    scale [T], shift [T, 3]) from [N, 3] or [T, N, 3] to [T, N, 3]."""
    weights = _WEIGHTS / _WEIGHTS.sum()
    source = np.broadcast_to(source, target.shape)
    source_mean = np.einsum("n,tnk->tk", weights, source)
    target_mean = np.einsum("n,tnk->tk", weights, target)
    a, b = source - source_mean[:, None], target - target_mean[:, None]
    covariance = np.einsum("n,tni,tnj->tij", weights, b, a)
    u, singular, vt = np.linalg.svd(covariance)
    sign = np.ones_like(singular)
    sign[:, 2] = np.sign(np.linalg.det(u) * np.linalg.det(vt))
    rotation = np.einsum("tij,tj,tjk->tik", u, sign, vt)
    scale = (singular * sign).sum(axis=1) / np.maximum((a * a).sum(axis=2) @ weights, 1e-20)
    scale = np.maximum(scale, 1e-3)
    shift = target_mean - scale[:, None] * np.einsum("tij,tj->ti", rotation, source_mean)
    return rotation, scale, shift


def euler_zxy(rotation: np.ndarray) -> np.ndarray:
    """Angles [T, 3] around x, y, z with rotation = Ry Rx Rz (Blender's order ZXY), continuous over time."""
    x = np.arcsin(np.clip(-rotation[:, 1, 2], -1.0, 1.0))
    y = np.arctan2(rotation[:, 0, 2], rotation[:, 2, 2])
    z = np.arctan2(rotation[:, 1, 0], rotation[:, 1, 1])
    return np.unwrap(np.stack([x, y, z], axis=1), axis=0)


def matrix_zxy(angles: np.ndarray) -> np.ndarray:
    """Ry Rx Rz [T, 3, 3] of angles [T, 3] in radians."""
    (sx, sy, sz), (cx, cy, cz) = np.sin(angles).T, np.cos(angles).T
    rows = [
        [cy * cz + sy * sx * sz, -cy * sz + sy * sx * cz, sy * cx],
        [cx * sz, cx * cz, -sx],
        [-sy * cz + cy * sx * sz, sy * sz + cy * sx * cz, cy * cx],
    ]
    return np.moveaxis(np.array(rows), -1, 0)
