# SPDX-License-Identifier: GPL-3.0-or-later
"""What the generator sees of a picture: a square crop around the face at its work size, moved by the flow.

Crop coordinates are px of the work size with the origin at the crop's top-left corner.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from ..compose.compositor import Compositor
from ..compose.mesh import FaceUnits
from ..compose.relief import Relief
from ..errors import InputError
from ..landmarks.face import Face
from ..media.picture import Picture

SIDE = 3.8  # face units (distance of the outer eye corners) along a side of the crop
DOWN = 0.23  # face units from the eyes down to its middle
SHIFT_CELL, MASK_CELL = 8, 2  # work px per value of a View's shift and masks
EMPTY = 0.5  # what shows through where a picture is transparent


@dataclass(frozen=True, eq=False)
class Shot:
    """One picture of the sitter.

    image: uint8 RGB [S, S, 3].  points: float32 [68, 2], irises: float32 [2, 2] crop px (NaN: unknown).
    """

    image: np.ndarray
    points: np.ndarray
    irises: np.ndarray


@dataclass(frozen=True, eq=False)
class View:
    """One moved frame.

    warped: uint8 RGB [S, S, 3], the compositor's frame (eyes, teeth and background are in it).
    shift: float32 [S / 8, S / 8, 2], its backward flow, source minus target (x, y), in parts of S.
    masks: uint8 [S / 2, S / 2, 4], 0..255: uncovered (background shows where the sitter was),
        openings of the eyes, opening of the mouth, the sitter.
    points: float32 [68, 2], irises: float32 [2, 2]: where the landmarks are now, crop px.
    """

    warped: np.ndarray
    shift: np.ndarray
    masks: np.ndarray
    points: np.ndarray
    irises: np.ndarray


@dataclass(frozen=True)
class CropBox:
    """A square of a picture, in whole px: its top-left corner and its side."""

    x: int
    y: int
    side: int

    @staticmethod
    def around(points: np.ndarray, size: tuple[int, int]) -> CropBox:
        """The crop of a face with landmarks [68, >= 2] px in a picture of ``size`` (w, h),
        moved and shrunk to lie inside it."""
        face = FaceUnits.of(points)
        side = min(max(round(SIDE * face.unit), 32), *size)
        middle = face.origin + [0, DOWN * face.unit]
        x, y = np.clip(np.round(middle - side / 2), 0, np.array(size) - side)
        return CropBox(int(x), int(y), int(side))

    @property
    def box(self) -> tuple[int, int, int, int]:
        """x0, y0, x1, y1."""
        return self.x, self.y, self.x + self.side, self.y + self.side

    def to_crop(self, points: np.ndarray, size: int) -> np.ndarray:
        """Picture px [..., 2] as px of a crop of ``size``, float32."""
        return ((points - np.array([self.x, self.y])) * (size / self.side)).astype(np.float32)

    def face(self, face: Face, size: int) -> Face:
        """The face with its landmarks in crop px."""
        scale = size / self.side
        return face.moved(np.array([[scale, 0, -self.x * scale], [0, scale, -self.y * scale]]))

    def cut(self, pixels: np.ndarray, size: int) -> np.ndarray:
        """[size, size, ...] of a picture [H, W, ...], of its type, brought to the work size."""
        part = pixels[self.y : self.y + self.side, self.x : self.x + self.side]
        shrinks = size < self.side
        method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
        return cv2.resize(part, (size, size), interpolation=method)


def take_shot(picture: Picture, face: Face, size: int) -> Shot:
    """The face's crop of a picture.  InputError where the face is too small to see."""
    if FaceUnits.of(face.points).unit < 8:
        raise InputError("the landmarks are no usable face: the eyes must be at least 8 px apart")
    crop = CropBox.around(face.points, picture.size)
    image = _opaque(crop.cut(_eight_bits(picture).pixels, size))
    points = crop.to_crop(face.points[:, :2], size)
    return Shot(image, points, crop.to_crop(face.irises, size))


