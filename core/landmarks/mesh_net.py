# SPDX-License-Identifier: GPL-3.0-or-later
"""The networks of MediaPipe: BlazeFace boxes, and the 478-point face mesh on a crop that this module chooses.

Why MediaPipe 0.10.21 and not bare TFLite files: it is the last release that carries its weights inside
the wheel, it runs the *refined* mesh (lids, lips and irises get networks of their own, which OpenCV's
TFLite reader cannot load), and the same package brings the selfie segmentation that the matte needs.
It works without the jax, sounddevice and contrib OpenCV that it names as dependencies;
it is therefore installed with ``--no-deps``.

The ready-made face mesh solution decides by itself where to look and keeps its certainty to itself.  Here its
inner graph runs alone, on a 192 px crop cut (and turned upright) by this module: crops are exact, repeatable
and free of hidden state, and the presence score comes out.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

MESH_POINTS = 478
CROP = 192
_GRAPH = """
input_stream: "image"
input_stream: "roi"
input_side_packet: "with_attention"
output_stream: "projected"
node {
  calculator: "FaceLandmarkCpu"
  input_stream: "IMAGE:image"
  input_stream: "ROI:roi"
  input_side_packet: "WITH_ATTENTION:with_attention"
  output_stream: "LANDMARKS:projected"
}
"""
# names that MediaPipe gives to the streams inside the node above
_LANDMARKS = "facelandmarkcpu__landmarks"
_PRESENCE = "facelandmarkcpu__face_presence_score"
_THRESHOLD = "facelandmarkcpu__ThresholdingCalculator.threshold"


@dataclass(frozen=True)
class Roi:
    """A square, turned region of an image: center and side in px, angle in radians (clockwise as seen)."""

    x: float
    y: float
    side: float
    angle: float

    def to_image(self) -> np.ndarray:
        """float64 [2, 3]: maps crop coordinates 0..1 to px of the image."""
        cos, sin = np.cos(self.angle) * self.side, np.sin(self.angle) * self.side
        return np.array(
            [
                [cos, -sin, self.x - 0.5 * cos + 0.5 * sin],
                [sin, cos, self.y - 0.5 * sin - 0.5 * cos],
            ]
        )


@dataclass(frozen=True)
class Box:
    """A found face: the eyes (px; right, then left), the box x0, y0, x1, y1 and the detector's score 0..1."""

    eyes: np.ndarray
    box: np.ndarray
    score: float


@contextmanager
def quiet() -> Iterator[None]:
    """Hold back what native libraries print on stderr while they start;
    show it after all where an error is raised."""
    sys.stderr.flush()
    try:
        saved = os.dup(2)
    except OSError:  # no stderr at all (pythonw)
        yield
        return
    with tempfile.TemporaryFile() as sink:
        os.dup2(sink.fileno(), 2)
        try:
            yield
        except BaseException:
            os.dup2(saved, 2)
            sink.seek(0)
            sys.stderr.write(sink.read().decode("utf-8", "replace"))
            raise
        finally:
            os.dup2(saved, 2)
            os.close(saved)


class MeshNet:
    """The refined face mesh on chosen crops.  Not safe for use from two threads at once."""

    def __init__(self) -> None:
        with quiet():
            from mediapipe.framework.formats import rect_pb2
            from mediapipe.python.solution_base import SolutionBase

            self._graph: Any = SolutionBase(
                graph_config=_GRAPH,
                calculator_params={_THRESHOLD: 0.0},
                side_inputs={"with_attention": True},
                outputs=[_LANDMARKS, _PRESENCE],
            )
            # the crop is cut before it gets here, so the graph's own region is always the whole of it
            self._whole = rect_pb2.NormalizedRect(
                x_center=0.5, y_center=0.5, width=1.0, height=1.0, rotation=0.0
            )
            self.on_crop(np.zeros((CROP, CROP, 3), np.uint8))  # the first run prints, too

    def on_crop(self, crop: np.ndarray) -> tuple[np.ndarray, float]:
        """Mesh float64 [478, 3] in units of the crop (z: of its width), and how present a face is (0..1)."""
        result = self._graph.process({"image": crop, "roi": self._whole})
        mesh = np.array([(p.x, p.y, p.z) for p in getattr(result, _LANDMARKS).landmark], np.float64)
        return mesh, float(getattr(result, _PRESENCE))

    def on_image(self, image: np.ndarray, roi: Roi, mirrored: bool = False) -> tuple[np.ndarray, float]:
        """Mesh float64 [478, 3] in px of ``image`` from one region of it, and the presence score.

        ``mirrored`` shows the network the flipped crop;
        the points come back unflipped but in the flipped order.
        """
        crop = cut(image, roi)
        mesh, presence = self.on_crop(np.ascontiguousarray(crop[:, ::-1]) if mirrored else crop)
        if mirrored:
            mesh[:, 0] = 1.0 - mesh[:, 0]
        matrix = roi.to_image()
        mesh[:, :2] = mesh[:, :2] @ matrix[:, :2].T + matrix[:, 2]
        mesh[:, 2] *= roi.side
        return mesh, presence

    def close(self) -> None:
        """Stop the graph."""
        if self._graph is not None:
            self._graph.close()
            self._graph = None


