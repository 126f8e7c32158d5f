# SPDX-License-Identifier: GPL-3.0-or-later
"""The discriminator beside a generator that is tuned on one sitter's shots."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..generator.blocks import refill
from ..generator.discriminator import Discriminator
from ..generator.weights import Base
from .losses import adversarial_loss, discriminator_loss, feature_loss


class Critic:
    """The discriminator, tuned beside the generator; silent where the base has none or none is wanted.

    ``embedding`` [1, E] of the shots; ``rate`` is Adam's, 0 for no discriminator.
    """

    def __init__(self, base: Base, embedding: Tensor, rate: float, device: torch.device) -> None:
        self.network: Discriminator | None = None
        if base.discriminator is None or rate <= 0:
            return
        # with its spectral norm, which the base's lacks and a quick training needs
        self.network = Discriminator(base.config, 0)
        refill(self.network, base.discriminator.state_dict())
        self.network.to(device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
        # w' := w_0 + e, which the match loss of meta-learning has prepared
        self.row = nn.Parameter(embedding.detach()[0].clone().to(device))
        self.optimizer = torch.optim.Adam([*self.network.parameters(), self.row], rate, betas=(0.5, 0.999))

    def terms(self, image: Tensor, target: Tensor, lines: Tensor) -> dict[str, Tensor]:
        """What the generator is told."""
        if self.network is None:
            return {}
        self.network.requires_grad_(False)
        score, made = self.network(image, lines, row=self.row)
        with torch.no_grad():
            _, real = self.network(target, lines, row=self.row)
        self.network.requires_grad_(True)
        return {"adversarial": adversarial_loss(score), "feature": feature_loss(real, made)}

    def step(self, image: Tensor, target: Tensor, lines: Tensor) -> None:
        """One update against the frames that were made."""
        if self.network is None:
            return
        score, _ = self.network(torch.cat((target, image)), torch.cat((lines, lines)), row=self.row)
        self.optimizer.zero_grad(set_to_none=True)
        discriminator_loss(*score.chunk(2)).backward()
        self.optimizer.step()
