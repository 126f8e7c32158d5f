# SPDX-License-Identifier: GPL-3.0-or-later
"""A loaded portrait renders as the numbers of its file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from .conftest import Blender


def load(path: Path, mode: str) -> np.ndarray:
    return np.asarray(Image.open(path).convert(mode)).astype(int)


def noise_picture(width: int, height: int, mode: str) -> Image.Image:
    noise = np.random.default_rng(5).integers(0, 256, (height, width, len(mode)), np.uint8)
    if mode == "RGBA":
        noise[..., 3] = 255
        noise[: height // 3, :, 3] = 0
    return Image.fromarray(noise, mode)


def test_render_equals_the_picture(blender: Blender, tmp_path: Path, demo_portrait: Path) -> None:
    seen = blender.run("portrait.py", tmp_path, pictures=[demo_portrait], alpha=False)
    source, render = load(demo_portrait, "RGB"), load(tmp_path / "render-0.png", "RGB")
    assert seen["sizes"] == [[source.shape[1], source.shape[0]]]
    assert seen["heights"] == [pytest.approx(2.0)]
    assert render.shape == source.shape
    assert abs(render - source).max() == 0


def test_transparent_picture(blender: Blender, tmp_path: Path) -> None:
    picture = tmp_path / "cut-out.png"
    noise_picture(97, 64, "RGBA").save(picture)
    blender.run("portrait.py", tmp_path, pictures=[picture], alpha=True)
    source, render = load(picture, "RGBA"), load(tmp_path / "render-0.png", "RGBA")
    assert (render[..., 3] == source[..., 3]).all()
    seen = source[..., 3] == 255
    assert abs(render - source)[seen].max() == 0


def test_turned_photographs_stand_upright(blender: Blender, tmp_path: Path) -> None:
    pictures = []
    for turn in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = turn
        pictures.append(tmp_path / f"turned-{turn}.png")
        noise_picture(60, 40, "RGB").save(pictures[-1], exif=exif)
    blender.run("portrait.py", tmp_path, pictures=pictures, alpha=False)
    for number, picture in enumerate(pictures):
        upright = np.asarray(ImageOps.exif_transpose(Image.open(picture)).convert("RGB")).astype(int)
        render = load(tmp_path / f"render-{number}.png", "RGB")
        assert render.shape == upright.shape, picture
        assert abs(render - upright).max() == 0, picture
