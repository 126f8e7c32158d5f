# SPDX-License-Identifier: GPL-3.0-or-later
"""What the engine gives a viewport: the mesh and its poses, from files that may change or go."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core import preview_files
from core.animate import face_track
from core.errors import Cancelled, InputError
from core.landmarks.detect import detect_portrait
from core.landmarks.track import LandmarkTrack
from core.media.picture import load_picture
from core.preview import ATLAS
from core.rendering import Rendering

SIZE = (320, 400)
Files = tuple[Path, Path, None]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, demo_portrait: Path) -> tuple[bytes, LandmarkTrack]:
    """A small picture's file and its face."""
    path = tmp_path_factory.mktemp("preview") / "sitter.png"
    Image.open(demo_portrait).convert("RGB").resize(SIZE, Image.Resampling.LANCZOS).save(path)
    face = detect_portrait(load_picture(path), backend="mediapipe")[0]
    return path.read_bytes(), face_track(face, SIZE, {})


@pytest.fixture
def files(tmp_path: Path, made: tuple[bytes, LandmarkTrack]) -> Files:
    portrait, face = tmp_path / "sitter.png", tmp_path / "face.npz"
    portrait.write_bytes(made[0])
    made[1].save(face)
    return portrait, face, None


def rest_pose(track: LandmarkTrack) -> list[float]:
    return np.concatenate([track.points[0, :, :2], track.irises[0]]).ravel().tolist()


def quiet(done: int, total: int, text: str) -> None:
    pass


def solve(files: Files, poses: Any, output: Path) -> dict[str, np.ndarray]:
    preview_files.save_poses(*files, poses, output, quiet, lambda: False)
    with np.load(output) as data:
        return {name: data[name] for name in data.files}


@pytest.mark.slow
def test_at_rest_the_mesh_rests_and_a_dropped_jaw_opens_it(
    files: Files, made: tuple[bytes, LandmarkTrack], tmp_path: Path
) -> None:
    preview_files.save_mesh(*files, tmp_path / "mesh.npz")
    with np.load(tmp_path / "mesh.npz") as data:
        rest = data["rest"]
    still = rest_pose(made[1])
    dropped = np.array(still).reshape(70, 2)
    dropped[[55, 56, 57, 58, 59, 65, 66, 67], 1] += 12.0
    dropped[5:12, 1] += 10.0
    seen = solve(files, [still, dropped.ravel().tolist()], tmp_path / "poses.npz")
    assert seen["atlas"].shape == (2, *ATLAS, 4)
    assert abs(seen["vertices"][0] - rest)[:, :2].max() < 0.01, "px"
    lip = int(np.hypot(*(rest[:, :2] - made[1].points[0, 57, :2]).T).argmin())
    assert (seen["vertices"][1] - rest)[lip, 1] == pytest.approx(12.0, abs=0.5), "a lip meets its landmark"
    x0, y0, x1, y1 = 192, 0, 320, 96
    shown = [(tiles[y0:y1, x0:x1, 3] > 128).mean() for tiles in seen["atlas"]]
    assert shown[1] > 2 * shown[0], "more of the mouth is seen through the open lips"


@pytest.mark.slow
def test_the_background_comes_to_rest_beside_the_sitter(
    files: Files, made: tuple[bytes, LandmarkTrack], tmp_path: Path
) -> None:
    preview_files.save_mesh(*files, tmp_path / "mesh.npz")
    with np.load(tmp_path / "mesh.npz") as data:
        rest = data["rest"]
    aside = np.array(rest_pose(made[1])).reshape(70, 2) + [15.0, 0.0]
    moved = solve(files, [aside.ravel().tolist()], tmp_path / "poses.npz")["vertices"][0] - rest
    previewer = preview_files.prepared(*files)
    rests = previewer.still[:, 0]
    assert abs(moved[rests == 1, :2]).max() == 0 and (rests == 1).mean() > 0.1
    chin = int(np.hypot(*(rest[:, :2] - made[1].points[0, 8, :2]).T).argmin())
    assert rests[chin] == 0 and moved[chin, 0] == pytest.approx(15, abs=1), "the sitter moves as before"


@pytest.mark.slow
def test_a_portrait_stays_prepared_until_its_files_change(
    files: Files, made: tuple[bytes, LandmarkTrack], tmp_path: Path
) -> None:
    first = preview_files.prepared(*files)
    assert preview_files.prepared(*files) is first
    track = made[1]
    replace(track, points=track.points + np.float32([2, 0, 0])).save(files[1])
    assert preview_files.prepared(*files) is not first
    files[0].unlink()
    with pytest.raises(InputError, match=r"sitter\.png: cannot be read"):
        preview_files.prepared(*files)


def test_wrong_poses_are_told(files: Files, made: tuple[bytes, LandmarkTrack], tmp_path: Path) -> None:
    lost = rest_pose(made[1])
    lost[3] = float("nan")
    for poses in ([], [[1.0, 2.0]], [lost]):
        with pytest.raises(InputError, match="140 numbers"):
            solve(files, poses, tmp_path / "poses.npz")
    assert not (tmp_path / "poses.npz").exists()


@pytest.mark.slow
def test_a_single_frame_can_be_stopped_and_the_next_starts_prepared(
    files: Files, made: tuple[bytes, LandmarkTrack], tmp_path: Path
) -> None:
    pose, output, told = rest_pose(made[1]), tmp_path / "frame.png", list[str]()

    def paint(stop_at: str) -> None:
        told.clear()
        preview_files.save_frame(
            *files, Rendering("flow"), pose, output,
            lambda done, total, text: told.append(text), lambda: bool(told) and told[-1] == stop_at,
        )  # fmt: skip

    with pytest.raises(Cancelled):
        paint("finding the sitter")
    assert not output.exists() and "painting the frame" not in told
    paint("")
    assert "finding the sitter" in told
    assert np.array_equal(load_picture(output).pixels, load_picture(files[0]).pixels), "at rest"
    output.unlink()
    with pytest.raises(Cancelled):
        paint("painting the frame")
    assert not output.exists() and "finding the sitter" not in told
