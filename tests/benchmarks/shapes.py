# SPDX-License-Identifier: GPL-3.0-or-later
"""Small pictures that the tests of the measures share."""

from __future__ import annotations

import cv2
import numpy as np

SIZE = 64


def picture(seed: int = 0) -> np.ndarray:
    """Smooth shapes with an edge, uint8 [64, 64, 3]."""
    random = np.random.default_rng(seed)
    image = cv2.resize(
        random.integers(40, 215, (6, 6, 3), dtype=np.uint8), (SIZE, SIZE), interpolation=cv2.INTER_CUBIC
    )
    cv2.circle(image, (30, 28), 14, (210, 160, 120), -1, cv2.LINE_AA)
    return image
