# SPDX-License-Identifier: GPL-3.0-or-later
"""Small prepared episodes of drawn faces: what the training reads, without clips or detectors."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from safetensors.numpy import save_file

from core.generator.config import GeneratorConfig
from core.generator.raster import RASTER_VERSION

TINY = GeneratorConfig(
    size=64,
    embedding=16,
    generator=(8, 8, 16, 16, 16),
    middle=1,
    embedder=(8, 16, 16),
    discriminator=(8, 16, 16),
)
"""Networks of some ten thousand weights."""


def face_points(mouth: float = 0.0, move: tuple[float, float] = (0.0, 0.0), size: int = 64) -> np.ndarray:
    """float32 [68, 2] px: a frontal face, mirror-symmetric before ``move`` px; ``mouth`` 0..1 opens it."""

    def ellipse(
        x: float, y: float, rx: float, ry: float, angles: Sequence[float]
    ) -> list[tuple[float, float]]:
        turned = np.radians(np.asarray(angles, np.float64))
        return list(zip(x + rx * np.cos(turned), y - ry * np.sin(turned), strict=True))

    points = ellipse(0.5, 0.45, 0.3, 0.42, np.linspace(180, 360, 17))
    points += [(x, 0.3 - 0.02 * np.sin(np.pi * i / 4)) for i, x in enumerate(np.linspace(0.27, 0.43, 5))]
    points += [(x, 0.3 - 0.02 * np.sin(np.pi * i / 4)) for i, x in enumerate(np.linspace(0.57, 0.73, 5))]
    points += [(0.5, y) for y in np.linspace(0.36, 0.52, 4)]
    points += [(x, 0.56) for x in np.linspace(0.44, 0.56, 5)]
    points += ellipse(0.36, 0.38, 0.06, 0.03, (180, 120, 60, 0, 300, 240))
    points += ellipse(0.64, 0.38, 0.06, 0.03, (180, 120, 60, 0, 300, 240))
    opened = 0.02 + 0.07 * mouth
    points += ellipse(0.5, 0.7, 0.12, opened + 0.03, (180, 150, 120, 90, 60, 30, 0, 330, 300, 270, 240, 210))
    points += ellipse(0.5, 0.7, 0.1, opened, (180, 135, 90, 45, 0, 315, 270, 225))
    return (np.array(points) * size + move).astype(np.float32)


def face_irises(points: np.ndarray) -> np.ndarray:
    """float32 [2, 2]: the middles of the eyes."""
    return np.stack([points[36:42].mean(0), points[42:48].mean(0)]).astype(np.float32)


def face_image(points: np.ndarray, skin: Sequence[int], ground: Sequence[int], size: int = 64) -> np.ndarray:
    """uint8 RGB [size, size, 3] of a face with these landmarks."""
    image = np.empty((size, size, 3), np.uint8)
    image[:] = ground

    def fill(rows: slice, color: Sequence[int]) -> None:
        polygon = np.round(points[rows] * 16).astype(np.int32)
        cv2.fillPoly(image, [polygon], [int(value) for value in color], cv2.LINE_AA, 4)

    hull = cv2.convexHull(points[:27])[:, 0]
    cv2.fillPoly(
        image, [np.round(hull * 16).astype(np.int32)], [int(value) for value in skin], cv2.LINE_AA, 4
    )
    fill(slice(36, 42), (250, 250, 250))
    fill(slice(42, 48), (250, 250, 250))
    fill(slice(48, 60), (170, 40, 50))
    fill(slice(60, 68), (30, 5, 10))
    return image


def write_episodes(
    folder: Path,
    clips: int = 2,
    frames: int = 5,
    size: int = 64,
    kinds: Sequence[str] = ("clip",),
    seed: int = 0,
) -> Path:
    """Write a prepared folder of ``clips`` persons; each talks and moves; every frame drives frame 0.

    The warp knows the movement but not the mouth, as a rigid one would.
    """
    random = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    sources = []
    for number in range(clips):
        name = f"person{number}"
        skin, ground = random.integers(90, 240, 3), random.integers(0, 200, 3)
        moves = random.uniform(-3, 3, (frames, 2)) * size / 64
        moves[0] = 0
        points = np.stack([face_points(i / max(1, frames - 1), tuple(moves[i]), size) for i in range(frames)])
        images = [face_image(it, skin, ground, size) for it in points]
        pairs = np.array([(0, i) for i in range(1, frames)], np.int32)
        warped, masks, shift = [], [], []
        for _, target in pairs:
            x, y = moves[target]
            matrix = np.array([[1, 0, x], [0, 1, y]])
            warped.append(cv2.warpAffine(images[0], matrix, (size, size), borderMode=cv2.BORDER_REPLICATE))
            mask = np.zeros((size // 2, size // 2, 4), np.uint8)
            hull = cv2.convexHull(points[target][:27] / 2)[:, 0].astype(np.int32)
            for channel, polygon in ((2, points[target][60:68] / 2), (3, hull)):
                layer = np.ascontiguousarray(mask[..., channel])
                cv2.fillPoly(layer, [polygon.astype(np.int32)], 255)
                mask[..., channel] = layer
            masks.append(mask)
            shift.append(np.broadcast_to((-moves[target] / size), (size // 8, size // 8, 2)))
        tensors = {
            "points": points,
            "irises": np.stack([face_irises(it) for it in points]),
            "pairs": pairs,
            "shift": np.stack(shift).astype(np.float16),
            **_blobs("frames", [_jpeg(image) for image in images]),
            **_blobs("warped", [_jpeg(image) for image in warped]),
            **_blobs("masks", [cv2.imencode(".png", mask)[1] for mask in masks]),
        }
        save_file(tensors, folder / f"{name}.safetensors")
        kind = kinds[number % len(kinds)]
        item = {"file": f"{name}.safetensors", "name": name, "person": name, "kind": kind}
        sources.append(item | {"frames": frames, "pairs": len(pairs)})
    index = {
        "schema": "tableau-vivant/episodes-1",
        "size": size,
        "raster": RASTER_VERSION,
        "sources": sources,
    }
    (folder / "index.json").write_text(json.dumps(index), encoding="utf-8")
    return folder


def _jpeg(image: np.ndarray) -> np.ndarray:
    options = [
        cv2.IMWRITE_JPEG_QUALITY,
        95,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    ]
    return cv2.imencode(".jpg", np.ascontiguousarray(image[..., ::-1]), options)[1]


def _blobs(name: str, blobs: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    offsets = np.concatenate([[0], np.cumsum([len(blob) for blob in blobs])]).astype(np.int64)
    return {name: np.concatenate([blob.reshape(-1) for blob in blobs]), f"{name}_offsets": offsets}
