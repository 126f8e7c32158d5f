# SPDX-License-Identifier: GPL-3.0-or-later
"""The perceptual networks against values worked out another way."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from core.errors import WeightsError

torch = pytest.importorskip("torch")

from safetensors.torch import load_file  # noqa: E402
from torch import nn  # noqa: E402

from core.training.perceptual import SCALE, SHIFT, Perceptual, find_weights  # noqa: E402
from tests.benchmarks.shapes import SIZE, picture  # noqa: E402

# convolution, pooling in the order of the networks; T marks where features are taken
LAYERS = {
    "vgg16": "c c T p c c T p c c c T p c c c T p c c c T",
    "alexnet": "c T p c T p c T c T c T",
}
STEPS = {"vgg16": [(1, 1)] * 13, "alexnet": [(4, 2), (1, 2), (1, 1), (1, 1), (1, 1)]}


def _weights(kind: str) -> Path:
    try:
        return find_weights(kind)
    except WeightsError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module", params=["vgg16", "alexnet"])
def network(request: pytest.FixtureRequest) -> Perceptual:
    return Perceptual.from_file(request.param, _weights(request.param))


def _batch(*images: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 255.0


def test_identical_pictures_are_at_distance_zero(network: Perceptual) -> None:
    a, b = _batch(picture()), _batch(picture(1))
    assert network(a, a).item() == 0.0
    assert network(a, b).item() > 0.05
    assert network(a, b).item() == pytest.approx(network(b, a).item(), rel=1e-6)


def test_distance_grows_with_noise_and_with_blur(network: Perceptual) -> None:
    image = picture()
    noise = np.random.default_rng(3).normal(size=image.shape)
    noisy = [np.clip(image + s * noise, 0, 255).astype(np.uint8) for s in (0, 5, 15, 45)]
    blurred = [image] + [cv2.GaussianBlur(image, (0, 0), s) for s in (1, 2, 4)]
    reference = network.features(_batch(image))
    for row in (noisy, blurred):
        distances = network.distance(network.features(_batch(*row)), reference).numpy()
        assert distances[0] < 1e-6  # the batch may be summed in another order than one picture
        assert (np.diff(distances) > 0.002).all(), distances


def test_features_and_distance_against_a_plain_network(network: Perceptual) -> None:
    """The same network from torch's own layers in float64, the distance written out position by position."""
    state = {name: tensor.double() for name, tensor in load_file(_weights(network.kind)).items()}
    images = np.stack([picture(), picture(1)])
    x = torch.from_numpy((images / 255.0 * 2 - 1 - np.array(SHIFT)) / np.array(SCALE)).permute(0, 3, 1, 2)
    expected, convolution, layer = 0.0, 0, 0
    raw = network.raw_features(_batch(*images))
    for step in LAYERS[network.kind].split():
        if step == "p":
            x = nn.MaxPool2d(2 if network.kind == "vgg16" else 3, 2)(x)
        elif step == "c":
            weight = state[f"conv{convolution}.weight"]
            stride, padding = STEPS[network.kind][convolution]
            part = nn.Conv2d(*weight.shape[1::-1], weight.shape[2], stride, padding, dtype=torch.float64)
            part.load_state_dict({"weight": weight, "bias": state[f"conv{convolution}.bias"]})
            x, convolution = nn.ReLU()(part(x)), convolution + 1
        else:
            np.testing.assert_allclose(raw[layer].numpy(), x.detach().numpy(), rtol=1e-3, atol=1e-3)
            first, second = x.detach().numpy()
            head = state[f"lin{layer}.weight"].numpy().ravel()
            places = []
            for row in range(x.shape[2]):
                for column in range(x.shape[3]):
                    a, b = first[:, row, column], second[:, row, column]
                    gap = a / max(np.linalg.norm(a), 1e-10) - b / max(np.linalg.norm(b), 1e-10)
                    places.append(float(head @ gap**2))
            expected, layer = expected + float(np.mean(places)), layer + 1
    distance = network(_batch(images[0]), _batch(images[1])).item()
    assert distance == pytest.approx(expected, rel=1e-4)


