# SPDX-License-Identifier: GPL-3.0-or-later
"""A tiny base and a painted sitter for tests of personalization."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from core.generator.config import GeneratorConfig
from core.generator.discriminator import Discriminator
from core.generator.embedder import Embedder, Projection
from core.generator.generator import Generator
from core.generator.inputs import Shot, View
from core.generator.weights import Base, load_base, save_base
from core.landmarks.face import FULL_CONFIDENCE, UNKNOWN_IRISES, Face, points_box
from core.media.picture import Picture
from core.training.shot_pairs import Pair
from tests.compose.scenes import make_scene

SIZE = 64
TINY = GeneratorConfig(
    size=SIZE,
    embedding=16,
    generator=(8, 12, 16, 16, 16),
    middle=1,
    embedder=(8, 12, 16),
    discriminator=(8, 12, 16),
)


def tiny_base(folder: Path, seed: int = 0, *, discriminator: bool = True) -> Base:
    """Random weights, written to ``folder`` and read back."""
    torch.manual_seed(seed)
    networks = (Embedder(TINY), Projection(TINY), Generator(TINY))
    critic = Discriminator(TINY, 0) if discriminator else None
    save_base(folder, TINY, *networks, critic, {"name": "tiny"})
    return load_base(folder)


def painted(seed: int = 0) -> tuple[Picture, Face]:
    """A painted sitter; another seed, another lightness of the same one."""
    scene = make_scene((320, 400))
    pixels = np.clip(scene.picture.pixels.astype(np.int16) + 6 * seed, 0, 255).astype(np.uint8)
    points = scene.points.astype(np.float32)
    return Picture(pixels), Face(points, UNKNOWN_IRISES, FULL_CONFIDENCE, points_box(points), 1.0)


def shot_of(seed: int = 0) -> Shot:
    """The same at the work size, cut out plainly."""
    scene = make_scene((SIZE, SIZE + 16))
    return Shot(scene.picture.pixels[:SIZE], scene.points[:, :2].astype(np.float32), UNKNOWN_IRISES)


def dim_pairs(count: int, *, answers: bool = True) -> list[Pair]:
    """Pairs whose warp is darker than the answer and moved by a little: something easy to learn."""
    shot, pairs = shot_of(), []
    for index in range(count):
        warped = np.roll((shot.image * 0.7).astype(np.uint8), index % 3, 1)
        masks = np.zeros((SIZE // 2, SIZE // 2, 4), np.uint8)
        masks[8:, 8:24, 3] = 255
        shift = np.full((SIZE // 8, SIZE // 8, 2), 0.01 * index, np.float32)
        view = View(warped, shift, masks, shot.points + np.float32(index % 2), shot.irises)
        pairs.append(Pair(shot, view, shot.image if answers else None))
    return pairs
