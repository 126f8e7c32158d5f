# SPDX-License-Identifier: GPL-3.0-or-later
"""LPIPS with VGG16: how far apart two pictures look, as distances between
features of a network (Zhang et al., 2018).

The weights are one safetensors file: ``convN.weight`` and ``convN.bias`` for the 13 convolutions,
``linN.weight`` for the five linear heads.  It is found by ``--weights`` of the scripts here,
by the environment variable ``TABLEAU_LPIPS``, or under ``TABLEAU_SHARED``
(else ``../shared`` beside the repository).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch.nn import functional

from core.errors import WeightsError

WEIGHTS_NAME = "lpips_vgg16.safetensors"
# convolutions of each block; features are tapped after the last ReLU
# of a block, then comes the 2 x 2 max pooling
BLOCKS = ((0, 1), (2, 3), (4, 5, 6), (7, 8, 9), (10, 11, 12))
CHANNELS = (64, 128, 256, 512, 512)
SHIFT = (-0.030, -0.088, -0.188)
SCALE = (0.458, 0.448, 0.450)


def shared_folder() -> Path:
    """Folder of development data (it need not exist): ``TABLEAU_SHARED``, else ``../shared``."""
    named = os.environ.get("TABLEAU_SHARED")
    return Path(named) if named else Path(__file__).resolve().parents[3] / "shared"


def find_weights(given: str | os.PathLike[str] | None = None) -> Path:
    """The weights: those given, else the environment's, else the shared folder's.  WeightsError if none."""
    named = given or os.environ.get("TABLEAU_LPIPS")
    path = Path(named) if named else shared_folder() / "weights" / WEIGHTS_NAME
    if not path.is_file():
        raise WeightsError(
            f"{path}: no LPIPS weights there; name {WEIGHTS_NAME} by --weights or TABLEAU_LPIPS"
        )
    return path


def _channels_last(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.contiguous(memory_format=torch.channels_last) if tensor.ndim == 4 else tensor


class Lpips:
    """The frozen network, fp32, on the CPU.

    Features cost nearly all the time, distances nearly none, so both are public: compute features of a batch
    once and compare them as often as needed.
    """

    def __init__(self, weights: str | os.PathLike[str] | None = None) -> None:
        path = find_weights(weights)
        try:
            # channels-last is a fifth faster than the plain layout on a CPU
            state = {name: _channels_last(tensor.float()) for name, tensor in load_file(path).items()}
            self._convolutions = [
                [(state[f"conv{i}.weight"], state[f"conv{i}.bias"]) for i in block] for block in BLOCKS
            ]
            self._heads = [state[f"lin{i}.weight"].reshape(1, -1, 1, 1) for i in range(len(BLOCKS))]
        except (SafetensorError, KeyError, OSError) as error:
            raise WeightsError(
                f"{path}: not the LPIPS VGG16 weights ({error}); fetch the file again"
            ) from error
        for block, head, channels in zip(self._convolutions, self._heads, CHANNELS, strict=True):
            if block[-1][0].shape[0] != channels or head.shape[1] != channels:
                raise WeightsError(f"{path}: layers are of other sizes than VGG16's; fetch the file again")
        self._shift = torch.tensor(SHIFT).reshape(1, 3, 1, 1)
        self._scale = torch.tensor(SCALE).reshape(1, 3, 1, 1)

    @torch.inference_mode()
    def features(self, images: np.ndarray) -> list[torch.Tensor]:
        """Features of ``images`` uint8 RGB [B, H, W, 3] (at least 16 px a side): five tensors [B, C, h, w].

        Each position's feature vector has length one.
        """
        if images.ndim != 4 or images.shape[3] != 3 or images.dtype != np.uint8:
            raise ValueError(f"images must be uint8 [B, H, W, 3], not {images.dtype} {list(images.shape)}")
        x = torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2).float() / 127.5 - 1.0
        x = _channels_last((x - self._shift) / self._scale)
        taps: list[torch.Tensor] = []
        for block in self._convolutions:
            if taps:
                x = functional.max_pool2d(x, 2)
            for weight, bias in block:
                x = functional.relu_(functional.conv2d(x, weight, bias, padding=1))
            # a new tensor: the next block goes on from the features before they are scaled
            taps.append(x / (x.square().sum(1, keepdim=True).sqrt() + 1e-10))
        return taps

    @torch.inference_mode()
    def distance(
        self, a: Sequence[torch.Tensor], b: Sequence[torch.Tensor], mask: np.ndarray | None = None
    ) -> np.ndarray:
        """LPIPS float64 [B] between two batches of features;
        a batch of one is compared with each of the other.

        ``mask`` float [B, H, W] in 0..1 restricts the mean over positions to a region: it is averaged down
        to each layer's grid and weights it, so that a mask of ones gives the plain figure.
        """
        total: torch.Tensor | None = None
        region = None if mask is None else torch.from_numpy(np.ascontiguousarray(mask, np.float32))[:, None]
        for tap_a, tap_b, head in zip(a, b, self._heads, strict=True):
            difference = functional.conv2d((tap_a - tap_b).square(), head)
            if region is None:
                score = difference.mean((1, 2, 3))
            else:
                weight = functional.adaptive_avg_pool2d(region, (difference.shape[2], difference.shape[3]))
                score = (difference * weight).sum((1, 2, 3)) / weight.sum((1, 2, 3)).clamp_min(1e-6)
            total = score.double() if total is None else total + score.double()
        if total is None:
            raise ValueError("no features to compare")
        return total.numpy()

    def __call__(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """LPIPS [B] between images uint8 RGB [B, H, W, 3]."""
        return self.distance(self.features(a), self.features(b))
