# SPDX-License-Identifier: GPL-3.0-or-later
"""The terms of the loss, each a scalar in its own unit; balance.py brings them into proportion."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from ..generator.generator import GeneratorOutput

RIGHT = 0.05  # difference between warp and target (mean over colors, 0..1) at which painting costs a third


def pixel_loss(image: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """L1 of [B,3,S,S], weighted by [B,1,S,S] of mean 1."""
    return ((image - target).abs() * weight).mean()


def gradient_loss(image: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """L1 between the pictures' differences of neighboring pixels, at full and half size, weighted so."""
    error, total = image - target, image.new_zeros(())
    for _ in range(2):
        across = (error[..., 1:] - error[..., :-1]).abs() * weight[..., 1:]
        down = (error[..., 1:, :] - error[..., :-1, :]).abs() * weight[..., 1:, :]
        total = total + across.mean() + down.mean()
        error, weight = functional.avg_pool2d(error, 2), functional.avg_pool2d(weight, 2)
    return total


def sparsity_loss(output: GeneratorOutput, target: Tensor) -> Tensor:
    """Mean opacity where the corrected warp is the target: canvas is not painted over without need."""
    wrong = (output.warped.detach() - target).abs().mean(1, keepdim=True)
    wrong = functional.avg_pool2d(wrong, 5, 1, 2, count_include_pad=False)
    return (output.opacity * torch.exp(-wrong / RIGHT)).mean()


def alignment_loss(correction: Tensor, alignment: Tensor, weight: Tensor) -> Tensor:
    """Mean distance of the correction [B,2,S/4,S/4] from the measured one, in hundredths of the picture.

    ``alignment`` [B,3,S/4,S/4] brings its own trust; ``weight`` [B,1,S,S] is that of the pixels.
    """
    gap = torch.linalg.vector_norm(correction - alignment[:, :2], dim=1, keepdim=True)
    trust = alignment[:, 2:] * functional.adaptive_avg_pool2d(weight, gap.shape[2:])
    return (gap * trust).mean() * 100.0


def smoothness_loss(correction: Tensor) -> Tensor:
    """Mean squared stretch of the correction [B,2,h,w]; 1 is a doubling of length."""
    high, wide = correction.shape[2:]
    across = (correction[..., 1:] - correction[..., :-1]) * wide
    down = (correction[..., 1:, :] - correction[..., :-1, :]) * high
    return across.square().mean() + down.square().mean()


def discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """Hinge loss of scores [B] of real frames and of made ones (Zakharov et al. 2019, eq. 6)."""
    return functional.relu(1.0 - real).mean() + functional.relu(1.0 + fake).mean()


def adversarial_loss(fake: Tensor) -> Tensor:
    """What the generator wants of the scores [B] of its frames (eq. 4)."""
    return -fake.mean()


def feature_loss(real: Sequence[Tensor], fake: Sequence[Tensor]) -> Tensor:
    """Feature matching: L1 between the discriminator's maps; the mean, not the sum, over its layers."""
    parts = [(a.detach().float() - b.float()).abs().mean() for a, b in zip(real, fake, strict=True)]
    return torch.stack(parts).mean()


def match_loss(embedding: Tensor, rows: Tensor) -> Tensor:
    """L1 between embeddings [B,E] and their clips' rows W_i [B,E]; only the embeddings move (eq. 5)."""
    return (embedding.float() - rows.detach().float()).abs().mean()
