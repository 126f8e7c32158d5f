# SPDX-License-Identifier: GPL-3.0-or-later
"""Photographs as paintings, so that a network meets paint whose motion is known.

Patches of paint by the generalized Kuwahara filter (Papari et al. 2007: eight sectors, the calmest of them
win), strokes drawn along the form, bristles, palette and varnish, craquelure and canvas.  One hand paints
every frame of a clip alike: strokes follow the face, while palette and ground stay what they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

SECTORS = 8
CALM = 4.0  # power by which calmer sectors win
CARE = 0.9  # how much finer eyes and mouth are painted than the rest
STEPS = 3  # samples of a stroke to either side


@dataclass(frozen=True, eq=False)
class Painter:
    """One painter's hand; px are those of a 256 px picture.

    radius, stroke: px, size of a patch and half the length of a stroke.  bristle, canvas, cracks:
    amplitudes in 0..1 of brightness.  lightness: gamma; contrast, chroma: factors; tint: shift of Lab's a, b;
    warm: strength of yellowed varnish, 0..1; bleed: px by which color is blurred more than light.
    seed: of bristles, canvas and cracks.
    """

    radius: float
    stroke: float
    bristle: float
    canvas: float
    cracks: float
    lightness: float
    contrast: float
    chroma: float
    tint: tuple[float, float]
    warm: float
    bleed: float
    seed: int

    @staticmethod
    def of(random: np.random.Generator) -> Painter:
        """A hand by chance, from smooth to broad."""
        breadth = random.uniform(0.0, 1.0)
        tint = random.normal(0.0, 4.0, 2)
        return Painter(
            radius=1.0 + 2.0 * breadth,
            stroke=1.0 + 3.0 * breadth * random.uniform(0.5, 1.0),
            bristle=float(random.uniform(0.005, 0.02) * (0.5 + breadth)),
            canvas=float(random.uniform(0.0, 0.02)),
            cracks=float(random.uniform(0.04, 0.12)) if random.uniform() < 0.3 else 0.0,
            lightness=float(random.uniform(0.8, 1.35)),
            contrast=float(random.uniform(0.8, 1.2)),
            chroma=float(random.uniform(0.45, 1.25)),
            tint=(float(tint[0]), float(tint[1])),
            warm=float(max(0.0, random.uniform(-0.3, 0.8))),
            bleed=float(random.uniform(0.0, 3.0)),
            seed=int(random.integers(2**31)),
        )

    def paint(self, image: np.ndarray, points: np.ndarray | None = None) -> np.ndarray:
        """A picture painted, uint8 RGB [H, W, 3]; the same picture always comes out alike.

        points: landmarks [68, >= 2] px of a face, whose eyes, nose and mouth are painted with a fine brush.
        """
        scale = max(image.shape[:2]) / 256
        light = image.astype(np.float32) / np.float32(255)
        patches = _kuwahara(light, max(1, round(self.radius * scale)))
        along = _tangents(patches, 2.0 * scale)
        patches = _smeared(patches, along, self.stroke * scale)
        if points is not None:
            patches += _care(points, image.shape[:2])[..., None] * (self._fine(light) - patches)
        noise = _noise(self.seed, image.shape[:2])
        bristles = _smeared(noise, along, 2.5 * self.stroke * scale)
        bristles /= max(float(bristles.std()), 1e-6)
        # bristles show where paint is thick: in the lights
        thick = 0.4 + 0.6 * patches.mean(axis=2)
        out = self._graded(patches, scale)
        out += (self.bristle * thick * np.clip(bristles, -2.5, 2.5))[..., None]
        out = out * (1.0 + self.canvas * _weave(image.shape[:2], scale)[..., None])
        if self.cracks:
            out = out * (1.0 - self.cracks * _cracks(self.seed, image.shape[0], image.shape[1])[..., None])
        return np.rint(np.clip(out, 0, 1) * 255).astype(np.uint8)

    def _fine(self, image: np.ndarray) -> np.ndarray:
        """The picture painted with a fine brush."""
        return 0.6 * _kuwahara(image, 1) + 0.4 * image

    def _graded(self, image: np.ndarray, scale: float) -> np.ndarray:
        """Palette and varnish."""
        lab = cv2.cvtColor(np.clip(image, 0, 1), cv2.COLOR_RGB2LAB)
        tone = np.clip(lab[..., 0] / 100, 1e-4, 1) ** self.lightness
        tone = 0.45 + (tone - 0.45) * self.contrast
        lab[..., 0] = 100 * np.clip(tone, 0.02, 0.98)
        color = lab[..., 1:]
        if self.bleed * scale > 0.3:
            color = cv2.GaussianBlur(color, (0, 0), self.bleed * scale)
        lab[..., 1:] = color * self.chroma + np.array(self.tint, np.float32)
        out = cv2.cvtColor(lab, cv2.COLOR_LAB2RGB)
        varnish = 1.0 - self.warm * np.array([0.04, 0.14, 0.36], np.float32)
        # old varnish swallows blue and lifts the darks
        return out * varnish + self.warm * np.array([0.035, 0.022, 0.008], np.float32)


def _kuwahara(image: np.ndarray, radius: int) -> np.ndarray:
    """The generalized Kuwahara filter of an image float32 [H, W, 3]."""
    total = np.zeros_like(image)
    weight = np.zeros(image.shape[:2], np.float32)
    squares = image * image
    for kernel in _sectors(radius):
        mean = cv2.filter2D(image, -1, kernel, borderType=cv2.BORDER_REFLECT)
        spread = cv2.filter2D(squares, -1, kernel, borderType=cv2.BORDER_REFLECT) - mean * mean
        calm = (1e-3 + np.sqrt(np.maximum(spread.sum(axis=2), 0))) ** -np.float32(CALM)
        total += calm[..., None] * mean
        weight += calm
    return total / weight[..., None]


@lru_cache(maxsize=16)
def _sectors(radius: int) -> tuple[np.ndarray, ...]:
    """Eight soft sectors of a disc, each a kernel of sum 1."""
    reach = 2 * radius
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(np.float64)
    disc = np.exp(-(x * x + y * y) / (2 * (0.6 * reach) ** 2)) * (x * x + y * y <= (reach + 0.5) ** 2)
    kernels = []
    for sector in range(SECTORS):
        angle = 2 * np.pi * sector / SECTORS
        facing = np.cos(np.arctan2(y, x) - angle)
        part = np.clip((facing - np.cos(np.pi / SECTORS * 1.4)) / 0.15, 0, 1)
        part[reach, reach] = 1 / SECTORS
        kernel = disc * part
        kernels.append((kernel / kernel.sum()).astype(np.float32))
    return tuple(kernels)


def _tangents(image: np.ndarray, sigma: float) -> np.ndarray:
    """Unit directions along the form, float32 [H, W, 2], from the smoothed structure tensor."""
    grey = image.mean(axis=2)
    dx = cv2.Sobel(grey, cv2.CV_32F, 1, 0, ksize=3)
    dy = cv2.Sobel(grey, cv2.CV_32F, 0, 1, ksize=3)
    tensor = cv2.GaussianBlur(np.stack([dx * dx, dy * dy, dx * dy], 2), (0, 0), sigma)
    angle = 0.5 * np.arctan2(2 * tensor[..., 2], tensor[..., 0] - tensor[..., 1]) + np.float32(np.pi / 2)
    return np.stack([np.cos(angle), np.sin(angle)], 2).astype(np.float32)


def _smeared(image: np.ndarray, along: np.ndarray, reach: float) -> np.ndarray:
    """An image averaged along the directions, ``reach`` px to either side."""
    y, x = np.mgrid[: image.shape[0], : image.shape[1]].astype(np.float32)
    total, weight = image.astype(np.float32).copy(), 1.0
    for sign in (-1.0, 1.0):
        at_x, at_y, heading = x.copy(), y.copy(), sign * along
        for step in range(1, STEPS + 1):
            at_x += heading[..., 0] * np.float32(reach / STEPS)
            at_y += heading[..., 1] * np.float32(reach / STEPS)
            share = 1.0 - step / (STEPS + 1)
            total += share * cv2.remap(image, at_x, at_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
            weight += share
            turned = cv2.remap(along, at_x, at_y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REFLECT)
            # directions have no sign: go on the way that was begun
            same = np.where((turned * heading).sum(axis=2, keepdims=True) < 0, -1.0, 1.0)
            heading = turned * same.astype(np.float32)
    return total / np.float32(weight)


def _care(points: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Where a painter takes care, float32 [H, W] 0..1: brows, eyes, nose and lips."""
    unit = float(np.linalg.norm(points[45, :2] - points[36, :2]))
    mask = np.zeros(shape[:2], np.uint8)
    for part in (range(17, 27), range(27, 36), range(36, 42), range(42, 48), range(48, 60)):
        hull = cv2.convexHull(np.rint(points[list(part), :2]).astype(np.int32))
        cv2.fillConvexPoly(mask, hull, 255)
        cv2.polylines(mask, [hull], True, 255, max(1, round(0.1 * unit)))
    return CARE * cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), max(0.04 * unit, 0.5))


