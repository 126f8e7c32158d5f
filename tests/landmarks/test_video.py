# SPDX-License-Identifier: GPL-3.0-or-later
"""Videos of the demo portrait with a motion that is known, made on the spot."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from core.errors import Cancelled, InputError, NoFaceError
from core.landmarks.cuts import Thumbnails
from core.landmarks.detect import Face, fill_gaps, track_video
from core.landmarks.track import LandmarkTrack

from .conftest import apart, moved, similarity, write_video

SIZE = (480, 400)


def path_of(index: int) -> np.ndarray:
    """Where the portrait is in frame ``index``: it sways, nods sideways and comes nearer."""
    to = (240 + 40 * np.sin(index / 5), 190 + 12 * np.cos(index / 4))
    return similarity(0.42 + 0.002 * index, 12 * np.sin(index / 6), about=(510, 540), to=to)


def frames(portrait: np.ndarray, times: list[float], blank: range = range(0), ground: int = 96) -> Iterator:
    for index, time in enumerate(times):
        frame = moved(portrait, path_of(index), SIZE, ground)
        yield time, np.full_like(frame, 40) if index in blank else frame


def follows(track: LandmarkTrack, face: Face, skip: range = range(0)) -> float:
    """The largest distance of the tracked points from the known ones, over all frames."""
    wanted = [index for index in range(len(track)) if index not in skip]
    return max(apart(track.points[index], face.moved(path_of(index)).points) for index in wanted)


def test_landmarks_follow_a_known_motion(tmp_path: Path, portrait: np.ndarray, face: Face) -> None:
    write_video(tmp_path / "sway.mp4", frames(portrait, [index / 25 for index in range(30)]))
    seen: list[tuple[int, int]] = []
    track = track_video(
        tmp_path / "sway.mp4",
        backend="mediapipe",
        progress=lambda done, total, text: seen.append((done, total)),
    )
    assert len(track) == 30 and track.valid.all() and track.size == SIZE
    assert follows(track, face) < 0.03
    np.testing.assert_allclose(track.times, np.arange(30) / 25, atol=1e-6)
    assert seen[-1] == (30, 30)
    assert track.meta["source"] == "sway.mp4" and track.meta["cuts"] == [] and track.rate == 25
    assert track.meta["sha256"] == hashlib.sha256((tmp_path / "sway.mp4").read_bytes()).hexdigest()
    assert "mediapipe" in track.meta["backend"]
    track.save(tmp_path / "sway.csv")


def test_uneven_times_are_kept(tmp_path: Path, portrait: np.ndarray, face: Face) -> None:
    times = np.cumsum([0.0] + [0.02, 0.05, 0.1, 0.033] * 4).round(3).tolist()
    write_video(tmp_path / "uneven.mp4", frames(portrait, times))
    track = track_video(tmp_path / "uneven.mp4", backend="mediapipe")
    np.testing.assert_allclose(track.times, times, atol=1e-6)
    assert follows(track, face) < 0.03


def test_a_lost_face_is_nan_and_found_again(tmp_path: Path, portrait: np.ndarray, face: Face) -> None:
    blank = range(10, 16)
    write_video(tmp_path / "lost.mp4", frames(portrait, [index / 25 for index in range(24)], blank))
    track = track_video(tmp_path / "lost.mp4", backend="mediapipe")
    assert [bool(valid) for valid in track.valid] == [index not in blank for index in range(24)]
    assert np.isnan(track.points[list(blank)]).all() and (track.confidence[list(blank)] == 0).all()
    assert np.isnan(track.irises[list(blank)]).all()
    assert follows(track, face, blank) < 0.03
    assert fill_gaps(track).valid.all()


def other_scene(portrait: np.ndarray, count: int) -> list[np.ndarray]:
    """The mirrored portrait, nearer, elsewhere, on another ground and in other colors."""
    matrices = [similarity(0.6, 0, about=(510, 540), to=(170 + index, 230)) for index in range(count)]
    blue = np.ascontiguousarray(portrait[:, ::-1, ::-1])
    return [moved(blue, matrix, SIZE, 200) for matrix in matrices]


def test_scene_cuts_are_refused_or_trimmed(tmp_path: Path, portrait: np.ndarray, face: Face) -> None:
    first = [frame for _, frame in frames(portrait, list(np.arange(18) / 25))]
    shots = first + other_scene(portrait, 10)
    write_video(tmp_path / "cut.mp4", ((index / 25, frame) for index, frame in enumerate(shots)))
    with pytest.raises(InputError, match=r"0\.72 s.*--cuts trim") as caught:
        track_video(tmp_path / "cut.mp4", backend="mediapipe")
    assert "\n" not in str(caught.value) and "cut.mp4" in str(caught.value)
    track = track_video(tmp_path / "cut.mp4", backend="mediapipe", cuts="trim")
    assert len(track) == 18 and track.valid.all() and follows(track, face) < 0.03
    assert track.meta["cuts"] == pytest.approx([0.72]) and "longest shot" in track.meta["message"]


def test_a_flash_and_fast_motion_are_no_cuts(tmp_path: Path, portrait: np.ndarray) -> None:
    shown = []
    for index in range(24):
        to = (240 + 90 * np.sin(index * 0.9), 200)
        frame = moved(portrait, similarity(0.4, 0, about=(510, 540), to=to), SIZE)
        if index in (8, 9):
            frame = np.clip(frame.astype(int) + 120, 0, 255).astype(np.uint8)
        shown.append(frame)
    shown[15][:] = 255
    write_video(tmp_path / "flash.mp4", ((index / 25, frame) for index, frame in enumerate(shown)))
    track = track_video(tmp_path / "flash.mp4", backend="mediapipe")
    assert track.meta["cuts"] == [] and track.valid.sum() >= 22


def test_the_chosen_face_stays_the_same(tmp_path: Path, portrait: np.ndarray, face: Face) -> None:
    """Two sitters; the smaller one, number 1, is followed while the other grows and shrinks."""

    def shown() -> Iterator:
        for index in range(20):
            frame = moved(
                portrait, similarity(0.28 + 0.08 * np.sin(index / 3), 0, (510, 540), (350, 200)), SIZE
            )
            small = moved(portrait, similarity(0.22, 0, (510, 540), (110 + index, 210)), (230, 400))
            frame[:, :230] = small
            yield index / 25, frame

    write_video(tmp_path / "two.mp4", shown())
    track = track_video(tmp_path / "two.mp4", backend="mediapipe", face=1)
    assert track.valid.all()
    for index in range(20):
        expected = face.moved(similarity(0.22, 0, (510, 540), (110 + index, 210))).points
        assert apart(track.points[index], expected) < 0.04
    with pytest.raises(NoFaceError, match="at most 2"):
        track_video(tmp_path / "two.mp4", backend="mediapipe", face=2)


def test_videos_that_cannot_be_used(tmp_path: Path, portrait: np.ndarray) -> None:
    write_video(
        tmp_path / "empty.mp4", ((index / 25, np.full((96, 128, 3), 90, np.uint8)) for index in range(5))
    )
    with pytest.raises(NoFaceError, match="no face was found in any frame"):
        track_video(tmp_path / "empty.mp4", backend="mediapipe")
    whole = tmp_path / "whole.mp4"
    write_video(whole, frames(portrait, [index / 25 for index in range(6)]))
    (tmp_path / "broken.mp4").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    (tmp_path / "nothing.mp4").write_bytes(b"")
    for name in ("broken.mp4", "nothing.mp4", "missing.mp4"):
        with pytest.raises(InputError, match=name) as caught:
            track_video(tmp_path / name, backend="mediapipe")
        assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="refuse, trim"):
        track_video(whole, cuts="keep")
    with pytest.raises(Cancelled):
        track_video(whole, backend="mediapipe", cancelled=lambda: True)


def test_fades_and_pans_are_no_cuts() -> None:
    random = np.random.default_rng(4)
    wide = cv2.resize(
        random.integers(0, 255, (12, 80, 3), dtype=np.uint8), (2400, 360), interpolation=cv2.INTER_CUBIC
    )
    pan, fade = Thumbnails(), Thumbnails()
    for index in range(40):
        pan.add(wide[:, index * 30 : index * 30 + 640])
        fade.add((wide[:, :640] * (1 - index / 40)).astype(np.uint8))
    assert pan.cuts(np.zeros(40)) == [] and fade.cuts(np.zeros(40)) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ["expressive-480", "gaze-and-grin-512", "phone-portrait-720x1364"])
def test_real_performances(shared: Path, name: str) -> None:
    track = track_video(shared / "data" / "videos" / f"{name}.mp4", backend="mediapipe", cuts="refuse")
    assert track.valid.mean() > 0.98 and np.nanmean(track.confidence) > 0.7
