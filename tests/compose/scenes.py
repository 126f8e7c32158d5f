# SPDX-License-Identifier: GPL-3.0-or-later
"""A painted sitter made on the spot, with known landmarks: hair, face,
neck and shoulders on a grained ground."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from core.media.picture import Picture


@dataclass(frozen=True, eq=False)
class Scene:
    """``face.points`` as a detector gives them; ``truth`` bool [H, W] is the sitter,
    ``ground`` the picture without."""

    picture: Picture
    points: np.ndarray
    truth: np.ndarray
    ground: np.ndarray


def landmarks(center: tuple[float, float], size: float) -> np.ndarray:
    """float32 [68, 3]: a frontal face, ``size`` px from brows to chin."""
    x, y = center
    angle = np.linspace(np.pi, 0, 17)
    jaw = np.stack([0.5 * np.cos(angle), 0.5 * np.sin(angle)], axis=1)
    brows = np.array(
        [[s * (0.12 + 0.06 * i), -0.5 - 0.02 * min(i, 4 - i)] for s in (-1, 1) for i in range(5)]
    )
    brows[:5] = brows[:5][::-1]
    bridge = np.array([[0, -0.4 + 0.12 * i] for i in range(4)])
    base = np.array([[-0.12 + 0.06 * i, 0.03] for i in range(5)])
    lid = np.array([[-0.1, 0], [-0.04, -0.04], [0.04, -0.04], [0.1, 0], [0.04, 0.04], [-0.04, 0.04]])
    eyes = np.concatenate([lid + [-0.25, -0.35], lid + [0.25, -0.35]])
    turn = np.linspace(np.pi, -np.pi, 12, endpoint=False)
    lips = np.stack([0.2 * np.cos(turn), 0.2 - 0.07 * np.sin(turn)], axis=1)
    inner = np.stack([0.12 * np.cos(turn[::2]), 0.2 - 0.03 * np.sin(turn[::2])], axis=1)
    inner = np.concatenate([inner, inner[:2]])
    flat = np.concatenate([jaw, brows, bridge, base, eyes, lips, inner]) * size + [x, y]
    return np.concatenate([flat, np.zeros((68, 1))], axis=1).astype(np.float32)


def brushwork(
    shape: tuple[int, int], color: tuple[int, int, int], seed: int, strength: float = 12
) -> np.ndarray:
    """float32 [H, W, 3]: ``color`` with slanted strokes and fine grain."""
    rng = np.random.default_rng(seed)
    strokes = cv2.GaussianBlur(rng.normal(0, 1, shape).astype(np.float32), (0, 0), 4, sigmaY=1.2)
    grain = cv2.GaussianBlur(rng.normal(0, 1, shape).astype(np.float32), (0, 0), 0.7)
    texture = strength * (strokes / strokes.std() + 0.5 * grain / grain.std())
    return np.array(color, np.float32) + texture[..., None]


def make_scene(size: tuple[int, int] = (640, 800), *, dark: bool = False, dtype: type = np.uint8) -> Scene:
    """A sitter in a picture of ``size`` (w, h); ``dark``: brown hair before a dark brown wall."""
    width, height = size
    face = 0.22 * min(width, height)
    x, y = width / 2, height * 0.42
    ground = brushwork((height, width), (62, 46, 34) if dark else (110, 130, 150), 1, 6 if dark else 12)
    hair = np.zeros((height, width), np.uint8)
    cv2.ellipse(hair, (int(x), int(y - 0.25 * face)), (int(0.72 * face), int(0.85 * face)), 0, 0, 360, 1, -1)
    skin = np.zeros_like(hair)
    cv2.ellipse(skin, (int(x), int(y - 0.1 * face)), (int(0.5 * face), int(0.64 * face)), 0, 0, 360, 1, -1)
    body = np.zeros_like(hair)
    cv2.rectangle(body, (int(x - 0.25 * face), int(y)), (int(x + 0.25 * face), int(y + face)), 1, -1)
    cv2.ellipse(body, (int(x), int(y + 2.4 * face)), (int(1.5 * face), int(1.6 * face)), 0, 0, 360, 1, -1)
    image = ground.copy()
    for mask, color, seed in ((body, (120, 30, 40), 2), (hair, (40, 26, 18), 3), (skin, (215, 170, 140), 4)):
        soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 1.0)[..., None]
        image += (brushwork((height, width), color, seed, 8) - image) * soft
    points = landmarks((x, y), face)
    for eye in (slice(36, 42), slice(42, 48)):
        middle = points[eye, :2].mean(axis=0)
        cv2.ellipse(
            image,
            (int(middle[0]), int(middle[1])),
            (int(0.1 * face), int(0.045 * face)),
            0,
            0,
            360,
            (235, 230, 225),
            -1,
        )
        cv2.circle(image, (int(middle[0]), int(middle[1])), int(0.045 * face), (50, 35, 25), -1)
    cv2.polylines(
        image, [points[27:31, :2].astype(np.int32)], False, (180, 130, 105), max(1, int(0.03 * face))
    )
    cv2.fillPoly(image, [points[48:60, :2].astype(np.int32)], (170, 70, 70))
    for brow in (slice(17, 22), slice(22, 27)):
        cv2.polylines(
            image, [points[brow, :2].astype(np.int32)], False, (70, 45, 30), max(1, int(0.05 * face))
        )
    peak = np.iinfo(dtype).max
    scale = peak / 255

    def finish(values: np.ndarray) -> np.ndarray:
        return np.clip(np.rint(values * scale), 0, peak).astype(dtype)

    return Scene(Picture(finish(image)), points, (hair | skin | body) > 0, finish(ground))