class Viewer:
    """Makes the views of one picture: the whole compositor, at the work size.

    ``crop`` is the part of the picture that is seen, ``shot`` that part at rest.  ``relief``: the picture's,
    where it is known already.
    """

    def __init__(
        self,
        picture: Picture,
        face: Face,
        size: int,
        *,
        mask: np.ndarray | None = None,
        relief: Relief | None = None,
    ) -> None:
        self.size = size
        self.crop = CropBox.around(face.points, picture.size)
        self.shot = take_shot(picture, face, size)
        pixels = self.crop.cut(_eight_bits(picture).pixels, size)
        if mask is not None:
            mask = self.crop.cut(mask if mask.dtype != bool else mask.astype(np.uint8), size)
        small = replace(picture, pixels=pixels)
        scale = size / self.crop.side
        if relief is not None:
            relief = relief.moved(scale, -scale * np.array([self.crop.x, self.crop.y]))
        self._compositor = Compositor(small, self.crop.face(face, size), mask=mask, relief=relief)
        half = size // MASK_CELL
        self._grid = np.stack(np.meshgrid(np.arange(half), np.arange(half)), 2).astype(np.float32)
        self._alpha = self._compositor.matte.within((0, 0, size, size), (half, half))

    def view(self, points: np.ndarray, irises: np.ndarray) -> View:
        """The view for landmarks [68, >= 2] and irises [2, 2] in px of the picture (NaN irises: unknown)."""
        size = self.size
        points, irises = self.crop.to_crop(points[:, :2], size), self.crop.to_crop(irises, size)
        frame = self._compositor.render(points, irises)
        flow = self._compositor.last_flow
        assert flow is not None
        shift = self._resample(flow.shift, flow.box, size // SHIFT_CELL)
        masks = self._masks(self._resample(flow.shift, flow.box, size // MASK_CELL))
        centers = (self._grid + 0.5) * MASK_CELL
        for channel, slits in ((1, flow.slits[:2]), (2, flow.slits[2:])):
            for slit in slits:
                open_part = slit.coverage(centers[..., 0], centers[..., 1], pixel=MASK_CELL)
                masks[..., channel] = np.maximum(masks[..., channel], open_part)
        return View(
            _opaque(frame), shift / np.float32(size), np.rint(masks * 255).astype(np.uint8), points, irises
        )

    def _resample(self, shift: np.ndarray, box: tuple[int, int, int, int], cells: int) -> np.ndarray:
        """A flow over ``box`` as float32 [cells, cells, 2] over the crop; none beyond the box."""
        step = self.size / cells
        rows, columns = shift.shape[:2]
        scale_x, scale_y = columns / (box[2] - box[0]), rows / (box[3] - box[1])
        if step * scale_x > 1.5:
            shift = cv2.GaussianBlur(shift, (0, 0), 0.4 * step * scale_x, borderType=cv2.BORDER_REPLICATE)
        affine = np.array(
            [
                [step * scale_x, 0, (step / 2 - box[0]) * scale_x - 0.5],
                [0, step * scale_y, (step / 2 - box[1]) * scale_y - 0.5],
            ]
        )
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return cv2.warpAffine(shift, affine, (cells, cells), flags=flags, borderValue=(0, 0))

    def _masks(self, shift: np.ndarray) -> np.ndarray:
        """float32 [S / 2, S / 2, 4] with uncovered and sitter filled in, for a flow at that resolution."""
        source = self._grid + shift / np.float32(MASK_CELL)
        moved = cv2.remap(
            self._alpha, source[..., 0], source[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        out = np.zeros((*moved.shape, 4), np.float32)
        out[..., 0] = np.clip(self._alpha - moved, 0, 1)
        out[..., 3] = np.clip(moved, 0, 1)
        return out


def _eight_bits(picture: Picture) -> Picture:
    if picture.bits == 8:
        return picture
    return replace(picture, pixels=((picture.pixels.astype(np.uint32) + 128) // 257).astype(np.uint8))


def _opaque(pixels: np.ndarray) -> np.ndarray:
    """uint8 RGB [H, W, 3]: transparent places in middle grey."""
    if pixels.shape[2] == 3:
        return np.ascontiguousarray(pixels)
    share = pixels[..., 3:].astype(np.float32) / 255
    return np.rint(share * pixels[..., :3] + (1 - share) * (255 * EMPTY)).astype(np.uint8)
