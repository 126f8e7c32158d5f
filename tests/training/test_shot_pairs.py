# SPDX-License-Identifier: GPL-3.0-or-later
"""Pairs made of shots: what is asked for is the true picture, in its place."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from core.errors import Cancelled
from core.landmarks.face import Face
from core.media.picture import Picture
from core.training.rooms import Room, onto
from core.training.shot_pairs import Maker, Motions, sample_motions
from tests.training.sitters import SIZE, painted


def maker(stop: bool = False) -> Maker:
    return Maker(SIZE, lambda done, total, text: None, lambda: stop, 9)


def shifted(picture: Picture, face: Face, matrix: np.ndarray, size: tuple[int, int]) -> tuple[Picture, Face]:
    """A photo of the photo: the picture under a similarity."""
    warp = matrix.copy()
    warp[:, 2] += matrix[:, :2].sum(1) * 0.5 - 0.5
    pixels = cv2.warpAffine(picture.pixels, warp, size, borderMode=cv2.BORDER_REPLICATE)
    return replace(picture, pixels=pixels), face.moved(matrix)


def test_a_room_holds_the_face_where_it_is() -> None:
    picture, face = painted()
    room = Room.of(picture, face, SIZE)
    assert room.size == picture.size and room.picture.pixels.shape[0] < picture.pixels.shape[0]
    back = cv2.invertAffineTransform(room.matrix)
    assert np.allclose(room.face.points[:, :2] @ back[:, :2].T + back[:, 2], face.points[:, :2], atol=0.01)


def test_a_moved_shot_is_asked_for_the_true_one() -> None:
    room = Room.of(*painted(), SIZE)
    moved = room.face.points + np.array([6.0, 3.0, 0.0], np.float32)
    motions = Motions(moved[None], room.face.irises[None])
    (pair,) = maker().restored(room, motions)
    assert pair.target is not None and pair.target.shape == (SIZE, SIZE, 3)
    # the landmarks asked for are those of the target, a little to the upper left of the moved ones
    assert (pair.view.points < pair.shot.points - 1).all()
    far = [np.abs(image.astype(float) - pair.target).mean() for image in (pair.shot.image, pair.view.warped)]
    assert far[1] < 0.6 * far[0]


def test_motions_differ_and_repeat() -> None:
    room = Room.of(*painted(), SIZE)
    first, again, other, held = (
        sample_motions(room, 5, held_out=held_out, random=np.random.default_rng(seed))
        for seed, held_out in ((0, False), (0, False), (1, False), (0, True))
    )
    assert len(first) == 5 and np.array_equal(first.points, again.points)
    assert not np.array_equal(first.points, other.points)
    assert not np.array_equal(first.points, held.points)
    gaps = [np.abs(a - b).max() for i, a in enumerate(first.points) for b in first.points[:i]]
    assert min(gaps) > 1


def test_frames_of_one_camera_stay_where_they_are() -> None:
    picture, face = painted()
    matrix = np.array([[1.0, 0.0, 9.0], [0.0, 1.0, -5.0]])
    rooms = [Room.of(picture, face, SIZE), Room.of(*shifted(picture, face, matrix, picture.size), SIZE)]
    found = onto(rooms[1], rooms[0]) @ np.append(rooms[1].face.points[30, :2], 1)
    moved = rooms[0].matrix @ np.append(face.points[30, :2] + [9, -5], 1)
    assert np.allclose(found, moved, atol=0.01)


def test_other_pictures_are_laid_over_each_other() -> None:
    picture, face = painted()
    angle = np.deg2rad(8)
    turn = 1.6 * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = np.concatenate([turn, [[40.0], [-20.0]]], 1)
    rooms = [Room.of(picture, face, SIZE), Room.of(*shifted(picture, face, matrix, (560, 700)), SIZE)]
    points = rooms[1].face.moved(onto(rooms[1], rooms[0])).points[:, :2]
    assert np.allclose(points, rooms[0].face.points[:, :2], atol=0.1)
    make = maker()
    (pair,) = make.between(rooms, make.viewers(rooms), [(0, 1)])
    assert pair.target is not None and pair.sure is not None
    seen = pair.sure == 255
    assert seen.mean() > 0.8
    far = np.abs(pair.shot.image.astype(float) - pair.target)[seen]
    assert far.mean() < 6  # the same picture, resampled twice


def test_a_stop_is_heard() -> None:
    with pytest.raises(Cancelled):
        maker(stop=True).viewers([Room.of(*painted(), SIZE)])
