# SPDX-License-Identifier: GPL-3.0-or-later
"""How far apart uint8 pictures look: LPIPS, or an untrained stand-in of another name."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
import torch

from ...errors import WeightsError
from ..perceptual import Perceptual, find_weights


class Distance:
    """LPIPS with VGG16, in float32.

    ``name`` is the figure's name: LPIPS, and P-dist for the network of fixed random weights that takes its
    place where ``fallback`` is allowed and no weights are found (WeightsError where it is not, or where the
    file is no such weights).  ``key`` is the same in reports' keys.
    """

    def __init__(
        self,
        weights: str | os.PathLike[str] | None = None,
        *,
        fallback: bool = False,
        device: str | torch.device = "cpu",
    ) -> None:
        self.file, self._device = "", torch.device(device)
        try:
            path = find_weights("vgg16", weights)
        except WeightsError:
            if weights is not None or not fallback:
                raise
            self.network = Perceptual.seeded()
        else:
            self.network, self.file = Perceptual.from_file("vgg16", path), path.name
        self.network.to(self._device)
        self.name, self.key = ("LPIPS", "lpips") if self.network.calibrated else ("P-dist", "pdist")

    @torch.inference_mode()
    def features(self, images: np.ndarray) -> list[torch.Tensor]:
        """Features of ``images`` uint8 RGB [B, H, W, 3], at least 16 px a side: five of [B, C, h, w]."""
        if images.ndim != 4 or images.shape[3] != 3 or images.dtype != np.uint8:
            raise ValueError(f"images must be uint8 [B, H, W, 3], not {images.dtype} {list(images.shape)}")
        batch = torch.from_numpy(np.ascontiguousarray(images)).to(self._device).permute(0, 3, 1, 2)
        return self.network.features(batch.float() / 255.0)

    @torch.inference_mode()
    def between(
        self, a: Sequence[torch.Tensor], b: Sequence[torch.Tensor], mask: np.ndarray | None = None
    ) -> np.ndarray:
        """float64 [B] between two batches of features; ``mask`` float [B, H, W] picks a region."""
        region = None
        if mask is not None:
            region = torch.from_numpy(np.ascontiguousarray(mask, np.float32))[:, None].to(self._device)
        return self.network.distance(a, b, region).double().cpu().numpy()
