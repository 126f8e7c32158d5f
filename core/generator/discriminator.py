# SPDX-License-Identifier: GPL-3.0-or-later
"""The projection discriminator D: is this a frame of that clip, and does it fit the landmarks?"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from .blocks import DownBlock, conv, linear, unshuffled
from .config import GeneratorConfig

# v is this times the mean over the last map (the paper sums): the same at every size,
# and scores start near 1, where the hinge is
POOLED = 4.0
# half width of the uniform start of the rows W_i
ROW_START = 0.1


class Discriminator(nn.Module):
    """D: score = v . (W_i + w_0) + b, with v from the frame and its raster, and a row W_i for each clip.

    The rows carry no spectral norm, unlike all else: embeddings are written into them and matched to them.
    """

    def __init__(self, config: GeneratorConfig, clips: int) -> None:
        super().__init__()
        widths = config.discriminator
        self.stem = conv(4 * 6, widths[0])
        self.blocks = nn.ModuleList(DownBlock(*pair) for pair in pairwise(widths))
        self.last = conv(widths[-1], config.embedding, kernel=1)
        self.shared = linear(config.embedding, 1)
        self.rows = nn.Embedding(clips, config.embedding) if clips else None
        if self.rows is not None:
            nn.init.uniform_(self.rows.weight, -ROW_START, ROW_START)

    def forward(
        self, image: Tensor, raster: Tensor, index: Tensor | None = None, row: Tensor | None = None
    ) -> tuple[Tensor, list[Tensor]]:
        """``image`` and ``raster`` [B,3,S,S] 0..1 -> scores [B], and the blocks' maps for feature matching.

        W_i is the row of clip ``index`` [B], or ``row`` ([E] or [B,E]) itself, or none where both are None.
        Raises ValueError on an index where there are no rows.
        """
        x = self.stem(unshuffled(torch.cat((image, raster), 1)))
        features = [x]
        for block in self.blocks:
            x = block(x)
            features.append(x)
        x = self.last(functional.relu(x))
        features.append(x)
        v = POOLED * functional.relu(x).mean((2, 3))
        score = self.shared(v).squeeze(1)
        if index is not None:
            if self.rows is None:
                raise ValueError("this discriminator has no rows; give the row itself")
            row = self.rows(index)
        if row is not None:
            score = score + (v * row).sum(1)
        return score, features
