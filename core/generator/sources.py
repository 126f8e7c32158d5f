# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of a sitter's shots a frame takes its pixels from: one for the head, others for eyes and mouth.

A warp closes an eye or a mouth well, but cannot open one that its shot does not show open; so shots are told
apart by what they show, not by their distance alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

CLOSE = 0.12  # shots farther than the nearest by less than this part of its distance blend in
REACH, LEAST = 1.7, 0.5  # half sizes of a part: of its landmarks' extent; its height, of its width
SOFT = 0.45  # of a part's half size, over which it fades into the head


@dataclass(frozen=True)
class Part:
    """What may come from a shot of its own: its landmarks; pairs of those of upper and lower edges whose
    distances are its openings; ``missing``: how much a px counts by which a shot is not open enough."""

    name: str
    points: tuple[int, ...]
    openings: tuple[tuple[int, int], ...]
    missing: float


EYES = (
    Part("right eye", tuple(range(36, 42)), ((37, 41), (38, 40)), 8.0),
    Part("left eye", tuple(range(42, 48)), ((43, 47), (44, 46)), 8.0),
)
MOUTH = Part("mouth", tuple(range(48, 68)), ((61, 67), (62, 66), (63, 65)), 8.0)
PARTS = (*EYES, MOUTH)
HEAD = Part("head", tuple(range(68)), tuple(pair for part in PARTS for pair in part.openings), 3.0)


def distances(points: np.ndarray, shots: np.ndarray, part: Part) -> np.ndarray:
    """[K] px: how far ``shots`` [K, 68, 2] are from a frame's landmarks [68, >= 2], for one part's pixels."""
    gap = np.linalg.norm(points[:, :2] - shots, axis=2)
    far = gap.mean(1)
    if part is not HEAD:
        far = far + 2 * gap[:, list(part.points)].mean(1)
    for upper, lower in part.openings:
        wanted = np.linalg.norm(points[upper, :2] - points[lower, :2])
        shown = np.linalg.norm(shots[:, upper] - shots[:, lower], axis=1)
        far = far + part.missing / len(part.openings) * np.maximum(wanted - shown, 0)
    return far


def shares(far: np.ndarray) -> np.ndarray:
    """float32 [K], of sum 1: the nearest shot's, and on the way to another one both: without a jump, and
    a function of the frame alone, whatever came before it."""
    share = np.clip(1 - (far - far.min()) / max(CLOSE * far.min(), 1e-6), 0, 1)
    return (share / share.sum()).astype(np.float32)


def part_mask(
    points: np.ndarray, part: Part, size: tuple[int, int]
) -> tuple[np.ndarray, tuple[slice, slice]]:
    """(float32 [h, w] 0..1, its place in a picture of ``size`` (w, h)): a part at a frame's landmarks."""
    some = points[list(part.points), :2]
    low, high = some.min(0), some.max(0)
    half = REACH * (high - low) / 2
    half = np.maximum(half, [1.0, max(1.0, LEAST * half[0])])
    middle = (low + high) / 2
    x0, y0 = np.clip(np.floor(middle - half), 0, np.array(size) - 1).astype(int)
    x1, y1 = np.clip(np.ceil(middle + half), 1, size).astype(int)
    y, x = np.mgrid[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)] + 0.5
    inside = 1 - np.hypot((x - middle[0]) / half[0], (y - middle[1]) / half[1])
    t = np.clip(inside / SOFT, 0, 1)
    return (t * t * (3 - 2 * t)).astype(np.float32), (slice(y0, y0 + len(y)), slice(x0, x0 + y.shape[1]))


def laid_over(frame: np.ndarray, other: np.ndarray, mask: np.ndarray, place: tuple[slice, slice]) -> None:
    """Lay a part of ``other`` over ``frame`` (float32 [H, W, 3], in place), in the light that lies on the rim
    of the part there."""
    below, above = frame[place], other[place]
    rim = mask * (1 - mask)
    if rim.sum() < 1e-3:
        return
    light = cv2.GaussianBlur(((below - above) * rim[..., None]).astype(np.float32), (0, 0), _blur(mask))
    weight = cv2.GaussianBlur(rim, (0, 0), _blur(mask))
    light = light / (weight[..., None] + 1e-4 * weight.max())
    below += mask[..., None] * (above + light - below)


def _blur(mask: np.ndarray) -> float:
    return max(1.0, 0.35 * min(mask.shape))
