# SPDX-License-Identifier: GPL-3.0-or-later
"""What eyes and mouth do, measured on landmarks in the picture plane:
lid separation, inner-lip gap, iris offset.

Points are [T, 68, 2 or 3] px, irises [T, 2, 2] px; eyes are in the order right, left (the sitter's).
Every eye and the mouth have their own axis (corner to corner, toward the picture's right)
and a normal that points down.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

EYE_CORNERS = np.array([[36, 39], [42, 45]])
UPPER_LIDS = np.array([[37, 38], [43, 44]])
LOWER_LIDS = np.array([[41, 40], [47, 46]])
UPPER_LIPS = np.array([61, 62, 63])
LOWER_LIPS = np.array([67, 66, 65])
# lower-lip points that go along when the lower inner lip moves, and how much
LIP_FOLLOW = {55: 0.5, 56: 0.9, 57: 1.0, 58: 0.9, 59: 0.5, 65: 1.0, 66: 1.0, 67: 1.0}

# outer lip point, and the two inner lip points whose line it is measured from
LIP_EDGES = np.array(
    [
        *((49, 60, 61), (50, 60, 62), (51, 61, 63), (52, 62, 64), (53, 63, 64)),
        *((55, 64, 65), (56, 64, 66), (57, 65, 67), (58, 66, 60), (59, 67, 60)),
    ]
)


def eye_distance(points: np.ndarray) -> np.ndarray:
    """Distance of the outer eye corners in the picture plane, px: the unit in which errors are told."""
    return np.linalg.norm(points[..., 45, :2] - points[..., 36, :2], axis=-1)


@dataclass(frozen=True, eq=False)
class Slit:
    """A frame of reference between two corners: center,
    unit axis and unit normal (down) [..., 2], width [...]."""

    center: np.ndarray
    axis: np.ndarray
    normal: np.ndarray
    width: np.ndarray

    def along(self, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Components of [..., K, 2] vectors on axis and normal, each [..., K]."""
        return (
            np.einsum("...kc,...c->...k", vectors, self.axis),
            np.einsum("...kc,...c->...k", vectors, self.normal),
        )


def _slit(first: np.ndarray, second: np.ndarray) -> Slit:
    vector = second - first
    width = np.maximum(np.linalg.norm(vector, axis=-1), 1e-6)
    axis = vector / width[..., None]
    normal = np.stack([-axis[..., 1], axis[..., 0]], axis=-1)
    return Slit((first + second) / 2, axis, normal, width)


def eye_slits(points: np.ndarray) -> Slit:
    """Both eyes: fields [T, 2, ...]."""
    corners = points[:, EYE_CORNERS, :2]
    return _slit(corners[:, :, 0], corners[:, :, 1])


def mouth_slit(points: np.ndarray) -> Slit:
    """The inner mouth: fields [T, ...]."""
    return _slit(points[:, 60, :2], points[:, 64, :2])


def lid_separation(points: np.ndarray) -> np.ndarray:
    """Opening of two lid pairs per eye, px [T, 2, 2]; 0 where the lids meet."""
    slits = eye_slits(points)
    return slits.along(points[:, LOWER_LIDS, :2] - points[:, UPPER_LIDS, :2])[1]


def eye_aperture(points: np.ndarray) -> np.ndarray:
    """Mean lid opening over eye width, [T, 2]: about 0.3 for an open eye, near 0 for a closed one."""
    return lid_separation(points).mean(axis=2) / eye_slits(points).width


def lip_gap(points: np.ndarray) -> np.ndarray:
    """Opening of three inner-lip pairs, px [T, 3]; negative where they cross."""
    return mouth_slit(points).along(points[:, LOWER_LIPS, :2] - points[:, UPPER_LIPS, :2])[1]


def mouth_aperture(points: np.ndarray) -> np.ndarray:
    """Mean inner-lip gap over the eye distance, [T]: the mouth's own width changes as it speaks."""
    return lip_gap(points).mean(axis=1) / eye_distance(points)


