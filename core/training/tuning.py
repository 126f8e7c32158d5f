# SPDX-License-Identifier: GPL-3.0-or-later
"""Fine-tuning of the generator on a sitter's pairs (Zakharov et al. 2019, section 3.3).

The style, which the embedding gave, and the generator's rising half become free; the falling half stays,
which saves half the gradients and keeps what it knows of warps.  The discriminator's row starts as the
embedding.
Held-out pairs say when to stop: too few steps leave an identity gap, too many stop the mouth and the eyes.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ..errors import WeightsError
from ..generator.blocks import fold
from ..generator.generator import GeneratorInputs, GeneratorOutput
from ..generator.weights import Base
from .balance import REFERENCE, Balance, gradient_norms
from .critic import Critic
from .losses import alignment_loss, gradient_loss, pixel_loss, smoothness_loss, sparsity_loss
from .perceptual import Perceptual, find_weights
from .shot_pairs import Pair
from .stack import Stack

# the rising half and the heads: most of what AdaIN steers, a third of the weights, 5 MB as float16
TUNED = ("ups.", "norm.", "moving.", "painting.")


@dataclass(frozen=True)
class TuningConfig:
    """How the tuning goes.

    steps      updates of the generator, at most
    every      steps between two looks at the held-out pairs
    patience   looks without a better result that end the tuning
    batch      pairs of one step
    rate, rate_style, rate_discriminator  Adam's
    average    share of the old weights in each update of the averaged ones, which are judged and kept
    keep       weight of the drives, whose mouth and eyes should stay what they were, beside the pixel term's
    kept       least change of mouth and eyes under held-out motions, of the feed-forward generator's
    pixel_share, gradient_share, adversarial_share, feature_share
               gradient norms at the generator's last layer, relative to the perceptual term's; without an
               adversarial share there is no discriminator
    sparsity, alignment, smoothness  prices of painting, of false bending and of bending at all, as in
               meta-learning
    """

    steps: int
    every: int = 10
    patience: int = 4
    batch: int = 2
    rate: float = 2e-4
    rate_style: float = 1e-3
    rate_discriminator: float = 4e-4
    average: float = 0.9
    keep: float = 1.0
    kept: float = 0.95
    pixel_share: float = 0.5
    gradient_share: float = 0.3
    adversarial_share: float = 0.0
    feature_share: float = 0.5
    sparsity: float = 0.02
    alignment: float = 0.05
    smoothness: float = 0.5


@dataclass(frozen=True, eq=False)
class Material:
    """train, judged: pairs with answers, to learn from and to judge by.
    drives, judged_drives: pairs without, whose expression is to stay, to learn from and to judge by;
    the first of judged_drives is at rest."""

    train: Sequence[Pair]
    judged: Sequence[Pair]
    drives: Sequence[Pair]
    judged_drives: Sequence[Pair]


@dataclass(frozen=True, eq=False)
class Tuned:
    """The best look's weights, or the start's where no look was better.

    deltas: float16, by the names of the folded generator's parameters.  style: float32 [1, style_dim].
    step: when it was.  looks: what was seen each time.
    """

    deltas: dict[str, Tensor]
    style: Tensor
    step: int
    looks: list[dict[str, Any]]


def tune(
    base: Base,
    embedding: Tensor,
    style: Tensor,
    material: Material,
    config: TuningConfig,
    *,
    seed: int,
    device: torch.device,
    tick: Callable[[], None],
) -> Tuned:
    """Fine-tune a copy of the base's generator.

    ``embedding`` [1, E] and ``style`` [1, style_dim] are the shots'.
    ``tick`` is called after each step and may raise.  The base stays as it is.
    """
    return _Tuning(base, embedding, style, material, config, seed, device).run(tick)


class _Tuning:
    def __init__(
        self,
        base: Base,
        embedding: Tensor,
        style: Tensor,
        material: Material,
        config: TuningConfig,
        seed: int,
        device: torch.device,
    ) -> None:
        self.config, self.device, self.start = config, device, style.detach().clone()
        self.random = np.random.default_rng(seed)
        generator = fold(copy.deepcopy(base.generator)).to(device)
        self.generator = generator.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.free = {n: p for n, p in self.generator.named_parameters() if n.startswith(TUNED)}
        for name, parameter in self.generator.named_parameters():
            parameter.requires_grad_(name in self.free)
        self.before = {name: parameter.detach().clone() for name, parameter in self.free.items()}
        self.style = nn.Parameter(style.detach().clone().to(device))
        self.moving = [*self.free.values(), self.style]
        self.averaged = [parameter.detach().clone() for parameter in self.moving]
        self.optimizer = torch.optim.Adam(
            [
                {"params": list(self.free.values()), "lr": config.rate},
                {"params": [self.style], "lr": config.rate_style},
            ],
            betas=(0.5, 0.999),
        )
        self.critic = Critic(
            base, embedding, config.rate_discriminator * (config.adversarial_share > 0), device
        )
        self.perceptual = _perceptual(device)
        self.balance = Balance(
            {
                "pixel": config.pixel_share,
                "gradient": config.gradient_share,
                "adversarial": config.adversarial_share,
                "feature": config.feature_share,
            }
        )
        size = base.config.size
        self.train = Stack(material.train, size, device)
        self.judged = Stack(material.judged, size, device)
        self.drives = Stack(material.drives, size, device)
        self.judged_drives = Stack(material.judged_drives, size, device)
        self.generator.eval()
        with torch.no_grad():
            kept = [self._made(self.drives.inputs(index)).image for index in self.drives.indices()]
            self.drives_before = torch.cat(kept) if kept else None
        self.motion_before: dict[str, float] = {}

    def run(self, tick: Callable[[], None]) -> Tuned:
        config = self.config
        looks = [self._look(0)]
        best, chosen = looks[0]["error"], Tuned({}, self.start.cpu(), 0, looks)
        worse = 0
        for step in range(1, config.steps + 1):
            finite = self._step()
            tick()
            if not finite:
                break  # what was found before stays
            if step % config.every and step != config.steps:
                continue
            self._swap()
            look = self._look(step)
            if not math.isfinite(look["error"]):
                break
            looks.append(look)
            alive = all(value >= config.kept for value in look["motion"].values())
            if alive and look["error"] < best:
                best, worse = look["error"], 0
                chosen = replace(
                    chosen, deltas=self._deltas(), style=self.style.detach().cpu().clone(), step=step
                )
            else:
                worse += 1
                if worse >= config.patience:
                    break
            self._swap()
        return chosen

    @torch.no_grad()
    def _swap(self) -> None:
        """Exchange what is trained and its average."""
        for parameter, average in zip(self.moving, self.averaged, strict=True):
            kept = parameter.clone()
            parameter.copy_(average)
            average.copy_(kept)

    def _deltas(self) -> dict[str, Tensor]:
        return {name: (p.detach() - self.before[name]).half().cpu() for name, p in self.free.items()}

    def _step(self) -> bool:
        """One update; False where the loss is no number any more."""
        self.generator.train()
        index = self.random.choice(len(self.train), min(self.config.batch, len(self.train)), replace=False)
        inputs, target = self.train.inputs(index), self.train.target(index)
        with self._half():
            output = self._made(inputs)
            weight = self.train.weight(index)
            terms = self._terms(output, inputs, target, weight)
        if not self.balance.norms:
            self.balance.measure(gradient_norms(terms, self.generator.painting.weight))
        weights = self.balance.weights()
        loss = torch.stack([terms[name] * weights[name] for name in terms if name in weights]).sum()
        loss = loss + self.config.sparsity * sparsity_loss(output, target)
        off = alignment_loss(output.correction, self.train.alignment(index), weight)
        loss = loss + self.config.alignment * off
        loss = loss + self.config.smoothness * smoothness_loss(output.correction)
        if self.drives_before is not None and self.config.keep > 0:
            loss = loss + self.config.keep * weights.get("pixel", 1.0) * self._changed()
        if not bool(torch.isfinite(loss)):
            return False
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        with torch.no_grad():
            torch._foreach_lerp_(self.averaged, self.moving, 1 - self.config.average)
        self.critic.step(output.image.detach(), target, inputs.raster)
        return True

    def _terms(
        self, output: GeneratorOutput, inputs: GeneratorInputs, target: Tensor, weight: Tensor
    ) -> dict[str, Tensor]:
        image = output.image
        pixel, gradient = pixel_loss(image, target, weight), gradient_loss(image, target, weight)
        terms = {REFERENCE: self._distance(image, target, weight), "pixel": pixel, "gradient": gradient}
        return terms | self.critic.terms(image, target, inputs.raster)

    def _distance(self, image: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        """LPIPS; without its weights L1 at three scales."""
        if self.perceptual is not None:
            with torch.no_grad():
                wanted = self.perceptual.features(target)
            return self.perceptual.distance(self.perceptual.features(image), wanted, weight).mean()
        total = image.new_zeros(())
        for _ in range(3):
            total = total + pixel_loss(image, target, weight)
            image, target, weight = (functional.avg_pool2d(x, 2) for x in (image, target, weight))
        return total / 3

    def _changed(self) -> Tensor:
        """How far mouth and eyes of one drive have gone from what they were."""
        assert self.drives_before is not None
        index = self.random.choice(len(self.drives), 1)
        with self._half():
            image = self._made(self.drives.inputs(index)).image
        return pixel_loss(
            image, self.drives_before[torch.from_numpy(index)], self.drives.region(index, "both")
        )

    @torch.inference_mode()
    def _look(self, step: int) -> dict[str, Any]:
        """Error of the held-out pairs; how much mouth and eyes still move (1: as at the start)."""
        self.generator.eval()
        errors: list[Tensor] = []
        for index in self.judged.indices():
            image, target = self._made(self.judged.inputs(index)).image, self.judged.target(index)
            weight = self.judged.weight(index)
            error = self._distance(image, target, weight) + pixel_loss(image, target, weight)
            errors += [error] * len(index)
        # against the generator's own picture at rest, so that a better likeness is not taken for less motion
        rest = self._made(self.judged_drives.inputs(np.array([0]))).image
        motion: dict[str, float] = {"mouth": 0.0, "eyes": 0.0}
        for index in self.judged_drives.indices():
            inputs = self.judged_drives.inputs(index)
            change = (self._made(inputs).image - rest).abs()
            for name in motion:
                motion[name] += float((change * self.judged_drives.region(index, name)).sum())
        if not self.motion_before:
            self.motion_before = motion
        motion = {
            name: round(value / max(self.motion_before[name], 1e-9), 4) for name, value in motion.items()
        }
        return {"step": step, "error": round(float(torch.stack(errors).mean()), 6), "motion": motion}

    def _made(self, inputs: GeneratorInputs) -> GeneratorOutput:
        return self.generator(inputs, self.style)

    def _half(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda")


def _perceptual(device: torch.device) -> Perceptual | None:
    """AlexNet's LPIPS, the quickest there is, where its weights are at hand (nothing is downloaded)."""
    try:
        return Perceptual.from_file("alexnet", find_weights("alexnet")).to(device)
    except WeightsError:
        return None
