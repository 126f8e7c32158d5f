# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo portrait, its landmarks, and videos made of it on the spot."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from core.landmarks.detect import Detector, Face, find_faces, make_detector
from core.media.picture import load_picture


@pytest.fixture(scope="session")
def portrait(demo_portrait: Path) -> np.ndarray:
    """RGB uint8 [1280, 1024, 3]."""
    return load_picture(demo_portrait).rgb8()


@pytest.fixture(scope="session")
def detector() -> Iterator[Detector]:
    made = make_detector("mediapipe")
    yield made
    made.close()


@pytest.fixture(scope="session")
def face(portrait: np.ndarray, detector: Detector) -> Face:
    """The landmarks of the demo portrait as it is."""
    return find_faces(portrait, detector)[0]


def similarity(
    scale: float = 1.0,
    degrees: float = 0.0,
    about: tuple[float, float] = (0, 0),
    to: tuple[float, float] = (0, 0),
) -> np.ndarray:
    """[2, 3]: turn and scale about a point and put that point at ``to`` (px corners are whole numbers)."""
    angle = np.deg2rad(degrees)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.concatenate([turn, (np.array(to) - turn @ np.array(about))[:, None]], axis=1)


def moved(image: np.ndarray, matrix: np.ndarray, size: tuple[int, int], ground: int = 96) -> np.ndarray:
    """The image after ``matrix``, on a canvas (width, height)."""
    warp = matrix.copy()
    warp[:, 2] += matrix[:, :2].sum(axis=1) * 0.5 - 0.5
    return cv2.warpAffine(image, warp, size, flags=cv2.INTER_AREA, borderValue=(ground,) * 3)


def apart(points: np.ndarray, expected: np.ndarray) -> float:
    """Mean distance of points [68, 2 or 3] in distances of the expected outer eye corners."""
    unit = np.linalg.norm(expected[45, :2] - expected[36, :2])
    return float(np.linalg.norm(points[:, :2] - expected[:, :2], axis=1).mean() / unit)


def write_video(path: Path, frames: Iterable[tuple[float, np.ndarray]]) -> None:
    """A video whose frames carry just these times (s), to the millisecond."""
    with av.open(str(path), "w") as container:
        stream = None
        for time, frame in frames:
            if stream is None:
                stream = container.add_stream("libx264", rate=Fraction(25))
                stream.width, stream.height, stream.pix_fmt = frame.shape[1], frame.shape[0], "yuv420p"
                stream.codec_context.time_base = Fraction(1, 1000)
                stream.options = {"crf": "12", "preset": "ultrafast", "bf": "0"}
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            picture.pts, picture.time_base = round(time * 1000), Fraction(1, 1000)
            container.mux(stream.encode(picture))
        assert stream is not None
        container.mux(stream.encode())
