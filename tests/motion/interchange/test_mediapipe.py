# SPDX-License-Identifier: GPL-3.0-or-later
"""MediaPipe face landmarks .json: real output of its face mesh, and results made by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import InputError
from core.head.rotation import to_head_angles
from core.landmarks.detect import find_faces, make_detector
from core.landmarks.mesh_points import mesh_to_68
from core.landmarks.track import LandmarkTrack
from core.media.picture import load_picture
from core.motion.curves import ExpressionCurves
from core.motion.interchange.formats import read_performance


def mesh(seed: int = 1) -> np.ndarray:
    """478 points over the picture's size, with the few that mesh_to_68 measures by in their places."""
    points = np.random.default_rng(seed).uniform(0.3, 0.7, (478, 3))
    points[[33, 263, 10, 2]] = [[0.4, 0.4, 0], [0.6, 0.4, 0], [0.5, 0.3, 0], [0.5, 0.5, 0]]
    return points


def result(points: np.ndarray, **more: Any) -> dict[str, Any]:
    return {"face_landmarks": [[dict(zip("xyz", p, strict=True)) for p in points.tolist()]], **more}


def pose(x: float = 0.0, y: float = 0.0, place: tuple[float, float, float] = (0, 0, -40)) -> np.ndarray:
    """A 4 x 4 matrix as MediaPipe gives it: turned about x and y (degrees), cm, y up, z toward the viewer."""
    a, b = np.radians([x, y])
    about_x = [[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]]
    about_y = [[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]]
    out = np.eye(4)
    out[:3, :3], out[:3, 3] = np.array(about_y) @ np.array(about_x), place
    return out


def write(path: Path, data: Any) -> Path:
    path.write_text(json.dumps(data))
    return path


def test_points_become_the_68_in_pixels_whatever_the_layout(tmp_path: Path) -> None:
    points = mesh()
    wanted, irises = mesh_to_68(points * [640, 480, 640])
    size = {"width": 640, "height": 480}
    layouts: list[Any] = [
        {**size, "fps": 30, "frames": [result(points), {"face_landmarks": []}]},
        {
            "size": [640, 480],
            "fps": "30000/1001",
            "results": [{"faceLandmarks": [points.tolist()]}, {"faceLandmarks": []}],
        },
        [result(points, timestamp_ms=0, **size), {"face_landmarks": [], "timestamp_ms": 33}],
        {**size, "fps": 25, "frames": [{"landmarks": points.tolist()}, {"landmarks": []}]},
        {
            **size,
            "fps": 25,
            "frames": [
                {"multi_face_landmarks": [{"landmark": result(points)["face_landmarks"][0]}]},
                {"landmarks": []},
            ],
        },
    ]
    for index, layout in enumerate(layouts):
        track = read_performance(write(tmp_path / f"{index}.json", layout))
        assert isinstance(track, LandmarkTrack)
        assert track.size == (640, 480)
        assert np.array_equal(track.valid, [True, False])
        assert np.abs(track.points[0] - wanted).max() < 1e-3
        assert np.abs(track.irises[0] - irises).max() < 1e-3
    assert read_performance(tmp_path / "1.json").rate.denominator == 1001


def test_without_irises_they_are_unknown(tmp_path: Path) -> None:
    data = {"width": 640, "height": 480, "fps": 30, "frames": [result(mesh()[:468])]}
    track = read_performance(write(tmp_path / "a.json", data))
    assert isinstance(track, LandmarkTrack)
    assert track.valid.all() and np.isnan(track.irises).all()


