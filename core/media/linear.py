# SPDX-License-Identifier: GPL-3.0-or-later
"""Stored numbers to light and back: linear Rec. 709 for EXR files, and the light that is averaged."""

from __future__ import annotations

import struct
from functools import lru_cache

import numpy as np

from ..errors import InputError
from .color import _PRIMARIES, _tags

_SAME = 2e-3  # a matrix this near to none is the rounding of an sRGB profile


def srgb_to_light(values: np.ndarray) -> np.ndarray:
    """float32, 0..1 in sRGB's curve -> 0..1 in light."""
    values = np.asarray(values, np.float64)
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4).astype(np.float32)


def light_to_srgb(light: np.ndarray) -> np.ndarray:
    """float32: light -> sRGB's curve, cut to 0..1."""
    light = np.clip(light, 0, 1)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055).astype(np.float32)


class Linear:
    """Turns pixels in the profile ``icc`` (None: sRGB) into linear Rec. 709.

    Colors beyond Rec. 709 become values below 0 or above 1, nothing is cut.  Raises InputError where the
    profile is a table instead of three curves and a matrix.
    """

    def __init__(self, icc: bytes | None, bits: int) -> None:
        steps = np.linspace(0, 1, 1 << bits)
        self.matrix: np.ndarray | None = None
        if icc is None:
            self.tables = np.repeat(srgb_to_light(steps)[None], 3, axis=0)
            return
        try:
            tags = _tags(icc)
            self.tables = np.stack(
                [_curve(tags[name], steps) for name in (b"rTRC", b"gTRC", b"bTRC")]
            ).astype(np.float32)
            own = np.stack([_xyz(tags[name]) for name in (b"rXYZ", b"gXYZ", b"bXYZ")], axis=1)
        except (KeyError, ValueError, IndexError, struct.error):
            raise InputError(
                "the picture's color profile has no curves and primaries, which EXR frames need; convert the "
                "picture to sRGB first, or bake PNG frames"
            ) from None
        rec709 = np.stack([np.array(_PRIMARIES[name]) for name in (b"rXYZ", b"gXYZ", b"bXYZ")], axis=1)
        matrix = np.linalg.inv(rec709) @ own
        if np.abs(matrix - np.eye(3)).max() > _SAME:
            self.matrix = matrix.astype(np.float32)

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """float32 [H, W, 3] of uint8 or uint16 [H, W, >= 3]."""
        light = np.stack([self.tables[i][pixels[..., i]] for i in range(3)], axis=2)
        return light if self.matrix is None else light @ self.matrix.T


def shrink(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """uint8 or uint16 [H, W, 3 or 4] at ``size`` (w, h): averaged over areas, in light (by sRGB's curve,
    whatever the profile) and, where there is alpha, weighted by it."""
    import cv2

    peak = np.iinfo(pixels.dtype).max
    light = _light_table(pixels.itemsize * 8)[pixels[..., :3]]
    alpha = None
    if pixels.shape[2] == 4:
        alpha = pixels[..., 3:].astype(np.float32) / np.float32(peak)
        light *= alpha
        alpha = cv2.resize(alpha, size, interpolation=cv2.INTER_AREA)[..., None]
    light = cv2.resize(light, size, interpolation=cv2.INTER_AREA)
    if alpha is not None:
        light /= np.maximum(alpha, 1e-6)
    values = light_to_srgb(light)
    if alpha is not None:
        values = np.dstack([values, alpha])
    return np.clip(np.rint(values * peak), 0, peak).astype(pixels.dtype)


@lru_cache(maxsize=2)
def _light_table(bits: int) -> np.ndarray:
    return srgb_to_light(np.linspace(0, 1, 1 << bits))


def _xyz(tag: bytes) -> np.ndarray:
    return np.array(struct.unpack_from(">3i", tag, 8)) / 65536


def _curve(tag: bytes, steps: np.ndarray) -> np.ndarray:
    """The light of ``steps`` 0..1 by a curve of an ICC profile (ICC.1:2022, 10.6 and 10.18)."""
    if tag[:4] == b"curv":
        (count,) = struct.unpack_from(">I", tag, 8)
        if count == 0:
            return steps
        values = np.array(struct.unpack_from(f">{count}H", tag, 12))
        if count == 1:
            return steps ** (values[0] / 256)
        return np.interp(steps, np.linspace(0, 1, count), values / 65535)
    if tag[:4] != b"para":
        raise ValueError("a curve of an unknown kind")
    (kind,) = struct.unpack_from(">H", tag, 8)
    count = (1, 3, 4, 5, 7)[kind]
    given = [value / 65536 for value in struct.unpack_from(f">{count}i", tag, 12)]
    missing = [1.0, 0.0, 0.0, 0.0, 0.0, 0.0][count - 1 :]
    g, a, b, c, d, e, f = given + missing
    if kind in (1, 2):  # below its start the curve is flat: there is no line
        c, d, e, f = 0.0, -b / a, c, c
    upper = np.maximum(a * steps + b, 0) ** g + e
    return np.clip(np.where(steps >= d, upper, c * steps + f), 0, 1)
