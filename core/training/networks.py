# SPDX-License-Identifier: GPL-3.0-or-later
"""The networks of a run, their averaged copies, and the discriminator's rows."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from ..errors import WeightsError
from ..generator.blocks import refill
from ..generator.config import GeneratorConfig
from ..generator.discriminator import Discriminator
from ..generator.embedder import Embedder, Projection
from ..generator.generator import Generator
from ..generator.weights import load_base


class Learner(nn.Module):
    """Embedder, projection and generator: what is trained together and averaged."""

    def __init__(self, embedder: Embedder, projection: Projection, generator: Generator) -> None:
        super().__init__()
        self.embedder, self.projection, self.generator = embedder, projection, generator

    def embed(self, shots: Tensor, rasters: Tensor, gradients: int) -> Tensor:
        """[B,E]: mean over the K shots [B,K,3,S,S]; only the first ``gradients`` of them carry gradients."""
        if shots.shape[1] <= gradients:
            return self.embedder.embed(shots, rasters)
        with torch.no_grad():
            rest = self.embedder.embed(shots[:, gradients:], rasters[:, gradients:])
        learned = self.embedder.embed(shots[:, :gradients], rasters[:, :gradients])
        part = gradients / shots.shape[1]
        return part * learned + (1 - part) * rest


class Networks(nn.Module):
    """All networks of a run on one device.

    learner        what learns; ``averaged`` its running mean, which is validated and shipped
    discriminator  with a row for each source; ``visited`` bool [sources]: rows that were given a start
    """

    visited: Tensor

    def __init__(self, learner: Learner, discriminator: Discriminator, device: torch.device) -> None:
        super().__init__()
        assert discriminator.rows is not None
        self.learner = learner
        self.discriminator = discriminator
        self.register_buffer("visited", torch.zeros(discriminator.rows.num_embeddings, dtype=torch.bool))
        self.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.averaged = copy.deepcopy(learner).eval().requires_grad_(False)

    @classmethod
    def fresh(cls, config: GeneratorConfig, clips: int, seed: int, device: torch.device) -> Networks:
        """Untrained networks, the same for the same seed."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            learner = Learner(Embedder(config), Projection(config), Generator(config))
            return cls(learner, Discriminator(config, clips), device)

    def take(self, folder: Path, config: GeneratorConfig) -> bool:
        """Start from the base weights in ``folder``, of any work size; rows W_i start anew.

        Returns whether a discriminator was among them.  Raises WeightsError where they are missing, damaged
        or of other shapes.
        """
        base = load_base(folder)
        if dataclasses.replace(base.config, size=config.size) != config:
            raise WeightsError(f"{folder}: its networks have other shapes than the configuration asks for")
        pairs: list[tuple[nn.Module, nn.Module]] = [
            (self.learner.embedder, base.embedder),
            (self.learner.projection, base.projection),
            (self.learner.generator, base.generator),
        ]
        if base.discriminator is not None:
            pairs.append((self.discriminator, base.discriminator))
        for own, given in pairs:
            state = {
                name: value for name, value in given.state_dict().items() if not name.startswith("rows.")
            }
            rows = {name: value for name, value in own.state_dict().items() if name.startswith("rows.")}
            refill(own, state | rows)
        self.averaged.load_state_dict(self.learner.state_dict())
        return base.discriminator is not None

    @torch.no_grad()
    def average(self, keep: float) -> None:
        """Move the averaged weights by 1 - ``keep`` towards the learner's."""
        torch._foreach_lerp_(list(self.averaged.parameters()), list(self.learner.parameters()), 1 - keep)
        # the power iteration's vectors belong to the newest weights, which the averaged ones follow closely
        for mean, now in zip(self.averaged.buffers(), self.learner.buffers(), strict=True):
            mean.copy_(now)

    def start_rows(self, sums: Tensor, counts: Tensor) -> None:
        """Give rows that are visited for the first time the mean embedding of their clip.

        ``sums`` [N,E] of embeddings and ``counts`` [N], of all processes.
        """
        assert self.discriminator.rows is not None
        new = (counts > 0) & ~self.visited
        mean = sums / counts.clamp_min(1)[:, None]
        weight = self.discriminator.rows.weight
        weight.data = torch.where(new[:, None], mean, weight.data)
        self.visited |= counts > 0


@contextmanager
def normed(*networks: nn.Module) -> Iterator[None]:
    """Norm each weight once, in float32, for all that runs inside; none may change there."""
    with parametrize.cached():
        for network in networks:
            for module in network.modules():
                if parametrize.is_parametrized(module, "weight"):
                    module.weight  # noqa: B018 - reading computes and keeps it
        yield
