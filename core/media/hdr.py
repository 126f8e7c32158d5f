# SPDX-License-Identifier: GPL-3.0-or-later
"""High dynamic range video (PQ and HLG in BT.2020) brought to 8-bit sRGB,
so that faces look as they do on a screen."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

PQ, HLG = 16, 18
REFERENCE_WHITE = 203.0  # cd/m2 of diffuse white, ITU-R BT.2408
PEAK = 1000.0
# linear BT.2020 to linear BT.709, ITU-R BT.2087
_TO_709 = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]],
    np.float32,
)


def to_srgb(rgb: np.ndarray, transfer: int) -> np.ndarray:
    """uint16 [H, W, 3] BT.2020 R'G'B' (full range) with the transfer
    ``PQ`` or ``HLG`` -> uint8 [H, W, 3] sRGB."""
    import cv2

    linear = _decode_table(transfer)[rgb >> 4]  # 1 = diffuse white
    peak = PEAK / REFERENCE_WHITE
    brightest = linear.max(axis=2, keepdims=True)
    # unchanged up to 0.6, then rolled off so that the peak meets 1;
    # the same factor for all three keeps the hue
    knee = np.float32(0.6)
    over = np.clip((brightest - knee) / (peak - knee), 0, 1)
    room = (peak - knee) / (1 - knee)
    rolled = knee + (1 - knee) * (over * room) / (1 + over * (room - 1))
    linear *= np.where(brightest > knee, rolled / np.maximum(brightest, knee), np.float32(1))
    display = cv2.transform(linear, _TO_709)
    return _encode_table()[np.clip(display * 4095 + 0.5, 0, 4095).astype(np.uint16)]


@lru_cache(maxsize=2)
def _decode_table(transfer: int) -> np.ndarray:
    """float32 [4096]: signal -> light with diffuse white at 1."""
    signal = (np.arange(4096) + 0.5) / 4096
    if transfer == PQ:
        m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
        power = signal ** (1 / m2)
        light = 10_000 * (np.maximum(power - c1, 0) / (c2 - c3 * power)) ** (1 / m1)
    else:
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
        light = PEAK * scene**1.2
    return (light / REFERENCE_WHITE).astype(np.float32)


@lru_cache(maxsize=1)
def _encode_table() -> np.ndarray:
    """uint8 [4096]: linear 0..1 -> sRGB."""
    linear = np.arange(4096) / 4095
    curve = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.rint(255 * curve).astype(np.uint8)
