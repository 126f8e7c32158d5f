# SPDX-License-Identifier: GPL-3.0-or-later
"""How much each pixel counts: the face more than the ground, mouth and eyes more than the face."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from ..landmarks.schema import REGIONS

# the ellipse around a feature's landmarks, in multiples of their half extent; and the least height, as a
# share of the width, so that closed lids and lips count as well
REACH = 1.5
LEAST = 0.45
FACE_REACH = 1.25


def region_weights(points: Tensor, size: int, mouth: float, eyes: float, ground: float) -> Tensor:
    """[B,1,size,size] with mean 1 for landmarks ``points`` [B,68,2] px of ``size``.

    ``mouth``, ``eyes`` and ``ground`` are weights relative to the face's 1; edges between regions are soft.
    """
    weight = ground + (1 - ground) * _ellipse(
        points, _indices("jaw", "brow_right", "brow_left"), size, FACE_REACH
    )
    for value, names in (
        (eyes, ("eye_right",)),
        (eyes, ("eye_left",)),
        (mouth, ("lips_outer", "lips_inner")),
    ):
        weight = weight + (value - 1) * _ellipse(points, _indices(*names), size, REACH)
    return weight / weight.mean((1, 2, 3), keepdim=True)


@cache
def _indices(*names: str) -> tuple[int, ...]:
    return tuple(index for name in names for index in REGIONS[name])


def _ellipse(points: Tensor, indices: tuple[int, ...], size: int, reach: float) -> Tensor:
    """[B,1,size,size]: 1 inside the upright ellipse around the landmarks, falling to 0 outside."""
    some = points[:, list(indices)]
    low, high = some.amin(1), some.amax(1)
    center = (low + high) / 2
    half = reach * (high - low) / 2
    half = torch.maximum(half, LEAST * half.amax(1, keepdim=True)).clamp_min(1.0)
    line = torch.arange(size, device=points.device, dtype=points.dtype) + 0.5
    x = ((line - center[:, :1]) / half[:, :1]) ** 2
    y = ((line - center[:, 1:]) / half[:, 1:]) ** 2
    return torch.sigmoid(8.0 * (1.0 - x[:, None, :] - y[:, :, None]))[:, None]
