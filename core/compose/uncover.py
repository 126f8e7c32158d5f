# SPDX-License-Identifier: GPL-3.0-or-later
"""The moved sitter over the standing background.

A picture is its sitter plus (1 - alpha) * plate.  The sitter moves with the flow; the plate stays.
So where alpha < 1 the background that came along with the pixels is taken out again and the standing
one put in; at rest the two cancel exactly.
"""

from __future__ import annotations

import cv2
import numpy as np
from numba import njit, prange

from .paste import Box, node_positions, warp_native

DOUBT = 0.04
SURE = 0.1  # less of the ground than this is the grain of a matte within the sitter
FAINT, ROUNDING = np.float32(0.97), np.float32(2 / 255)
STANDING, SITTER, MIXED = 0, 1, 2  # what a place shows: the plate, the moved picture, both


class Background:
    """The clean plate of a region, and where the sitter begins.

    pixels: [h, w, 3] the region of the picture.  plate: [h, w, 3] of the same type.
    stroke: px, the size of what counts as brushwork.
    alpha: float32 [h, w], the sitter.
    shape: nodes of the coarse flow (h, w).
    """

    def __init__(
        self,
        pixels: np.ndarray,
        plate: np.ndarray,
        alpha: np.ndarray,
        shape: tuple[int, int],
        stroke: float,
    ) -> None:
        self._peak = peak = np.float32(255 if pixels.dtype == np.uint8 else 65535)
        # the faint tails of a matte are doubt, not sitter: they would make far background tremble
        sure = np.clip((alpha - DOUBT) / (1 - 2 * DOUBT), 0, 1)
        share = np.rint((1 - sure) * peak).astype(pixels.dtype)
        self.layer = np.dstack([plate, share])
        # the plate in the broad, the picture in its strokes: to be taken out once these lie apart
        gap = pixels.astype(np.float32) - plate
        broad = cv2.GaussianBlur(gap, (0, 0), max(1.0, stroke), borderType=cv2.BORDER_REPLICATE)
        # where there is no sitter the picture itself is the ground: the blur must not leak into it
        broad *= 1 - ((1 - sure) ** 4)[..., None]
        self._stroked = np.clip(np.rint(pixels - broad), 0, peak).astype(pixels.dtype)
        self._stroke = max(1.0, stroke)
        size = shape[1], shape[0]
        settled = (share == share.dtype.type(peak)) & (plate == pixels).all(2)
        # per node the share of its cell: only a cell that is wholly one kind counts as that kind
        self._settled = cv2.resize(settled.astype(np.float32), size, interpolation=cv2.INTER_AREA)
        self._solid = cv2.resize((share == 0).astype(np.float32), size, interpolation=cv2.INTER_AREA)

    def classify(self, shift: np.ndarray) -> np.ndarray:
        """uint8 [h, w] per node: STANDING, SITTER or MIXED, for a flow ``shift`` [h, w, 2] px."""
        height, width = self.layer.shape[:2]
        rows, columns = shift.shape[:2]
        y, x = np.mgrid[:rows, :columns].astype(np.float32)
        source_x, source_y = x + shift[..., 0] * (columns / width), y + shift[..., 1] * (rows / height)
        # the smallest share within two nodes of where a node's pixels come from
        kernel = np.ones((5, 5), np.uint8)

        def wholly(part: np.ndarray) -> np.ndarray:
            least = cv2.erode(part, kernel, borderType=cv2.BORDER_REPLICATE)
            found = cv2.remap(least, source_x, source_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            return cv2.erode(found, np.ones((3, 3), np.uint8), borderType=cv2.BORDER_REPLICATE) > 0.9999

        kind = np.full((rows, columns), MIXED, np.uint8)
        kind[wholly(self._solid)] = SITTER
        kind[wholly(self._settled)] = STANDING
        return kind

    def paste(self, pixels: np.ndarray, shift: np.ndarray) -> np.ndarray:
        """The region with its sitter moved by ``shift``: like ``pixels`` [h, w, 3]."""
        height, width = pixels.shape[:2]
        kind = self.classify(shift)
        patch = _warp_where(pixels, kind != STANDING, shift)
        carried = _warp_where(self.layer, kind == MIXED, shift)
        stroked = _warp_where(self._stroked, kind == MIXED, shift)
        full = cv2.resize(kind, (width, height), interpolation=cv2.INTER_NEAREST)
        apart = np.clip(np.hypot(shift[..., 0], shift[..., 1]) / self._stroke, 0, 1).astype(np.float32)
        apart = cv2.resize(apart, (width, height), interpolation=cv2.INTER_LINEAR)
        _settle(patch, self.layer, carried, stroked, apart, full, self._peak)
        return patch

    def ground(self, shift: np.ndarray, box: Box) -> np.ndarray | None:
        """float32 [h, w] 0..1: where any ground is seen in ``box`` (x0, y0, x1, y1 in the region), whose
        pixels are moved by ``shift`` [h, w, 2] px; None where there is none around."""
        reach = 2 + int(np.ceil(np.abs(shift).max()))
        left, top = max(0, box[0] - reach), max(0, box[1] - reach)
        share = self.layer[top : box[3] + reach, left : box[2] + reach, 3]
        if share.max() <= SURE * self._peak:
            return None
        x, y = np.moveaxis(node_positions(box, shift.shape[:2]) + shift - np.float32(0.5), 2, 0)
        found = cv2.remap(
            share.astype(np.float32), x - left, y - top, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        return np.clip((found / self._peak - SURE) / SURE, 0, 1)

    def cover(self, shift: np.ndarray) -> np.ndarray:
        """float32 [h, w] 0..1: the sitter's matte, moved by ``shift``."""
        height, width = self.layer.shape[:2]
        kind = self.classify(shift)
        carried = _warp_where(self.layer, kind == MIXED, shift)[..., 3]
        sitter = 1 - carried.astype(np.float32) / np.float32(np.iinfo(carried.dtype).max)
        full = cv2.resize(kind, (width, height), interpolation=cv2.INTER_NEAREST)
        sitter[full == STANDING] = 0
        sitter[full == SITTER] = 1
        return sitter


def _warp_where(pixels: np.ndarray, kind: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """``pixels`` moved by ``shift`` at and around the nodes of a ``kind`` (bool), as they are elsewhere."""
    # the flow is interpolated over four nodes: it stays whole around what needs it
    near = cv2.dilate(kind.astype(np.uint8), np.ones((7, 7), np.uint8))[..., None] > 0
    box = (0, 0, pixels.shape[1], pixels.shape[0])
    nodes = node_positions(box, shift.shape[:2])
    return warp_native(pixels, box, nodes + np.where(near, shift, np.float32(0)))


@njit(cache=True, parallel=True, fastmath=True)
def _settle(patch, layer, carried, stroked, apart, kind, peak):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    height, width = kind.shape
    for y in prange(height):
        for x in range(width):
            k = kind[y, x]
            if k == SITTER:
                continue
            share = np.float32(carried[y, x, 3]) / peak
            for c in range(3):
                front, back = np.float32(layer[y, x, c]), np.float32(carried[y, x, c])
                moved = np.float32(patch[y, x, c])
                # the rounding of two samples of the same background is no motion
                if k == STANDING or (share > FAINT and abs(moved - back) <= ROUNDING * peak):
                    patch[y, x, c] = layer[y, x, c]
                else:
                    # two grounds of paint that no longer lie on one another would add up to noise
                    back += apart[y, x] * (np.float32(stroked[y, x, c]) - back)
                    value = moved + share * (front - back)
                    patch[y, x, c] = int(min(max(value, np.float32(0)), peak) + np.float32(0.5))
