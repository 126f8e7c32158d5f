# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames through the generator: at rest and untrained it changes nothing; trained it stays on the sitter."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from core.compose.brushwork import CELL
from core.compose.compositor import Compositor
from core.compose.features import MOUTH, Slit
from core.errors import InputError
from core.generator.config import GeneratorConfig
from core.generator.discriminator import Discriminator
from core.generator.embedder import Embedder, Projection
from core.generator.generator import Generator
from core.generator.inputs import CropBox, Viewer
from core.generator.render import Renderer
from core.generator.weights import Base, load_base, save_base
from core.landmarks.detect import detect_portrait
from core.landmarks.face import Face
from core.media.picture import Picture, load_picture
from core.motion.retarget import retarget
from core.presets import load_performance

pytestmark = pytest.mark.slow  # each prepares a portrait

SMALL = GeneratorConfig(
    size=64,
    embedding=16,
    generator=(8, 8, 8, 8, 8),
    middle=1,
    embedder=(8, 8, 8, 8, 8),
    discriminator=(8, 8, 8),
)


@cache
def portrait() -> tuple[Picture, Face]:
    root = Path(__file__).resolve().parents[2]
    full = load_picture(root / "presets/portraits/demo/portrait.png")
    # so that the crop of the face is still larger than the work size, and a frame quick
    picture = Picture(cv2.resize(full.pixels, (410, 512), interpolation=cv2.INTER_AREA))
    return picture, detect_portrait(picture, backend="mediapipe")[0]


@cache
def motion() -> tuple[np.ndarray, np.ndarray]:
    picture, face = portrait()
    track = retarget(load_performance("laugh"), face, size=picture.size)
    return track.points[40], track.irises[40]


def make_base(folder: Path, noise: float = 0.0, size: int = SMALL.size) -> Base:
    """Random weights; ``noise`` for the heads that begin at zero."""
    config = replace(SMALL, size=size)
    torch.manual_seed(0)
    generator = Generator(config)
    for head in (generator.moving, generator.painting):
        torch.nn.init.normal_(head.weight, std=noise)
    if noise:
        torch.nn.init.constant_(generator.painting.bias[12:], 2.0)  # well visible
    save_base(
        folder,
        config,
        Embedder(config),
        Projection(config),
        generator,
        Discriminator(config, 0),
        {"made": "here"},
    )
    return load_base(folder)


@pytest.fixture
def untrained(tmp_path: Path) -> Base:
    return make_base(tmp_path / "base")


@pytest.fixture
def noisy(tmp_path: Path) -> Base:
    return make_base(tmp_path / "noisy", 0.5)


def test_an_untrained_generator_is_the_flow(untrained: Base) -> None:
    renderer = Renderer(*portrait(), untrained)
    assert np.array_equal(renderer.render(*motion()), Compositor(*portrait()).render(*motion()))


def test_at_rest_the_picture_stays_bit_for_bit(noisy: Base) -> None:
    picture, face = portrait()
    renderer = Renderer(picture, face, noisy)
    assert np.array_equal(renderer.render(face.points, face.irises), picture.pixels)


