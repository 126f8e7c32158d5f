# SPDX-License-Identifier: GPL-3.0-or-later
"""Episodes: K shots of a person and one frame of the same source, with a shot's warp to that frame.

(Zakharov et al. 2019, section 3.1; the warp is ours.)  Everything is drawn and gathered on the device.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import InputError
from ..generator.generator import GeneratorInputs
from .prepared import Prepared, Source


@dataclass(frozen=True, eq=False)
class Episodes:
    """A batch of B episodes.  Pictures are float32 RGB 0..1 in channels-last memory.

    shots, shot_rasters [B,K,3,S,S] (the first shot is the one that was warped);
    source, source_raster, warped, target, raster [B,3,S,S] (rasters: of the shot, of the target);
    shift [B,2,S/8,S/8] fractions of S; masks [B,4,S/2,S/2];
    alignment [B,3,S/4,S/4]: where the warp should have fetched its pixels (measured_alignment);
    points [B,68,2] px of the target;
    clip int64 [B]: index of the source in the prepared data.
    """

    shots: Tensor
    shot_rasters: Tensor
    source: Tensor
    source_raster: Tensor
    warped: Tensor
    target: Tensor
    raster: Tensor
    shift: Tensor
    masks: Tensor
    alignment: Tensor
    points: Tensor
    clip: Tensor

    @property
    def inputs(self) -> GeneratorInputs:
        """What the generator sees."""
        return GeneratorInputs(
            self.raster, self.source, self.source_raster, self.warped, self.shift, self.masks
        )


def held_out_persons(sources: Sequence[Source], share: float) -> set[str]:
    """Persons kept for validation: about ``share`` of them, always the same; none of fewer than four."""
    persons = sorted(
        {source.person for source in sources}, key=lambda name: hashlib.sha256(name.encode()).digest()
    )
    if len(persons) < 4 or share <= 0:
        return set()
    return set(persons[: max(1, round(share * len(persons)))])


class Sampler:
    """Draws episodes from some of the sources, each source as often as another of its sort.

    ``stills_share``: share of episodes from photos and paintings where there are clips as well.
    """

    def __init__(self, data: Prepared, sources: Sequence[int], stills_share: float) -> None:
        self.data = data
        device = data.device
        chosen = torch.zeros(len(data.sources), dtype=torch.bool)
        chosen[list(sources)] = True
        self.pairs = torch.nonzero(chosen.to(device)[data.source])[:, 0]
        if not len(self.pairs):
            raise InputError("the prepared sources hold no pairs to learn from; prepare more clips")
        still = torch.tensor([source.kind != "clip" for source in data.sources], device=device)
        owner = data.source[self.pairs]
        # within a source by the pairs' moments (never quite zero), sources alike, sorts by their share
        weight = data.moments[self.pairs].double() + 1e-6
        total = torch.zeros(len(data.sources), dtype=torch.float64, device=device).index_add_(
            0, owner, weight
        )
        weight = weight / total[owner]
        stills = still[owner]
        if stills.any() and not stills.all():
            for sort, share in ((stills, stills_share), (~stills, 1 - stills_share)):
                weight[sort] *= share / weight[sort].sum()
        self._cumulative = torch.cumsum(weight / weight.sum(), 0)

    def draw(self, random: torch.Generator, batch: int, shots: int) -> tuple[Tensor, Tensor]:
        """Indices of pairs [B] and of shot frames [B,K] (the pair's own shot first, never its target)."""
        device = self.data.device
        place = torch.rand(batch, generator=random, device=device, dtype=torch.float64)
        at = torch.searchsorted(self._cumulative, place).clamp_max(len(self.pairs) - 1)
        pair = self.pairs[at]
        owner, target = self.data.source[pair], self.data.target[pair]
        first, count = self.data.first[owner], self.data.count[owner]
        # any frame of the source but the target: of one fewer, then stepping over it
        spread = torch.rand((batch, shots), generator=random, device=device, dtype=torch.float64)
        other = (spread * (count - 1)[:, None]).long()
        other += (other >= (target - first)[:, None]).long()
        frames = first[:, None] + other
        frames[:, 0] = self.data.shot[pair]
        return pair, frames

    def sample(self, random: torch.Generator, batch: int, shots: int) -> Episodes:
        """B episodes of K shots each."""
        return gather(self.data, *self.draw(random, batch, shots))


def gather(data: Prepared, pair: Tensor, frames: Tensor) -> Episodes:
    """The episodes of pairs [B] with shots [B,K] (indices of frames, the pair's own shot first)."""
    target = data.target[pair]
    batch, count = frames.shape
    shots = _pictures(data.frames, frames.reshape(-1)).unflatten(0, (batch, count))
    rasters = _pictures(data.rasters, frames.reshape(-1)).unflatten(0, (batch, count))
    return Episodes(
        shots=shots,
        shot_rasters=rasters,
        source=shots[:, 0],
        source_raster=rasters[:, 0],
        warped=_pictures(data.warped, pair),
        target=_pictures(data.frames, target),
        raster=_pictures(data.rasters, target),
        shift=data.shift[pair].permute(0, 3, 1, 2).float(),
        masks=_pictures(data.masks, pair),
        alignment=data.alignment[pair].permute(0, 3, 1, 2).float(),
        points=data.points[target],
        clip=data.source[pair],
    )


def _pictures(store: Tensor, index: Tensor) -> Tensor:
    """uint8 [N,H,W,C] at ``index`` [B] -> float32 [B,C,H,W] 0..1 in channels-last memory."""
    return store[index].permute(0, 3, 1, 2).float().div_(255.0)


def validation_pairs(data: Prepared, sources: Sequence[int], limit: int) -> Tensor:
    """At most ``limit`` pairs [n], spread evenly over the sources and over the time of each."""
    owner = data.source.cpu()
    lists = [torch.nonzero(owner == index)[:, 0] for index in sources]
    lists = [pairs for pairs in lists if len(pairs)]
    each = max(1, limit // max(1, len(lists)))
    step = max(1, len(lists) // limit) if limit else 1
    picked = []
    for pairs in lists[::step][:limit]:
        place = (torch.arange(each, dtype=torch.float64) + 0.5) / each * len(pairs)
        picked.append(pairs[place.long()])
    return torch.cat(picked)[:limit].to(data.device)