def _noise(seed: int, shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape, np.float32)


def _weave(shape: tuple[int, ...], scale: float) -> np.ndarray:
    """Threads of a canvas, about -1..1."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32) / np.float32(max(scale, 0.5))
    return (np.sin(2.1 * x + 0.4 * np.sin(0.13 * y)) * np.sin(2.3 * y + 0.4 * np.sin(0.11 * x))).astype(
        np.float32
    )


@lru_cache(maxsize=4)
def _cracks(seed: int, height: int, width: int) -> np.ndarray:
    """A net of cracks, 0..1: the borders of the cells nearest to scattered points."""
    random = np.random.default_rng(seed + 1)
    scale = max(height, width) / 256
    seeds = np.full((height, width), 255, np.uint8)
    count = int(random.integers(60, 200))
    seeds[random.integers(height, size=count), random.integers(width, size=count)] = 0
    _, cells = cv2.distanceTransformWithLabels(seeds, cv2.DIST_L2, 5)
    edge = (cells != np.roll(cells, 1, 0)) | (cells != np.roll(cells, 1, 1))
    sway = cv2.GaussianBlur(_noise(seed + 2, (height, width)), (0, 0), 4 * scale)
    sway2 = cv2.GaussianBlur(_noise(seed + 3, (height, width)), (0, 0), 4 * scale)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    bend = np.float32(3 * scale / max(float(sway.std()), 1e-6))
    net = cv2.remap(
        edge.astype(np.float32),
        x + bend * sway,
        y + bend * sway2,
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT,
    )
    broken = np.clip(
        0.5 + cv2.GaussianBlur(_noise(seed + 4, (height, width)), (0, 0), 12 * scale) * 12 * scale, 0, 1
    )
    return (net * broken).astype(np.float32)
