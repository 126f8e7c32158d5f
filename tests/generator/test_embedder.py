# SPDX-License-Identifier: GPL-3.0-or-later
"""Embeddings of shots, and the styles made of them."""

from __future__ import annotations

import pytest
import torch

from core.generator.config import GeneratorConfig
from core.generator.embedder import Embedder, Projection

from .networks import TINY


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    torch.manual_seed(0)
    return Embedder(TINY).eval()


@pytest.fixture(scope="module")
def clips() -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(3)
    shots, rasters = torch.rand(2, 4, 3, 3, 64, 64, generator=random)
    # the clips differ in more than noise
    return shots * torch.linspace(0.3, 1.0, 4)[:, None, None, None, None], rasters


@pytest.mark.parametrize("size", [128, 256])
def test_shape_at_every_work_size(size: int) -> None:
    torch.manual_seed(0)
    config = GeneratorConfig(embedder=(8, 12, 16))
    with torch.no_grad():
        e = Embedder(config)(torch.rand(2, 3, size, size), torch.rand(2, 3, size, size))
        style = Projection(config)(e)
    assert e.shape == (2, 512) and style.shape == (2, config.style_dim)


def test_permuting_clips_permutes_embeddings_and_nothing_else(
    embedder: Embedder, clips: tuple[torch.Tensor, torch.Tensor]
) -> None:
    shots, rasters = clips
    order = torch.tensor([2, 0, 3, 1])
    with torch.no_grad():
        e = embedder.embed(shots, rasters)
        moved = embedder.embed(shots[order], rasters[order])
    torch.testing.assert_close(moved, e[order], atol=1e-5, rtol=1e-5)
    assert (torch.pdist(e) > 0.01).all()


def test_the_embedding_is_the_mean_over_a_clips_own_shots(
    embedder: Embedder, clips: tuple[torch.Tensor, torch.Tensor]
) -> None:
    shots, rasters = clips
    with torch.no_grad():
        e = embedder.embed(shots, rasters)
        for clip in range(len(shots)):
            own = torch.stack(
                [embedder(shots[clip, k : k + 1], rasters[clip, k : k + 1])[0] for k in range(3)]
            )
            torch.testing.assert_close(e[clip], own.mean(0), atol=1e-5, rtol=1e-5)
        shuffled = embedder.embed(shots[:, [1, 2, 0]], rasters[:, [1, 2, 0]])
    torch.testing.assert_close(shuffled, e, atol=1e-5, rtol=1e-5)


def test_a_start_style_is_near_identity(embedder: Embedder, clips: tuple[torch.Tensor, torch.Tensor]) -> None:
    torch.manual_seed(0)
    with torch.no_grad():
        style = Projection(TINY).eval()(embedder.embed(*clips))
    assert 0 < style.abs().mean() < 0.2


def test_size_does_not_change_the_scale_of_an_embedding(embedder: Embedder) -> None:
    small = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    small = torch.nn.functional.avg_pool2d(small, 9, 1, 4)
    large = torch.nn.functional.interpolate(small, scale_factor=2.0, mode="bilinear")
    with torch.no_grad():
        one, other = embedder(small, small), embedder(large, large)
    assert 0.5 < float(one.norm() / other.norm()) < 2