@pytest.mark.parametrize("layout", ["python", "rows", "javascript", "flat"])
def test_blendshapes_and_matrices_become_curves(tmp_path: Path, layout: str) -> None:
    frames = []
    for index in range(3):
        # the nose goes to the picture's right (the sitter's left) and up, and the head comes nearer
        matrix = pose(x=-10, y=20.0 * index, place=(2.0 * index, 0, -40 + 4 * index))
        shaped: Any = [
            {"category_name": "jawOpen", "score": 0.25 * index},
            {"category_name": "_neutral", "score": 1},
        ]
        named: dict[str, Any] = {
            "face_blendshapes": [shaped],
            "facial_transformation_matrixes": [matrix.tolist()],
        }
        if layout == "rows":
            named["facial_transformation_matrixes"] = matrix.tolist()
        elif layout == "flat":
            named = {"blendshapes": {"jawOpen": 0.25 * index}, "matrix": matrix.T.ravel().tolist()}
        elif layout == "javascript":
            categories = [{"categoryName": c["category_name"], "score": c["score"]} for c in shaped]
            data = {"rows": 4, "columns": 4, "data": matrix.T.ravel().tolist()}
            named = {"faceBlendshapes": [{"categories": categories}], "facialTransformationMatrixes": [data]}
        frames.append({**named, "timestampMs": 40 * index})
    frames.append({"face_blendshapes": [], "timestampMs": 120})
    curves = read_performance(write(tmp_path / "a.json", frames), curves=True)
    assert isinstance(curves, ExpressionCurves)
    assert np.array_equal(curves.valid, [True, True, True, False])
    assert np.allclose(curves.curve("jawOpen")[:3], [0, 0.25, 0.5])
    yaw, pitch, roll = to_head_angles(curves.rotation[:3])
    assert np.allclose(yaw, [0, 20, 40], atol=1e-3)
    assert np.allclose(pitch, 10, atol=1e-3) and np.allclose(roll, 0, atol=1e-3)
    assert np.allclose(np.diff(curves.translation[:3], axis=0), [[2 / 8.9, 0, -4 / 8.9]] * 2, atol=1e-5)
    assert curves.rate == 25


def test_landmarks_are_preferred_unless_curves_are_asked_for(tmp_path: Path) -> None:
    shaped = {"face_blendshapes": [[{"category_name": "jawOpen", "score": 0.5}]]}
    data = {"width": 640, "height": 480, "fps": 30, "frames": [result(mesh(), **shaped)]}
    path = write(tmp_path / "a.json", data)
    assert isinstance(read_performance(path), LandmarkTrack)
    assert isinstance(read_performance(path, curves=True), ExpressionCurves)


def test_real_output_gives_the_detectors_landmarks(tmp_path: Path, demo_portrait: Path) -> None:
    from mediapipe.python.solutions.face_mesh import FaceMesh

    image = load_picture(demo_portrait).rgb8()
    with FaceMesh(static_image_mode=True, refine_landmarks=True) as network:
        found = network.process(image).multi_face_landmarks[0].landmark
    points = [{"x": p.x, "y": p.y, "z": p.z} for p in found]
    frames = [{"face_landmarks": [points]}]
    data = {"width": image.shape[1], "height": image.shape[0], "fps": 25, "frames": frames}
    track = read_performance(write(tmp_path / "a.json", data))
    assert isinstance(track, LandmarkTrack)
    detector = make_detector("mediapipe")
    face = find_faces(image, detector)[0]
    detector.close()
    unit = np.linalg.norm(face.points[45] - face.points[36])
    # one look of the network against the detector's median of several
    assert np.linalg.norm(track.points[0, :, :2] - face.points[:, :2], axis=1).max() < 0.06 * unit
    assert np.abs(track.irises[0] - face.irises).max() < 0.02 * unit


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("{", "whole JSON"),
        ("[]", "list"),
        ('{"frames": [1, 2]}', "list"),
        ('{"fps": 30, "frames": [{"hands": []}]}', "face_landmarks"),
        ({"fps": 30, "frames": [result(mesh())]}, "width"),
        ({"width": 9, "height": 9, "frames": [result(mesh())]}, "fps"),
        ({"width": 9, "height": 9, "fps": 0, "frames": [result(mesh())]}, "fps"),
        ({"width": 9, "height": 9, "fps": 30, "frames": [result(mesh()[:100])]}, "frame 0 has 100 points"),
        ({"width": 9, "height": 9, "fps": 30, "frames": [{"landmarks": [{"x": 1}]}]}, "damaged"),
        ({"width": 9, "height": 9, "fps": 30, "frames": [{"landmarks": ["a", "b"]}]}, "damaged"),
        ({"width": 9, "height": 9, "fps": 30, "frames": [{"landmarks": []}]}, "no frame has a face"),
        ({"fps": 30, "frames": [{"blendshapes": {"jawOpen": "wide"}}]}, "damaged"),
        ({"fps": 30, "frames": [{"blendshapes": {"jawOpen": 1}, "matrix": [1, 2]}]}, "4 x 4"),
        ([result(mesh(), timestamp=1.0), result(mesh(), timestamp=1.0)], "increase"),
    ],
)
def test_a_damaged_file_is_told_in_one_line(tmp_path: Path, data: Any, words: str) -> None:
    path = tmp_path / "bad.json"
    path.write_text(data if isinstance(data, str) else json.dumps(data))
    with pytest.raises(InputError) as caught:
        read_performance(path)
    assert words in str(caught.value)
    assert "bad.json" in str(caught.value) and "\n" not in str(caught.value)
