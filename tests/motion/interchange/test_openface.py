# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenFace .csv: read as OpenFace 1 and 2 write it, and written."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from core import presets
from core.errors import InputError
from core.head.arkit import INDEX
from core.head.rotation import from_vector, multiply, to_vector
from core.landmarks.track import LandmarkTrack
from core.motion.curves import ExpressionCurves
from core.motion.features import eye_distance, iris_offset
from core.motion.interchange.formats import read_performance
from core.motion.interchange.openface import COLUMNS, write_openface
from core.motion.solve import play_curves


@pytest.fixture(scope="module")
def look() -> tuple[ExpressionCurves, LandmarkTrack]:
    curves = presets.load_performance("look_around", Fraction(8))
    return curves, play_curves(curves, (1280, 720))


def read(path: Path) -> LandmarkTrack:
    track = read_performance(path)
    assert isinstance(track, LandmarkTrack)
    return track


def rewrite(path: Path, drop: tuple[str, ...] = (), add: dict[str, list[float]] | None = None) -> None:
    """The same file without the columns that begin so, and with others."""
    rows = [line.split(",") for line in path.read_text().splitlines()]
    kept = [i for i, name in enumerate(rows[0]) if not name.startswith(drop)] if drop else range(len(rows[0]))
    out = [[row[i] for i in kept] for row in rows]
    for name, values in (add or {}).items():
        out[0].append(name)
        for row, value in zip(out[1:], values, strict=True):
            row.append(f"{value:.4f}")
    path.write_text("\n".join(", ".join(row) for row in out) + "\n")  # OpenFace 1 puts spaces


def test_round_trip(tmp_path: Path, look: tuple[ExpressionCurves, LandmarkTrack]) -> None:
    curves, track = look
    points = track.points.copy()
    points[3] = np.nan
    lost = replace(track, points=points)
    write_openface(lost, curves, tmp_path / "of.csv")
    again = read(tmp_path / "of.csv")
    assert again.size == (1280, 720)
    assert again.rate == track.rate
    assert np.abs(again.times - track.times).max() < 1e-6
    assert np.array_equal(again.valid, lost.valid) and not again.valid[3]
    good = again.valid
    assert np.abs(again.points[good, :, :2] - track.points[good, :, :2]).max() < 1e-3  # px
    depth = again.points[good, :, 2] - again.points[good, :, 2].mean(axis=1, keepdims=True)
    wanted = track.points[good, :, 2] - track.points[good, :, 2].mean(axis=1, keepdims=True)
    assert np.abs(depth - wanted).max() < 0.05
    # irises only through the gaze
    # under open lids (a blink moves the corners that the eyeball is placed by)
    good &= (curves.expression[:, [INDEX["eyeBlinkLeft"], INDEX["eyeBlinkRight"]]] < 0.2).all(axis=1)
    moves = [iris_offset(t.points, t.irises)[good] for t in (again, track)]
    assert np.abs(moves[0] - moves[1]).max() < 0.03  # eye widths
    assert np.ptp(moves[1][:, :, 0], axis=0).min() > 0.2


def test_pose_and_gaze_are_told_as_openface_tells_them(
    tmp_path: Path, look: tuple[ExpressionCurves, LandmarkTrack]
) -> None:
    curves, track = look
    write_openface(track, curves, tmp_path / "of.csv")
    lines = (tmp_path / "of.csv").read_text().splitlines()
    assert tuple(lines[0].split(",")) == COLUMNS
    value = dict(zip(COLUMNS, np.array([line.split(",") for line in lines[1:]], float).T, strict=True))
    turn = [from_vector(np.outer(value[f"pose_R{a}"], np.eye(3)[i])) for i, a in enumerate("xyz")]
    rotation = multiply(turn[0], multiply(turn[1], turn[2]))
    apart = to_vector(multiply(rotation, curves.rotation * np.array([1, -1, -1, -1])))
    assert np.abs(apart).max() < 1e-3  # radians
    assert (value["pose_Tz"] > 300).all()  # mm: in front of the camera
    gaze = np.stack([value[f"gaze_0_{axis}"] for axis in "xyz"], axis=1)
    assert np.allclose(np.linalg.norm(gaze, axis=1), 1.0, atol=1e-3)
    assert (gaze[:, 2] < 0).all()  # toward the camera
    # looking to the picture's right is a larger x; the irises say the same
    side = iris_offset(track.points, track.irises)[:, 0, 0]
    assert np.corrcoef(value["gaze_angle_x"], side)[0, 1] > 0.8


