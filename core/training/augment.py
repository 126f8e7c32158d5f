# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes of episodes that a few-shot generator of paintings must not mind.

Whatever changes a picture's look changes shots, warp and target alike: the generator has to keep the look
it is given.  Only the embedder's shots are degraded, as in poor files, and rasters bent, as by detectors.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional

from ..landmarks.schema import MIRROR
from .config import AugmentConfig
from .episodes import Episodes

REFERENCE = 256  # px of the work size for which blur and dabs are given
JPEG_STEP = 16 / 255  # the step of the lowest frequency at the common quality of 50
LUMA = (0.299, 0.587, 0.114)


def augment(episodes: Episodes, config: AugmentConfig, random: torch.Generator) -> Episodes:
    """The episodes changed by chance, each in its own way; ``random`` lives on their device."""
    episodes = flip(episodes, _chosen(len(episodes.clip), config.flip, random))
    episodes = _other_ground(episodes, _chosen(len(episodes.clip), config.background, random), random)
    episodes = _look(episodes, config, random)
    episodes = _bent(episodes, config, random)
    coarse = _chosen(len(episodes.clip), config.jpeg, random)
    return _degraded(episodes, coarse, random)


def _chosen(count: int, probability: float, random: torch.Generator) -> Tensor:
    """Indices of the samples that chance picks."""
    return torch.nonzero(torch.rand(count, generator=random, device=random.device) < probability)[:, 0]


def _uniform(count: int, low: float, high: float, random: torch.Generator) -> Tensor:
    return low + (high - low) * torch.rand(count, generator=random, device=random.device)


def flip(episodes: Episodes, index: Tensor) -> Episodes:
    """The episodes with those of ``index`` mirrored left to right, landmarks and their colors as well."""
    if not len(index):
        return episodes
    points = episodes.points.clone()
    mirrored = points[index][:, torch.from_numpy(MIRROR.copy()).to(points.device)]
    mirrored[..., 0] = episodes.target.shape[-1] - mirrored[..., 0]
    points[index] = mirrored
    shift = episodes.shift.clone()
    sign = torch.tensor([-1.0, 1.0], device=shift.device)[:, None, None]
    shift[index] = shift[index].flip(-1) * sign
    alignment = _flipped(episodes.alignment, index)
    alignment[index, 0] *= -1
    shots, rasters = _flipped(episodes.shots, index), _flipped_raster(episodes.shot_rasters, index)
    return replace(
        episodes,
        shots=shots,
        shot_rasters=rasters,
        source=shots[:, 0],
        source_raster=rasters[:, 0],
        warped=_flipped(episodes.warped, index),
        target=_flipped(episodes.target, index),
        raster=_flipped_raster(episodes.raster, index),
        masks=_flipped(episodes.masks, index),
        shift=shift,
        alignment=alignment,
        points=points,
    )


def _flipped(pictures: Tensor, index: Tensor) -> Tensor:
    changed = pictures.clone()
    changed[index] = pictures[index].flip(-1)
    return changed


def _flipped_raster(rasters: Tensor, index: Tensor) -> Tensor:
    # right and left brow (red, green) and eye (magenta, cyan) differ by a swap of red and green,
    # which leaves the white, blue and yellow curves and the pupils as they are
    changed = rasters.clone()
    channel = rasters.ndim - 3
    swap = torch.tensor([1, 0, 2], device=rasters.device)
    changed[index] = rasters[index].flip(-1).index_select(channel, swap)
    return changed