def test_mask_selects_the_region(network: Perceptual) -> None:
    """A change in one corner counts there, not in the far corner; a mask of ones is the plain figure."""
    image = np.tile(picture(), (2, 2, 1))
    changed = image.copy()
    changed[:32, :32] = 255 - changed[:32, :32]
    near, far = torch.zeros(2, 1, 1, 2 * SIZE, 2 * SIZE)
    near[..., :32, :32] = 1
    far[..., -16:, -16:] = 1
    a, b = network.features(_batch(image)), network.features(_batch(changed))
    whole = network.distance(a, b).item()
    assert network.distance(a, b, torch.ones_like(near)).item() == pytest.approx(whole, rel=1e-5)
    assert network.distance(a, b, near).item() > 2 * whole
    assert network.distance(a, b, far).item() < 0.2 * whole


def test_a_batch_of_one_is_compared_with_each(network: Perceptual) -> None:
    images = _batch(*(picture(i) for i in range(3)))
    one = network.distance(network.features(images), network.features(images[:1])).numpy()
    assert one == pytest.approx([network(images[i : i + 1], images[:1]).item() for i in range(3)], abs=1e-6)


def test_gradient_leads_to_the_other_picture() -> None:
    """Finite everywhere, flat black included; steps along it bring the pictures nearer."""
    network = Perceptual.seeded()
    target = _batch(picture())
    image = torch.zeros_like(target, requires_grad=True)
    (gradient,) = torch.autograd.grad(network(image, target).sum(), image)
    assert gradient.isfinite().all()
    image = _batch(picture(1)).requires_grad_()
    before = network(image, target)
    (gradient,) = torch.autograd.grad(before.sum(), image)
    step = 0.05 * gradient / gradient.abs().max()
    assert network(image - step, target).item() < before.item()


def test_nothing_of_it_is_trained_or_saved() -> None:
    network = Perceptual.seeded()
    assert not list(network.parameters())
    assert not network.state_dict()


def test_seeded_network_is_the_same_each_time_and_no_lpips() -> None:
    a, b = _batch(picture()), _batch(picture(1))
    first, again, other = Perceptual.seeded(), Perceptual.seeded(), Perceptual.seeded(1)
    assert first(a, b).item() == again(a, b).item() != other(a, b).item()
    assert not first.calibrated


def test_weights_are_found_by_file_folder_and_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "lpips_vgg16.safetensors"
    file.write_bytes(b"")
    assert find_weights("vgg16", file) == find_weights("vgg16", tmp_path) == file
    monkeypatch.setenv("TABLEAU_LPIPS", str(tmp_path))
    assert find_weights() == file
    with pytest.raises(WeightsError, match=r"lpips_alexnet\.safetensors"):
        Perceptual.load("alexnet")


def test_missing_and_foreign_weights_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(WeightsError, match="nowhere"):
        Perceptual.load("vgg16", tmp_path / "nowhere.safetensors")
    foreign = tmp_path / "foreign.safetensors"
    foreign.write_bytes(b"not weights at all")
    with pytest.raises(WeightsError, match="foreign"):
        Perceptual.load("vgg16", foreign)
    with pytest.raises(WeightsError, match="magic"):
        Perceptual.load("magic")


def test_another_networks_weights_are_refused() -> None:
    with pytest.raises(WeightsError, match="not the LPIPS vgg16"):
        Perceptual.from_file("vgg16", _weights("alexnet"))


def test_without_any_file_torchvision_or_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No weights in the shared folder: VGG19 of torchvision, or an error that names both ways."""
    monkeypatch.delenv("TABLEAU_LPIPS", raising=False)
    monkeypatch.setenv("TABLEAU_SHARED", str(tmp_path))
    monkeypatch.setitem(__import__("sys").modules, "torchvision.models", None)
    with pytest.raises(WeightsError, match=r"lpips_vgg16\.safetensors.*torchvision") as caught:
        Perceptual.load()
    assert "\n" not in str(caught.value)
