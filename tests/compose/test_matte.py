# SPDX-License-Identifier: GPL-3.0-or-later
"""The matte holds the sitter and nothing else, with the network and without."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from core.compose import segment
from core.compose.matte import WORKING, Matte, sitter_matte, sitter_region
from core.errors import InputError
from core.media.picture import Picture, load_picture

from .scenes import Scene, landmarks, make_scene


def overlap(alpha: np.ndarray, truth: np.ndarray) -> float:
    """Intersection over union."""
    mine = alpha > 0.5
    return float((mine & truth).sum() / (mine | truth).sum())


@pytest.mark.parametrize(("dark", "limit"), [(False, 0.9), (True, 0.8)])
def test_it_finds_a_painted_sitter(dark: bool, limit: float) -> None:
    scene = make_scene(dark=dark)
    matte = sitter_matte(scene.picture, scene)
    alpha = matte.at(scene.picture.pixels.shape)
    x0, y0, x1, y1 = matte.box
    inside = np.s_[y0:y1, x0:x1]
    assert alpha.dtype == np.float32 and alpha.min() >= 0 and alpha.max() <= 1
    assert overlap(alpha[inside], scene.truth[inside]) > limit
    assert (alpha[segment_face(scene)] > 0.95).all()


def segment_face(scene: Scene) -> np.ndarray:
    face = np.zeros(scene.truth.shape, np.uint8)
    cv2.fillConvexPoly(face, segment.face_polygon(scene.points[:, :2]).astype(np.int32), 1)
    return cv2.erode(face, np.ones((9, 9), np.uint8)) > 0


def test_without_the_network_head_and_shoulders_are_still_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise ImportError("no mediapipe")

    monkeypatch.setattr(segment, "_selfie_network", missing)
    scene = make_scene()
    matte = sitter_matte(scene.picture, scene)
    x0, y0, x1, y1 = matte.box
    alpha = matte.at(scene.truth.shape)[y0:y1, x0:x1]
    assert overlap(alpha, scene.truth[y0:y1, x0:x1]) > 0.75
    assert alpha.mean() < 0.8


def test_it_is_the_same_every_time() -> None:
    scene = make_scene()
    first, second = (sitter_matte(scene.picture, scene) for _ in range(2))
    np.testing.assert_array_equal(first.alpha, second.alpha)


def test_large_and_deep_pictures_work_at_working_resolution() -> None:
    scene = make_scene((2600, 3000), dtype=np.uint16)
    matte = sitter_matte(scene.picture, scene)
    assert max(matte.alpha.shape) == WORKING
    x0, y0, x1, y1 = matte.box
    assert overlap(matte.at(scene.truth.shape)[y0:y1, x0:x1], scene.truth[y0:y1, x0:x1]) > 0.9


def test_a_face_at_the_border_of_a_small_picture() -> None:
    scene = make_scene((300, 300))
    pixels = np.ascontiguousarray(scene.picture.pixels[90:, 110:])
    points = scene.points - np.array([110, 90, 0], np.float32)
    matte = sitter_matte(Picture(pixels), Scene(Picture(pixels), points, scene.truth, pixels))
    assert matte.box == (0, 0, 190, 210) and matte.alpha.shape == (210, 190)
    assert 0.2 < matte.alpha.mean() < 0.98


def test_the_users_mask_wins() -> None:
    scene = make_scene()
    mask = np.zeros(scene.truth.shape, np.uint8)
    mask[200:500, 250:400] = 255
    matte = sitter_matte(scene.picture, scene, mask=mask)
    inside = np.zeros(scene.truth.shape, bool)
    x0, y0, x1, y1 = matte.box
    inside[y0:y1, x0:x1] = True
    assert np.abs(matte.at(mask.shape) - mask / 255)[inside].max() < 0.01
    half = cv2.resize(
        mask, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA
    )  # another size, the same proportions
    smaller = sitter_matte(scene.picture, scene, mask=np.repeat(half[..., None], 3, axis=2))
    assert overlap(smaller.alpha, matte.alpha > 0.5) > 0.97


@pytest.mark.parametrize("mask", [np.full((80, 200), 255, np.uint8), np.zeros((800, 640), np.uint8)])
def test_a_mask_that_cannot_be_right_is_refused(mask: np.ndarray) -> None:
    scene = make_scene()
    with pytest.raises(InputError, match="mask") as caught:
        sitter_matte(scene.picture, scene, mask=mask)
    assert "\n" not in str(caught.value)


def test_a_cut_out_picture_limits_the_matte() -> None:
    scene = make_scene()
    pixels = np.dstack([scene.picture.pixels, np.full(scene.truth.shape, 255, np.uint8)])
    pixels[:, :300, 3] = 0
    alpha = sitter_matte(Picture(pixels), scene).at(scene.truth.shape)
    assert alpha[:, :295].max() == 0 and alpha[:, 330:].max() > 0.9


def test_boxes_map_to_picture_pixels() -> None:
    ramp = np.tile(np.linspace(0, 1, 100, dtype=np.float32), (50, 1))
    matte = Matte(ramp, (20, 10, 220, 110))
    whole = matte.at((130, 260, 3))
    np.testing.assert_allclose(
        whole[60, 20:220], np.interp(np.arange(200), np.arange(100) * 2 + 0.5, ramp[0]), atol=1e-3
    )
    assert (whole[:, :20] == 0).all() and (whole[:, 221:] == 1).all()
    part = matte.within((100, 40, 140, 60), (80, 40))  # finer than the picture
    np.testing.assert_allclose(part[20, ::2].mean(), whole[50, 100:140].mean(), atol=2e-3)


def test_region_stays_inside_the_picture() -> None:
    for center in [(10.0, 10.0), (900.0, 700.0), (450.0, 350.0)]:
        x0, y0, x1, y1 = sitter_region(landmarks(center, 150), (900, 700))
        assert 0 <= x0 < x1 <= 900 and 0 <= y0 < y1 <= 700


def test_the_demo_portrait(demo_portrait: Path) -> None:
    """Hair, face and dress belong to her; the corners are wall."""
    from core.landmarks.detect import detect_portrait

    picture = load_picture(demo_portrait)
    face, _ = detect_portrait(picture)
    alpha = sitter_matte(picture, face).at(picture.pixels.shape)
    assert (alpha[tuple(face.points[17:, 1::-1].astype(int).T)] > 0.95).all()
    width, height = picture.size
    assert alpha[: height // 12].max() < 0.1 and alpha[: height // 2, : width // 8].max() < 0.1
    assert 0.2 < alpha.mean() < 0.7


@pytest.mark.slow
def test_eight_paintings(shared: Path) -> None:
    from core.landmarks.detect import detect_portrait

    for path in sorted((shared / "data" / "paintings").glob("*.jpg")):
        picture = load_picture(path)
        face, _ = detect_portrait(picture)
        matte = sitter_matte(picture, face)
        alpha = matte.at(picture.pixels.shape)
        features = np.zeros(alpha.shape, np.uint8)
        cv2.fillConvexPoly(features, cv2.convexHull(face.points[17:, :2].astype(np.int32)), 1)
        # landmarks of a far cheek may lie a little outside the silhouette
        side = 2 * int(0.03 * np.ptp(face.points[:, :2], axis=0).max()) + 1
        assert alpha[cv2.erode(features, np.ones((side, side), np.uint8)) > 0].min() > 0.95, path.name
        assert 0.15 < matte.alpha.mean() < 0.8, path.name
