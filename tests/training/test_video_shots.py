# SPDX-License-Identifier: GPL-3.0-or-later
"""Shots from a video: different ones, as pictures, of the same face; nothing is left of a stop."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core import methods
from core.compose.compositor import Compositor
from core.errors import Cancelled, InputError
from core.media.picture import load_picture
from core.media.video import read_frames
from tests.bakes import motion, small_portrait
from tests.landmarks.conftest import write_video

pytestmark = pytest.mark.slow  # a face is followed through a video


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The portrait opens her mouth and nods for half a second."""
    picture, face = small_portrait()
    path, track = tmp_path_factory.mktemp("video") / "sitter take.mp4", motion(12)
    compositor = Compositor(picture, face)
    frames = [compositor.render(track.points[n], track.irises[n])[..., :3] for n in range(12)]
    # even sides, for the encoder
    height, width = (side // 2 * 2 for side in frames[0].shape[:2])
    write_video(path, ((n / 25, np.ascontiguousarray(f[:height, :width])) for n, f in enumerate(frames)))
    return path


def sample(video: Path, folder: Path, count: int, stop: str = "never") -> list[Path]:
    told: list[str] = []
    options = {"video": str(video), "folder": str(folder), "count": count, "backend": "mediapipe"}
    answer = methods.run(
        "sample_shots", options, lambda done, total, text: told.append(text), lambda: stop in told
    )
    return [Path(shot) for shot in answer["shots"]]


def test_frames_differ_and_are_the_videos_own(video: Path, tmp_path: Path) -> None:
    shots = sample(video, tmp_path / "new" / "shots", 3)
    assert len(shots) == 3 and sorted(shots) == sorted((tmp_path / "new" / "shots").iterdir())
    frames = {round(1000 * time): frame for time, frame in read_frames(video)}
    for path in shots:
        assert path.stem.startswith("sitter take-")
        frame = frames[int(path.stem[-9:-2])]
        assert np.array_equal(load_picture(path).pixels, frame)
    assert shots == sample(video, tmp_path / "new" / "shots", 3)  # the same again, over the old ones
    assert len(sample(video, tmp_path / "all", 64)) <= 12


def test_a_stop_leaves_no_picture(video: Path, tmp_path: Path) -> None:
    with pytest.raises(Cancelled, match="sampling was stopped"):
        sample(video, tmp_path / "shots", 3, stop="pictures")
    assert not (tmp_path / "shots").exists()


def test_a_stop_keeps_what_was_there(video: Path, tmp_path: Path) -> None:
    shots = sample(video, tmp_path / "shots", 3)
    with pytest.raises(Cancelled):
        sample(video, tmp_path / "shots", 8, stop="pictures")
    assert sorted(shots) == sorted((tmp_path / "shots").iterdir())


def test_what_cannot_be_sampled_is_said(video: Path, tmp_path: Path) -> None:
    for count in (0, 65):
        with pytest.raises(InputError, match=f"count = {count}"):
            sample(video, tmp_path, count)
    with pytest.raises(InputError, match=r"gone\.mp4"):
        sample(tmp_path / "gone.mp4", tmp_path / "shots", 2)
    assert not (tmp_path / "shots").exists()
