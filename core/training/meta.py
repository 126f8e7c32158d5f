# SPDX-License-Identifier: GPL-3.0-or-later
"""Meta-learning (Zakharov et al. 2019, section 3.3): updates of the networks on episodes of many clips.

Regression first; from ``regression_steps`` on, the discriminator joins in.  All chance comes from (seed,
step, process) anew at each step, so a resumed run needs no state of random numbers.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..errors import InputError
from ..generator.generator import GeneratorInputs, GeneratorOutput
from . import losses
from .augment import augment
from .balance import Balance, gradient_norms
from .config import TrainingConfig
from .episodes import Episodes, Sampler
from .networks import Networks, normed
from .parallel import Crew
from .perceptual import Perceptual
from .regions import region_weights

COMMON = 1 << 20  # stands for a process where all must draw the same


class Trainer:
    """One step after the other.

    ``step`` counts updates done.  ``batch`` is the number of samples each process draws.  ``judged``: the
    discriminator has learned something.
    """

    def __init__(
        self,
        networks: Networks,
        sampler: Sampler,
        perceptual: Perceptual,
        config: TrainingConfig,
        seed: int = 0,
        crew: Crew | None = None,
    ) -> None:
        self.networks, self.sampler, self.perceptual, self.config = networks, sampler, perceptual, config
        self.crew = crew or Crew()
        self.seed, self.step, self.judged = seed, 0, False
        self.batch = max(1, config.batch // self.crew.count)
        self.device = sampler.data.device
        self.balance = Balance(
            {
                "pixel": config.pixel_share,
                "gradient": config.gradient_share,
                "neural": config.neural_share,
                "adversarial": config.adversarial_share,
                "feature": config.feature_share,
            }
        )
        self.optimizers = {
            "learner": self._adam(networks.learner, config.rate),
            "discriminator": self._adam(networks.discriminator, config.rate_discriminator),
        }
        self._random = torch.Generator(self.device)

    def _adam(self, network: torch.nn.Module, rate: float) -> torch.optim.Adam:
        config = self.config
        return torch.optim.Adam(
            network.parameters(), lr=rate, betas=config.betas, eps=config.epsilon, fused=True
        )

    @property
    def adversarial(self) -> float:
        """Share 0..1 of the adversarial terms at this step; 0 while there is regression only."""
        past = self.step - self.config.regression_steps
        return 0.0 if past < 0 else min(1.0, (past + 1) / max(1, self.config.adversarial_ramp))

    def advance(self) -> tuple[dict[str, Tensor], dict[str, float], list[str]]:
        """One update.  Returns the terms of the loss (on the device), gradient norms where they were
        measured, and the names of terms whose share had drifted.
        """
        config, networks = self.config, self.networks
        for optimizer, rate in zip(
            self.optimizers.values(), (config.rate, config.rate_discriminator), strict=True
        ):
            optimizer.param_groups[0]["lr"] = rate * min(1.0, (self.step + 1) / max(1, config.warmup))
        episodes = self._episodes(0)
        networks.learner.train()
        networks.discriminator.train().requires_grad_(False)
        adversarial = self.adversarial
        with normed(networks.learner, *([networks.discriminator] if adversarial else [])):
            embedding, output, neural = self._generate(episodes)
            terms = self._regression(episodes, output, neural)
            if adversarial:
                self._start_rows(episodes.clip, embedding.detach())
                terms |= self._opposition(episodes, embedding, output, neural)
            norms, drifted = self._measure(terms)
            weights = self._weights(adversarial)
            loss = torch.stack([weights[name] * term for name, term in terms.items()]).sum()
            self._update("learner", loss)
        networks.average(min(config.ema, (1 + self.step) / (10 + self.step)))
        terms["loss"] = loss
        if adversarial:
            terms["discriminator"] = self._judge(episodes, _images(output, neural))
            for extra in range(1, config.discriminator_steps):
                terms["discriminator"] = self._judge_again(extra)
        self.step += 1
        return {name: term.detach() for name, term in terms.items()}, norms, drifted

    def _episodes(self, extra: int) -> Episodes:
        """This step's episodes; ``extra`` > 0 for those of further discriminator steps."""
        low, high = self.config.shots
        common = torch.Generator().manual_seed(_seed(self.seed, self.step, COMMON + extra))
        shots = int(torch.randint(low, high + 1, (), generator=common))
        self._random.manual_seed(_seed(self.seed, self.step, self.crew.rank + (extra << 10)))
        episodes = self.sampler.sample(self._random, self.batch, shots)
        return augment(episodes, self.config.augment, self._random)

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda")

    def _generate(self, episodes: Episodes) -> tuple[Tensor, GeneratorOutput, GeneratorOutput | None]:
        """Embeddings [B,E], the frames, the first few again from raster and style alone (warp dropout)."""
        learner, some = self.networks.learner, self._neural_count()
        with self._autocast():
            embedding = learner.embed(episodes.shots, episodes.shot_rasters, self.config.embedded_gradients)
            style = learner.projection(embedding)
            inputs = episodes.inputs
            output = learner.generator(inputs, style)
            if not some:
                return embedding, output, None
            few = GeneratorInputs(*(part[:some] for part in inputs))
            return embedding, output, learner.generator(few, style[:some], neural=True)

    def _neural_count(self) -> int:
        part = self.config.neural_part
        return min(self.batch, max(1, round(part * self.batch))) if part > 0 else 0

    def _regression(
        self, episodes: Episodes, output: GeneratorOutput, neural: GeneratorOutput | None
    ) -> dict[str, Tensor]:
        config, target = self.config, episodes.target
        weight = region_weights(
            episodes.points, target.shape[-1], config.mouth_weight, config.eyes_weight, config.ground_weight
        )
        images = _images(output, neural)
        with self._autocast():
            with torch.no_grad():
                wanted = self.perceptual.features(target)
            made = self.perceptual.features(images)
        whole = len(target)
        distance = self.perceptual.distance([tap[:whole] for tap in made], wanted, weight)
        terms = {
            "perceptual": distance.mean(),
            "pixel": losses.pixel_loss(output.image, target, weight),
            "gradient": losses.gradient_loss(output.image, target, weight),
            "sparsity": losses.sparsity_loss(output, target),
            "alignment": losses.alignment_loss(output.correction, episodes.alignment, weight),
            "smoothness": losses.smoothness_loss(output.correction),
        }
        if neural is not None:
            some = len(neural.image)
            far = self.perceptual.distance(
                [tap[whole:] for tap in made], [tap[:some] for tap in wanted], weight[:some]
            )
            terms["neural"] = far.mean() + losses.pixel_loss(neural.image, target[:some], weight[:some])
        return terms

    def _opposition(
        self, episodes: Episodes, embedding: Tensor, output: GeneratorOutput, neural: GeneratorOutput | None
    ) -> dict[str, Tensor]:
        """What the discriminator, held still, says of the frames; and the match of embeddings and rows."""
        judge = self.networks.discriminator
        assert judge.rows is not None
        images = _images(output, neural)
        raster, clip, target = (
            _repeated(part, len(images)) for part in (episodes.raster, episodes.clip, episodes.target)
        )
        with self._autocast():
            with torch.no_grad():
                _, real = judge(target[: len(episodes.clip)], episodes.raster, episodes.clip)
            score, fake = judge(images, raster, clip)
        real = [_repeated(layer, len(images)) for layer in real]
        return {
            "adversarial": losses.adversarial_loss(score.float()),
            "feature": losses.feature_loss(real, fake),
            "match": losses.match_loss(embedding, judge.rows(episodes.clip)),
        }

    def _start_rows(self, clips: Tensor, embedding: Tensor) -> None:
        visited = self.networks.visited
        if self.crew.count == 1 and bool(visited[clips].all()):
            return
        sums = torch.zeros((len(visited), embedding.shape[1]), device=self.device)
        sums.index_add_(0, clips, embedding.float())
        counts = torch.zeros(len(visited), device=self.device)
        counts.index_add_(0, clips, torch.ones_like(clips, dtype=counts.dtype))
        self.networks.start_rows(self.crew.total(sums), self.crew.total(counts))

    def _measure(self, terms: dict[str, Tensor]) -> tuple[dict[str, float], list[str]]:
        balanced = {name: term for name, term in terms.items() if name in self.balance.shares}
        if self.step % self.config.balance_every and set(balanced) <= set(self.balance.norms):
            return {}, []
        norms = gradient_norms(balanced, self.networks.learner.generator.painting.weight)
        means = self.crew.average(list(norms.values()), self.device)
        norms = dict(zip(norms, means, strict=True))
        return norms, self.balance.measure(norms)

    def _weights(self, adversarial: float) -> dict[str, float]:
        config = self.config
        weights = dict.fromkeys(self.balance.shares, 0.0) | self.balance.weights()
        weights["adversarial"] *= adversarial
        weights["feature"] *= adversarial
        fixed = {
            "sparsity": config.sparsity,
            "alignment": config.alignment,
            "smoothness": config.smoothness,
            "match": config.match_weight * adversarial,
        }
        return weights | fixed

    def _update(self, name: str, loss: Tensor) -> None:
        optimizer = self.optimizers[name]
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        parameters = optimizer.param_groups[0]["params"]
        self.crew.average_gradients(parameters)
        if self.config.clip_norm:
            torch.nn.utils.clip_grad_norm_(parameters, self.config.clip_norm)
        optimizer.step()

    def _judge(self, episodes: Episodes, images: Tensor) -> Tensor:
        """One update of the discriminator on real frames and the made ones; returns its loss."""
        self.judged = True
        judge = self.networks.discriminator.requires_grad_(True)
        raster, clip = (_repeated(part, len(images)) for part in (episodes.raster, episodes.clip))
        with normed(judge):
            with self._autocast():
                pictures = torch.cat((episodes.target, images.detach().clamp(0.0, 1.0)))
                rasters, clips = torch.cat((episodes.raster, raster)), torch.cat((episodes.clip, clip))
                scores, _ = judge(pictures, rasters, clips)
            real, fake = scores.float().split([len(episodes.clip), len(images)])
            loss = losses.discriminator_loss(real, fake)
            self._update("discriminator", loss)
        return loss

    def _judge_again(self, extra: int) -> Tensor:
        episodes = self._episodes(extra)
        with torch.no_grad(), normed(self.networks.learner):
            embedding, output, neural = self._generate(episodes)
        self._start_rows(episodes.clip, embedding)
        return self._judge(episodes, _images(output, neural))

    def halve(self) -> int:
        """Half as many samples from now on; returns how many.  InputError where it is one already."""
        if self.batch == 1:
            raise InputError("the GPU's memory does not hold a single sample; use a smaller configuration")
        self.batch //= 2
        for optimizer in self.optimizers.values():
            optimizer.zero_grad(set_to_none=True)
        torch.cuda.empty_cache()
        return self.batch


def _images(output: GeneratorOutput, neural: GeneratorOutput | None) -> Tensor:
    return output.image if neural is None else torch.cat((output.image, neural.image))


def _repeated(tensor: Tensor, count: int) -> Tensor:
    """[B,...] followed by its own first rows, ``count`` in all."""
    return tensor if len(tensor) == count else torch.cat((tensor, tensor[: count - len(tensor)]))


def _seed(seed: int, step: int, process: int) -> int:
    """A seed for each step and process, far from those of their neighbors (splitmix64)."""
    value = (seed * 0x9E3779B97F4A7C15 + step * 0xBF58476D1CE4E5B9 + process * 0x94D049BB133111EB) % (1 << 64)
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) % (1 << 64)
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) % (1 << 64)
    return (value ^ (value >> 31)) >> 1
