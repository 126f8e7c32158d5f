# SPDX-License-Identifier: GPL-3.0-or-later
"""The native-resolution sampler: identity to the bit, exact shifts,
no aliasing, no ringing, alpha done right."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from core.compose.paste import composite, node_positions, upsample_flow, warp_native


def noise(shape: tuple[int, ...], dtype: type = np.uint8, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max + 1, shape, dtype=dtype)


def smooth(shape: tuple[int, int], dtype: type = np.uint8, wavelength: float = 12.0) -> np.ndarray:
    """A picture whose values between the pixels are known: sums of sines, ``wavelength`` px and longer."""
    ys, xs = np.mgrid[0 : shape[0], 0 : shape[1]] + 0.5
    return (value_at(xs, ys, wavelength) * np.iinfo(dtype).max + 0.5).astype(dtype)


def value_at(xs: np.ndarray, ys: np.ndarray, wavelength: float = 12.0) -> np.ndarray:
    k = 2 * np.pi / wavelength
    waves = [
        np.sin(k * xs) + np.sin(0.6 * k * ys),
        np.sin(0.7 * k * (xs + ys)),
        np.cos(k * ys) * np.sin(0.4 * k * xs),
    ]
    return 0.5 + 0.2 * np.stack(waves, axis=-1)


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_identity_is_bit_identical(dtype: type, channels: int) -> None:
    pixels = noise((301, 407, channels), dtype)
    box = (13, 7, 391, 288)
    warped = warp_native(pixels, box, node_positions(box, (23, 31)))
    np.testing.assert_array_equal(warped, pixels[7:288, 13:391])


def test_identity_survives_float32_far_from_the_origin() -> None:
    pixels = noise((70, 12_000, 3))
    box = (0, 0, 12_000, 70)
    np.testing.assert_array_equal(warp_native(pixels, box, node_positions(box, (5, 401))), pixels)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_whole_pixel_shifts_are_exact(dtype: type) -> None:
    pixels = noise((120, 150, 3), dtype)
    box = (30, 30, 110, 90)
    warped = warp_native(pixels, box, node_positions(box, (6, 8)) + np.array([5, -3], np.float32))
    np.testing.assert_array_equal(warped, pixels[27:87, 35:115])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_fractions_of_pixels_are_sampled_truly(dtype: type) -> None:
    peak = np.iinfo(dtype).max
    pixels = smooth((160, 200), dtype)
    box = (20, 20, 180, 140)
    for shift in [(0.5, 0.0), (0.25, 0.75), (3.013, -2.49)]:
        warped = warp_native(pixels, box, node_positions(box, (9, 11)) + np.array(shift, np.float32))
        ys, xs = np.mgrid[20:140, 20:180] + 0.5
        expected = value_at(xs + shift[0], ys + shift[1]) * peak
        assert np.abs(warped - expected).max() < 0.012 * peak


def test_slow_motion_has_no_steps() -> None:
    """A drift of 1/100 px a frame changes 16-bit values steadily;
    fixed-point sampling would hold and jump."""
    pixels = smooth((80, 80), np.uint16)
    box = (20, 20, 60, 60)
    nodes = node_positions(box, (4, 4))
    frames = [
        warp_native(pixels, box, nodes + np.array([0.3 + 0.01 * i, 0], np.float32)).astype(int)
        for i in range(20)
    ]
    steps = np.diff(np.stack(frames), axis=0)
    strongest = np.abs(steps).mean(axis=0).argmax()
    line = steps.reshape(19, -1)[:, strongest]
    assert np.abs(line).min() > 0.5 * np.abs(line).max()


def test_flow_follows_its_nodes_and_stays_straight() -> None:
    rng = np.random.default_rng(0)
    grid = rng.normal(0, 5, (9, 7, 2)).astype(np.float32)
    full = upsample_flow(grid, (90, 70))
    # nodes lie between two pixels here (cells of 10 px): the mean of the four around is close to the node
    around = full.reshape(9, 10, 7, 10, 2)[:, 4:6, :, 4:6].mean(axis=(1, 3))
    np.testing.assert_allclose(around, grid, atol=0.2)
    box = (0, 0, 400, 300)
    ramp = node_positions(box, (30, 40)) * np.float32(0.1)
    ys, xs = np.mgrid[0:300, 0:400] + 0.5
    inner = np.s_[20:-20, 20:-20]
    straight = upsample_flow(ramp, (300, 400))
    np.testing.assert_allclose(straight[inner][..., 0], 0.1 * xs[inner], atol=1e-3)
    np.testing.assert_allclose(straight[inner][..., 1], 0.1 * ys[inner], atol=1e-3)


def test_warp_uses_the_same_flow_as_upsample_flow() -> None:
    pixels = smooth((200, 240), np.uint16, wavelength=20)
    box = (24, 24, 216, 176)
    nodes = node_positions(box, (12, 16))
    shift = np.stack([4 * np.sin(nodes[..., 1] / 25), 3 * np.cos(nodes[..., 0] / 30)], axis=2).astype(
        np.float32
    )
    warped = warp_native(pixels, box, nodes + shift)
    full = upsample_flow(shift, (152, 192))
    ys, xs = np.mgrid[24:176, 24:216] + 0.5
    expected = value_at(xs + full[..., 0], ys + full[..., 1], 20) * 65535
    assert np.abs(warped - expected).max() < 300


def test_hard_edges_do_not_ring() -> None:
    pixels = np.full((80, 80, 3), 60, np.uint8)
    pixels[:, 40:] = 190
    box = (10, 10, 70, 70)
    for part in (0.2, 0.5, 0.8):
        warped = warp_native(pixels, box, node_positions(box, (4, 4)) + np.array([part, 0.3], np.float32))
        away = np.concatenate([warped[:, :26], warped[:, 33:]], axis=1)
        assert set(np.unique(away)) == {60, 190}  # nothing outside the edge itself changes
        assert warped.min() >= 27 and warped.max() <= 223


def test_fine_texture_keeps_its_strength() -> None:
    rng = np.random.default_rng(0)
    grain = cv2.GaussianBlur(rng.normal(0, 60, (300, 300)).astype(np.float32), (0, 0), 0.8) + 128
    pixels = np.repeat(np.clip(grain, 0, 255).astype(np.uint8)[..., None], 3, axis=2)
    box = (20, 20, 280, 280)
    moved = warp_native(pixels, box, node_positions(box, (4, 4)) + np.array([0.5, 0.5], np.float32)).astype(
        float
    )
    assert moved.std() > 0.93 * pixels[20:280, 20:280].astype(float).std()
    xs, ys = np.meshgrid(
        np.arange(20, 280, dtype=np.float32) + 0.5, np.arange(20, 280, dtype=np.float32) + 0.5
    )
    linear = cv2.remap(pixels, xs, ys, cv2.INTER_LINEAR).astype(float)
    assert moved.std() > 1.1 * linear.std()


def test_shrinking_does_not_alias() -> None:
    stripes = np.zeros((400, 400, 3), np.uint8)
    stripes[:, ::3] = 255  # 85 on average; every third column taken alone would be all black or all white
    box = (100, 100, 300, 300)
    nodes = node_positions(box, (20, 20))
    middle = np.array([200, 200], np.float32)
    warped = warp_native(stripes, box, middle + (nodes - middle) * np.float32(1.9))[40:-40, 40:-40]
    few = warped.astype(float).mean(axis=0)
    assert abs(few.mean() - 85) < 6
    xs, ys = np.meshgrid(np.arange(100, 300), np.arange(100, 300))
    bare = cv2.remap(
        stripes,
        (199.5 + (xs - 199.5) * 1.9).astype(np.float32),
        (199.5 + (ys - 199.5) * 1.9).astype(np.float32),
        4,
    )[40:-40, 40:-40]
    assert warped.astype(float).std() < 0.6 * bare.astype(float).std()


def test_clear_pixels_lend_no_color() -> None:
    pixels = np.zeros((80, 80, 4), np.uint8)
    pixels[..., :3] = (0, 255, 0)  # a green that must never show
    pixels[20:60, 20:60] = (200, 100, 50, 255)
    box = (5, 5, 75, 75)
    warped = warp_native(pixels, box, node_positions(box, (5, 5)) + np.array([0.4, 0.6], np.float32))
    seen = warped[..., 3] > 8
    assert np.abs(warped[seen][:, :3].astype(int) - (200, 100, 50)).max() <= 6
    assert (warped[..., 3] == 0).any() and (warped[..., 3] == 255).any()


def test_beyond_the_picture_its_border_goes_on() -> None:
    pixels = np.full((70, 70, 3), 50, np.uint8)
    pixels[:, 60:] = 220
    box = (0, 0, 70, 70)
    warped = warp_native(pixels, box, node_positions(box, (4, 4)) + np.array([500, -500], np.float32))
    assert (warped == 220).all()


def test_wrong_boxes_and_types_are_errors() -> None:
    pixels = noise((70, 70, 3))
    with pytest.raises(ValueError, match="box"):
        warp_native(pixels, (0, 0, 71, 70), np.zeros((4, 4, 2), np.float32))
    with pytest.raises(ValueError, match="uint8"):
        warp_native(pixels.astype(np.float32), (0, 0, 70, 70), np.zeros((4, 4, 2), np.float32))
    with pytest.raises(ValueError, match="patch"):
        composite(pixels, pixels[:5], np.ones((5, 70), np.float32), (0, 0, 70, 6))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_composite_rounds_and_leaves_the_rest(dtype: type) -> None:
    base, patch = noise((90, 100, 3), dtype), noise((50, 60, 3), dtype, seed=2)
    alpha = np.random.default_rng(3).random((50, 60)).astype(np.float32)
    alpha[:10], alpha[-10:] = 0, 1
    out = composite(base, patch, alpha, (20, 30, 80, 80))
    expected = base.astype(np.float64)
    inside = expected[30:80, 20:80]
    inside += (patch - inside) * alpha[..., None]
    assert np.abs(out - expected).max() <= 0.52
    np.testing.assert_array_equal(out[30:40], base[30:40])
    np.testing.assert_array_equal(out[70:80, 20:80], patch[-10:])
    np.testing.assert_array_equal(out[:30], base[:30])
    assert not np.shares_memory(out, base)


def test_composite_takes_a_coarse_alpha() -> None:
    base, patch = np.zeros((200, 200, 3), np.uint8), np.full((160, 160, 3), 200, np.uint8)
    coarse = np.tile(np.linspace(0, 1, 16, dtype=np.float32), (16, 1))
    out = composite(base, patch, coarse, (20, 20, 180, 180))[100, 20:180, 0].astype(int)
    wanted = 200 * np.clip((np.arange(160) - 4.5) / 150, 0, 1)
    assert np.abs(out - wanted).max() <= 2


def test_composite_of_straight_alpha() -> None:
    base = np.zeros((70, 70, 4), np.uint8)
    base[..., :3] = (0, 255, 0)
    patch = np.full((70, 70, 4), 255, np.uint8)
    patch[..., :3] = (200, 100, 50)
    out = composite(base, patch, np.full((70, 70), 0.5, np.float32), (0, 0, 70, 70))
    assert np.abs(out[0, 0].astype(int) - (200, 100, 50, 128)).max() <= 1


@pytest.mark.slow
def test_very_large_pictures_stay_within_memory() -> None:
    pixels = noise((12_000, 12_000, 3))
    box = (0, 0, 12_000, 12_000)
    nodes = node_positions(box, (64, 64))
    shift = np.zeros((64, 64, 2), np.float32)
    shift[30:34, 30:34] = (7, 0)
    warped = warp_native(pixels, box, nodes + shift)
    np.testing.assert_array_equal(warped[:4000], pixels[:4000])
    np.testing.assert_array_equal(warped[6000, 5950:6050], pixels[6000, 5957:6057])
