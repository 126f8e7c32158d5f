# SPDX-License-Identifier: GPL-3.0-or-later
"""The fixed baselines: methods that the code of this folder alone decides."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.errors import InputError

from .cases import Case
from .warps import ANCHORS, backward_map, warp

# the best setting of the plain warp on the development clips, so that the floor is an honest one
TPS_ANCHORS = "ring"
TPS_SMOOTHING = 1.0


def static(case: Case) -> Sequence[np.ndarray]:
    """The portrait itself in every frame: what a method must beat to be worth anything."""
    return [case.picture.pixels] * len(case.frames)


def tps(case: Case, anchors: str = TPS_ANCHORS, smoothing: str = str(TPS_SMOOTHING)) -> Sequence[np.ndarray]:
    """A plain thin-plate warp from the portrait's 68 landmarks and irises to each frame's."""
    if anchors not in ANCHORS:
        raise InputError(f"tps: anchors={anchors} is unknown; use one of {', '.join(ANCHORS)}")
    points = np.concatenate([case.performance.points[..., :2], case.performance.irises], 1).astype(np.float64)
    source = np.concatenate([case.face.points[:, :2], case.face.irises]).astype(np.float64)
    maps = (
        backward_map(source, points[row], case.picture.size, anchors=anchors, smoothing=float(smoothing))
        for row in case.frames
    )
    return [warp(case.picture.pixels, mapping) for mapping in maps]
