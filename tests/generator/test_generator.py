# SPDX-License-Identifier: GPL-3.0-or-later
"""The generator: begins as the warp, and every part of it can learn."""

from __future__ import annotations

import pytest
import torch

from core.generator.blocks import bare
from core.generator.config import GeneratorConfig
from core.generator.discriminator import Discriminator
from core.generator.embedder import Embedder, Projection
from core.generator.generator import Generator, GeneratorInputs, sample, toneless

from .networks import TINY, made_inputs, woken


@pytest.mark.parametrize("size", [64, 96, 128, 256])
@pytest.mark.parametrize("training", [False, True])
def test_untrained_it_is_exactly_the_warp(size: int, training: bool) -> None:
    torch.manual_seed(0)
    inputs = made_inputs(2, size)
    with torch.no_grad():
        out = Generator(TINY).train(training)(inputs, torch.randn(2, TINY.style_dim))
    # sizes that are powers of two sample at exact places
    tolerance = 0.0 if size in (64, 128, 256) else 1e-4
    torch.testing.assert_close(out.image, inputs.warped, atol=tolerance, rtol=0)
    torch.testing.assert_close(out.warped, inputs.warped, atol=tolerance, rtol=0)
    assert not out.correction.any()
    assert 0.1 < out.opacity.mean() < 0.15


