# SPDX-License-Identifier: GPL-3.0-or-later
"""Scene cuts of a video, from thumbnails of its frames and from how the face moved.

Two frames are compared in a way that a change of brightness alone does not touch (correlation of the
thumbnails), and by their colors.  A cut is a difference that stands out from those around it (fast motion
lasts longer than one frame) and that does not go away a few frames later (a flash does).
"""

from __future__ import annotations

import itertools

import cv2
import numpy as np

_SIZE = (32, 18)
_AROUND = 6
_FLASH = 4
"""Frames within which the old picture must come back for a change to count as a flash."""
CHANGED = 0.35
"""Difference (0..1) from which on two frames show another picture, whatever the face does."""
SUSPECT = 0.12
"""Difference from which on a face that jumps by more than ``JUMP`` of its size makes a cut."""
JUMP = 0.25


class Thumbnails:
    """Small copies of all frames of a video, for comparing them (1.7 kB each)."""

    def __init__(self) -> None:
        self._small: list[np.ndarray] = []

    def add(self, frame: np.ndarray) -> bool:
        """Keep RGB uint8 [H, W, 3]; True where it shows another picture than the frame before."""
        # two steps: averaging all px of a large frame would cost more than finding the face
        coarse = frame[:: max(1, frame.shape[0] // 180), :: max(1, frame.shape[1] // 320)]
        self._small.append(cv2.resize(coarse, _SIZE, interpolation=cv2.INTER_AREA))
        return len(self._small) > 1 and self._difference(len(self._small) - 2, len(self._small) - 1) > CHANGED

    def cuts(self, jumps: np.ndarray) -> list[int]:
        """First frames of new shots; ``jumps`` float [T] as ``video`` measures the face's."""
        count = len(self._small)
        steps = np.array([0.0] + [self._difference(i - 1, i) for i in range(1, count)])
        found: list[int] = []
        for index in range(1, count):
            around = np.concatenate(
                [steps[max(1, index - _AROUND) : index], steps[index + 1 : index + 1 + _AROUND]]
            )
            usual = float(np.median(around)) if len(around) else 0.0
            if steps[index] < 3.0 * usual:
                continue
            stands_out = steps[index] > CHANGED or (steps[index] > SUSPECT and jumps[index] > JUMP)
            at_once = bool(found) and index - found[-1] <= 1
            if stands_out and not at_once and not self._passes(index, steps[index]):
                found.append(index)
        return found

    def _passes(self, index: int, step: float) -> bool:
        """Whether the picture before ``index`` is back soon, or this is the return from such a flash."""
        back = (
            self._difference(a, b)
            for a in range(max(0, index - _FLASH), index)
            for b in range(index, min(len(self._small), index + _FLASH))
            if b - a > 1
        )
        return any(difference < 0.4 * step for difference in back)

    def _difference(self, a: int, b: int) -> float:
        first, second = self._small[a].astype(np.float32), self._small[b].astype(np.float32)
        x, y = first.mean(axis=2).ravel(), second.mean(axis=2).ravel()
        x, y = x - x.mean(), y - y.mean()
        spread = float(np.sqrt((x @ x) * (y @ y)))
        flat = len(x) * 4.0  # variance below which a picture has no structure to compare (black, white)
        if spread < flat:
            structure = 0.0 if max(x @ x, y @ y) < flat else 1.0
        else:
            structure = (1.0 - float(x @ y) / spread) / 2.0 * 2.0
        hues = _colors(first) - _colors(second)
        return float(np.clip(0.7 * structure + 0.3 * min(float(np.abs(hues).sum()), 1.0), 0.0, 1.0))


def _colors(small: np.ndarray) -> np.ndarray:
    """Histogram of chromaticity: which colors, in what amount, at any brightness."""
    total = small.sum(axis=2) + 30.0
    red, green = (small[..., 0] + 10) / total, (small[..., 1] + 10) / total
    histogram, _, _ = np.histogram2d(red.ravel(), green.ravel(), bins=8, range=[[0.1, 0.7], [0.1, 0.6]])
    return histogram / red.size / 2


def longest_shot(cuts: list[int], times: np.ndarray, valid: np.ndarray) -> tuple[int, int]:
    """(first frame, one past the last) of the shot that lasts longest, among those in which the face was
    found."""
    edges = [0, *cuts, len(times)]
    shots = list(itertools.pairwise(edges))
    seen = [shot for shot in shots if valid[shot[0] : shot[1]].any()] or shots
    return max(seen, key=lambda shot: float(times[shot[1] - 1] - times[shot[0]]))
