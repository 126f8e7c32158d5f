# SPDX-License-Identifier: GPL-3.0-or-later
"""What a bake is told about its pixels: modes, sitters and further shots."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.compose.compositor import Compositor
from core.errors import InputError
from core.landmarks.face import Face
from core.media.picture import Picture, load_picture, save_picture
from core.rendering import Rendering, read_shot
from tests.generator.test_render import make_base, motion, portrait


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """portrait.png; shot.png, the same sitter laughing in another tone; base, untrained weights."""
    folder = tmp_path_factory.mktemp("shots")
    picture, face = portrait()
    save_picture(folder / "portrait.png", picture.pixels)
    laughing = Compositor(picture, face).render(*motion())
    save_picture(folder / "shot.png", (laughing * 0.9).astype(np.uint8))
    save_picture(folder / "small.png", np.ascontiguousarray(laughing[:-8]))
    make_base(folder / "base")
    return folder


def at(picture: Picture, face: Face, files: Path, *shots: str) -> np.ndarray:
    """The portrait with the landmarks of ``face``, made from these further shots."""
    rendering = Rendering(base=files / "base", shots=tuple(files / name for name in shots))
    rest = read_shot(files / "portrait.png", picture.size)[1]
    return rendering.prepare(picture, rest).render(face.points, face.irises)


def test_a_shot_that_shows_the_frame_gives_its_pixels(files: Path) -> None:
    picture = load_picture(files / "portrait.png")
    shot, face = read_shot(files / "shot.png", picture.size)
    assert np.array_equal(at(picture, face, files, "shot.png"), shot.pixels)
    # without it the portrait has to be moved there
    alone = at(picture, face, files)
    assert 1 < np.abs(alone.astype(int) - shot.pixels).mean() < 40


def test_every_shot_counts_among_the_inputs(files: Path) -> None:
    one = Rendering(base=files / "base", shots=(files / "shot.png",))
    assert len(one.inputs()["shot 1"] or "") == 64
    assert one.inputs() != replace(one, shots=()).inputs()
    with pytest.raises(InputError, match=r"gone\.png"):
        replace(one, shots=(files / "gone.png",)).inputs()


def test_shots_of_another_camera_are_refused(files: Path) -> None:
    size = load_picture(files / "portrait.png").size
    with pytest.raises(InputError, match=r"small\.png.*one still camera"):
        read_shot(files / "small.png", size)


@pytest.mark.parametrize("mode", ["flow", "neural"])
def test_modes_that_use_no_shots_say_so(mode: str) -> None:
    with pytest.raises(InputError, match=r"her\.png.*full"):
        Rendering(mode=mode, shots=(Path("her.png"),))
