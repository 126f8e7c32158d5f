# SPDX-License-Identifier: GPL-3.0-or-later
"""LPIPS of uint8 pictures, on the engine's own network (core.training.perceptual)."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
import torch

from core.training.perceptual import Perceptual, find_weights, shared_folder

__all__ = ["Lpips", "find_weights", "shared_folder"]


class Lpips:
    """LPIPS with VGG16, fp32, on the CPU.  WeightsError where there are no weights."""

    def __init__(self, weights: str | os.PathLike[str] | None = None) -> None:
        self.network = Perceptual.from_file("vgg16", find_weights("vgg16", weights))

    @torch.inference_mode()
    def features(self, images: np.ndarray) -> list[torch.Tensor]:
        """Features of ``images`` uint8 RGB [B, H, W, 3], at least 16 px a side: five of [B, C, h, w]."""
        if images.ndim != 4 or images.shape[3] != 3 or images.dtype != np.uint8:
            raise ValueError(f"images must be uint8 [B, H, W, 3], not {images.dtype} {list(images.shape)}")
        batch = torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2)
        return self.network.features(batch.float() / 255.0)

    @torch.inference_mode()
    def distance(
        self, a: Sequence[torch.Tensor], b: Sequence[torch.Tensor], mask: np.ndarray | None = None
    ) -> np.ndarray:
        """LPIPS float64 [B] of two batches of features; ``mask`` float [B, H, W] picks a region."""
        region = None if mask is None else torch.from_numpy(np.ascontiguousarray(mask, np.float32))[:, None]
        return self.network.distance(a, b, region).double().numpy()

    def __call__(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """LPIPS [B] between images uint8 RGB [B, H, W, 3]."""
        return self.distance(self.features(a), self.features(b))
