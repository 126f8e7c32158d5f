# SPDX-License-Identifier: GPL-3.0-or-later
"""The clean plate: what is uncovered looks like the ground around it, and no trace of the sitter stays."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from core.compose.plate import clean_plate, push_pull

from .scenes import brushwork, make_scene


def fine(image: np.ndarray) -> np.ndarray:
    """The grain: what a small blur takes away, float [H, W]."""
    grey = image[..., :3].astype(np.float32).mean(axis=2)
    return grey - cv2.GaussianBlur(grey, (0, 0), 1.5)


def rim(truth: np.ndarray, width: int) -> np.ndarray:
    """bool: pixels of the sitter at most ``width`` px inside the silhouette:
    what a turn of the head uncovers."""
    side = 2 * width + 1
    return truth & (cv2.erode(truth.astype(np.uint8), np.ones((side, side), np.uint8)) == 0)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_it_looks_like_the_ground(dtype: type) -> None:
    scene = make_scene(dtype=dtype)
    plate = clean_plate(scene.picture.pixels, scene.truth.astype(np.float32))
    peak = np.iinfo(dtype).max
    assert plate.shape == scene.picture.pixels.shape and plate.dtype == dtype
    shown = rim(scene.truth, 30)
    color = plate[shown].astype(float).mean(axis=0) / peak
    ground = scene.ground[shown].astype(float).mean(axis=0) / peak
    sitter = scene.picture.pixels[shown].astype(float).mean(axis=0) / peak
    assert np.abs(color - ground).max() < 0.02
    assert np.abs(sitter - ground).max() > 0.1
    around = ~cv2.dilate(scene.truth.astype(np.uint8), np.ones((31, 31), np.uint8)).astype(bool)
    ratio = fine(plate)[shown].std() / fine(scene.picture.pixels)[around].std()
    assert 0.8 < ratio < 1.2  # the grain goes on, neither smeared nor doubled


def test_no_halo_of_the_sitters_colors() -> None:
    """Red dress, dark hair: nothing of them in the filled places,
    not even in the mixed pixels at their edges."""
    scene = make_scene()
    plate = clean_plate(scene.picture.pixels, scene.truth.astype(np.float32)).astype(int)
    reach = cv2.dilate(scene.truth.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    red = plate[..., 0] - plate[..., 2]
    assert red[reach].max() < (scene.ground[..., 0].astype(int) - scene.ground[..., 2]).max() + 25
    assert plate[reach].mean(axis=1).min() > scene.ground.mean(axis=2).min() - 25


def test_the_background_is_bit_identical() -> None:
    scene = make_scene()
    plate = clean_plate(scene.picture.pixels, scene.truth.astype(np.float32))
    far = cv2.dilate(scene.truth.astype(np.uint8), np.ones((21, 21), np.uint8)) == 0
    np.testing.assert_array_equal(plate[far], scene.picture.pixels[far])


def test_it_is_the_same_every_time() -> None:
    scene = make_scene((320, 400))
    first, second = (clean_plate(scene.picture.pixels, scene.truth.astype(np.float32)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_a_horizon_goes_on_behind_the_head() -> None:
    ground = brushwork((400, 400), (150, 170, 200), 1, 5)
    ground[200:] = brushwork((200, 400), (60, 80, 40), 2, 5)
    pixels = np.clip(ground, 0, 255).astype(np.uint8)
    truth = np.zeros((400, 400), np.uint8)
    cv2.ellipse(truth, (200, 190), (70, 90), 0, 0, 360, 1, -1)
    pixels[truth > 0] = (200, 60, 60)
    plate = clean_plate(pixels, truth.astype(np.float32)).astype(float)
    shown = rim(truth > 0, 25)
    rows = np.arange(400)[:, None] + np.zeros((1, 400))
    sky, land = shown & (rows < 180), shown & (rows > 220)
    assert np.abs(plate[sky].mean(axis=0) - (150, 170, 200)).max() < 12
    assert np.abs(plate[land].mean(axis=0) - (60, 80, 40)).max() < 12


def test_large_pictures_are_as_sharp_as_their_surroundings() -> None:
    small = make_scene((640, 800))
    rng = np.random.default_rng(5)
    big = cv2.resize(small.picture.pixels, (1920, 2400), interpolation=cv2.INTER_CUBIC).astype(np.float32)
    big += rng.normal(0, 9, big.shape[:2])[..., None]  # canvas grain that working resolution cannot hold
    pixels = np.clip(big, 0, 255).astype(np.uint8)
    plate = clean_plate(pixels, small.truth.astype(np.float32))
    truth = cv2.resize(small.truth.astype(np.uint8), (1920, 2400), interpolation=cv2.INTER_NEAREST) > 0
    around = ~cv2.dilate(truth.astype(np.uint8), np.ones((61, 61), np.uint8)).astype(bool)
    ratio = fine(plate)[rim(truth, 80)].std() / fine(pixels)[around].std()
    assert 0.85 < ratio < 1.2


def test_alpha_and_floats_are_kept() -> None:
    scene = make_scene((320, 400))
    pixels = np.dstack([scene.picture.pixels, np.full(scene.truth.shape, 255, np.uint8)])
    pixels[~scene.truth] = 0  # a cut-out sitter: behind is nothing
    plate = clean_plate(pixels, scene.truth.astype(np.float32))
    assert plate.shape == pixels.shape and (plate[rim(scene.truth, 20)][:, 3] == 0).all()
    floats = scene.picture.rgb_float()
    filled = clean_plate(floats, scene.truth.astype(np.float32))
    assert filled.dtype == np.float32 and filled.min() >= 0 and filled.max() <= 1
    whole = clean_plate(scene.picture.pixels, scene.truth.astype(np.float32))
    assert np.abs(filled * 255 - whole).mean() < 1


def test_nothing_to_copy_and_nothing_to_fill() -> None:
    scene = make_scene((320, 400))
    untouched = clean_plate(scene.picture.pixels, np.zeros((40, 32), np.float32))
    np.testing.assert_array_equal(untouched, scene.picture.pixels)
    everything = np.ones((400, 320), np.float32)
    everything[:, :4] = 0
    assert clean_plate(scene.picture.pixels, everything).shape == scene.picture.pixels.shape
    assert clean_plate(scene.picture.pixels, np.ones((400, 320), np.float32)).dtype == np.uint8


def test_push_pull_meets_what_is_known() -> None:
    ys, xs = np.mgrid[0:120, 0:160].astype(np.float32)
    image = np.stack([xs, ys, xs + ys], axis=2)
    known = np.ones((120, 160), bool)
    known[40:80, 50:110] = False
    filled = push_pull(image, known)
    np.testing.assert_allclose(filled[known], image[known], rtol=1e-5)
    assert np.abs(filled - image).max() < 30


def test_a_shadow_by_the_silhouette_goes_on_behind_it() -> None:
    x = np.arange(400, dtype=np.float64)
    wall = 200 - 150 * np.exp(-np.abs(x - 260) / 12)  # darkest where the sitter ends, at 260
    picture = np.repeat(np.repeat(wall[None, :, None], 400, 0), 3, 2)
    picture += np.random.default_rng(0).normal(0, 3, picture.shape)
    alpha = np.zeros((400, 400), np.float32)
    alpha[120:, 140:254] = 1
    picture[120:, 140:254] = 90
    plate = clean_plate(np.clip(np.rint(picture), 0, 255).astype(np.uint8), alpha).astype(np.float64)
    inside = plate[200:380, 246:254].mean()
    assert abs(inside - plate[200:380, 262:266].mean()) < 30