def _look(episodes: Episodes, config: AugmentConfig, random: torch.Generator) -> Episodes:
    """Dabs, blur, color and grain, the same for all pictures of an episode."""
    batch = len(episodes.clip)
    pictures = torch.cat((episodes.shots, episodes.warped[:, None], episodes.target[:, None]), 1)
    size = pictures.shape[-1]
    index = _chosen(batch, config.painterly, random)
    if len(index):
        pictures[index] = dabs(pictures[index].flatten(0, 1), max(2, 4 * size // REFERENCE)).unflatten(
            0, (len(index), -1)
        )
    index = _chosen(batch, config.blur, random)
    if len(index):
        share = _uniform(len(index), 0.2, 1.0, random)[:, None, None, None, None]
        sharp = pictures[index]
        reach = max(1, 2 * size // REFERENCE)
        soft = functional.avg_pool2d(
            sharp.flatten(0, 1), 2 * reach + 1, 1, reach, count_include_pad=False
        ).unflatten(0, sharp.shape[:2])
        pictures[index] = torch.lerp(sharp, soft, share)
    index = _chosen(batch, config.color, random)
    if len(index):
        pictures[index] = _recolored(pictures[index], config, random)
    index = _chosen(batch, config.grain, random)
    if len(index):
        amount = config.grain_amount * _uniform(len(index), 0.1, 1.0, random)
        pictures[index] = (
            pictures[index] + (grain(len(index), size, random) * amount[:, None, None, None])[:, None]
        ).clamp_(0.0, 1.0)
    shots = pictures[:, :-2]
    return replace(episodes, shots=shots, source=shots[:, 0], warped=pictures[:, -2], target=pictures[:, -1])


def _recolored(pictures: Tensor, config: AugmentConfig, random: torch.Generator) -> Tensor:
    """[n,N,3,S,S] under another illuminant, saturation, contrast, brightness and gamma for each n."""
    count, device = len(pictures), pictures.device
    exponent = torch.exp(math.log(1 + config.gamma) * _uniform(count, -1, 1, random))
    gain = 1 + config.gain * (2 * torch.rand((count, 3), generator=random, device=device) - 1)
    saturation = 1 + config.saturation * _uniform(count, -1, 1, random)
    contrast = 1 + config.contrast * _uniform(count, -1, 1, random)
    brightness = config.brightness * _uniform(count, -1, 1, random)
    luma = torch.tensor(LUMA, device=device).expand(3, 3)
    mix = luma + saturation[:, None, None] * (torch.eye(3, device=device) - luma)
    mix = contrast[:, None, None] * mix * gain[:, :, None]
    offset = 0.5 - 0.5 * contrast + brightness
    bright = pictures.clamp_min(1e-4).pow(exponent[:, None, None, None, None])
    rows = bright.transpose(1, 2).flatten(2)
    changed = torch.baddbmm(offset[:, None, None], mix, rows).clamp_(0.0, 1.0)
    return changed.unflatten(2, (pictures.shape[1], *pictures.shape[3:])).transpose(1, 2)


def grain(count: int, size: int, random: torch.Generator) -> Tensor:
    """[count,1,size,size] of mean 0 and deviation 1: threads of a weave across and down, and fine noise."""
    noise = torch.randn((count, 3, size, size), generator=random, device=random.device)
    across = functional.avg_pool2d(noise[:, :1], (1, 5), 1, (0, 2), count_include_pad=False)
    down = functional.avg_pool2d(noise[:, 1:2], (5, 1), 1, (2, 0), count_include_pad=False)
    mixed = across + down + 0.3 * noise[:, 2:]
    return mixed / mixed.std((1, 2, 3), keepdim=True)


def dabs(pictures: Tensor, radius: int) -> Tensor:
    """Kuwahara's filter of [N,3,S,S]: each pixel the mean of the calmest of the four squares beside it."""
    # both in one go: the mean and, for the variance, the mean of the squared lightness
    weights = torch.tensor(LUMA, device=pictures.device, dtype=pictures.dtype)[None, :, None, None]
    light = (pictures * weights).sum(1, keepdim=True)
    stacked = torch.cat((pictures, light, light * light), 1)
    padded = functional.pad(stacked, (radius,) * 4, mode="replicate")
    means = functional.avg_pool2d(padded, radius + 1, 1)
    high, wide = pictures.shape[-2:]
    best, calm = pictures, torch.full_like(light, torch.inf)
    for y in (0, radius):
        for x in (0, radius):
            square = means[:, :, y : y + high, x : x + wide]
            variance = square[:, 4:] - square[:, 3:4] ** 2
            better = variance < calm
            best = torch.where(better, square[:, :3], best)
            calm = torch.where(better, variance, calm)
    return best


def _bent(episodes: Episodes, config: AugmentConfig, random: torch.Generator) -> Episodes:
    index = _chosen(len(episodes.clip), config.jitter, random)
    if not len(index):
        return episodes
    rasters = torch.cat((episodes.shot_rasters, episodes.raster[:, None]), 1)
    chosen = rasters[index]
    rasters[index] = bend(chosen.flatten(0, 1), config.jitter_amount, random).unflatten(0, chosen.shape[:2])
    shots = rasters[:, :-1]
    return replace(episodes, shot_rasters=shots, source_raster=shots[:, 0], raster=rasters[:, -1])


def bend(rasters: Tensor, amount: float, random: torch.Generator) -> Tensor:
    """[N,3,S,S] bent smoothly; the deviation of places is at most ``amount``, a fraction of the picture."""
    count, size = len(rasters), rasters.shape[-1]
    strength = amount * torch.rand((count, 1, 1, 1), generator=random, device=random.device)
    knots = torch.randn((count, 2, 6, 6), generator=random, device=random.device) * strength
    moved = functional.interpolate(knots, size=(size, size), mode="bicubic", align_corners=False)
    line = (torch.arange(size, device=rasters.device) + 0.5) / size
    place = torch.stack((line[None, None, :] + moved[:, 0], line[None, :, None] + moved[:, 1]), -1)
    return functional.grid_sample(rasters, 2 * place - 1, padding_mode="zeros", align_corners=False)


def _degraded(episodes: Episodes, index: Tensor, random: torch.Generator) -> Episodes:
    if not len(index):
        return episodes
    shots = episodes.shots.clone()
    chosen = shots[index]
    amount = _uniform(len(index), 0.2, 2.0, random).repeat_interleave(chosen.shape[1])
    shots[index] = quantize(chosen.flatten(0, 1), amount).unflatten(0, chosen.shape[:2])
    return replace(episodes, shots=shots)


def quantize(pictures: Tensor, amount: Tensor) -> Tensor:
    """[N,3,S,S] with frequencies of 8 x 8 blocks rounded as in JPEG; ``amount`` [N], 1: quality 50."""
    wave = _cosines().to(pictures)
    blocks = pictures.unflatten(3, (-1, 8)).unflatten(2, (-1, 8)).transpose(3, 4)
    spectrum = wave @ blocks @ wave.T
    order = torch.arange(8, device=pictures.device, dtype=pictures.dtype)
    step = JPEG_STEP * (1 + 0.6 * (order[:, None] + order)) * amount[:, None, None, None, None, None]
    rounded = wave.T @ (torch.round(spectrum / step) * step) @ wave
    return rounded.transpose(3, 4).flatten(4, 5).flatten(2, 3).clamp(0.0, 1.0)


@cache
def _cosines() -> Tensor:
    """The orthonormal cosine transform of 8 values."""
    order = torch.arange(8, dtype=torch.float64)
    wave = torch.cos(math.pi / 8 * (order + 0.5) * order[:, None]) * math.sqrt(2 / 8)
    wave[0] /= math.sqrt(2)
    return wave.float()


def _other_ground(episodes: Episodes, index: Tensor, random: torch.Generator) -> Episodes:
    """Another background behind the moved sitter, in the warp and the target; masks must show one."""
    if not len(index):
        return episodes
    sitter = episodes.masks[index, 3:]
    area = sitter.mean((1, 2, 3))
    index = index[(area > 0.1) & (area < 0.9)]
    if not len(index):
        return episodes
    count, size = len(index), episodes.target.shape[-1]
    sitter = functional.max_pool2d(episodes.masks[index, 3:], 5, 1, 2)
    sitter = functional.avg_pool2d(sitter, 5, 1, 2, count_include_pad=False)
    whole = functional.interpolate(sitter, size=(size, size), mode="bilinear", align_corners=False)
    # some smooth field of color, brighter to one side
    knots = torch.rand((count, 3, 3, 3), generator=random, device=random.device)
    level = torch.rand((count, 3, 1, 1), generator=random, device=random.device)
    knots = (level + 0.4 * (knots - 0.5)).clamp_(0.0, 1.0)
    ground = functional.interpolate(knots, size=(size, size), mode="bilinear", align_corners=False)
    warped, target, masks = episodes.warped.clone(), episodes.target.clone(), episodes.masks.clone()
    warped[index] = torch.lerp(ground, warped[index], whole)
    target[index] = torch.lerp(ground, target[index], whole)
    masks[index, :1] = masks[index, :1] * sitter
    return replace(episodes, warped=warped, target=target, masks=masks)
