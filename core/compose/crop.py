# SPDX-License-Identifier: GPL-3.0-or-later
"""A piece of a picture that knows where it was cut."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Crop:
    """pixels: float32 [h, w, 3], 0..1.  origin: [2] whole px (x, y) of its top-left corner in the picture."""

    pixels: np.ndarray
    origin: np.ndarray

    @staticmethod
    def of(pixels: np.ndarray, low: np.ndarray, high: np.ndarray) -> Crop:
        """Cut from whole-picture ``pixels`` [H, W, 3 or 4] uint8 or uint16:
        everything between two corners (x, y) px."""
        height, width = pixels.shape[:2]
        x0, y0 = np.clip(np.floor(low).astype(int), 0, [width - 2, height - 2])
        x1, y1 = np.clip(np.ceil(high).astype(int) + 1, [x0 + 2, y0 + 2], [width, height])
        peak = np.float32(255 if pixels.dtype == np.uint8 else 65535)
        return Crop(pixels[y0:y1, x0:x1, :3].astype(np.float32) / peak, np.array([x0, y0]))

    def cut(self, low: np.ndarray, high: np.ndarray) -> Crop:
        """A smaller piece, by picture coordinates."""
        height, width = self.pixels.shape[:2]
        x0, y0 = np.clip(np.floor(low - self.origin).astype(int), 0, [width - 2, height - 2])
        x1, y1 = np.clip(np.ceil(high - self.origin).astype(int) + 1, [x0 + 2, y0 + 2], [width, height])
        return Crop(np.ascontiguousarray(self.pixels[y0:y1, x0:x1]), self.origin + [x0, y0])

    def centers(self) -> tuple[np.ndarray, np.ndarray]:
        """(x, y) float64 [h, w]: the picture coordinates of the pixels' middles."""
        y, x = np.mgrid[: self.pixels.shape[0], : self.pixels.shape[1]] + 0.5
        return x + self.origin[0], y + self.origin[1]

    def index(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """float32 array indices (column, row) of picture coordinates, as cv2.remap wants them."""
        return (x - self.origin[0] - 0.5).astype(np.float32), (y - self.origin[1] - 0.5).astype(np.float32)
