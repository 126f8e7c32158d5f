# SPDX-License-Identifier: GPL-3.0-or-later
"""Adaptive norms, the order of pixels, and spectral norm that can be folded away and put back."""

from __future__ import annotations

import copy

import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import parametrize

from core.generator.blocks import AdaptiveNorm, bare, conv, fold, refill, unshuffled
from core.generator.embedder import Embedder
from core.generator.generator import Generator

from .networks import TINY, made_inputs, woken


def normed(network: nn.Module) -> int:
    return sum(parametrize.is_parametrized(module, "weight") for module in network.modules())


def test_a_style_of_zeros_only_normalizes() -> None:
    x = 3.0 + 2.0 * torch.randn(2, 5, 9, 7)
    got = AdaptiveNorm(5)(x, torch.zeros(2, 10))
    torch.testing.assert_close(got, functional.instance_norm(x), atol=1e-4, rtol=1e-4)


def test_a_style_scales_and_shifts_its_own_sample() -> None:
    x = torch.randn(2, 3, 8, 8)
    style = torch.zeros(2, 6)
    style[1] = torch.tensor([1.0, -1.0, 0.0, 0.0, 0.5, 2.0])
    plain = AdaptiveNorm(3)(x, torch.zeros(2, 6))
    got = AdaptiveNorm(3)(x, style)
    torch.testing.assert_close(got[0], plain[0])
    torch.testing.assert_close(got[1, 0], 2 * plain[1, 0])
    torch.testing.assert_close(got[1, 1], torch.full((8, 8), 0.5), atol=1e-5, rtol=0)
    torch.testing.assert_close(got[1, 2], plain[1, 2] + 2)


def test_a_flat_map_and_half_precision_are_no_trouble() -> None:
    flat = torch.full((1, 2, 4, 4), 300.0)
    assert AdaptiveNorm(2)(flat, torch.zeros(1, 4)).abs().max() < 1e-3
    half = AdaptiveNorm(2)((100 * torch.randn(1, 2, 4, 4)).bfloat16(), torch.zeros(1, 4))
    assert half.dtype == torch.bfloat16 and torch.isfinite(half).all()


def test_unshuffled_keeps_every_pixel_in_either_layout() -> None:
    x = torch.rand(2, 3, 8, 12)
    got = unshuffled(x)
    assert got.shape == (2, 12, 4, 6)
    torch.testing.assert_close(got[:, 3:6], 2 * x[:, :, ::2, 1::2] - 1)
    torch.testing.assert_close(got[:, 6:9], 2 * x[:, :, 1::2, ::2] - 1)
    assert torch.equal(got, unshuffled(x.contiguous(memory_format=torch.channels_last)))


def test_spectral_norm_holds_each_layer() -> None:
    torch.manual_seed(0)
    layer = conv(6, 10)
    with torch.no_grad():
        layer.weight = 7.0 * torch.randn(10, 6, 3, 3)
        for _ in range(60):
            layer(torch.randn(1, 6, 5, 5))
        largest = torch.linalg.matrix_norm(layer.weight.flatten(1), 2)
    assert abs(float(largest) - 1) < 1e-3


def test_folding_keeps_what_is_computed() -> None:
    torch.manual_seed(0)
    inputs, style = made_inputs(2, 64), torch.randn(2, TINY.style_dim) * 0.2
    generator = woken(Generator(TINY)).eval()
    with torch.no_grad():
        before = generator(inputs, style)
        assert normed(generator) > 10
        assert fold(generator) is generator and normed(generator) == 0 and not generator.training
        after = generator(inputs, style)
    for name, one, other in zip(before._fields, before, after, strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-5, msg=name)


def test_folding_leaves_the_mode_and_copies_alone() -> None:
    network = Embedder(TINY)
    twin = copy.deepcopy(network)
    assert fold(twin).training and normed(twin) == 0
    assert normed(network) > 5
    network(torch.rand(1, 3, 64, 64), torch.rand(1, 3, 64, 64)).sum().backward()


def test_a_folded_network_can_be_taken_up_again() -> None:
    torch.manual_seed(0)
    image, raster = torch.rand(2, 3, 64, 64), torch.rand(2, 3, 64, 64)
    trained = Embedder(TINY)
    with torch.no_grad():
        for parameter in trained.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
        # as many steps as bring the estimates near
        for _ in range(300):
            trained(image[:1, :, :8, :8], raster[:1, :, :8, :8])
    folded = fold(trained).eval()
    torch.manual_seed(1)
    again = Embedder(TINY)
    refill(again, folded.state_dict())
    assert again.training and normed(again) > 5
    with torch.no_grad():
        torch.testing.assert_close(again.eval()(image, raster), folded(image, raster), atol=1e-3, rtol=1e-2)


def test_bare_networks_are_folded_ones() -> None:
    with bare():
        plain = Generator(TINY)
    assert normed(plain) == 0
    assert plain.state_dict().keys() == fold(Generator(TINY)).state_dict().keys()
    assert normed(Generator(TINY)) > 10
