# SPDX-License-Identifier: GPL-3.0-or-later
"""Detection on the demo portrait: where the points are, and in what copies of it they are found."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from core.errors import InputError, NoFaceError
from core.landmarks.detect import Detector, Face, detect_portrait, find_faces, make_detector
from core.landmarks.draw import draw_landmarks
from core.landmarks.hand import NEEDED, POINT_NAMES, load_face, save_face
from core.media.picture import Picture, load_picture

from .conftest import apart, moved, similarity

BY_EYE = {
    "iris 0": (437.7, 460.0),
    "iris 1": (580.7, 460.7),
    "36": (410.0, 460.7),
    "39": (471.7, 468.0),
    "42": (546.7, 468.0),
    "45": (615.0, 461.0),
    "33": (496.7, 578.0),
    "48": (457.3, 610.7),
    "54": (561.7, 615.0),
    "51": (500.0, 607.0),
    "57": (503.0, 640.7),
}
"""Point -> px, read off an enlarged print of the demo portrait."""


def test_points_lie_where_the_painter_put_them(face: Face) -> None:
    unit = np.linalg.norm(face.points[45, :2] - face.points[36, :2])
    for name, place in BY_EYE.items():
        point = face.irises[int(name[-1])] if name.startswith("iris") else face.points[int(name), :2]
        assert np.linalg.norm(point - place) < 0.04 * unit, (name, point, place)


def test_depth_and_confidence_make_sense(face: Face) -> None:
    points = face.points
    assert points[30, 2] < points[[36, 45], 2].min() < points[[0, 16], 2].min()
    assert 0.8 < face.confidence.mean() <= 1.0 and (face.confidence > 0).all()
    assert face.points.dtype == face.irises.dtype == face.confidence.dtype == np.float32
    # the mouth is closed
    assert abs(points[62, 1] - points[66, 1]) < 0.02 * np.linalg.norm(points[45] - points[36])


@pytest.mark.parametrize("degrees", [15, -35, 90, 180])
def test_turned_copies(portrait: np.ndarray, detector: Detector, face: Face, degrees: float) -> None:
    matrix = similarity(0.7, degrees, about=(512, 640), to=(600, 600))
    found = find_faces(moved(portrait, matrix, (1200, 1200)), detector)
    assert len(found) == 1
    assert apart(found[0].points, face.moved(matrix).points) < 0.015


@pytest.mark.parametrize("scale", [0.1, 0.2, 0.5, 2.0])
def test_other_sizes(portrait: np.ndarray, detector: Detector, face: Face, scale: float) -> None:
    size = (round(1024 * scale), round(1280 * scale))
    copy = cv2.resize(portrait, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    found = find_faces(copy, detector)[0]
    expected = face.points * (size[0] / 1024)
    assert apart(found.points, expected) < (0.02 if scale < 0.15 else 0.01)


@pytest.mark.parametrize("change", ["grey", "dark", "pale"])
def test_other_colors(portrait: np.ndarray, detector: Detector, face: Face, change: str) -> None:
    copies = {
        "grey": np.repeat(portrait.mean(axis=2, keepdims=True), 3, axis=2),
        "dark": portrait * 0.12,
        "pale": portrait * 0.08 + 200,
    }
    found = find_faces(copies[change].astype(np.uint8), detector)
    assert len(found) == 1 and apart(found[0].points, face.points) < 0.025


def test_a_face_that_fills_the_frame(portrait: np.ndarray, detector: Detector, face: Face) -> None:
    x0, y0, x1, y1 = face.box.astype(int)
    left, top = x0 + 5, y0 - 90
    found = find_faces(portrait[top : y1 + 4, left : x1 - 5].copy(), detector)[0]
    assert apart(found.points, face.points - np.array([left, top, 0])) < 0.02


def test_a_small_face_in_a_large_scan(portrait: np.ndarray, detector: Detector, face: Face) -> None:
    ground = np.random.default_rng(0).normal(110, 12, (40, 60, 3))
    scan = cv2.resize(np.clip(ground, 0, 255).astype(np.uint8), (6000, 4000), interpolation=cv2.INTER_CUBIC)
    scale = 300 / (face.box[2] - face.box[0])
    small = cv2.resize(portrait, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    scan[2400 : 2400 + small.shape[0], 4200 : 4200 + small.shape[1]] = small
    found = find_faces(scan, detector)
    assert len(found) == 1
    ratio = small.shape[1] / 1024
    assert apart(found[0].points, face.moved(np.array([[ratio, 0, 4200], [0, ratio, 2400]])).points) < 0.01


@pytest.fixture
def pair(portrait: np.ndarray) -> np.ndarray:
    """The portrait twice: a smaller copy on the left, a larger one on the right."""
    canvas = np.full((1000, 1500, 3), 96, np.uint8)
    canvas[300:800, 50:450] = cv2.resize(portrait, (400, 500), interpolation=cv2.INTER_AREA)
    canvas[0:1000, 600:1400] = cv2.resize(portrait, (800, 1000), interpolation=cv2.INTER_AREA)
    return canvas


def test_two_faces_are_listed_largest_first(pair: np.ndarray, detector: Detector, face: Face) -> None:
    found = find_faces(pair, detector)
    assert len(found) == 2
    assert apart(found[0].points, face.points * 0.78125 + np.array([600, 0, 0])) < 0.01
    assert apart(found[1].points, face.points * 0.390625 + np.array([50, 300, 0])) < 0.01


def test_another_face_can_be_chosen(pair: np.ndarray) -> None:
    picture = Picture(pair)
    first, said = detect_portrait(picture, backend="mediapipe")
    second, _ = detect_portrait(picture, backend="mediapipe", face=1)
    assert first.box[0] > 600 > second.box[2]
    assert "2 faces" in said and "mediapipe" in said
    with pytest.raises(InputError, match="no face 2"):
        detect_portrait(picture, backend="mediapipe", face=2)


def test_no_face_says_how_to_go_on(detector: Detector) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (300, 400, 3), dtype=np.uint8)
    with pytest.raises(NoFaceError, match="by hand") as caught:
        find_faces(noise, detector)
    assert "\n" not in str(caught.value)
    with pytest.raises(NoFaceError, match="the picture"):
        detect_portrait(Picture(noise), backend="mediapipe")


def test_an_unknown_backend_is_refused() -> None:
    with pytest.raises(InputError, match="auto, face-alignment, mediapipe"):
        make_detector("openface")


def test_detection_repeats_itself(portrait: np.ndarray, detector: Detector, face: Face) -> None:
    again = find_faces(portrait, detector)[0]
    np.testing.assert_array_equal(again.points, face.points)


def test_drawing_has_sub_pixel_precision_and_leaves_the_image_alone(portrait: np.ndarray, face: Face) -> None:
    before = portrait.copy()
    drawn = draw_landmarks(portrait, face)
    np.testing.assert_array_equal(portrait, before)
    changed = np.argwhere((drawn != portrait).any(axis=2))
    inside = face.box[[1, 0]] - 8, face.box[[3, 2]] + 8
    assert len(changed) > 1000 and (changed >= inside[0]).all() and (changed <= inside[1]).all()
    shifted = draw_landmarks(portrait, face.points + np.array([0.25, 0, 0], np.float32), face.irises)
    assert (shifted != drawn).any()
    lost = np.full((68, 3), np.nan)
    np.testing.assert_array_equal(draw_landmarks(portrait, lost, np.full((2, 2), np.nan)), portrait)


def test_landmarks_set_by_hand_win(tmp_path: Path, demo_portrait: Path, face: Face) -> None:
    picture = load_picture(demo_portrait)
    save_face(tmp_path / "hand.json", face, picture.size)
    data = json.loads((tmp_path / "hand.json").read_text())
    data["points"][30][0] += 50
    (tmp_path / "hand.json").write_text(json.dumps(data))
    found, said = detect_portrait(picture, landmarks=tmp_path / "hand.json")
    assert abs(found.points[30, 0] - face.points[30, 0] - 50) < 0.01 and "hand.json" in said
    np.testing.assert_allclose(found.points[:30], face.points[:30], atol=0.006)
    # the same file serves a copy of another size, and not one of another shape
    np.testing.assert_allclose(
        load_face(tmp_path / "hand.json", (512, 640)).points * 2, found.points, atol=1e-3
    )
    with pytest.raises(InputError, match="1024 x 1280"):
        load_face(tmp_path / "hand.json", (1280, 1024))


def test_depth_left_out_is_completed(tmp_path: Path, face: Face) -> None:
    data = {
        "schema": "tableau-vivant/landmarks-1",
        "size": [1024, 1280],
        "points": face.points[:, :2].tolist(),
    }
    (tmp_path / "flat.json").write_text(json.dumps(data))
    found = load_face(tmp_path / "flat.json", (1024, 1280))
    np.testing.assert_allclose(found.points[:, :2], face.points[:, :2], atol=1e-3)
    assert np.isnan(found.irises).all()
    deep, given = found.points[:, 2] - found.points[:, 2].mean(), face.points[:, 2] - face.points[:, 2].mean()
    assert np.corrcoef(deep, given)[0, 1] > 0.95


def test_a_few_named_points_are_completed(tmp_path: Path, face: Face) -> None:
    from core.landmarks.hand import NAMES

    named = {name: face.points[NAMES[name], :2].tolist() for name in NEEDED}
    data = {"schema": "tableau-vivant/landmarks-1", "size": [1024, 1280], "named": named}
    (tmp_path / "few.json").write_text(json.dumps(data))
    found = load_face(tmp_path / "few.json", (1024, 1280))
    for name in NEEDED:
        np.testing.assert_allclose(found.points[NAMES[name], :2], named[name], atol=1e-2)
    assert apart(found.points, face.points) < 0.08
    assert set(POINT_NAMES) <= set(NAMES)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"schema": "other"}, "schema"),
        ({"size": [1024]}, "size"),
        ({"points": [[1, 2]] * 67}, "68"),
        ({"points": [[1, 2]] * 67 + [["a", 2]]}, "points"),
        ({"points": [[1, 2]] * 67 + [[1e999, 2]]}, "points"),
        ({"irises": [[1, 2]]}, "irises"),
        ({"named": {}}, "either"),
    ],
)
def test_wrong_hand_files(tmp_path: Path, change: dict, word: str) -> None:
    data = {"schema": "tableau-vivant/landmarks-1", "size": [100, 100], "points": [[1, 2]] * 68, **change}
    (tmp_path / "bad.json").write_text(json.dumps(data))
    with pytest.raises(InputError, match=word) as caught:
        load_face(tmp_path / "bad.json", (100, 100))
    assert "bad.json" in str(caught.value) and "\n" not in str(caught.value)


def test_hand_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "text.json").write_text("{")
    (tmp_path / "named.json").write_text(
        '{"schema": "tableau-vivant/landmarks-1", "size": [9, 9], "named": {"ear": [1, 2]}}'
    )
    for name in ("text.json", "named.json", "none.json", "none.npz"):
        with pytest.raises(InputError, match=name):
            load_face(tmp_path / name, (9, 9))


@pytest.mark.slow
def test_all_eight_paintings_are_found(shared: Path, detector: Detector) -> None:
    paintings = sorted((shared / "data" / "paintings").glob("*.jpg"))
    assert len(paintings) == 8
    for path in paintings:
        found = find_faces(load_picture(path).rgb8(), detector)
        assert len(found) == 1, path.name
        points = found[0].points
        assert found[0].confidence.mean() > 0.6, path.name
        # eyes over nose over mouth over chin, irises between their corners
        heights = [points[36:48, 1].mean(), points[30, 1], points[48:60, 1].mean(), points[8, 1]]
        assert heights == sorted(heights), path.name
        for iris, (outer, inner) in zip(found[0].irises, ((36, 39), (45, 42)), strict=True):
            low, high = sorted((points[outer, 0], points[inner, 0]))
            assert low < iris[0] < high, path.name