def test_without_points_in_space_the_head_model_gives_depth(
    tmp_path: Path, look: tuple[ExpressionCurves, LandmarkTrack]
) -> None:
    curves, track = look
    write_openface(track, curves, tmp_path / "of.csv")
    rewrite(tmp_path / "of.csv", drop=("X_", "Y_", "Z_", "gaze_", "face_id"))
    again = read(tmp_path / "of.csv")
    assert again.valid.all()
    assert np.isnan(again.irises).all()
    depth, wanted = (t.points[..., 2] - t.points[..., 30, None, 2] for t in (again, track))
    unit = eye_distance(track.points)[:, None]
    assert np.abs((depth - wanted) / unit).max() < 0.25
    assert (np.array(again.size) >= again.points[..., :2].max(axis=(0, 1))).all()


def test_eye_points_are_better_than_the_gaze(
    tmp_path: Path, look: tuple[ExpressionCurves, LandmarkTrack]
) -> None:
    curves, track = look
    write_openface(track, curves, tmp_path / "of.csv")
    ring = {}
    for eye in range(2):
        for axis in range(2):
            for i in range(8):
                ring[f"eye_lmk_{'xy'[axis]}_{28 * eye + i}"] = list(
                    track.irises[:, eye, axis] + 9 * np.cos(i * np.pi / 4 - axis * np.pi / 2)
                )
    rewrite(tmp_path / "of.csv", add=ring)
    assert np.abs(read(tmp_path / "of.csv").irises - track.irises).max() < 1e-3


def test_of_several_faces_the_one_seen_most_is_taken(
    tmp_path: Path, look: tuple[ExpressionCurves, LandmarkTrack]
) -> None:
    curves, track = look
    path = tmp_path / "of.csv"
    write_openface(track, curves, path)
    lines = path.read_text().splitlines()
    other = [line.replace(",0,", ",1,", 1) for line in lines[1:4]]
    mixed = [lines[0]]
    for index, line in enumerate(lines[1:]):
        mixed += [other[index], line] if index < 3 else [line]
    path.write_text("\n".join(mixed))
    again = read(path)
    assert len(again) == len(track)
    assert np.abs(again.times - track.times).max() < 1e-6


@pytest.mark.parametrize("damage", ["no points", "no face", "times", "cell", "cut"])
def test_a_damaged_file_is_told_in_one_line(
    tmp_path: Path, look: tuple[ExpressionCurves, LandmarkTrack], damage: str
) -> None:
    path = tmp_path / "bad.csv"
    write_openface(look[1], look[0], path)
    lines = path.read_text().splitlines()
    if damage == "no points":
        rewrite(path, drop=("x_",))
    elif damage == "no face":
        path.write_text(
            "\n".join([lines[0], *(line.replace(",1.000,1,", ",0.000,0,") for line in lines[1:])])
        )
    elif damage == "times":
        path.write_text("\n".join([lines[0], lines[2], lines[1]]))
    elif damage == "cell":
        path.write_text("\n".join([lines[0], lines[1].replace(",1,", ",one,", 1), *lines[2:]]))
    else:
        path.write_text(lines[0] + "\n")
    with pytest.raises(InputError) as caught:
        read(path)
    assert "bad.csv" in str(caught.value) and "\n" not in str(caught.value)
