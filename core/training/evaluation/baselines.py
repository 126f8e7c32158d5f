# SPDX-License-Identifier: GPL-3.0-or-later
"""The fixed baselines: methods that the code of this folder alone decides.

Each gives one frame per row of the case, uint8 RGB of the clip's size.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ...errors import InputError
from .cases import Case, Still
from .warps import ANCHORS, backward_map, similarity, warp

# the best setting of the plain warp on the development clips, so that the floor is an honest one
TPS_ANCHORS = "ring"
TPS_SMOOTHING = 1.0


def static(case: Case) -> Sequence[np.ndarray]:
    """The first shot itself in every frame: what a method must beat to be worth anything."""
    return [case.picture.pixels] * len(case.frames)


def aligned(case: Case) -> Sequence[np.ndarray]:
    """The first shot, turned, scaled and shifted as a whole so that its landmarks lie best."""
    frames = []
    for row in case.frames:
        matrix = similarity(case.face.points[:, :2], case.performance.points[row, :, :2])
        frames.append(_placed(case.picture.pixels, matrix))
    return frames


def _placed(pixels: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    # landmarks count from the pixel's corner, OpenCV from its center
    matrix = matrix.astype(np.float64).copy()
    matrix[:, 2] += 0.5 * matrix[:, :2].sum(1) - 0.5
    size = (pixels.shape[1], pixels.shape[0])
    return cv2.warpAffine(pixels, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def tps(case: Case, anchors: str = TPS_ANCHORS, smoothing: str = str(TPS_SMOOTHING)) -> Sequence[np.ndarray]:
    """A plain thin-plate warp from the first shot's 68 landmarks and irises to each frame's."""
    return [_warped(case, case.stills[0], row, anchors, smoothing) for row in case.frames]


def nearest(case: Case) -> Sequence[np.ndarray]:
    """For each frame the shot whose landmarks are nearest, as it is."""
    return [nearest_still(case, row).picture.pixels for row in case.frames]


def nearest_tps(
    case: Case, anchors: str = TPS_ANCHORS, smoothing: str = str(TPS_SMOOTHING)
) -> Sequence[np.ndarray]:
    """The thin-plate warp of the nearest shot."""
    return [_warped(case, nearest_still(case, row), row, anchors, smoothing) for row in case.frames]


def nearest_still(case: Case, row: int) -> Still:
    """The shot with the smallest mean distance of the landmarks to those of a row."""
    there = case.performance.points[row, :, :2]
    return min(
        case.stills,
        key=lambda still: float(np.linalg.norm(still.face.points[:, :2] - there, axis=1).mean()),
    )


def _warped(case: Case, still: Still, row: int, anchors: str, smoothing: str) -> np.ndarray:
    if anchors not in ANCHORS:
        raise InputError(f"tps: anchors={anchors} is unknown; use one of {', '.join(ANCHORS)}")
    track = case.performance
    target = np.concatenate([track.points[row, :, :2], track.irises[row]]).astype(np.float64)
    source = np.concatenate([still.face.points[:, :2], still.face.irises]).astype(np.float64)
    mapping = backward_map(source, target, case.picture.size, anchors=anchors, smoothing=float(smoothing))
    return warp(still.picture.pixels, mapping)
