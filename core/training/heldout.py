# SPDX-License-Identifier: GPL-3.0-or-later
"""Pairs that are only looked at: how far from the true frames the averaged generator is, and the warp."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from ..atomic import atomic_path
from .config import TrainingConfig
from .episodes import Episodes, gather, held_out_persons, validation_pairs
from .networks import Learner
from .perceptual import Perceptual
from .prepared import Prepared
from .regions import region_weights

CHUNK = 8  # pairs at a time
SHOWN = 6  # pairs on a sample sheet


def split(data: Prepared, share: float) -> tuple[list[int], list[int]]:
    """Sources to learn from and sources to validate on: some persons of clips, some of stills.

    Where persons are too few, both are all sources.
    """
    sorts = [
        [source for source in data.sources if (source.kind == "clip") is clips] for clips in (True, False)
    ]
    persons = set().union(*(held_out_persons(sort, share) for sort in sorts))
    persons = persons or held_out_persons(data.sources, share)
    out = [index for index, source in enumerate(data.sources) if source.person in persons]
    rest = [index for index in range(len(data.sources)) if index not in set(out)]
    return (rest, out) if out else (rest, rest)


class HeldOut:
    """Validation on fixed pairs of some sources, each with the one shot that was warped, unchanged."""

    def __init__(self, data: Prepared, sources: list[int], config: TrainingConfig) -> None:
        self.data, self.config = data, config
        self.pairs = validation_pairs(data, sources, config.validation_pairs)

    @torch.inference_mode()
    def measure(self, learner: Learner, perceptual: Perceptual) -> dict[str, float]:
        """Means over the pairs, each against the true frame.

        ``warp_`` and ``output_``: L1, L1 of mouth and eyes (features), LPIPS; ``neural_lpips`` of frames made
        from raster and style alone, ``neural_other_lpips`` with another pair's style (an embedder that is
        ignored makes both alike); ``opacity``: the painted share.
        """
        rows: list[dict[str, Tensor]] = []
        styles = self._styles(learner)
        other = styles.roll(max(1, len(styles) // 2), 0)
        for start in range(0, len(self.pairs), CHUNK):
            some = slice(start, start + CHUNK)
            episodes = self._episodes(some)
            output = learner.generator(episodes.inputs, styles[some])
            neural = learner.generator(episodes.inputs, styles[some], neural=True)
            swapped = learner.generator(episodes.inputs, other[some], neural=True)
            wanted = perceptual.features(episodes.target)
            weight = self._weights(episodes)
            rows.append(
                {
                    "warp_l1": _l1(episodes.warped, episodes.target),
                    "output_l1": _l1(output.image, episodes.target),
                    "warp_features_l1": _l1(episodes.warped, episodes.target, weight),
                    "output_features_l1": _l1(output.image, episodes.target, weight),
                    "warp_lpips": perceptual.distance(perceptual.features(episodes.warped), wanted),
                    "output_lpips": perceptual.distance(perceptual.features(output.image), wanted),
                    "neural_lpips": perceptual.distance(perceptual.features(neural.image), wanted),
                    "neural_other_lpips": perceptual.distance(perceptual.features(swapped.image), wanted),
                    "opacity": output.opacity.mean((1, 2, 3)),
                }
            )
        return {name: float(torch.cat([row[name] for row in rows]).mean()) for name in rows[0]}

    @torch.inference_mode()
    def sheet(self, learner: Learner, path: Path) -> None:
        """Write a PNG with a line per pair: shot, warp, output, opacity, target, raster-and-style output."""
        spread = torch.linspace(0, len(self.pairs) - 1, min(SHOWN, len(self.pairs))).round().long()
        pairs = self.pairs[spread.to(self.pairs.device)]
        episodes = gather(self.data, pairs, self.data.shot[pairs][:, None])
        style = learner.projection(learner.embed(episodes.shots, episodes.shot_rasters, 1))
        output = learner.generator(episodes.inputs, style)
        neural = learner.generator(episodes.inputs, style, neural=True)
        opacity = output.opacity.expand(-1, 3, -1, -1)
        columns = (episodes.source, episodes.warped, output.image, opacity, episodes.target, neural.image)
        lines = torch.cat([column.float() for column in columns], 3).clamp(0, 1) * 255
        image = lines.round().byte().permute(0, 2, 3, 1).flatten(0, 1).cpu().numpy()
        with atomic_path(path) as temporary:
            if not cv2.imwrite(str(temporary), np.ascontiguousarray(image[..., ::-1])):
                raise OSError("the picture could not be encoded")

    def _episodes(self, some: slice) -> Episodes:
        pairs = self.pairs[some]
        return gather(self.data, pairs, self.data.shot[pairs][:, None])

    def _styles(self, learner: Learner) -> Tensor:
        styles = []
        for start in range(0, len(self.pairs), CHUNK):
            episodes = self._episodes(slice(start, start + CHUNK))
            styles.append(learner.projection(learner.embed(episodes.shots, episodes.shot_rasters, 1)))
        return torch.cat(styles)

    def _weights(self, episodes: Episodes) -> Tensor:
        # mouth and eyes alone
        return region_weights(episodes.points, self.data.size, 1000.0, 1000.0, 1.0)


def _l1(a: Tensor, b: Tensor, weight: Tensor | None = None) -> Tensor:
    error = (a - b).abs()
    return (error if weight is None else error * weight).mean((1, 2, 3))
