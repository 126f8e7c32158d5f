# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a bake: colors, size and alpha of frames and layers, written and read.

PNG holds the picture's own numbers and profile, with straight alpha.  EXR holds half floats in linear
Rec. 709, with premultiplied alpha.  Layers give the frame back when they are laid over one another in the
colors of their files: in the picture's numbers for PNG (as painting programs do), in light for EXR (as
Blender and compositing programs do).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .errors import InputError
from .job import BakeOutput
from .provenance import Provenance

if TYPE_CHECKING:
    from .compose.layers import FrameParts
    from .media.picture import Picture

LAYERS = ("sitter", "painted")  # of every frame, from below; the plate lies under them


class FrameFiles:
    """How the frames of one bake are stored.  ``picture``: the portrait, with the output's bits.

    Raises InputError where picture and output do not go together.
    """

    def __init__(self, output: BakeOutput, picture: Picture, provenance: Provenance) -> None:
        self.output, self.picture, self.provenance = output, picture, provenance
        self.size = frame_size(output.size, picture.size)
        self._linear = None
        if output.format == "exr":
            from .media.linear import Linear

            self._linear = Linear(picture.icc, picture.bits)

    def stored(self, pixels: np.ndarray) -> np.ndarray:
        """A picture [H, W, 3 or 4] of the portrait's size and type as the numbers of the file: uint8 or
        uint16 as it is, or float16; at the output's size, averaged over areas in light."""
        same = self.size == self.picture.size
        if self._linear is None:
            from .media.linear import shrink

            return pixels if same else shrink(pixels, self.size)
        light = self._linear(pixels)
        if pixels.shape[2] == 4:
            alpha = pixels[..., 3:].astype(np.float32) / np.float32(np.iinfo(pixels.dtype).max)
            light = np.dstack([light * alpha, alpha])
        return (light if same else self._averaged(light)).astype(np.float16)

    def layers(self, parts: FrameParts, plate: np.ndarray) -> dict[str, np.ndarray]:
        """ "frame" and LAYERS as numbers of the file; ``plate`` is the stored plate."""
        from .compose.layers import as_float, peel

        frame, moved = self.stored(parts.frame), self.stored(parts.moved)
        cover, painted = (self._averaged(matte) for matte in (parts.cover, parts.painted))
        sitter, below = peel(moved, as_float(plate), cover)
        return {
            "frame": frame,
            "sitter": sitter,
            "painted": peel(frame, below, painted, changed_only=True)[0],
        }

    def save(self, path: Path, stored: np.ndarray) -> None:
        """Write numbers from :meth:`stored` or :meth:`layers`."""
        if self.output.format == "exr":
            from .media.exr import save_exr

            save_exr(path, stored, self.provenance.exr_attributes())
            return
        from .media.picture import save_picture

        save_picture(path, stored, icc=self.picture.icc, text=self.provenance.png_text())

    def read_rgb8(self, path: Path) -> np.ndarray:
        """uint8 [H, W, 3] sRGB of a frame on disk, alpha over middle grey, for film and contact sheet."""
        from .media.picture import load_picture

        if self.output.format == "png":
            return load_picture(path).rgb8()
        from .media.exr import load_exr
        from .media.linear import light_to_srgb

        light = load_exr(path)
        alpha = light[..., 3:] if light.shape[2] == 4 else None
        if alpha is not None:
            light = light[..., :3] / np.maximum(alpha, 1e-6)
        pixels = np.rint(light_to_srgb(light) * 255)
        if alpha is not None:
            pixels = np.rint(pixels * alpha + 128 * (1 - alpha))
        return pixels.astype(np.uint8)

    def _averaged(self, values: np.ndarray) -> np.ndarray:
        import cv2

        if values.shape[1::-1] == self.size:
            return values
        return cv2.resize(values, self.size, interpolation=cv2.INTER_AREA)


def frame_size(size: int | float | None, picture: tuple[int, int]) -> tuple[int, int]:
    """(width, height) px of frames of a picture of that size: ``size`` is a scale up to 1, a width in px, or
    None for the picture's own; InputError where that is too large or too small."""
    from .media.picture import MIN_SIDE

    if size is None:
        return picture
    scale = float(size) if size <= 1 else size / picture[0]
    if scale > 1:
        raise InputError(
            f'"output.size" is {size}, but the portrait is {picture[0]} pixels wide; give at most that, '
            "frames are not made larger than the picture"
        )
    width, height = (max(1, round(side * scale)) for side in picture)
    if min(width, height) < MIN_SIDE:
        raise InputError(
            f'"output.size" is {size}, which makes frames of {width} x {height} pixels; '
            f"each side must have {MIN_SIDE} or more"
        )
    return width, height


def with_bits(picture: Picture, bits: int) -> Picture:
    """The picture with 8 or 16 bits per channel; 8 to 16 is exact, so untouched pixels keep their color."""
    if picture.bits == bits:
        return picture
    if bits == 16:
        return replace(picture, pixels=picture.pixels.astype(np.uint16) * np.uint16(257))
    return replace(picture, pixels=((picture.pixels.astype(np.uint32) + 128) // 257).astype(np.uint8))