def test_paint_stays_on_the_sitter(noisy: Base) -> None:
    picture, face = portrait()
    frame = Renderer(picture, face, noisy).render(*motion())
    moved = Compositor(picture, face)
    changed = (frame != moved.render(*motion())).any(2)
    assert changed.mean() > 0.05
    sitter = moved.matte.at(picture.pixels.shape) > 0.02
    height, width = sitter.shape
    crop = CropBox.around(face.points, picture.size)
    outside = np.ones((height, width), bool)
    # of the coarse flow's interpolation, and of the squares over which brushwork is compared
    reach = crop.side // 20 + round(2 * CELL)
    outside[crop.y - reach : crop.y + crop.side + reach, crop.x - reach : crop.x + crop.side + reach] = False
    assert not changed[outside].any()
    corner = np.s_[: height // 20, : width // 5]
    assert not sitter[corner].any() and not changed[corner].any()


def test_paint_shades_an_opened_mouth_and_never_lightens_it(tmp_path: Path) -> None:
    picture, face = portrait()
    points, irises = motion()
    flow = Compositor(picture, face).render(points, irises).astype(int)
    y, x = np.mgrid[: picture.size[1], : picture.size[0]] + 0.5
    deep = Slit.of(MOUTH, points).coverage(x, y, grow=-3.5) == 1
    assert deep.any()
    change = {}
    for name, tone in (("light", 4.0), ("dark", -4.0)):
        base = make_base(tmp_path / name, size=256)
        with torch.no_grad():
            base.generator.painting.bias[:12], base.generator.painting.bias[12:] = tone, 2.0
        frame = Renderer(picture, face, base).render(points, irises).astype(int)
        change[name] = (frame - flow)[deep].mean(1)
    # white lips shine in a little where the paint is brought to the picture's resolution; white teeth are 120
    assert change["light"].mean() < 30
    assert change["dark"].mean() < -10


def test_frames_are_the_same_again(noisy: Base) -> None:
    first, second = (Renderer(*portrait(), noisy).render(*motion()) for _ in range(2))
    assert np.array_equal(first, second)


def test_the_neural_mode_shows_nothing_of_the_crop(noisy: Base) -> None:
    picture, face = portrait()
    frame = Renderer(picture, face, noisy, mode="neural").render(*motion())
    crop = CropBox.around(face.points, picture.size)
    inside = np.s_[crop.y : crop.y + crop.side, crop.x : crop.x + crop.side]
    assert (frame[inside] != picture.pixels[inside]).mean() > 0.9
    assert np.array_equal(frame[: crop.y], picture.pixels[: crop.y])


def test_pixels_come_from_the_nearest_shot(untrained: Base) -> None:
    picture, face = portrait()
    points, irises = motion()
    other = replace(picture, pixels=255 - Compositor(picture, face).render(points, irises))
    moved = replace(face, points=points.astype(np.float32), irises=irises.astype(np.float32))
    renderer = Renderer(picture, face, untrained, shots=[(other, moved)], nearest=True)
    assert np.array_equal(renderer.render(points, irises), other.pixels)
    assert np.array_equal(renderer.render(face.points, face.irises), picture.pixels)


def test_pixels_pass_from_shot_to_shot_without_a_jump(untrained: Base) -> None:
    picture, face = portrait()
    points, irises = motion()
    other = replace(picture, pixels=255 - picture.pixels)
    moved = replace(face, points=points.astype(np.float32), irises=irises.astype(np.float32))
    renderer = Renderer(picture, face, untrained, shots=[(other, moved)], nearest=True)
    way = np.linspace(0.35, 0.65, 17)[:, None, None]
    frames = [
        renderer.render(*pose)
        for pose in zip(
            face.points + way * (points - face.points),
            face.irises + way * (irises - face.irises),
            strict=True,
        )
    ]
    corner = [int(frame[2, 2, 0]) for frame in frames]  # of the ground, where nothing moves
    first, last = int(picture.pixels[2, 2, 0]), int(other.pixels[2, 2, 0])
    assert corner[0] == first and corner[-1] == last
    steps = np.abs(np.diff(corner))
    assert 0 < steps.max() < 0.7 * abs(last - first)


def test_shots_of_another_size_give_no_pixels(untrained: Base) -> None:
    picture, face = portrait()
    small = Picture(np.ascontiguousarray(picture.pixels[:-2]))
    with pytest.raises(InputError, match="size"):
        Renderer(picture, face, untrained, shots=[(small, face)], nearest=True)


def test_unknown_modes_are_refused(untrained: Base) -> None:
    with pytest.raises(InputError, match="full or neural"):
        Renderer(*portrait(), untrained, mode="flow")


def test_a_view_shows_what_the_compositor_does() -> None:
    picture, face = portrait()
    viewer = Viewer(picture, face, 128)
    rest, moved = viewer.view(face.points, face.irises), viewer.view(*motion())
    assert np.array_equal(rest.warped, viewer.shot.image) and np.abs(rest.shift).max() < 1e-6
    assert np.abs(moved.shift).max() > 0.01
    assert moved.warped.shape == (128, 128, 3) and moved.shift.shape == (16, 16, 2)
    # the laughing mouth is open, and the head that moved away uncovers background
    assert moved.masks[..., 2].mean() > rest.masks[..., 2].mean()
    assert moved.masks[..., 0].max() > 64 > rest.masks[..., 0].max()


def test_a_viewer_that_is_given_the_relief_sees_the_same() -> None:
    picture, face = portrait()
    own, given = (
        Viewer(picture, face, 128),
        Viewer(picture, face, 128, relief=Compositor(picture, face).relief),
    )
    one, other = own.view(*motion()), given.view(*motion())
    # the crop alone shows a little less of the hair, and so has another outline
    assert np.abs(one.shift - other.shift).mean() * 128 < 0.2
    assert np.abs(one.warped.astype(int) - other.warped).mean() < 0.5
