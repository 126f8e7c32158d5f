# SPDX-License-Identifier: GPL-3.0-or-later
"""What a detector returns, and what a detector is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from .schema import POINTS


@dataclass(frozen=True, eq=False)
class Face:
    """The landmarks of one face in one image, in px of that image (x right, y down, origin top-left).

    points      float32 [68, 3], z in px too, smaller is nearer
    irises      float32 [2, 2], right then left; NaN where unknown
    confidence  float32 [68], 0..1
    box         float32 [4], x0, y0, x1, y1 around the points
    score       0..1, how sure it is that this is a face
    """

    points: np.ndarray
    irises: np.ndarray
    confidence: np.ndarray
    box: np.ndarray
    score: float

    @property
    def area(self) -> float:
        """Area of the box in px^2."""
        return float((self.box[2] - self.box[0]) * (self.box[3] - self.box[1]))

    @property
    def quality(self) -> float:
        """0..1: how sure it is that this is a face, and how sure its points are."""
        return self.score * float(self.confidence.mean())

    def moved(self, matrix: np.ndarray) -> Face:
        """This face after the similarity ``matrix`` [2, 3] of the image plane
        (rotation, uniform scale, shift)."""
        scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
        points = self.points.astype(np.float64)
        points[:, :2] = points[:, :2] @ matrix[:, :2].T + matrix[:, 2]
        points[:, 2] *= scale
        irises = self.irises.astype(np.float64) @ matrix[:, :2].T + matrix[:, 2]
        return replace(
            self,
            points=points.astype(np.float32),
            irises=irises.astype(np.float32),
            box=points_box(points),
        )


class Detector(Protocol):
    """Finds faces and their landmarks.  One backend per detector: the kinds of points are never mixed."""

    name: str

    def detect(self, image: np.ndarray) -> list[Face]:
        """Faces in an RGB uint8 [H, W, 3] image, largest first; an empty list where there is none."""
        ...

    def refine(self, image: np.ndarray, face: Face) -> Face | None:
        """The landmarks again, from a crop around ``face``; None where no face is there after all."""
        ...

    def follow(self, image: np.ndarray, face: Face) -> Face | None:
        """The landmarks in the next frame of a video; None where the face was lost."""
        ...

    def close(self) -> None:
        """Give the networks' memory back."""
        ...


def points_box(points: np.ndarray) -> np.ndarray:
    """float32 [4] box x0, y0, x1, y1 around points [N, 2 or 3]."""
    return np.concatenate([points[:, :2].min(axis=0), points[:, :2].max(axis=0)]).astype(np.float32)


def covers(a: np.ndarray, b: np.ndarray) -> float:
    """Which part of the smaller box [4] lies in the other, 0..1."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    least = min(float((box[2] - box[0]) * (box[3] - box[1])) for box in (a, b))
    return float(width * height) / least if least > 0 else 0.0


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two boxes [4], 0..1."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    common = float(width * height)
    union = float((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])) - common
    return common / union if union > 0 else 0.0


def largest_first(faces: list[Face], same: float = 0.5) -> list[Face]:
    """Sort by area, dropping any face that shares more than ``same`` of its box with a better one."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: -face.quality):
        if all(covers(face.box, other.box) < same for other in kept):
            kept.append(face)
    return sorted(kept, key=lambda face: -face.area)


def check_image(image: np.ndarray) -> None:
    """Raise ValueError unless ``image`` is RGB uint8 [H, W, 3]."""
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError(f"expected an RGB uint8 image [H, W, 3], not {image.dtype} {image.shape}")


UNKNOWN_IRISES = np.full((2, 2), np.nan, np.float32)
FULL_CONFIDENCE = np.ones(POINTS, np.float32)
