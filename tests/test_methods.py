# SPDX-License-Identifier: GPL-3.0-or-later
"""What the extension asks the engine for besides takes and bakes: every face of a picture, and the matte."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core import methods
from core.errors import InputError
from core.landmarks.track import LandmarkTrack


def run(method: str, **params: object) -> dict[str, object]:
    return methods.run(method, params, lambda done, total, text: None, lambda: False)


@pytest.fixture
def double(tmp_path: Path, demo_portrait: Path) -> Path:
    """Two sitters side by side, the right one smaller."""
    one = Image.open(demo_portrait).convert("RGB").resize((400, 500), Image.Resampling.LANCZOS)
    both = Image.new("RGB", (720, 500), (96, 84, 70))
    both.paste(one, (0, 0))
    both.paste(one.resize((320, 400), Image.Resampling.LANCZOS), (400, 100))
    both.save(tmp_path / "double.png")
    return tmp_path / "double.png"


@pytest.mark.slow
def test_every_face_leaves_its_track_and_a_thumbnail(tmp_path: Path, double: Path) -> None:
    found = run("detect", image=str(double), faces_folder=str(tmp_path / "faces"))
    faces = found["faces"]
    assert isinstance(faces, list) and len(faces) == 2
    left, right = (LandmarkTrack.load(face["track"]).points[0, :, 0].mean() for face in faces)
    assert left < 400 < right
    for face in faces:
        x0, y0, x1, y1 = face["box"]
        thumb = np.asarray(Image.open(face["thumbnail"]).convert("RGB")).astype(float)
        assert thumb.shape == (128, 128, 3)
        middle = np.asarray(Image.open(double).convert("RGB")).astype(float)[
            int(y0) : int(y1), int(x0) : int(x1)
        ]
        assert abs(thumb[22:-22, 22:-22].mean(axis=(0, 1)) - middle.mean(axis=(0, 1))).max() < 25


@pytest.mark.slow
def test_matte_is_a_gray_picture_of_the_sitter(tmp_path: Path, demo_portrait: Path) -> None:
    face = tmp_path / "face.npz"
    run("detect", image=str(demo_portrait), output=str(face))
    made = run(
        "matte", image=str(demo_portrait), face=str(face), output=str(tmp_path / "matte.png"), longest=600
    )
    matte = Image.open(tmp_path / "matte.png")
    assert matte.mode == "L" and max(matte.size) == 600 and list(matte.size) == made["size"]
    width, height = Image.open(demo_portrait).size
    assert abs(matte.size[0] / matte.size[1] - width / height) < 0.01
    values = np.asarray(matte).astype(float) / 255
    points = LandmarkTrack.load(face).points[0, :, :2] * 600 / max(width, height)
    nose = points[30].astype(int)
    assert values[nose[1], nose[0]] > 0.9
    assert values[:20, :20].max() < 0.1

    small = tmp_path / "small.png"
    Image.open(demo_portrait).resize((100, 125)).save(small)
    with pytest.raises(InputError, match="detect them again"):
        run("matte", image=str(small), face=str(face), output=str(tmp_path / "none.png"))
    assert not (tmp_path / "none.png").exists()
