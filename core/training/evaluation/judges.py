# SPDX-License-Identifier: GPL-3.0-or-later
"""Judges of a rendered face that took no part in making it: who it is, and where its landmarks lie.

The networks are optional and do not come with the program: a folder with face-api's
``face_recognition_model`` and ``face_landmark_68_model`` is named by ``--judges`` or by the environment
variable ``TABLEAU_JUDGES``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from ...errors import WeightsError
from ...landmarks.schema import MIRROR
from .faceapi import FACE_SIDE, LANDMARKS, POINTS_SIDE, RECOGNITION, Landmarker, Recognizer
from .metrics import eye_distance
from .warps import similarity

HOW = (
    "npm pack @vladmandic/face-api@1.7.15, unpack it, and name its folder package/model by --judges or"
    " TABLEAU_JUDGES"
)
LOST = 0.2  # eye distances; landmarks farther off than this in the mean have lost the face
_FIRST, _SCALES = 1.3, (1.05, 1.2, 1.35)  # sides of the crops, in sizes of the face
_PARTS = {"mouth": slice(48, 68), "eyes": slice(36, 48)}
# the face chip of dlib: outer and inner corner of the left eye, of the right eye, and the nose's base
_FIVE = [45, 42, 36, 39, 33]
_CHIP = np.array(
    [
        (0.8595674595992, 0.2134981538014),
        (0.6460604764104, 0.2289674387677),
        (0.1205750620789, 0.2137274526848),
        (0.3340850613712, 0.2290642403242),
        (0.4901123135679, 0.6277975316475),
    ]
)
_PADDING = 0.25


def find_judges(given: Path | None = None) -> Path | None:
    """The folder with the networks: ``given``, else the environment's; None where neither names one.

    WeightsError where the folder lacks them.
    """
    named = given or os.environ.get("TABLEAU_JUDGES")
    if not named:
        return None
    folder = Path(named)
    missing = [
        name for name in (RECOGNITION, LANDMARKS) if not (folder / f"{name}-weights_manifest.json").is_file()
    ]
    if missing:
        raise WeightsError(f"{folder}: has no {' and no '.join(missing)}; {HOW}")
    return folder


class Judges:
    """``landmarks`` and ``embeddings`` of faces in uint8 RGB images."""

    def __init__(self, folder: Path) -> None:
        self._points, self._faces = Landmarker(folder), Recognizer(folder)
        # what all faces have in common; without taking it away two strangers' cosine is .85
        stored = json.loads((Path(__file__).parent / "identity_mean.json").read_text("utf-8"))
        self._mean = np.array(stored["mean"], np.float32)

    def landmarks(self, images: Sequence[np.ndarray], guides: Sequence[np.ndarray]) -> np.ndarray:
        """float64 [B, 68, 2] px in images [H, W, 3].

        A guide [68, >= 2] (where the face should be) gives the first crop; the second is made from what was
        found there, so that the answer hardly depends on it.
        """
        first = _boxes(np.stack([guide[:, :2] for guide in guides]), _FIRST)
        rough = self._look(images, first, mirrored=False)
        looks = [
            self._look(images, _boxes(rough, scale), mirrored)
            for scale in _SCALES
            for mirrored in (False, True)
        ]
        return np.median(looks, axis=0)

    def embeddings(self, images: Sequence[np.ndarray], points: np.ndarray) -> np.ndarray:
        """float32 [B, 128], centered and of length one, of the faces with landmarks [B, 68, 2]."""
        chips = []
        target = (_CHIP + _PADDING) / (1 + 2 * _PADDING) * FACE_SIDE
        for image, face in zip(images, points, strict=True):
            chips.append(_cut(image, similarity(face[_FIVE].astype(np.float64), target), FACE_SIDE))
        # the mean with the mirrored chip, as dlib's own users do with jittered ones
        batch = np.stack(chips)
        raw = (self._faces(batch) + self._faces(batch[:, :, ::-1])) / 2
        centered = raw / np.linalg.norm(raw, axis=1, keepdims=True) - self._mean
        return centered / np.linalg.norm(centered, axis=1, keepdims=True)

    def _look(self, images: Sequence[np.ndarray], boxes: np.ndarray, mirrored: bool) -> np.ndarray:
        crops = []
        for image, (x, y, side) in zip(images, boxes, strict=True):
            scale = POINTS_SIDE / side
            crops.append(_cut(image, np.array([[scale, 0, -x * scale], [0, scale, -y * scale]]), POINTS_SIDE))
        batch = np.stack(crops)
        if mirrored:
            found = self._points(batch[:, :, ::-1]).astype(np.float64)
            found[..., 0] = 1 - found[..., 0]
            found = found[:, MIRROR]
        else:
            found = self._points(batch).astype(np.float64)
        return found * boxes[:, None, 2:] + boxes[:, None, :2]


def landmark_error(found: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Mean distance of landmarks [68, 2] in % of the true ones' eye distance: all, ``mouth``, ``eyes``."""
    apart = 100 * np.linalg.norm(found - truth, axis=1) / max(eye_distance(truth), 1e-6)
    return {"all": float(apart.mean()), **{name: float(apart[part].mean()) for name, part in _PARTS.items()}}


def _boxes(points: np.ndarray, grow: float) -> np.ndarray:
    """Squares (x, y, side) [B, 3] around landmarks [B, 68, 2]."""
    low, high = points.min(1), points.max(1)
    side = np.maximum((high - low).max(1) * grow, 8.0)
    return np.column_stack([(low + high) / 2 - side[:, None] / 2, side])


def _cut(image: np.ndarray, matrix: np.ndarray, side: int) -> np.ndarray:
    """The image under a similarity [2, 3], uint8 [side, side, 3]; black beyond its border."""
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    if scale < 0.5:
        # many pixels into one: shrink properly first
        factor = max(2 * scale, 1e-2)
        size = (max(1, round(image.shape[1] * factor)), max(1, round(image.shape[0] * factor)))
        image, matrix = cv2.resize(image, size, interpolation=cv2.INTER_AREA), matrix.copy()
        matrix[:, :2] /= factor
    matrix = matrix.astype(np.float64).copy()
    matrix[:, 2] += 0.5 * matrix[:, :2].sum(1) - 0.5
    return cv2.warpAffine(image, matrix, (side, side), flags=cv2.INTER_LINEAR)
