# SPDX-License-Identifier: GPL-3.0-or-later
"""Simple picture measures and the regions of a face that they are taken on."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

BROWS = slice(17, 27)
EYES = (slice(36, 42), slice(42, 48))
LIPS = slice(48, 60)
MS_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # of the scales, finest first


def eye_distance(points: np.ndarray) -> float:
    """Distance between the outer eye corners of 68 points [68, 2 or 3], in their unit."""
    return float(np.linalg.norm(points[36, :2] - points[45, :2]))


def convex_mask(hulls: list[np.ndarray], size: tuple[int, int], grow: float) -> np.ndarray:
    """float32 [H, W], 0 or 1: convex hulls of points (px), grown by ``grow`` px;
    shrunk where that is negative."""
    mask = np.zeros((size[1], size[0]), np.uint8)
    for hull in hulls:
        # 4 fractional bits; OpenCV counts pixel centers as whole numbers
        corners = np.round((cv2.convexHull(hull.astype(np.float32)) - 0.5) * 16).astype(np.int32)
        cv2.fillConvexPoly(mask, corners, (1,), cv2.LINE_8, 4)
    reach = max(1, round(abs(grow)))
    brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    return (cv2.dilate if grow > 0 else cv2.erode)(mask, brush).astype(np.float32)


def region_masks(points: np.ndarray, size: tuple[int, int]) -> dict[str, np.ndarray]:
    """Masks float32 [H, W] of ``face``, ``mouth`` and ``eyes`` for 68 points [68, 2 or 3] px; size is (w, h).

    The face is the hull of all points and of the brows raised by half the eye
    distance along the face (the forehead).
    """
    points = points[:, :2]
    unit = eye_distance(points)
    up = points[27] - points[8]
    forehead = points[BROWS] + 0.5 * unit * up / max(float(np.linalg.norm(up)), 1e-6)
    return {
        "face": convex_mask([np.vstack([points, forehead])], size, 0.03 * unit),
        "mouth": convex_mask([points[LIPS]], size, 0.08 * unit),
        "eyes": convex_mask([points[eye] for eye in EYES], size, 0.08 * unit),
    }


def absolute_error(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Mean absolute difference over the channels of uint8 images [H, W, 3]: float32 [H, W] in 0..1."""
    return cv2.absdiff(a, b).mean(2, dtype=np.float32) / 255.0


def luma(image: np.ndarray) -> np.ndarray:
    """float64 [H, W] 0..255 of a uint8 RGB image [H, W, 3]."""
    return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float64)


def _ssim_parts(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Luminance term and contrast-structure term of two lumas; 11 x 11 Gaussian window of 1.5 px."""

    def blur(image: np.ndarray) -> np.ndarray:
        return cv2.GaussianBlur(image, (11, 11), 1.5, borderType=cv2.BORDER_REFLECT_101)

    mean_x, mean_y = blur(x), blur(y)
    var_x, var_y = blur(x * x) - mean_x**2, blur(y * y) - mean_y**2
    covariance = blur(x * y) - mean_x * mean_y
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    light = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    return light, (2 * covariance + c2) / (var_x + var_y + c2)


def ssim_map(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """SSIM of the luma of uint8 images [H, W, 3]: float32 [H, W]; 11 x 11 Gaussian window of 1.5 px."""
    light, structure = _ssim_parts(luma(a), luma(b))
    return (light * structure).astype(np.float32)


def ms_ssim(a: np.ndarray, b: np.ndarray, masks: Sequence[np.ndarray | None]) -> list[float]:
    """MS-SSIM (Wang et al., 2003: five scales, luma) of uint8 images [H, W, 3], one figure per mask.

    Each scale's term is averaged over the mask [H, W], brought down to that scale (None: the whole image).
    Where the image is too small for five scales (11 px at the last), the weights of those there are fill up
    to one.
    """
    x, y = luma(a), luma(b)
    scales = int(np.clip(np.floor(np.log2(min(x.shape) / 11)) + 1, 1, len(MS_WEIGHTS)))
    weights = np.array(MS_WEIGHTS[:scales]) / sum(MS_WEIGHTS[:scales])
    results, regions = np.ones(len(masks)), list(masks)
    for scale, weight in enumerate(weights):
        light, structure = _ssim_parts(x, y)
        term = light * structure if scale == scales - 1 else structure
        # a negative mean has no root; such a region is not alike at all
        results *= [max(over(term, mask), 0.0) ** weight for mask in regions]
        size = (x.shape[1] // 2, x.shape[0] // 2)
        x, y = (cv2.resize(each, size, interpolation=cv2.INTER_AREA) for each in (x, y))
        regions = [
            None if mask is None else cv2.resize(mask, size, interpolation=cv2.INTER_AREA) for mask in regions
        ]
    return results.tolist()


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """Peak signal-to-noise ratio of uint8 images in dB; 99 where they are the same."""
    error = float(((a.astype(np.float64) - b) ** 2).mean())
    return min(99.0, 10 * float(np.log10(255.0**2 / error))) if error else 99.0


def over(values: np.ndarray, mask: np.ndarray | None) -> float:
    """Mean of ``values`` [H, W], weighted by ``mask`` where one is given."""
    if mask is None:
        return float(values.mean())
    return float((values * mask).sum() / max(float(mask.sum()), 1e-6))