@pytest.mark.parametrize("size", [128, 256])
def test_shapes(size: int) -> None:
    torch.manual_seed(0)
    with torch.no_grad():
        out = woken(Generator(TINY))(made_inputs(2, size), torch.zeros(1, TINY.style_dim))
    assert out.image.shape == out.change.shape == out.warped.shape == (2, 3, size, size)
    assert out.opacity.shape == (2, 1, size, size)
    assert out.correction.shape == (2, 2, size // 4, size // 4)


def test_the_image_is_what_the_parts_say() -> None:
    torch.manual_seed(0)
    inputs = made_inputs(2, 64)
    generator = woken(Generator(TINY), 0.5)
    with torch.no_grad():
        out = generator(inputs, torch.randn(2, TINY.style_dim))
        torch.testing.assert_close(out.image, out.warped + out.change)
        torch.testing.assert_close(out.warped, sample(inputs.warped, out.correction))
        assert 0 < out.correction.abs().max() <= TINY.reach
        seen = generator.eval()(inputs, torch.randn(2, TINY.style_dim)).image
    assert seen.min() >= 0 and seen.max() <= 1


def test_paint_on_skin_brings_forms_and_no_tone() -> None:
    masks, change = torch.zeros(1, 4, 64, 64), torch.full((1, 3, 128, 128), 0.1)
    masks[:, 2, 40:48, 24:40] = 1.0
    change[..., 30:34, :] += 0.2  # a lid, or a wrinkle
    kept = toneless(change, masks)
    assert kept[..., :20, :].abs().max() < 0.01
    assert kept[..., 31:33, :].mean() > 0.1
    assert kept[0, :, 84:92, 52:76].mean() > 0.095, "an opened mouth is painted in full"


def test_a_positive_shift_reads_from_the_right_and_from_below() -> None:
    picture = torch.rand(1, 3, 32, 32)
    shift = torch.zeros(1, 2, 8, 8)
    shift[:, 0], shift[:, 1] = 2 / 32, 1 / 32
    got = sample(picture, shift)
    torch.testing.assert_close(got[..., :-1, :-2], picture[..., 1:, 2:], atol=1e-5, rtol=0)
    torch.testing.assert_close(got[..., -1, -1], picture[..., -1, -1], atol=1e-5, rtol=0)


def test_neural_mode_sees_only_the_raster_and_the_style() -> None:
    torch.manual_seed(0)
    generator = woken(Generator(TINY)).eval()
    inputs, other = made_inputs(1, 64), made_inputs(1, 64, seed=1)
    style = torch.randn(1, TINY.style_dim)
    with torch.no_grad():
        out = generator(inputs, style, neural=True)
        same = generator(GeneratorInputs(inputs.raster, *other[1:]), style, neural=True)
        moved = generator(GeneratorInputs(other.raster, *inputs[1:]), style, neural=True)
        restyled = generator(inputs, -style, neural=True)
    assert torch.equal(out.image, same.image)
    assert not torch.equal(out.image, moved.image) and not torch.equal(out.image, restyled.image)
    assert (out.opacity == 1).all() and not out.correction.any() and (out.warped == 0.5).all()
    torch.testing.assert_close(out.image, (0.5 + out.change).clamp(0, 1))


def test_samples_of_a_batch_do_not_mix() -> None:
    torch.manual_seed(0)
    generator = woken(Generator(TINY)).eval()
    inputs, style = made_inputs(3, 64), torch.randn(3, TINY.style_dim)
    with torch.no_grad():
        batch = generator(inputs, style).image
        alone = generator(GeneratorInputs(*(part[1:2] for part in inputs)), style[1:2]).image
    torch.testing.assert_close(batch[1:2], alone, atol=1e-5, rtol=1e-5)


def test_memory_layout_does_not_matter() -> None:
    torch.manual_seed(0)
    generator = woken(Generator(TINY)).eval()
    inputs, style = made_inputs(1, 64), torch.randn(1, TINY.style_dim)
    with torch.no_grad():
        plain = generator(inputs, style).image
        generator = generator.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        moved = GeneratorInputs(*(part.contiguous(memory_format=torch.channels_last) for part in inputs))
        torch.testing.assert_close(generator(moved, style).image, plain, atol=2e-4, rtol=0)


def test_every_parameter_learns() -> None:
    torch.manual_seed(0)
    embedder, projection = Embedder(TINY), Projection(TINY)
    generator, discriminator = woken(Generator(TINY)), Discriminator(TINY, 3)
    inputs = made_inputs(2, 64)
    shots, rasters = torch.rand(2, 2, 2, 3, 64, 64)
    out = generator(inputs, projection(embedder.embed(shots, rasters)))
    score, _ = discriminator(out.image, inputs.raster, torch.tensor([0, 2]))
    (score.sum() + (out.image - inputs.source).abs().mean()).backward()
    for network in (embedder, projection, generator, discriminator):
        for name, parameter in network.named_parameters():
            assert parameter.grad is not None, name
            assert torch.isfinite(parameter.grad).all() and parameter.grad.any(), name


def test_the_zero_heads_get_a_gradient_at_once() -> None:
    torch.manual_seed(0)
    generator, inputs = Generator(TINY), made_inputs(2, 64)
    out = generator(inputs, torch.zeros(1, TINY.style_dim))
    (out.image - inputs.source).square().mean().backward()
    assert generator.painting.weight.grad is not None and generator.painting.weight.grad.any()
    assert generator.moving.weight.grad is not None and generator.moving.weight.grad.any()


def test_a_few_steps_bring_it_nearer_to_a_target() -> None:
    torch.manual_seed(0)
    generator, inputs = Generator(TINY), made_inputs(1, 64)
    target = (inputs.warped * 0.6 + 0.3).flip(1)
    optimizer = torch.optim.Adam(generator.parameters(), 1e-2)
    style, errors = torch.zeros(1, TINY.style_dim), []
    for _ in range(12):
        error = (generator(inputs, style).image - target).abs().mean()
        optimizer.zero_grad()
        error.backward()
        optimizer.step()
        errors.append(float(error.detach()))
    assert errors[-1] < 0.8 * errors[0]


def test_the_shipped_shapes_keep_the_budget() -> None:
    config = GeneratorConfig()
    with bare():
        networks = [Embedder(config), Projection(config), Generator(config), Discriminator(config, 0)]
    embedder, projection, generator, discriminator = (
        sum(parameter.numel() for parameter in network.parameters()) for network in networks
    )
    assert embedder + projection + generator <= 19e6
    assert discriminator <= 4.5e6
    assert 2 * (embedder + projection + generator + discriminator) <= 46 * 2**20
