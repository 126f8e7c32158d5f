# SPDX-License-Identifier: GPL-3.0-or-later
"""Fine strokes, as strong as they were painted.

Any sampling between pixels loses some of what is finer than two pixels, more or less by where a place falls
between them: moved brushwork looks softer than its surroundings, and shimmers as it moves.  So the finest
band of a moved picture is brought, place by place, to the energy that it has in the picture at rest.
"""

from __future__ import annotations

import cv2
import numpy as np

FINE = 0.75  # px, a Gaussian that halves the power at a quarter of the sampling rate
CELL = 5.0  # px, about: over such squares energy is compared
PARTS = 4  # of a square's side: so finely it is known what energy a square anywhere in the picture has
FLOOR = 0.02  # levels^2 of 8 bits: weaker than this is rounding, not brushwork
MOST = 1.0  # of the band, at most, is added: sampling halfway between pixels takes about half of the power
LEAST = -0.3  # of the band, at most, is taken away: a picture drawn together is sharper than it was painted


class Brushwork:
    """The energy of a picture's finest band, and its restoration in moved frames of it.

    ``pixels`` [H, W, >= 3] uint8 or uint16: the part of the picture that moves; ``sitter`` [H, W] 0..1: what
    of it does.
    """

    def __init__(self, pixels: np.ndarray, sitter: np.ndarray) -> None:
        height, width = pixels.shape[:2]
        self._cells = max(2, round(height / CELL)), max(2, round(width / CELL))
        self._peak = np.float32(255 if pixels.dtype == np.uint8 else 65535)
        band = self._band(pixels)
        rows, columns = self._cells
        energy = cv2.resize(band * band, (PARTS * columns, PARTS * rows), interpolation=cv2.INTER_AREA)
        # of squares that begin at every part: from those of the grid alone, one that lies between two of them
        # would have the mean of theirs, too much beside an edge and too little upon it
        self._own = cv2.blur(energy, (PARTS, PARTS), anchor=(0, 0), borderType=cv2.BORDER_REFLECT_101)
        self._sitter = cv2.resize(sitter, self._cells[::-1], interpolation=cv2.INTER_AREA)

    def restore(self, frame: np.ndarray, shift: np.ndarray) -> None:
        """Set the finest band of ``frame`` [H, W, >= 3] right, in place; ``shift`` [h, w, 2] px is its
        backward flow.  No pixel changes where nothing moves, or beside the sitter."""
        share = self._share(frame, shift)
        rows, columns = np.flatnonzero(share.any(1)), np.flatnonzero(share.any(0))
        if not len(rows):
            return
        step_y, step_x = frame.shape[0] / share.shape[0], frame.shape[1] / share.shape[1]
        y0, y1 = max(0, int((rows[0] - 1) * step_y)), min(frame.shape[0], int((rows[-1] + 2) * step_y) + 1)
        x0, x1 = (
            max(0, int((columns[0] - 1) * step_x)),
            min(frame.shape[1], int((columns[-1] + 2) * step_x) + 1),
        )
        part = frame[y0:y1, x0:x1]
        affine = np.array(
            [[1 / step_x, 0, (x0 + 0.5) / step_x - 0.5], [0, 1 / step_y, (y0 + 0.5) / step_y - 0.5]]
        )
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        size = (x1 - x0, y1 - y0)
        change = cv2.warpAffine(share, affine, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
        change *= self._band(part) * (self._peak / 255)
        colors = part[..., :3].astype(np.float32)
        colors += change[..., None]
        part[..., :3] = np.clip(np.rint(colors, out=colors), 0, self._peak, out=colors)

    def _share(self, frame: np.ndarray, shift: np.ndarray) -> np.ndarray:
        """float32 [h', w'] LEAST..MOST, over squares of about ``CELL``: how much of the band is to be
        added."""
        height, width = frame.shape[:2]
        rows, columns = self._cells
        moved = cv2.resize(shift, (columns, rows), interpolation=cv2.INTER_AREA).astype(np.float32)
        still = (np.abs(shift).max(2) == 0).astype(np.float32)
        still = cv2.resize(still, (columns, rows), interpolation=cv2.INTER_AREA)
        y, x = np.mgrid[:rows, :columns].astype(np.float32)
        x += moved[..., 0] * np.float32(columns / width)
        y += moved[..., 1] * np.float32(rows / height)
        sitter = cv2.remap(self._sitter, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        own = cv2.remap(self._own, PARTS * x, PARTS * y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        band = self._band(frame)
        # the band of band added to a picture is not all of it: with b the band and c the band of b, a share t
        # of b added makes the band b + t c, whose energy is to be the picture's own
        again = band - cv2.GaussianBlur(band, (0, 0), FINE, borderType=cv2.BORDER_REFLECT_101)
        first, both, second = (
            self._energy(one, other) for one, other in ((band, band), (band, again), (again, again))
        )
        left = np.maximum(both**2 + (second + FLOOR) * (own - first), 0)
        share = (np.sqrt(left) - both) / (second + FLOOR)
        # only where a square and those around it are all sitter, and move
        inside = cv2.erode(np.where(still > 0, 0, sitter).astype(np.float32), np.ones((3, 3)))
        return (np.clip(share, LEAST, MOST) * np.clip(2 * inside - 1, 0, 1)).astype(np.float32)

    def _band(self, pixels: np.ndarray) -> np.ndarray:
        """float32 [H, W]: the luma's finest band, 8-bit levels."""
        light = cv2.cvtColor(np.ascontiguousarray(pixels[..., :3]), cv2.COLOR_RGB2GRAY).astype(np.float32)
        light *= 255 / self._peak
        light -= cv2.GaussianBlur(light, (0, 0), FINE, borderType=cv2.BORDER_REFLECT_101)
        return light

    def _energy(self, band: np.ndarray, other: np.ndarray) -> np.ndarray:
        return cv2.resize(band * other, self._cells[::-1], interpolation=cv2.INTER_AREA)
