# SPDX-License-Identifier: GPL-3.0-or-later
"""LPIPS against values worked out another way."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from core.errors import WeightsError

torch = pytest.importorskip("torch")

from tests.benchmarks.lpips import BLOCKS, Lpips, find_weights  # noqa: E402
from tests.benchmarks.shapes import SIZE, picture  # noqa: E402


@pytest.fixture(scope="module")
def lpips() -> Lpips:
    try:
        path = find_weights()
    except WeightsError as error:
        pytest.skip(str(error))
    return Lpips(path)


def test_identical_pictures_are_at_distance_zero(lpips: Lpips) -> None:
    image = picture()
    assert lpips(image[None], image[None])[0] == 0.0
    assert lpips(image[None], picture(1)[None])[0] > 0.05


def test_distance_is_symmetric(lpips: Lpips) -> None:
    a, b = picture()[None], picture(1)[None]
    assert lpips(a, b)[0] == pytest.approx(lpips(b, a)[0], rel=1e-6)


def test_distance_grows_with_noise_and_with_blur(lpips: Lpips) -> None:
    image = picture()
    noise = np.random.default_rng(3).normal(size=image.shape)
    noisy = np.stack([np.clip(image + s * noise, 0, 255).astype(np.uint8) for s in (0, 5, 15, 45)])
    blurred = np.stack([image] + [cv2.GaussianBlur(image, (0, 0), s) for s in (1, 2, 4)])
    reference = lpips.features(image[None])
    for row in (noisy, blurred):
        distances = lpips.distance(lpips.features(row), reference)
        assert distances[0] < 1e-6  # the batch may be summed in another order than one picture
        assert (np.diff(distances) > 0.005).all(), distances


def test_features_and_distance_against_a_plain_network(lpips: Lpips) -> None:
    """The same network from torch's own layers in float64, the distance written out position by position."""
    from safetensors.torch import load_file
    from torch import nn

    state = {name: tensor.double() for name, tensor in load_file(find_weights()).items()}
    images = np.stack([picture(), picture(1)])
    mean, deviation = np.array([-0.030, -0.088, -0.188]), np.array([0.458, 0.448, 0.450])
    x = torch.from_numpy((images / 255.0 * 2 - 1 - mean) / deviation).permute(0, 3, 1, 2)
    expected = 0.0
    for number, block in enumerate(BLOCKS):
        x = nn.MaxPool2d(2)(x) if number else x
        for i in block:
            channels_out, channels_in = state[f"conv{i}.weight"].shape[:2]
            layer = nn.Conv2d(channels_in, channels_out, 3, padding=1, dtype=torch.float64)
            layer.load_state_dict({"weight": state[f"conv{i}.weight"], "bias": state[f"conv{i}.bias"]})
            x = nn.ReLU()(layer(x))
        first, second = x.detach().numpy()
        head = state[f"lin{number}.weight"].numpy().ravel()
        places = []
        for row in range(x.shape[2]):
            for column in range(x.shape[3]):
                a, b = first[:, row, column], second[:, row, column]
                gap = a / max(np.linalg.norm(a), 1e-10) - b / max(np.linalg.norm(b), 1e-10)
                places.append(float(head @ gap**2))
        expected += float(np.mean(places))
    assert lpips(images[:1], images[1:])[0] == pytest.approx(expected, rel=1e-4)


def test_mask_selects_the_region(lpips: Lpips) -> None:
    """A change in one corner counts there, not in the far corner; a mask of ones is the plain figure."""
    image = np.tile(picture(), (2, 2, 1))
    changed = image.copy()
    changed[:32, :32] = 255 - changed[:32, :32]
    near, far = np.zeros((2, 1, 2 * SIZE, 2 * SIZE), np.float32)
    near[:, :32, :32] = 1
    far[:, -16:, -16:] = 1
    a, b = lpips.features(image[None]), lpips.features(changed[None])
    whole = lpips.distance(a, b)[0]
    assert lpips.distance(a, b, np.ones_like(near))[0] == pytest.approx(whole, rel=1e-5)
    assert lpips.distance(a, b, near)[0] > 2 * whole
    assert lpips.distance(a, b, far)[0] < 0.2 * whole


def test_a_batch_of_one_is_compared_with_each(lpips: Lpips) -> None:
    images = np.stack([picture(i) for i in range(3)])
    one = lpips.distance(lpips.features(images), lpips.features(images[:1]))
    assert one == pytest.approx([lpips(images[i : i + 1], images[:1])[0] for i in range(3)], abs=1e-6)


def test_missing_and_foreign_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="nowhere"):
        Lpips(tmp_path / "nowhere.safetensors")
    foreign = tmp_path / "foreign.safetensors"
    foreign.write_bytes(b"not weights at all")
    with pytest.raises(WeightsError, match="foreign"):
        Lpips(foreign)
