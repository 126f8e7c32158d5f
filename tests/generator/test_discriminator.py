# SPDX-License-Identifier: GPL-3.0-or-later
"""The projection discriminator: score = v . (W_i + w_0) + b."""

from __future__ import annotations

import pytest
import torch

from core.generator.config import GeneratorConfig
from core.generator.discriminator import POOLED, Discriminator

from .networks import TINY


@pytest.fixture(scope="module")
def pictures() -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(0)
    image, raster = torch.rand(2, 2, 3, 64, 64, generator=random)
    return image, raster


@pytest.mark.parametrize("size", [128, 256])
def test_shapes(size: int) -> None:
    torch.manual_seed(0)
    config = GeneratorConfig(discriminator=(8, 8, 12, 12))
    with torch.no_grad():
        score, features = Discriminator(config, 5)(
            torch.rand(2, 3, size, size), torch.rand(2, 3, size, size), torch.tensor([4, 0])
        )
    assert score.shape == (2,)
    assert [tuple(map.shape[1:]) for map in features] == [
        (8, size // 2, size // 2),
        (8, size // 4, size // 4),
        (12, size // 8, size // 8),
        (12, size // 16, size // 16),
        (512, size // 16, size // 16),
    ]


def test_the_score_is_a_projection_on_the_clips_row(pictures: tuple[torch.Tensor, torch.Tensor]) -> None:
    torch.manual_seed(0)
    network = Discriminator(TINY, 4).eval()
    assert network.rows is not None
    rows = network.rows.weight.detach()
    assert rows.shape == (4, TINY.embedding) and rows.abs().max() <= 0.1
    with torch.no_grad():
        shared, features = network(*pictures)
        v = POOLED * torch.relu(features[-1]).mean((2, 3))
        by_index, _ = network(*pictures, torch.tensor([3, 1]))
        by_row, _ = network(*pictures, row=rows[[3, 1]])
        one_row, _ = network(*pictures, row=rows[2])
        torch.testing.assert_close(shared, v @ network.shared.weight[0] + network.shared.bias)
    torch.testing.assert_close(by_index, shared + (v * rows[[3, 1]]).sum(1))
    torch.testing.assert_close(by_row, by_index)
    torch.testing.assert_close(one_row, shared + v @ rows[2])


def test_without_rows_an_index_is_refused(pictures: tuple[torch.Tensor, torch.Tensor]) -> None:
    network = Discriminator(TINY, 0)
    assert network.rows is None
    with pytest.raises(ValueError, match="no rows"):
        network(*pictures, torch.tensor([0, 0]))


def test_it_tells_the_raster_apart(pictures: tuple[torch.Tensor, torch.Tensor]) -> None:
    torch.manual_seed(0)
    network = Discriminator(TINY, 0).eval()
    image, raster = pictures
    with torch.no_grad():
        assert not torch.equal(network(image, raster)[0], network(image, raster.flip(-1))[0])


def test_a_free_row_learns(pictures: tuple[torch.Tensor, torch.Tensor]) -> None:
    row = torch.zeros(TINY.embedding, requires_grad=True)
    Discriminator(TINY, 0)(*pictures, row=row)[0].sum().backward()
    assert row.grad is not None and row.grad.any()
