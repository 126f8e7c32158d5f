# SPDX-License-Identifier: GPL-3.0-or-later
"""The embedder E, from shots to one vector per sitter, and the projection P, from that vector to a style."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from .blocks import DownBlock, conv, linear, unshuffled
from .config import GeneratorConfig


class Embedder(nn.Module):
    """E: a shot and its landmark raster -> an embedding (Zakharov et al. 2019, section 3.2)."""

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        widths = config.embedder
        # pixels go two by two into channels, so that nothing is computed at full resolution
        self.stem = conv(4 * 6, widths[0], stride=2)
        self.blocks = nn.ModuleList(DownBlock(*pair) for pair in pairwise(widths))
        self.head = linear(widths[-1], config.embedding)

    def forward(self, image: Tensor, raster: Tensor) -> Tensor:
        """``image`` and ``raster`` [B,3,S,S] 0..1 -> [B,E]."""
        x = self.stem(unshuffled(torch.cat((image, raster), 1)))
        for block in self.blocks:
            x = block(x)
        # a mean, where the paper has a sum: the same at every size, and as large as the start of D's rows
        return self.head(functional.relu(x).mean((2, 3)))

    def embed(self, shots: Tensor, rasters: Tensor) -> Tensor:
        """``shots`` and ``rasters`` [B,K,3,S,S] 0..1 -> [B,E], the mean over the K shots of each sitter."""
        count = shots.shape[:2]
        each = self(shots.flatten(0, 1), rasters.flatten(0, 1))
        return each.unflatten(0, count).mean(1)


class Projection(nn.Module):
    """P: one matrix from the embedding to the parameters of all adaptive norms (a style)."""

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.matrix = linear(config.embedding, config.style_dim, bias=False)
        self.gain = nn.Parameter(torch.ones(config.style_dim))
        self.bias = nn.Parameter(torch.zeros(config.style_dim))

    def forward(self, e: Tensor) -> Tensor:
        """``e`` [B,E] -> style [B,style_dim]; near zero before training: norms near identity."""
        return self.matrix(e) * self.gain + self.bias
