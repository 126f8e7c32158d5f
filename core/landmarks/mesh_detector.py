# SPDX-License-Identifier: GPL-3.0-or-later
"""The embedded backend: BlazeFace boxes and the refined face mesh, mapped onto the 68 points.

Confidence of a point: how surely the network sees a face in the crop (its presence score), times how well two
looks at that face agree on the point: one as it is, one mirrored.  Points that differ by ``AGREE`` of the
distance of the outer eye corners count half.  It says how repeatable a point is, not that it is where a
person would put it.
"""

from __future__ import annotations

import numpy as np

from .face import Face, check_image, largest_first, points_box
from .mesh_net import Box, BoxNet, MeshNet, Roi, roi_from_box, roi_from_points
from .mesh_points import LEFT_EYE, RIGHT_EYE, mesh_to_68
from .schema import IRIS_MIRROR, MIRROR

AGREE = 0.06
PRESENT = 0.5
LOOKS = 3
"""Passes of the mesh over a still, each on the region that the one before suggests."""


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
        """The landmarks again on a crop around ``face``."""
        return self._look(image, _roi_of(face), face.score, LOOKS - 1)

    def follow(self, image: np.ndarray, face: Face) -> Face | None:
        """The landmarks in the next frame: one look where the face was, one mirrored look where it is."""
        return self._look(image, _roi_of(face), face.score, 1)

    def close(self) -> None:
        """Stop the networks."""
        self._boxes.close()
        self._mesh.close()

    def _from_box(self, image: np.ndarray, box: Box) -> Face | None:
        return self._look(image, roi_from_box(box), box.score, LOOKS)

    def _look(self, image: np.ndarray, roi: Roi, score: float, looks: int) -> Face | None:
        for _ in range(looks):
            mesh, presence = self._mesh.on_image(image, roi)
            if presence < PRESENT or not _plausible(mesh, roi):
                return None
            roi = roi_from_points(mesh[:468], mesh[RIGHT_EYE], mesh[LEFT_EYE])
        points, irises = mesh_to_68(mesh)
        turned, presence_turned = self._mesh.on_image(image, roi, mirrored=True)
        # in a mirrored crop the network's "right" is the sitter's left: flip the handedness of the frame,
        # then the order
        flip = np.array([-1.0, 1.0, 1.0])
        other, other_irises = mesh_to_68(turned * flip)
        other = (other * flip.astype(np.float32))[MIRROR]
        other_irises = (other_irises * flip[:2].astype(np.float32))[list(IRIS_MIRROR)]
        unit = float(np.linalg.norm(points[45] - points[36]))
        apart = np.linalg.norm((points - other)[:, :2], axis=1) / max(unit, 1e-6)
        presence = (presence + presence_turned) / 2
        confidence = presence / (1.0 + (apart / AGREE) ** 2)
        points = (points + other) / 2
        irises = (irises + other_irises) / 2
        return Face(
            points, irises, confidence.astype(np.float32), points_box(points), float(score * presence)
        )


def _roi_of(face: Face) -> Roi:
    # the 68 points leave out the forehead that the mesh covers: its box is a little over half as large again
    return roi_from_points(_with_forehead(face.points), face.points[36], face.points[45])


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