class BoxNet:
    """BlazeFace: the short-range network first, the full-range one where that finds nothing."""

    def __init__(self, least: float = 0.5) -> None:
        with quiet():
            from mediapipe.python.solutions.face_detection import FaceDetection

            self._nets: list[Any] = [FaceDetection(least, model_selection=model) for model in (0, 1)]
            for net in self._nets:
                net.process(np.zeros((CROP, CROP, 3), np.uint8))

    def find(self, image: np.ndarray, full_range: bool) -> list[Box]:
        """Faces that one of the two networks sees in RGB uint8 [H, W, 3]; px of that image."""
        height, width = image.shape[:2]
        size = np.array([width, height], np.float64)
        found = []
        for item in self._nets[int(full_range)].process(np.ascontiguousarray(image)).detections or ():
            place = item.location_data
            eyes = np.array([(key.x, key.y) for key in place.relative_keypoints[:2]]) * size
            rect = place.relative_bounding_box
            corner = np.array([rect.xmin, rect.ymin]) * size
            extent = np.array([rect.width, rect.height]) * size
            found.append(Box(eyes, np.concatenate([corner, corner + extent]), float(item.score[0])))
        return found

    def close(self) -> None:
        """Stop both networks."""
        for net in self._nets:
            net.close()
        self._nets = []


def cut(image: np.ndarray, roi: Roi) -> np.ndarray:
    """The region as RGB uint8 [192, 192, 3]; shrunk without aliasing, grey outside the image."""
    matrix = roi.to_image()
    block = int(roi.side / CROP)
    if block > 1:
        # average whole blocks of px first: bilinear sampling alone would skip most of a large scan
        corners = np.array([[0, 0], [1, 0], [0, 1], [1, 1]]) @ matrix[:, :2].T + matrix[:, 2]
        low = np.clip(np.floor(corners.min(axis=0)).astype(int) - block, 0, None)
        high = np.minimum(np.ceil(corners.max(axis=0)).astype(int) + block, image.shape[1::-1])
        high = low + (high - low) // block * block
        if (high <= low).any():
            return np.full((CROP, CROP, 3), 127, np.uint8)
        size = (high - low) // block
        part = image[low[1] : high[1], low[0] : high[0]]
        image = cv2.resize(part, (int(size[0]), int(size[1])), interpolation=cv2.INTER_AREA)
        matrix = np.concatenate([matrix[:, :2], (matrix[:, 2] - low)[:, None]], axis=1) / block
    # from the middle of each px of the crop to px middles of the image, as OpenCV counts them
    warp = np.concatenate(
        [matrix[:, :2] / CROP, (matrix[:, 2] + matrix[:, :2].sum(axis=1) * 0.5 / CROP - 0.5)[:, None]], 1
    )
    return cv2.warpAffine(
        image,
        warp,
        (CROP, CROP),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(127, 127, 127),
    )


def roi_from_box(box: Box) -> Roi:
    """Where the mesh looks first: upright by the eyes, 1.5 times the box."""
    across = box.eyes[1] - box.eyes[0]
    side = 1.5 * float(max(box.box[2] - box.box[0], box.box[3] - box.box[1]))
    center = (box.box[:2] + box.box[2:]) / 2
    return Roi(float(center[0]), float(center[1]), side, float(np.arctan2(across[1], across[0])))


def roi_from_points(points: np.ndarray, right: np.ndarray, left: np.ndarray, scale: float = 1.5) -> Roi:
    """Where the mesh looks next: upright by the outer eye corners,
    ``scale`` times the turned box of ``points`` [N, 2]."""
    angle = float(np.arctan2(left[1] - right[1], left[0] - right[0]))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    upright = points[:, :2] @ turn
    low, high = upright.min(axis=0), upright.max(axis=0)
    center = turn @ ((low + high) / 2)
    return Roi(float(center[0]), float(center[1]), float((high - low).max()) * scale, angle)
