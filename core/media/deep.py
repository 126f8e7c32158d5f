# SPDX-License-Identifier: GPL-3.0-or-later
"""16-bit PNG and TIFF: read by OpenCV, because Pillow cuts them to 8 bits."""

from __future__ import annotations

from typing import Any

import numpy as np

_BITS, _PHOTOMETRIC, _PLANAR, _EXTRA = 258, 262, 284, 338


def is_deep(image: Any, data: bytes) -> bool:
    """Whether ``data`` (opened by Pillow as ``image``) holds 16 bits per channel of grey or RGB."""
    if image.format == "PNG":
        return data[24] == 16
    if image.format == "TIFF":
        return max(image.tag_v2.get(_BITS, (1,))) == 16 and image.mode not in ("CMYK", "LAB")
    return False


def decode(image: Any, data: bytes) -> np.ndarray:
    """uint16 [H, W, 3 or 4], RGB(A), straight alpha; ValueError where this kind of file is not understood."""
    import cv2

    tags = image.tag_v2 if image.format == "TIFF" else {}
    if tags.get(_PLANAR, 1) == 2 and len(tags.get(_BITS, (1,))) > 1:
        raise ValueError("16-bit TIFF with separate color planes, save it with interleaved channels")
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise ValueError("16-bit picture that cannot be decoded") from error
    if pixels is None or pixels.dtype != np.uint16:
        raise ValueError("16-bit picture that cannot be decoded")
    if tags.get(_PHOTOMETRIC) == 0:  # 0 is white
        pixels = 65535 - pixels
    if pixels.ndim == 2:
        return np.repeat(pixels[..., None], 3, axis=2)
    if pixels.shape[2] == 3:
        return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)
    pixels = cv2.cvtColor(pixels, cv2.COLOR_BGRA2RGBA)
    if 1 in tuple(tags.get(_EXTRA, ())):
        alpha = np.maximum(pixels[..., 3:].astype(np.float32), 1)
        pixels[..., :3] = np.minimum(np.rint(pixels[..., :3] * (65535 / alpha)), 65535)
    return pixels
