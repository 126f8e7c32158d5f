# SPDX-License-Identifier: GPL-3.0-or-later
"""How far apart two pictures look: features of a frozen network and LPIPS on them (Zhang et al., 2018).

The weights are one safetensors file per network: ``convN.weight`` and ``convN.bias`` of the convolutions,
``linN.weight`` of the five linear heads.  They are found where the caller says, by the environment
variable ``TABLEAU_LPIPS`` (a file or a folder), or under ``TABLEAU_SHARED`` (else ``../shared`` beside the
repository).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional

from core.errors import WeightsError

# what ImageNet's networks want of an image in -1..1
SHIFT = (-0.030, -0.088, -0.188)
SCALE = (0.458, 0.448, 0.450)


@dataclass(frozen=True)
class _Plan:
    """One network: blocks of convolutions as (channels, kernel, stride, padding); features are tapped after
    the last ReLU of a block, and between two blocks lies a max pooling (kernel, stride) or nothing (0, 0)."""

    blocks: tuple[tuple[tuple[int, int, int, int], ...], ...]
    pools: tuple[tuple[int, int], ...]


def _stack(channels: int, count: int) -> tuple[tuple[int, int, int, int], ...]:
    return ((channels, 3, 1, 1),) * count


_HALVED = ((2, 2),) * 4
PLANS = {
    "vgg16": _Plan(tuple(map(_stack, (64, 128, 256, 512, 512), (2, 2, 3, 3, 3))), _HALVED),
    "vgg19": _Plan(tuple(map(_stack, (64, 128, 256, 512, 512), (2, 2, 4, 4, 4))), _HALVED),
    "alexnet": _Plan(
        (
            ((64, 11, 4, 2),),
            ((192, 5, 1, 2),),
            ((384, 3, 1, 1),),
            ((256, 3, 1, 1),),
            ((256, 3, 1, 1),),
        ),
        ((3, 2), (3, 2), (0, 0), (0, 0)),
    ),
    # the untrained stand-in: VGG's shape, a quarter as wide
    "seeded": _Plan(tuple(map(_stack, (16, 32, 64, 128, 128), (2, 2, 2, 2, 2))), _HALVED),
}


def shared_folder() -> Path:
    """Folder of development data (it need not exist): ``TABLEAU_SHARED``, else ``../shared``."""
    named = os.environ.get("TABLEAU_SHARED")
    return Path(named) if named else Path(__file__).resolve().parents[3] / "shared"


def find_weights(kind: str = "vgg16", given: str | os.PathLike[str] | None = None) -> Path:
    """File with the weights of ``kind`` (vgg16 or alexnet), WeightsError where it is missing.

    ``given`` or what the environment names is a file, or a folder with lpips_KIND.safetensors; else the
    shared folder has it.
    """
    named = given or os.environ.get("TABLEAU_LPIPS")
    path = Path(named) if named else shared_folder() / "weights"
    if path.is_dir():
        path /= f"lpips_{kind}.safetensors"
    if not path.is_file():
        raise WeightsError(
            f"{path}: no LPIPS weights there; put lpips_{kind}.safetensors there or name it by TABLEAU_LPIPS"
        )
    return path


class Perceptual(nn.Module):
    """The frozen network.  Images are float [B, 3, H, W], RGB in 0..1; gradients go through to them.

    Features cost nearly all the time and distances nearly none: compute features of a batch once and compare
    them as often as needed.  Works on any device; features come in the dtype of the (autocast) convolutions,
    normalized features and distances in float32.

    kind   a key of PLANS; only ``vgg16`` and ``alexnet`` give LPIPS (``calibrated``), the others a plain
           distance of normalized features, to be called by another name
    sha256 of the weights' file, empty for a network without one
    """

    def __init__(self, kind: str, state: dict[str, torch.Tensor], sha256: str = "") -> None:
        super().__init__()
        self.kind, self.sha256, self._plan = kind, sha256, PLANS[kind]
        self.calibrated = "lin0.weight" in state
        number = 0
        # buffers, kept out of state_dict: nothing here is ever trained or saved
        for layer, block in enumerate(self._plan.blocks):
            for channels, kernel, _, _ in block:
                weight, bias = state[f"conv{number}.weight"].float(), state[f"conv{number}.bias"].float()
                if weight.shape[0] != channels or weight.shape[2:] != (kernel, kernel):
                    raise KeyError(f"conv{number} is {list(weight.shape)}, not {kind}'s")
                # channels-last is a fifth faster than the plain layout on a CPU
                weight = weight.contiguous(memory_format=torch.channels_last)
                self.register_buffer(f"conv{number}", weight, persistent=False)
                self.register_buffer(f"bias{number}", bias, persistent=False)
                number += 1
            if self.calibrated:
                head = state[f"lin{layer}.weight"].float().reshape(1, -1, 1, 1)
            else:
                head = torch.full((1, channels, 1, 1), 1.0 / len(self._plan.blocks))
            if head.shape[1] != channels:
                raise KeyError(f"lin{layer} has {head.shape[1]} channels, not {channels}")
            self.register_buffer(f"head{layer}", head, persistent=False)
        self.register_buffer("shift", torch.tensor(SHIFT).reshape(1, 3, 1, 1), persistent=False)
        self.register_buffer("scale", torch.tensor(SCALE).reshape(1, 3, 1, 1), persistent=False)
        self.eval()

    @classmethod
    def load(cls, kind: str = "vgg16", path: str | os.PathLike[str] | None = None) -> Perceptual:
        """The network with weights from a file (see find_weights), for ``vgg19`` with torchvision's.

        Where no file is named and none is found, torchvision's VGG19 takes its place; WeightsError where that
        cannot be had either, or where a file is not what it should be.
        """
        if kind not in PLANS or kind == "seeded":
            raise WeightsError(f"{kind}: no such perceptual network; use vgg16, alexnet or vgg19")
        if kind == "vgg19":
            return cls(kind, _torchvision())
        try:
            return cls.from_file(kind, find_weights(kind, path))
        except WeightsError as missing:
            if path is not None or os.environ.get("TABLEAU_LPIPS"):
                raise
            try:
                return cls("vgg19", _torchvision())
            except WeightsError as error:
                raise WeightsError(f"{missing}; {error}") from error

    @classmethod
    def from_file(cls, kind: str, path: Path) -> Perceptual:
        """The network from exactly this file; WeightsError where it is none."""
        try:
            return cls(kind, load_file(path), hashlib.sha256(path.read_bytes()).hexdigest())
        except (SafetensorError, KeyError, RuntimeError, OSError) as error:
            raise WeightsError(
                f"{path}: not the LPIPS {kind} weights ({error}); fetch the file again"
            ) from error

    @classmethod
    def seeded(cls, seed: int = 0) -> Perceptual:
        """An untrained network of fixed random weights: a reproducible stand-in where no weights are at hand.

        Its distance is no LPIPS; reports call it P-dist.
        """
        random, state, number, before = np.random.default_rng(seed), {}, 0, 3
        for block in PLANS["seeded"].blocks:
            for channels, kernel, _, _ in block:
                spread = (2.0 / (before * kernel * kernel)) ** 0.5
                weight = random.normal(0.0, spread, (channels, before, kernel, kernel))
                state[f"conv{number}.weight"] = torch.from_numpy(weight.astype(np.float32))
                state[f"conv{number}.bias"] = torch.zeros(channels)
                number, before = number + 1, channels
        return cls("seeded", state)

    def raw_features(self, images: torch.Tensor) -> list[torch.Tensor]:
        """What the blocks' last ReLUs give, for content losses: five tensors [B, C, h, w], not normalized."""
        x = (images * 2.0 - 1.0 - self.get_buffer("shift")) / self.get_buffer("scale")
        if not x.is_cuda:
            x = x.contiguous(memory_format=torch.channels_last)
        taps: list[torch.Tensor] = []
        number = 0
        for layer, block in enumerate(self._plan.blocks):
            if layer and self._plan.pools[layer - 1][0]:
                x = functional.max_pool2d(x, *self._plan.pools[layer - 1])
            for _, _, stride, padding in block:
                weight, bias = self.get_buffer(f"conv{number}"), self.get_buffer(f"bias{number}")
                x = functional.conv2d(x, weight, bias, stride, padding).relu()
                number += 1
            taps.append(x)
        return taps

    def normalize(self, taps: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Raw features to features of length one at each position."""
        # float32 even under autocast: the squares' sum leaves half precision's range.  The floor keeps the
        # gradient finite where all channels are (nearly) silent.
        return [tap.float() / (tap.float().square().sum(1, keepdim=True) + 1e-10).sqrt() for tap in taps]

    def features(self, images: torch.Tensor) -> list[torch.Tensor]:
        """LPIPS's features, five tensors [B, C, h, w]: each position's vector has length one (or is zero).

        Images have at least 16 px a side (VGG) or 31 (AlexNet).
        """
        return self.normalize(self.raw_features(images))

    def distance(
        self, a: Sequence[torch.Tensor], b: Sequence[torch.Tensor], mask: torch.Tensor | None = None
    ) -> torch.Tensor:
        """LPIPS [B] between two batches of features; a batch of one is compared with each of the other.

        ``mask`` [B, 1, H, W] in 0..1 restricts the mean over positions to a region: it is averaged down to
        each layer's grid and weights it, so that a mask of ones gives the plain figure.
        """
        total: torch.Tensor | None = None
        for layer, (tap_a, tap_b) in enumerate(zip(a, b, strict=True)):
            difference = functional.conv2d((tap_a - tap_b).square(), self.get_buffer(f"head{layer}"))
            if mask is None:
                score = difference.mean((1, 2, 3))
            else:
                size = (difference.shape[2], difference.shape[3])
                weight = functional.adaptive_avg_pool2d(mask.to(difference.dtype), size)
                score = (difference * weight).sum((1, 2, 3)) / weight.sum((1, 2, 3)).clamp_min(1e-6)
            total = score if total is None else total + score
        if total is None:
            raise ValueError("no features to compare")
        return total

    def forward(self, a: torch.Tensor, b: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """LPIPS [B] between images [B, 3, H, W] in 0..1."""
        return self.distance(self.features(a), self.features(b), mask)


def _torchvision() -> dict[str, torch.Tensor]:
    """Convolutions of torchvision's VGG19; WeightsError where it cannot be imported or downloaded."""
    try:
        # some builds of torchvision fail with a RuntimeError beside a torch they were not made for
        from torchvision.models import VGG19_Weights, vgg19

        layers = vgg19(weights=VGG19_Weights.IMAGENET1K_V1).features
    except Exception as error:
        reason = " ".join(str(error).split())[:120]
        raise WeightsError(f"torchvision's VGG19 cannot be had here either ({reason})") from error
    convolutions = [layer for layer in layers if isinstance(layer, nn.Conv2d)]
    state = {f"conv{i}.weight": layer.weight.detach() for i, layer in enumerate(convolutions)}
    biases = {f"conv{i}.bias": layer.bias for i, layer in enumerate(convolutions)}
    return state | {name: bias.detach() for name, bias in biases.items() if bias is not None}
