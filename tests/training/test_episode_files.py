# SPDX-License-Identifier: GPL-3.0-or-later
"""What is written comes back, through the reader that training uses."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import cv2
import numpy as np
import pytest

from core.errors import InputError
from core.generator.inputs import CropBox, Shot, View, Viewer
from core.landmarks.face import Face, points_box
from core.training.episode_files import (
    INDEX,
    SIZE,
    Entry,
    Episode,
    read_entries,
    saved_counts,
    saved_key,
    write_index,
)
from core.training.prepared import load_prepared


def _picture(seed: int) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 255, (8, 8, 3)).astype(np.uint8)
    return cv2.resize(coarse, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)


def _face(seed: int) -> Face:
    points = np.random.default_rng(seed).uniform(60, 200, (68, 3)).astype(np.float32)
    irises = points[:2, :2] if seed % 2 else np.full((2, 2), np.nan, np.float32)
    return Face(points, irises, np.ones(68, np.float32), points_box(points), 1.0)


class _Viewer:
    """Stands in for a viewer, whose views take a second to make."""

    def __init__(self, seed: int) -> None:
        face = _face(seed)
        self.seed = seed
        self.crop = CropBox(0, 0, SIZE)
        self.shot = Shot(_picture(seed), face.points[:, :2], face.irises)

    def view(self, points: np.ndarray, irises: np.ndarray) -> View:
        random = np.random.default_rng(int(points.sum()))
        shift = random.normal(0, 0.05, (SIZE // 8, SIZE // 8, 2)).astype(np.float32)
        masks = random.integers(0, 255, (SIZE // 2, SIZE // 2, 4)).astype(np.uint8)
        return View(_picture(int(points.sum())), shift, masks, points[:, :2], irises)


@pytest.fixture
def written(tmp_path: Path) -> tuple[Path, Episode, Entry]:
    """A folder with one source of two shots with three targets each."""
    episode = Episode()
    for shot in (1, 2):
        viewer = cast(Viewer, _Viewer(shot))
        first = episode.add_shot(viewer)
        for target in (10, 11, 12):
            episode.add_pair(viewer, first, _picture(target + shot), _face(target + shot))
    episode.save(tmp_path / "one.safetensors", "key of it")
    entry = Entry("one.safetensors", "one", "person000", "clip", 8, 6)
    write_index(tmp_path, {"one": entry})
    return tmp_path, episode, entry


def test_the_reader_gets_back_what_was_written(written: tuple[Path, Episode, Entry]) -> None:
    folder, episode, _ = written
    data = load_prepared(folder, SIZE)
    assert data.shot.tolist() == [0, 0, 0, 4, 4, 4] and data.target.tolist() == [1, 2, 3, 5, 6, 7]
    points, irises = np.stack(episode.points), np.stack(episode.irises)
    assert np.array_equal(data.points.numpy(), points)
    assert np.array_equal(data.irises.numpy(), irises, equal_nan=True)
    views = [_Viewer(0).view(_face(t + s).points, _face(t + s).irises) for s in (1, 2) for t in (10, 11, 12)]
    assert np.array_equal(data.masks.numpy(), np.stack([view.masks for view in views]))
    shift = np.stack([view.shift for view in views])
    assert np.abs(data.shift.numpy() - shift).max() < 2e-4
    for got, wanted in (
        (data.frames[4], _picture(2)),
        (data.frames[1], _picture(11)),
        (data.warped[2], views[2].warped),
    ):
        assert np.abs(got.numpy().astype(int) - wanted).mean() < 2.5


def test_the_file_says_what_it_was_made_from(written: tuple[Path, Episode, Entry]) -> None:
    path = written[0] / "one.safetensors"
    assert saved_key(path) == "key of it"
    assert saved_counts(path) == (8, 6)
    assert saved_key(written[0] / "two.safetensors") is None
    path.write_bytes(path.read_bytes()[:1000])
    assert saved_key(path) is None


def test_the_index_is_read_back_and_forgets_what_is_gone(written: tuple[Path, Episode, Entry]) -> None:
    folder, _, entry = written
    assert read_entries(folder) == {"one": entry}
    assert read_entries(folder / "elsewhere") == {}
    (folder / "one.safetensors").unlink()
    assert read_entries(folder) == {}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"raster": "0"}, "no index of such episodes"),
        ({"schema": "other"}, "no index of such episodes"),
        ({"sources": [{"name": "x"}]}, "damaged"),
    ],
)
def test_a_foreign_index_is_refused(
    written: tuple[Path, Episode, Entry], change: dict[str, Any], message: str
) -> None:
    path = written[0] / INDEX
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(InputError, match=message) as caught:
        read_entries(written[0])
    assert str(path) in str(caught.value)


def test_targets_are_cut_as_the_shot(tmp_path: Path) -> None:
    viewer = cast(Viewer, SimpleNamespace(crop=CropBox(16, 8, 128), view=_Viewer(0).view))
    episode = Episode(frames=[b""], points=[np.zeros((68, 2))], irises=[np.zeros((2, 2))])
    target = np.zeros((SIZE, SIZE, 3), np.uint8)
    target[8 : 8 + 64, 16 : 16 + 128] = 200
    episode.add_pair(viewer, 0, target, _face(3))
    got = cv2.imdecode(np.frombuffer(episode.frames[1], np.uint8), cv2.IMREAD_COLOR)
    assert got.shape == (SIZE, SIZE, 3)
    assert got[: SIZE // 2 - 8].min() > 180 and got[SIZE // 2 + 8 :].max() < 20
