# SPDX-License-Identifier: GPL-3.0-or-later
"""A shot's face with some space around it, and how one shot lies over another."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from ..generator.inputs import EMPTY, CropBox
from ..landmarks.face import Face
from ..media.picture import Picture

DENSITY = 1.25  # px of a room per work px: a turned head has a smaller crop
MARGIN = 0.3  # sides of the crop that a room shows around it
SAME_CAMERA = 0.3  # least intersection over union of two faces' boxes


@dataclass(frozen=True, eq=False)
class Room:
    """A shot's face with some space around it, not much finer than the work size.

    size: (width, height) of the shot's file.
    matrix: [2, 3], its px to those of ``picture``, in which ``face`` lies.
    """

    picture: Picture
    face: Face
    matrix: np.ndarray
    size: tuple[int, int]

    @staticmethod
    def of(picture: Picture, face: Face, size: int) -> Room:
        """The room of a face in a picture, for a work size in px."""
        crop, (width, height) = CropBox.around(face.points, picture.size), picture.size
        margin = round(MARGIN * crop.side)
        x0, y0 = max(0, crop.x - margin), max(0, crop.y - margin)
        x1, y1 = min(width, crop.x + crop.side + margin), min(height, crop.y + crop.side + margin)
        pixels = picture.pixels[y0:y1, x0:x1]
        if picture.bits == 16:
            pixels = ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)
        scale = min(1.0, DENSITY * size / crop.side)
        if scale < 1:
            shape = max(2, round((x1 - x0) * scale)), max(2, round((y1 - y0) * scale))
            pixels = cv2.resize(pixels, shape, interpolation=cv2.INTER_AREA)
            scale = shape[0] / (x1 - x0)
        matrix = np.array([[scale, 0, -x0 * scale], [0, scale, -y0 * scale]])
        return Room(
            replace(picture, pixels=np.ascontiguousarray(pixels)), face.moved(matrix), matrix, picture.size
        )


def onto(room: Room, other: Room) -> np.ndarray:
    """[2, 3]: px of a room to px of another one.

    Frames of one still camera lie over each other as they are, so that a head's motion stays a motion; the
    faces of other pictures are laid over each other by the similarity of eye corners and bridge of the nose.
    """
    if room.size == other.size and _overlap(_box(room), _box(other)) >= SAME_CAMERA:
        return chain(other.matrix, cv2.invertAffineTransform(room.matrix))
    still = [27, 28, 29, 30, 36, 39, 42, 45]
    matrix, _ = cv2.estimateAffinePartial2D(
        room.face.points[still, :2].astype(np.float64), other.face.points[still, :2].astype(np.float64)
    )
    return matrix


def _box(room: Room) -> np.ndarray:
    """x0, y0, x1, y1 of the face, px of the shot's file."""
    low, high = room.face.points[:, :2].min(0), room.face.points[:, :2].max(0)
    back = cv2.invertAffineTransform(room.matrix)
    return np.concatenate([back[:, :2] @ low + back[:, 2], back[:, :2] @ high + back[:, 2]])


def _overlap(a: np.ndarray, b: np.ndarray) -> float:
    width, height = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    if width <= 0 or height <= 0:
        return 0.0
    common = width * height
    return float(common / (np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - common))


def chain(outer: np.ndarray, inner: np.ndarray) -> np.ndarray:
    """The affine [2, 3] that applies ``inner`` first."""
    return np.concatenate(
        [outer[:, :2] @ inner[:, :2], (outer[:, :2] @ inner[:, 2] + outer[:, 2])[:, None]], 1
    )


def laid(pixels: np.ndarray, matrix: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """A picture under an affine map, [size, size, 3], and where it is seen, uint8 [size, size]."""
    shift = matrix.copy()
    shift[:, 2] += matrix[:, :2].sum(1) * 0.5 - 0.5  # OpenCV counts from px middles
    flags, seen = cv2.INTER_LINEAR, np.full(pixels.shape[:2], 255, np.uint8)
    laid = cv2.warpAffine(pixels, shift, (size, size), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return opaque(laid), cv2.warpAffine(seen, shift, (size, size), flags=flags)


def opaque(pixels: np.ndarray) -> np.ndarray:
    """uint8 RGB: transparent places in the grey that views have there."""
    if pixels.shape[2] == 3:
        return np.ascontiguousarray(pixels)
    share = pixels[..., 3:].astype(np.float32) / 255
    return np.rint(share * pixels[..., :3] + (1 - share) * (255 * EMPTY)).astype(np.uint8)
