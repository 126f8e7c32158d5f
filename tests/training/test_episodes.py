# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading prepared episodes, and drawing batches of them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from core.errors import InputError
from core.generator.raster import raster
from core.training.episodes import Sampler, held_out_persons, validation_pairs
from core.training.prepared import Prepared, Source, load_prepared

from .synthetic import face_image, face_points, write_episodes


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_episodes(tmp_path_factory.mktemp("episodes"), clips=3, frames=5, kinds=("clip", "painting"))


@pytest.fixture(scope="module")
def data(folder: Path) -> Prepared:
    return load_prepared(folder, 64)


def test_everything_is_read_as_it_was_written(data: Prepared) -> None:
    assert data.frames.shape == (15, 64, 64, 3) and data.frames.dtype == torch.uint8
    assert data.warped.shape == (12, 64, 64, 3)
    assert data.masks.shape == (12, 32, 32, 4)
    assert data.shift.shape == (12, 8, 8, 2)
    assert data.first.tolist() == [0, 5, 10] and data.count.tolist() == [5, 5, 5]
    assert data.source.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert data.shot[4:8].tolist() == [5] * 4 and data.target[4:8].tolist() == [6, 7, 8, 9]
    drawn = raster(data.points.numpy(), data.irises.numpy(), 64)
    assert np.array_equal(data.rasters.numpy(), drawn)
    # first person, first frame: JPEG changes flat colors little
    random = np.random.default_rng(0)
    image = face_image(face_points(), random.integers(90, 240, 3), random.integers(0, 200, 3))
    assert np.abs(data.frames[0].numpy().astype(int) - image).mean() < 3


def test_a_smaller_work_size_scales_pictures_and_landmarks(folder: Path, data: Prepared) -> None:
    half = load_prepared(folder, 32)
    assert half.frames.shape[1:] == (32, 32, 3) and half.shift.shape[1:] == (4, 4, 2)
    assert torch.allclose(half.points, data.points / 2)
    # fractions of the picture stay
    assert torch.allclose(half.shift.float().mean((1, 2)), data.shift.float().mean((1, 2)), atol=1e-3)


def test_a_larger_work_size_is_refused(folder: Path) -> None:
    with pytest.raises(InputError, match="too small"):
        load_prepared(folder, 128)


def test_another_raster_version_is_refused(folder: Path, tmp_path: Path) -> None:
    index = json.loads((folder / "index.json").read_text())
    (tmp_path / "index.json").write_text(json.dumps({**index, "raster": "another"}))
    with pytest.raises(InputError, match="rasters of version another"):
        load_prepared(tmp_path, 64)


def test_a_damaged_source_is_named(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "index.json").write_text((folder / "index.json").read_text())
    (tmp_path / "person0.safetensors").write_bytes(b"no such thing")
    with pytest.raises(InputError, match=r"person0\.safetensors: damaged"):
        load_prepared(tmp_path, 64)


def test_a_batch_mixes_no_clips(data: Prepared) -> None:
    sampler = Sampler(data, [0, 1, 2], 0.5)
    pair, frames = sampler.draw(torch.Generator().manual_seed(1), 200, 6)
    first, count = data.first[data.source[pair]], data.count[data.source[pair]]
    assert ((frames >= first[:, None]) & (frames < (first + count)[:, None])).all()
    assert (frames[:, 0] == data.shot[pair]).all()
    assert (frames != data.target[pair][:, None]).all()
    # all other frames come up
    for clip in range(3):
        used = frames[data.source[pair] == clip].unique()
        assert used.tolist() == list(range(5 * clip, 5 * clip + 5))


def test_pictures_of_a_batch_belong_together(data: Prepared) -> None:
    episodes = Sampler(data, [0, 1, 2], 0.5).sample(torch.Generator().manual_seed(2), 30, 4)
    # the top left corner shows each person's own ground
    grounds = torch.stack([data.frames[5 * clip, 0, 0] for clip in range(3)]).float() / 255
    own = grounds[episodes.clip]
    for pictures in (episodes.target, episodes.source, episodes.warped):
        assert (pictures[:, :, 0, 0] - own).abs().max() < 0.03
    assert (episodes.shots[:, :, :, 0, 0] - own[:, None]).abs().max() < 0.03
    assert torch.equal(episodes.source, episodes.shots[:, 0])
    assert episodes.target.is_contiguous(memory_format=torch.channels_last)


def test_only_chosen_sources_are_drawn_and_stills_get_their_share(data: Prepared) -> None:
    pair, _ = Sampler(data, [0, 2], 0.5).draw(torch.Generator().manual_seed(3), 100, 1)
    assert set(data.source[pair].tolist()) == {0, 2}
    # source 1 is the only painting
    pair, _ = Sampler(data, [0, 1, 2], 0.25).draw(torch.Generator().manual_seed(4), 4000, 1)
    assert (data.source[pair] == 1).double().mean().item() == pytest.approx(0.25, abs=0.03)


def test_held_out_persons_stay_the_same_when_others_join() -> None:
    def sources(count: int) -> list[Source]:
        return [Source(f"{i}", f"{i}", f"person {i % count}", "clip") for i in range(2 * count)]

    assert held_out_persons(sources(3), 0.5) == set()
    few = held_out_persons(sources(10), 0.2)
    assert len(few) == 2
    assert len(held_out_persons(sources(11), 0.2) & few) >= 1


def test_validation_pairs_are_spread(data: Prepared) -> None:
    pairs = validation_pairs(data, [0, 2], 4)
    assert data.source[pairs].tolist() == [0, 0, 2, 2]
    assert len(set(pairs.tolist())) == 4
    assert len(validation_pairs(data, [0, 1, 2], 2)) == 2
