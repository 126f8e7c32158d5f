# SPDX-License-Identifier: GPL-3.0-or-later
"""The embedded backend: BlazeFace boxes and the refined face mesh, mapped onto the 68 points.

Confidence of a point: how surely the network sees a face in the crop (its presence score), times how well
several looks at that face agree on the point (as it is and mirrored; for a still, in crops of three sizes).
A point whose looks lie ``AGREE`` of the distance of the outer eye corners from their middle counts half.
It says how repeatable a point is, not that it is where a person would put it.
"""

from __future__ import annotations

import numpy as np

from .face import Face, check_image, largest_first, points_box
from .mesh_net import Box, BoxNet, MeshNet, Roi, roi_from_box, roi_from_points
from .mesh_points import LEFT_EYE, RIGHT_EYE, mesh_to_68
from .schema import IRIS_MIRROR, MIRROR

AGREE = 0.03
PRESENT = 0.5
LOOKS = 2
"""Looks on the way from a box to the face: each on the region that the one before suggests."""
FAR = 0.04
"""Change of place and size (of the region's side) and of turn (rad)
from which on a face is looked at anew."""
CLOSE = (1.2, 1.35, 1.5)
"""Sides of a still's crops, in sizes of the face: on paintings the closer ones put lids and irises better."""


class MeshDetector:
    """Detector of the kind described in ``face.Detector``."""

    name = "mediapipe 0.10.21 face mesh"

    def __init__(self) -> None:
        self._boxes = BoxNet()
        self._mesh = MeshNet()

    def detect(self, image: np.ndarray) -> list[Face]:
        """Faces in an RGB uint8 image, largest first."""
        check_image(image)
        for full_range in (False, True):
            faces = [
                face for box in self._boxes.find(image, full_range) if (face := self._from_box(image, box))
            ]
            if faces:
                return largest_first(faces)
        return []

    def refine(self, image: np.ndarray, face: Face) -> Face | None:
        """The landmarks again: the median of six looks at crops around ``face``."""
        found = self._approach(image, _roi_of(face), 1)
        return self._measure(image, found, face.score, CLOSE) if found else None

    def follow(self, image: np.ndarray, face: Face) -> Face | None:
        """The landmarks in the next frame: two looks where the face was,
        three more where it moved far away."""
        before = _roi_of(face)
        around = Roi(before.x, before.y, before.side / 1.5, before.angle)
        near = self._measure(image, around, face.score, CLOSE[1:2])
        if near is not None and _close(before, _roi_of(near)):
            return near
        found = self._approach(image, before, 1)
        return self._measure(image, found, face.score, CLOSE[1:2]) if found else None

    def close(self) -> None:
        """Stop the networks."""
        self._boxes.close()
        self._mesh.close()

    def _from_box(self, image: np.ndarray, box: Box) -> Face | None:
        found = self._approach(image, roi_from_box(box), LOOKS)
        return self._measure(image, found, box.score, CLOSE[1:2]) if found else None

    def _approach(self, image: np.ndarray, roi: Roi, looks: int) -> Roi | None:
        """The region (scaled by 1) that the face fills, or None where the network sees none."""
        for _ in range(looks):
            mesh, presence = self._mesh.on_image(image, roi)
            if presence < PRESENT or not _plausible(mesh, roi):
                return None
            face = roi_from_points(mesh[:468], mesh[RIGHT_EYE], mesh[LEFT_EYE], 1.0)
            roi = Roi(face.x, face.y, face.side * 1.5, face.angle)
        return face

    def _measure(self, image: np.ndarray, face: Roi, score: float, scales: tuple[float, ...]) -> Face | None:
        looks = [
            self._look(image, Roi(face.x, face.y, face.side * scale, face.angle), mirrored)
            for scale in scales
            for mirrored in (False, True)
        ]
        presence = float(np.median([look[2] for look in looks]))
        if presence < PRESENT:
            return None
        all_points = np.stack([look[0] for look in looks])
        points = np.median(all_points, axis=0)
        irises = np.median([look[1] for look in looks], axis=0)
        unit = float(np.linalg.norm(points[45] - points[36]))
        spread = np.linalg.norm((all_points - points)[..., :2], axis=2).mean(axis=0) / max(unit, 1e-6)
        confidence = presence / (1.0 + (spread / AGREE) ** 2)
        return Face(
            points.astype(np.float32),
            irises.astype(np.float32),
            confidence.astype(np.float32),
            points_box(points),
            score,
        )

    def _look(self, image: np.ndarray, roi: Roi, mirrored: bool) -> tuple[np.ndarray, np.ndarray, float]:
        mesh, presence = self._mesh.on_image(image, roi, mirrored)
        if not mirrored:
            return *mesh_to_68(mesh), presence
        # in a mirrored crop the network's "right" is the sitter's left: undo the handedness, then the order
        flip = np.array([-1.0, 1.0, 1.0], np.float32)
        points, irises = mesh_to_68(mesh * flip)
        return (points * flip)[MIRROR], (irises * flip[:2])[list(IRIS_MIRROR)], presence


def _roi_of(face: Face) -> Roi:
    # the 68 points leave out the forehead that the mesh covers: its box is a little over half as large again
    return roi_from_points(_with_forehead(face.points), face.points[36], face.points[45])


def _close(a: Roi, b: Roi) -> bool:
    """Whether a crop made for the one region shows the other well enough."""
    shift = float(np.hypot(a.x - b.x, a.y - b.y)) / a.side
    turn = abs((a.angle - b.angle + np.pi) % (2 * np.pi) - np.pi)
    return shift < FAR and abs(a.side / b.side - 1.0) < FAR and turn < FAR


def _with_forehead(points: np.ndarray) -> np.ndarray:
    chin, brow = points[8, :2], points[27, :2]
    return np.concatenate([points[:, :2], (brow + (brow - chin) * 0.62)[None]])


def _plausible(mesh: np.ndarray, roi: Roi) -> bool:
    """Whether the mesh is a face in this region and not a collapsed one beside it."""
    box = points_box(mesh)
    size = float(max(box[2] - box[0], box[3] - box[1]))
    center = (box[:2] + box[2:]) / 2
    return (
        0.25 * roi.side < size < 1.5 * roi.side
        and float(np.hypot(*(center - (roi.x, roi.y)))) < 0.5 * roi.side
    )