def iris_offset(points: np.ndarray, irises: np.ndarray) -> np.ndarray:
    """Place of the iris between the corners, [T, 2, 2]: (along, across) in eye widths from the middle."""
    slits = eye_slits(points)
    across, down = slits.along((irises - slits.center)[:, :, None])
    return np.concatenate([across, down], axis=2) / slits.width[..., None]


def place_irises(points: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """The inverse of :func:`iris_offset`: px [T, 2, 2]."""
    slits = eye_slits(points)
    scaled = offset * slits.width[..., None]
    return slits.center + scaled[..., :1] * slits.axis + scaled[..., 1:] * slits.normal


def set_lids(points: np.ndarray, wanted: np.ndarray, meeting: np.ndarray) -> None:
    """Move the upper lids of ``points`` (in place) until the separations are ``wanted`` px [T, 2, 2].

    The lower lid stays: lids meet on its curve.  meeting [T, 2] 0..1: how far upper points also slide
        sideways to lie over their lower partners (1: they coincide).
    """
    slits = eye_slits(points)
    for eye in range(2):
        lower, upper = points[:, LOWER_LIDS[eye]], points[:, UPPER_LIDS[eye]]
        part = Slit(slits.center[:, eye], slits.axis[:, eye], slits.normal[:, eye], slits.width[:, eye])
        aside, down = part.along((lower - upper)[..., :2])
        upper = upper.copy()
        upper[..., :2] += (down - wanted[:, eye])[..., None] * part.normal[:, None]
        upper[..., :2] += (aside * meeting[:, eye, None])[..., None] * part.axis[:, None]
        if upper.shape[-1] > 2:
            upper[..., 2] += (lower - upper)[..., 2] * meeting[:, eye, None]
        points[:, UPPER_LIDS[eye]] = upper


def set_lip_gap(points: np.ndarray, wanted: np.ndarray) -> None:
    """Move the lips of ``points`` (in place) until the inner gaps are ``wanted`` px [T, 3].

    The lower lip does most of it, as a jaw does, and keeps its thickness; the upper lip gives a fifth.
    """
    slit = mouth_slit(points)
    change = wanted - slit.along(points[:, LOWER_LIPS, :2] - points[:, UPPER_LIPS, :2])[1]
    if not np.nanmax(np.abs(change), initial=0.0) > 0:
        return
    normal = slit.normal[:, None]
    middle = change.mean(axis=1)
    for point, share in LIP_FOLLOW.items():
        if point < 60:
            points[:, point, :2] += (0.8 * share * middle)[:, None] * slit.normal
    points[:, LOWER_LIPS, :2] += 0.8 * change[..., None] * normal
    points[:, UPPER_LIPS, :2] -= 0.2 * change[..., None] * normal
    points[:, [50, 51, 52], :2] -= (0.2 * middle)[:, None, None] * normal


def lip_thickness(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distance px [T, 10] of the outer lip points (LIP_EDGES)
    from the inner line, and the unit normals [T, 10, 2].

    Positive outward: upward for the upper lip, downward for the lower one;
    negative where a lip is turned inside out.
    """
    outer, first, second = (points[:, LIP_EDGES[:, column], :2] for column in range(3))
    vector = second - first
    vector = vector / np.maximum(np.linalg.norm(vector, axis=-1, keepdims=True), 1e-6)
    normal = np.stack([vector[..., 1], -vector[..., 0]], axis=-1)
    return ((outer - (first + second) / 2) * normal).sum(axis=-1), normal


def keep_lips(points: np.ndarray, base: np.ndarray, share: float) -> None:
    """Keep the lips of ``points`` (in place) from thinning to nothing,
    compared with ``base``; ``share`` 0..1 of it.

    A wide smile draws the lips of the head model thinner by a fixed length; on thin painted lips that would
    turn them inside out.  Down to 0.7 of the painted thickness they are left alone, and never become
    thinner than 0.4.
    """
    now, normal = lip_thickness(points)
    own = np.maximum(lip_thickness(base)[0], 1e-6)
    ratio = now / own
    kept = np.where(ratio < 0.7, 0.4 + 0.3 * np.exp((np.minimum(ratio, 0.7) - 0.7) / 0.3), ratio)
    points[:, LIP_EDGES[:, 0], :2] += (share * (kept - ratio) * own)[..., None] * normal
