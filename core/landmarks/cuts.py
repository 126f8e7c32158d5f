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
_BLANK = 3.0
"""Spread of lightness (of 255) below which a frame shows nothing."""
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
        self._shown: list[int] = []
        """Frames that show something: a blank one (black, white) is passed over, not compared."""

    def add(self, frame: np.ndarray) -> bool:
        """Keep RGB uint8 [H, W, 3]; True where it shows another picture than the frame before."""
        # two steps: averaging all px of a large frame would cost more than finding the face
        coarse = frame[:: max(1, frame.shape[0] // 180), :: max(1, frame.shape[1] // 320)]
        small = cv2.resize(coarse, _SIZE, interpolation=cv2.INTER_AREA)
        self._small.append(small)
        if float(small.mean(axis=2).std()) < _BLANK:
            return False
        self._shown.append(len(self._small) - 1)
        return len(self._shown) > 1 and self._difference(*self._shown[-2:]) > CHANGED

    def cuts(self, jumps: np.ndarray) -> list[int]:
        """First frames of new shots; ``jumps`` float [T] as ``video`` measures the face's."""
        shown = self._shown
        steps = np.array([0.0] + [self._difference(*pair) for pair in itertools.pairwise(shown)])
        found: list[int] = []
        for place in range(1, len(shown)):
            around = np.concatenate(
                [steps[max(1, place - _AROUND) : place], steps[place + 1 : place + 1 + _AROUND]]
            )
            usual = float(np.median(around)) if len(around) else 0.0
            jump = jumps[shown[place - 1] + 1 : shown[place] + 1].max()
            stands_out = steps[place] > CHANGED or (steps[place] > SUSPECT and jump > JUMP)
            at_once = bool(found) and shown[place] - found[-1] <= 1
            if (
                stands_out
                and steps[place] >= 3.0 * usual
                and not at_once
                and not self._passes(place, steps[place])
            ):
                found.append(shown[place])
        return found

    def _passes(self, place: int, step: float) -> bool:
        """Whether the picture before is back soon, or this is the return from such a flash."""
        return any(
            self._difference(self._shown[a], self._shown[b]) < 0.4 * step
            for a in range(max(0, place - _FLASH), place)
            for b in range(place, min(len(self._shown), place + _FLASH))
            if b - a > 1
        )

    def _difference(self, a: int, b: int) -> float:
        first, second = self._small[a].astype(np.float32), self._small[b].astype(np.float32)
        x, y = first.mean(axis=2).ravel(), second.mean(axis=2).ravel()
        x, y = x - x.mean(), y - y.mean()
        structure = 1.0 - float(x @ y) / max(float(np.sqrt((x @ x) * (y @ y))), 1e-6)
        hues = float(np.abs(_colors(first) - _colors(second)).sum())
        return float(np.clip(0.7 * structure + 0.3 * min(hues, 1.0), 0.0, 1.0))


def _colors(small: np.ndarray) -> np.ndarray:
    """Histogram of chromaticity: which colors, in what amount, at any brightness."""
    total = small.sum(axis=2) + 30.0
    red, green = (small[..., 0] + 10) / total, (small[..., 1] + 10) / total
    histogram, _, _ = np.histogram2d(red.ravel(), green.ravel(), bins=8, range=[[0.1, 0.7], [0.1, 0.6]])
    return histogram / red.size / 2


def longest_shot(cuts: list[int], times: np.ndarray, valid: np.ndarray) -> tuple[int, int]:
    """(first frame, one past the last) of the shot that lasts longest,
    among those in which the face was found."""
    edges = [0, *cuts, len(times)]
    shots = list(itertools.pairwise(edges))
    seen = [shot for shot in shots if valid[shot[0] : shot[1]].any()] or shots
    return max(seen, key=lambda shot: float(times[shot[1] - 1] - times[shot[0]]))
