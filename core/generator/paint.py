# SPDX-License-Identifier: GPL-3.0-or-later
"""The generator's paint brought to the picture's own resolution.

The network works at a few hundred pixels.  What it wants changed is a smooth difference and an opacity; both
are brought up along the edges of the picture, and the picture's own strokes stay on top, at their own
strength.
"""

from __future__ import annotations

import cv2
import numpy as np

RADIUS = 4  # work px over which opacity follows the picture's edges
EPSILON = 4e-3  # squared luma difference below which two places count as the same surface
COVERS = (0.25, 0.75)  # opacities at which the drawing below begins to vanish, and is gone
INVISIBLE = 0.5 / 255  # a change that nobody sees
TILE = 32  # work px of the squares that are painted or left alone as a whole


def luma(image: np.ndarray) -> np.ndarray:
    """float32 [H, W] 0..1 of RGB [H, W, 3] float32 0..1."""
    return image @ np.array([0.299, 0.587, 0.114], np.float32)


def guided_coefficients(guide: np.ndarray, value: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(a, b) float32 [h, w, C] so that ``value`` [h, w, C] is about a * guide [h, w] + b around each place.

    The fast guided filter (He and Sun, 2015): brought up by any smooth means, they turn a guide of high
    resolution into the value at that resolution.
    """
    size = (2 * RADIUS + 1, 2 * RADIUS + 1)

    def mean(image: np.ndarray) -> np.ndarray:
        return cv2.blur(image, size, borderType=cv2.BORDER_REFLECT_101)

    average, level = mean(guide)[..., None], mean(value)
    spread = mean(guide * guide)[..., None] - average * average
    a = (mean(guide[..., None] * value) - average * level) / (spread + EPSILON)
    b = level - a * average
    return mean(a), mean(b)


def grain_amplitude(fine: np.ndarray) -> float:
    """How strong a picture's grain is, 0..1, from its fine detail [H, W, C] (without the broad tones).

    Twice a robust standard deviation: strokes and weave stay below it, drawn edges stand above.
    """
    return float(2 * 1.4826 * np.median(np.abs(fine)))


def fine_detail(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """What float32 ``image`` [H, W, C] has and its copy of ``size`` (w, h) px cannot show."""
    height, width = image.shape[:2]
    if size[0] >= width and size[1] >= height:
        return np.zeros_like(image)
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return image - cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)


def paint_over(
    pixels: np.ndarray,
    warped: np.ndarray,
    opacity: np.ndarray,
    change: np.ndarray,
    grain: float,
) -> None:
    """Lay the generator's paint over ``pixels``, in place.

    pixels: uint8 or uint16 [H, W, >= 3], the crop of the frame at the picture's resolution.
    warped: float32 RGB [S, S, 3] 0..1, the same crop as the generator saw it.
    opacity: float32 [S, S] 0..1.  change: float32 [S, S, 3], what the paint adds.
    grain: the strongest fine detail that is kept under full paint (see :func:`grain_amplitude`).
    """
    side = opacity.shape[0]
    height, width = pixels.shape[:2]
    most = cv2.dilate(np.abs(change).max(2), np.ones((2 * RADIUS + 1,) * 2))
    covered = np.clip((opacity - COVERS[0]) / (COVERS[1] - COVERS[0]), 0, 1)
    covered[most < INVISIBLE] = 0
    guide = luma(warped)
    slope, level = guided_coefficients(guide, change)
    level += change - (slope * guide[..., None] + level)  # what no edge explains comes up as it is
    layers = np.dstack([slope, level, covered]).astype(np.float32)
    step = width / side, height / side
    for row in range(0, side, TILE):
        for column in range(0, side, TILE):
            if most[row : row + TILE, column : column + TILE].max() < INVISIBLE:
                continue
            x0, x1 = (round(min(edge, side) * step[0]) for edge in (column, column + TILE))
            y0, y1 = (round(min(edge, side) * step[1]) for edge in (row, row + TILE))
            if x1 > x0 and y1 > y0:
                _paint_tile(pixels, layers, (x0, y0, x1, y1), step, grain)


def _paint_tile(
    pixels: np.ndarray,
    layers: np.ndarray,
    box: tuple[int, int, int, int],
    step: tuple[float, float],
    grain: float,
) -> None:
    x0, y0, x1, y1 = box
    height, width = pixels.shape[:2]
    peak = np.float32(255 if pixels.dtype == np.uint8 else 65535)
    # a margin of four work px, so that neighboring squares see the same detail
    left, top = max(0, x0 - round(4 * step[0])), max(0, y0 - round(4 * step[1]))
    right, bottom = min(width, x1 + round(4 * step[0])), min(height, y1 + round(4 * step[1]))
    image = pixels[top:bottom, left:right, :3].astype(np.float32) / peak
    size = max(1, round((right - left) / step[0])), max(1, round((bottom - top) / step[1]))
    inside = np.s_[y0 - top : y1 - top, x0 - left : x1 - left]
    fine = fine_detail(image, size)[inside]
    image = image[inside]
    affine = np.array(
        [[1 / step[0], 0, (x0 + 0.5) / step[0] - 0.5], [0, 1 / step[1], (y0 + 0.5) / step[1] - 0.5]]
    )
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    slope, level, covered = (
        cv2.warpAffine(
            np.ascontiguousarray(layers[..., channels]),
            affine,
            (x1 - x0, y1 - y0),
            flags=flags,
            borderMode=cv2.BORDER_REPLICATE,
        )
        for channels in (slice(0, 3), slice(3, 6), slice(6, 7))
    )
    guide = luma(image - fine)[..., None]
    image += slope * guide + level + covered[..., None] * (np.clip(fine, -grain, grain) - fine)
    pixels[y0:y1, x0:x1, :3] = np.clip(np.rint(image * peak), 0, peak)
