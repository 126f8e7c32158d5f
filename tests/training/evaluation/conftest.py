# SPDX-License-Identifier: GPL-3.0-or-later
"""Two short clips of the demo portrait, made on the spot."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

RATE, FRAMES = Fraction(25), 16


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Small networks gain nothing by more, and lose much where other processes run."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory, demo_portrait: Path) -> Path:
    """A folder with a_00.mp4 (a mouth that opens in a head that turns in its plane), b_00.mp4 (the same,
    mirrored and darker), and blank.mp4 without any face."""
    from core.compose.compositor import Compositor
    from core.landmarks.detect import detect_portrait
    from core.media.encode import VideoWriter
    from core.media.picture import Picture, load_picture

    full = load_picture(demo_portrait).rgb8()
    side = min(full.shape[:2])
    image = cv2.resize(full[:side, :side], (256, 256), interpolation=cv2.INTER_AREA)
    folder = tmp_path_factory.mktemp("clips")
    looks = {"a": image, "b": np.ascontiguousarray(image[:, ::-1] // 4 * 3)}
    for name, pixels in looks.items():
        picture = Picture(pixels=pixels)
        face, _ = detect_portrait(picture, backend="mediapipe")
        compositor = Compositor(picture, face)
        unit = float(np.linalg.norm(face.points[36, :2] - face.points[45, :2]))
        with VideoWriter(folder / f"{name}_00.mp4", (256, 256), RATE) as writer:
            for row in range(FRAMES):
                part = np.sin(np.pi * row / (FRAMES - 1))
                points = face.points[:, :2].astype(np.float64)
                points[[56, 57, 58, 65, 66, 67], 1] += 0.15 * unit * part
                turn = cv2.getRotationMatrix2D(tuple(map(float, points[8])), 8 * row / FRAMES, 1)
                irises = face.irises @ turn[:, :2].T + turn[:, 2]
                writer.write(compositor.render(points @ turn[:, :2].T + turn[:, 2], irises)[..., :3])
    with VideoWriter(folder / "blank.mp4", (256, 256), RATE) as writer:
        for _ in range(FRAMES):
            writer.write(np.full((256, 256, 3), 90, np.uint8))
    return folder
