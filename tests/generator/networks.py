# SPDX-License-Identifier: GPL-3.0-or-later
"""Small networks and made-up inputs for them."""

from __future__ import annotations

import torch

from core.generator.config import GeneratorConfig
from core.generator.generator import Generator, GeneratorInputs

TINY = GeneratorConfig(
    size=64,
    embedding=12,
    generator=(8, 8, 12, 12, 16),
    middle=1,
    embedder=(8, 12, 12),
    discriminator=(8, 12, 12),
)


def made_inputs(batch: int, size: int, seed: int = 0) -> GeneratorInputs:
    """Random inputs of the right shapes and ranges."""
    random = torch.Generator().manual_seed(seed)

    def picture(channels: int, part: int) -> torch.Tensor:
        return torch.rand(batch, channels, size // part, size // part, generator=random)

    shift = 0.05 * (picture(2, 8) - 0.5)
    return GeneratorInputs(picture(3, 1), picture(3, 1), picture(3, 1), picture(3, 1), shift, picture(4, 2))


def woken(generator: Generator, amount: float = 0.05) -> Generator:
    """The generator with its zero heads set to small random values, as after some training."""
    with torch.no_grad():
        for head in (generator.moving, generator.painting):
            head.weight.normal_(0.0, amount)
    return generator
