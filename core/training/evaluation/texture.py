# SPDX-License-Identifier: GPL-3.0-or-later
"""How much of a painting is left in a rendered frame: its brushwork's energy, and its own pixels.

Frames and pictures are RGB(A) [H, W, 3 or 4], uint8 or uint16, of one size.
"""

from __future__ import annotations

import cv2
import numpy as np

from .metrics import over

QUARTER = 0.75  # px, a Gaussian that halves the power at a quarter of the sampling rate
CLOSE = 6.0  # 8-bit levels; colors this near (in the largest channel) are the canvas's own, resampled


def high_frequency_energy(image: np.ndarray, mask: np.ndarray | None = None) -> float:
    """Mean power above a quarter of the sampling rate, of the luma in 8-bit levels, over a mask [H, W]
    0..1."""
    light = _luma(image)
    fine = light - cv2.GaussianBlur(light, (0, 0), QUARTER, borderType=cv2.BORDER_REFLECT_101)
    return over(fine**2, mask)


def energy_ratio(
    frame: np.ndarray, picture: np.ndarray, moved: np.ndarray | None, still: np.ndarray | None = None
) -> float:
    """High-frequency energy of the frame over ``moved`` [H, W], as a part of the picture's over ``still``.

    1 is the picture's own brushwork; below, it was blurred; above, something was added.  ``still`` is where
    that part of the sitter is at rest (the same place if not given).
    """
    own = high_frequency_energy(picture, moved if still is None else still)
    return high_frequency_energy(frame, moved) / max(own, 1e-9)


def original_share(
    frame: np.ndarray,
    picture: np.ndarray,
    mask: np.ndarray | None = None,
    shift: np.ndarray | None = None,
    close: float = CLOSE,
) -> dict[str, float]:
    """Which part of a frame, 0..1 over a mask [H, W], is the picture's own paint.

    ``still``: the same pixel at the same place, bit for bit.  ``canvas``: besides, what the picture shows
    where the backward flow ``shift`` [H, W, 2] (px, source minus place) points to, up to ``close``; without
    a flow one is estimated between the two pictures (DIS), which errs to the safe side in flat places and at
    borders.
    """
    same = (frame[..., :3] == picture[..., :3]).all(2)
    if shift is None:
        shift = estimate_shift(frame, picture)
    height, width = same.shape
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    source = cv2.remap(
        _eight(picture),
        x + shift[..., 0].astype(np.float32),
        y + shift[..., 1].astype(np.float32),
        cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )
    near = np.abs(source.astype(np.float32) - _eight(frame)).max(2) <= close
    region = None if mask is None else mask.astype(np.float64)
    return {
        "still": over(same.astype(np.float64), region),
        "canvas": over((same | near).astype(np.float64), region),
    }


def estimate_shift(frame: np.ndarray, picture: np.ndarray) -> np.ndarray:
    """float32 [H, W, 2] px: where in the picture each pixel of the frame seems to come from."""
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    grey = [np.rint(_luma(image)).astype(np.uint8) for image in (frame, picture)]
    return flow.calc(grey[0], grey[1], None)


def _eight(image: np.ndarray) -> np.ndarray:
    image = image[..., :3]
    return image if image.dtype == np.uint8 else (image.astype(np.float32) / 257).round().astype(np.uint8)


def _luma(image: np.ndarray) -> np.ndarray:
    light = image[..., :3].astype(np.float64) @ [0.299, 0.587, 0.114]
    return light if image.dtype == np.uint8 else light / 257
