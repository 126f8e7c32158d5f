# SPDX-License-Identifier: GPL-3.0-or-later
"""The sitter's matte: where the person is in the picture, as a soft mask that follows the painted edges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ..errors import InputError
from ..media.picture import Picture
from . import segment

WORKING = 1024  # px, the longest side of the region at working resolution
# the region around the face, in face sizes from its middle: left and right, up, down
_SIDE, _UP, _DOWN = 2.6, 1.9, 2.8


class _HasPoints(Protocol):
    @property
    def points(self) -> np.ndarray: ...


@dataclass(frozen=True, eq=False)
class Matte:
    """A soft mask of the sitter at working resolution.

    ``alpha``: float32 [h, w], 0 background .. 1 sitter, longest side at most ``WORKING``.
    ``box``: (x0, y0, x1, y1) in whole picture pixels, the region that ``alpha`` covers edge to edge.
    """

    alpha: np.ndarray
    box: tuple[int, int, int, int]

    @property
    def scale(self) -> float:
        """Working pixels per picture pixel."""
        return self.alpha.shape[1] / (self.box[2] - self.box[0])

    def within(self, box: tuple[int, int, int, int], size: tuple[int, int]) -> np.ndarray:
        """float32 [h, w] for ``size`` (w, h) pixels over ``box`` of the picture;
        beyond the matte its edge repeats."""
        import cv2

        width, height = size
        x0, y0, x1, y1 = box
        step_x, step_y = (x1 - x0) / width, (y1 - y0) / height
        alpha = self.alpha
        if step_x * self.scale > 1.5:  # far fewer pixels wanted than there are: no aliasing
            blur = 0.45 * step_x * self.scale
            alpha = cv2.GaussianBlur(alpha, (0, 0), blur, borderType=cv2.BORDER_REPLICATE)
        scale_y = alpha.shape[0] / (self.box[3] - self.box[1])
        affine = np.array(
            [
                [step_x * self.scale, 0, (x0 - self.box[0] + step_x / 2) * self.scale - 0.5],
                [0, step_y * scale_y, (y0 - self.box[1] + step_y / 2) * scale_y - 0.5],
            ],
            np.float32,
        )
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        out = cv2.warpAffine(alpha, affine, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)
        return np.clip(out, 0, 1, out=out)  # rounding may leave 1.0000001

    def at(self, shape: tuple[int, ...]) -> np.ndarray:
        """float32 [H, W]: the matte of the whole picture, ``shape`` being the picture's (H, W, ...)."""
        return self.within((0, 0, shape[1], shape[0]), (shape[1], shape[0]))


def sitter_region(points: np.ndarray, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """The box (whole pixels, inside the picture of ``size`` (w, h))
    around head, neck and shoulders of a face."""
    middle, face = face_measure(points)
    x0, x1 = middle[0] - _SIDE * face, middle[0] + _SIDE * face
    y0, y1 = middle[1] - _UP * face, middle[1] + _DOWN * face
    width, height = size
    left, top = int(np.clip(np.floor(x0), 0, width - 2)), int(np.clip(np.floor(y0), 0, height - 2))
    right, bottom = int(np.clip(np.ceil(x1), left + 2, width)), int(np.clip(np.ceil(y1), top + 2, height))
    return left, top, right, bottom


def face_measure(points: np.ndarray) -> tuple[np.ndarray, float]:
    """(middle [2], size) in px of the landmarks ``points`` [68, 2 or 3]: their bounding box's."""
    low, high = points[:, :2].min(axis=0), points[:, :2].max(axis=0)
    return (low + high) / 2, float(max((high - low).max(), 1.0))


def sitter_matte(picture: Picture, face: _HasPoints, *, mask: np.ndarray | None = None) -> Matte:
    """Find the sitter with the landmarks ``face.points`` ([68, 2 or 3], px) in ``picture``.

    ``mask``: the user's own, [h, w] or [h, w, C] (uint8, uint16, bool or float 0..1, white = sitter),
    of the picture's size or proportions; it wins.  Raises InputError where it has other proportions
    or shows no sitter.  Deterministic; about a second.
    """
    import cv2

    box = sitter_region(face.points, picture.size)
    x0, y0, x1, y1 = box
    shrink = min(1.0, WORKING / max(x1 - x0, y1 - y0))
    size = max(1, round((x1 - x0) * shrink)), max(1, round((y1 - y0) * shrink))
    if mask is not None:
        return Matte(_user_mask(mask, picture.size, box, size), box)
    crop = Picture(np.ascontiguousarray(picture.pixels[y0:y1, x0:x1]), picture.icc)
    image = cv2.resize(crop.rgb8(), size, interpolation=cv2.INTER_AREA)
    scale = np.array([size[0] / (x1 - x0), size[1] / (y1 - y0)], np.float32)
    points = (face.points[:, :2] - np.array([x0, y0], np.float32)) * scale
    alpha = segment.segment(image, points)
    if picture.has_alpha:  # the sitter cannot be where there is no picture
        limit = 255 if picture.bits == 8 else 65535
        cover = cv2.resize(crop.pixels[..., 3], size, interpolation=cv2.INTER_AREA).astype(np.float32) / limit
        alpha = np.minimum(alpha, cover)
    return Matte(alpha, box)


def _user_mask(
    mask: np.ndarray, picture: tuple[int, int], box: tuple[int, int, int, int], size: tuple[int, int]
) -> np.ndarray:
    import cv2

    grey = mask if mask.ndim == 2 else mask[..., :3].max(axis=2)
    scale = {np.dtype(np.uint8): 255.0, np.dtype(np.uint16): 65535.0, np.dtype(bool): 1.0}.get(
        grey.dtype, 1.0
    )
    height, width = grey.shape
    if abs(width * picture[1] / (height * picture[0]) - 1) > 0.02:
        raise InputError(
            f"mask: {width} x {height} pixels do not fit the picture's {picture[0]} x {picture[1]};"
            " give the same size"
        )
    sx, sy = width / picture[0], height / picture[1]
    left, top = int(box[0] * sx), int(box[1] * sy)
    part = grey[top : max(top + 1, round(box[3] * sy)), left : max(left + 1, round(box[2] * sx))].astype(
        np.float32
    )
    alpha = np.clip(cv2.resize(part / np.float32(scale), size, interpolation=cv2.INTER_AREA), 0, 1)
    if alpha.max() < 0.5:
        raise InputError("mask: shows no sitter around the face (white is the sitter, black the background)")
    return alpha
