# SPDX-License-Identifier: GPL-3.0-or-later
"""Simple picture measures and the regions of a face that they are taken on."""

from __future__ import annotations

import cv2
import numpy as np

BROWS = slice(17, 27)
EYES = (slice(36, 42), slice(42, 48))
LIPS = slice(48, 60)


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


def ssim_map(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """SSIM of the luma of uint8 images [H, W, 3]: float32 [H, W]; 11 x 11 Gaussian window of 1.5 px."""

    def blur(image: np.ndarray) -> np.ndarray:
        return cv2.GaussianBlur(image, (11, 11), 1.5, borderType=cv2.BORDER_REFLECT_101)

    x = cv2.cvtColor(a, cv2.COLOR_RGB2GRAY).astype(np.float64)
    y = cv2.cvtColor(b, cv2.COLOR_RGB2GRAY).astype(np.float64)
    mean_x, mean_y = blur(x), blur(y)
    var_x, var_y = blur(x * x) - mean_x**2, blur(y * y) - mean_y**2
    covariance = blur(x * y) - mean_x * mean_y
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    top = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    return (top / ((mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2))).astype(np.float32)


def over(values: np.ndarray, mask: np.ndarray | None) -> float:
    """Mean of ``values`` [H, W], weighted by ``mask`` where one is given."""
    if mask is None:
        return float(values.mean())
    return float((values * mask).sum() / max(float(mask.sum()), 1e-6))
