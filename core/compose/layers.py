# SPDX-License-Identifier: GPL-3.0-or-later
"""A frame taken apart into layers that give it back when they are laid over one another.

From below: the clean plate, the moved sitter, and what was painted into her (openings of eyes and mouth, the
generator's paint).  A matte alone does not make a layer: where the frame differs from what lies below, the
matte is raised as far as no color would have to be brighter than white or darker than black.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from .paste import Box

_BAND = 512  # rows that are worked on at a time
_REACH = 0.003  # of the longer side: over this the raising of a matte is spread, so that it stays smooth
_TINY = 1e-6
# differences that are rounding, not motion: one level of 8 bits, two of 16, a step of a half float below 1
_ROUNDING = {"uint8": 1 / 255, "uint16": 2 / 65535, "float16": 2**-11}


@dataclass(eq=False)
class Parts:
    """What a compositor lays a patch from; filled by its ``render_patch``, all over the same box.

    moved: [h, w, C] of the picture's type: the sitter moved, her eyes and mouth still unpainted.
    cover: float32 [h, w] 0..1, the matte of the moved sitter.
    painted: float32 [h, w] 0..1, how much of each pixel shows the inside of an opening.
    """

    moved: np.ndarray = field(default_factory=lambda: np.zeros((0, 0, 3), np.uint8))
    cover: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    painted: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.float32))

    def begin(self, moved: np.ndarray, cover: np.ndarray) -> None:
        self.moved, self.cover = moved.copy(), cover
        self.painted = np.zeros(cover.shape, np.float32)

    def opening(self, box: Box, skin: np.ndarray, cover: np.ndarray) -> None:
        """Note one opening: the moved skin in ``box`` of the patch, and how far it is painted over."""
        place = np.s_[box[1] : box[3], box[0] : box[2]]
        self.moved[place] = skin
        self.painted[place] = np.maximum(self.painted[place], cover)


@dataclass(frozen=True, eq=False)
class FrameParts:
    """A frame and what it consists of, all of the picture's size: ``frame`` and ``moved`` [H, W, 3] of the
    picture's type; ``cover`` and ``painted`` float32 [H, W] 0..1 (see :class:`Parts`)."""

    frame: np.ndarray
    moved: np.ndarray
    cover: np.ndarray
    painted: np.ndarray


def as_float(pixels: np.ndarray) -> np.ndarray:
    """float32: uint8 and uint16 as 0..1, half floats as they are."""
    if pixels.dtype == np.float16:
        return pixels.astype(np.float32)
    return pixels.astype(np.float32) * np.float32(1 / np.iinfo(pixels.dtype).max)


def peel(
    image: np.ndarray, below: np.ndarray, matte: np.ndarray, *, changed_only: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """The layer that turns ``below`` into ``image``: (RGBA [H, W, 4] of the image's type, the result of it).

    ``image`` [H, W, 3]: uint8 or uint16 (the layer has straight alpha), or half floats (the layer is
    premultiplied, as OpenEXR wants it); ``below`` float32 [H, W, 3] in the same colors, as :func:`as_float`.
    ``matte`` float32 [H, W]: the layer's alpha, at least; with ``changed_only`` none where they are equal.
    The result is float32 [H, W, 3], ``layer`` over ``below``: the image within a level of its rounding.
    """
    height, width = image.shape[:2]
    layer = np.zeros((height, width, 4), image.dtype)
    result = below.copy()
    rounding = np.float32(_ROUNDING[image.dtype.name])
    reach = max(1, round(_REACH * max(height, width)))
    for start in range(0, height, _BAND):
        stop = min(start + _BAND, height)
        top, bottom = max(0, start - 2 * reach), min(height, stop + 2 * reach)
        gap = as_float(image[top:bottom]) - below[top:bottom]
        changed = np.abs(gap).max(2) > rounding
        columns = np.flatnonzero((changed if changed_only else changed | (matte[top:bottom] > 0)).any(0))
        if not len(columns):
            continue
        left, right = max(0, columns[0] - 2 * reach), min(width, columns[-1] + 1 + 2 * reach)
        place = np.s_[top:bottom, left:right]
        alpha = matte[place]
        if changed_only:
            alpha = alpha * _spread(changed[:, left:right].astype(np.float32), reach)
        needed = _needed(gap[:, left:right], below[place], rounding)
        alpha = np.maximum(alpha, _spread(needed, reach))[start - top : stop - top]
        place = np.s_[start:stop, left:right]
        _lay(image[place], below[place], alpha, layer[place], result[place])
    return layer, result


def _needed(gap: np.ndarray, below: np.ndarray, rounding: np.float32) -> np.ndarray:
    """float32 [h, w]: the least alpha that changes ``below`` by ``gap`` with colors of 0..1."""
    room = np.where(gap > 0, 1 - below, below)
    needed = np.maximum(np.abs(gap) - rounding, 0) / np.maximum(room, _TINY)
    return np.clip(needed.max(2), 0, 1)


def _spread(values: np.ndarray, reach: int) -> np.ndarray:
    """The smallest smooth cover of ``values``: nowhere less, fading over ``reach`` px."""
    side = (2 * reach + 1, 2 * reach + 1)
    most = cv2.dilate(values, np.ones(side, np.uint8))
    return np.maximum(cv2.blur(most, side, borderType=cv2.BORDER_REPLICATE), values)


def _lay(
    image: np.ndarray, below: np.ndarray, alpha: np.ndarray, layer: np.ndarray, result: np.ndarray
) -> None:
    """Fill ``layer`` and ``result``: colors are solved for the alpha that is stored, so that its rounding
    does not count."""
    colors = as_float(image)
    if layer.dtype == np.float16:
        layer[..., 3] = alpha
        stored = layer[..., 3:].astype(np.float32)
        # no layer takes light away, but where the picture itself has less than none (beyond Rec. 709)
        layer[..., :3] = np.maximum(colors - (1 - stored) * below, np.minimum(colors, 0))
        result[:] = layer[..., :3] + (1 - stored) * below
        return
    peak = np.float32(np.iinfo(layer.dtype).max)
    layer[..., 3] = np.clip(np.ceil(alpha * peak - np.float32(1e-3)), 0, peak)
    stored = layer[..., 3:].astype(np.float32) / peak
    straight = (colors - (1 - stored) * below) / np.maximum(stored, _TINY)
    straight[stored[..., 0] == 0] = 0
    layer[..., :3] = np.clip(np.rint(straight * peak), 0, peak)
    result[:] = below + stored * (layer[..., :3].astype(np.float32) / peak - below)
