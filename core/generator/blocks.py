# SPDX-License-Identifier: GPL-3.0-or-later
"""Building blocks of the networks: spectral-normed layers, adaptive norms, residual blocks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar, cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrizations, parametrize

SPECTRAL_EPS = 1e-4
NORM_EPS = 1e-5

Network = TypeVar("Network", bound=nn.Module)


_bare: ContextVar[bool] = ContextVar("bare", default=False)


@contextmanager
def bare() -> Iterator[None]:
    """Networks made inside are folded at once, for weights about to be loaded: no start, no spectral norm."""
    token = _bare.set(True)
    try:
        yield
    finally:
        _bare.reset(token)


def conv(inputs: int, outputs: int, kernel: int = 3, stride: int = 1, bias: bool = True) -> nn.Conv2d:
    """A zero-padded, spectral-normed convolution."""
    layer = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=bias)
    _start(layer)
    return layer


def linear(inputs: int, outputs: int, bias: bool = True) -> nn.Linear:
    """A spectral-normed linear layer."""
    layer = nn.Linear(inputs, outputs, bias=bias)
    _start(layer)
    return layer


def _start(layer: nn.Conv2d | nn.Linear) -> None:
    if _bare.get():
        return
    # under spectral norm an orthogonal weight keeps the size of activations; a random one would shrink it
    nn.init.orthogonal_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    parametrizations.spectral_norm(layer, eps=SPECTRAL_EPS)


def fold(network: Network) -> Network:
    """Replace, in place, each spectral-normed weight by the plain weight it stands for; returns the network.

    What it computes in eval mode does not change; a folded network is quicker and can still be trained.
    """
    training = network.training
    network.eval()  # reading a weight in training mode would move the estimate of its norm
    for module in network.modules():
        if not parametrize.is_parametrized(module, "weight"):
            continue
        layer = cast(nn.Conv2d, module)
        weight = layer.weight.detach().clone()
        trained = any(value.requires_grad for name, value in layer.named_parameters() if name != "bias")
        # not by remove_parametrizations, which would also break every copy of this network
        del layer.parametrizations
        layer.__class__ = type(layer).__bases__[0]
        layer.weight = nn.Parameter(weight, requires_grad=trained)
    return network.train(training)


def refill(network: nn.Module, state: dict[str, Tensor]) -> None:
    """Load the state of a folded network into one that still has its spectral norm.

    A folded weight has norm 1 up to the error of the estimate it was folded with, so both compute the same.
    Raises RuntimeError, as load_state_dict does, when names or shapes differ.
    """
    own = network.state_dict()
    full: dict[str, Tensor] = {}
    for name, value in state.items():
        place = name.removesuffix("weight") + "parametrizations.weight."
        if name.endswith("weight") and f"{place}original" in own:
            full[f"{place}original"] = value
            # few power iterations would not find them: the norms of a layer's directions are nearly equal
            full[f"{place}0._u"], full[f"{place}0._v"] = largest_directions(value)
        else:
            full[name] = value
    network.load_state_dict(full)


def largest_directions(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Unit vectors u [rows], v [columns] between which a weight, flattened to a matrix, is largest."""
    matrix = weight.detach().flatten(1).double()
    if matrix.shape[0] > matrix.shape[1]:
        v = torch.linalg.eigh(matrix.T @ matrix).eigenvectors[:, -1]
        u = functional.normalize(matrix @ v, dim=0)
    else:
        u = torch.linalg.eigh(matrix @ matrix.T).eigenvectors[:, -1]
        v = functional.normalize(matrix.T @ u, dim=0)
    return u.to(weight.dtype), v.to(weight.dtype)


def unshuffled(pictures: Tensor) -> Tensor:
    """[B,C,H,W] 0..1 -> [B,4C,H/2,W/2] -1..1: the pixels of each 2 x 2 square side by side.

    Whole pixels are moved, which in channels-last memory is quicker than torch's pixel_unshuffle.
    """
    rows = pictures.permute(0, 2, 3, 1).unflatten(2, (-1, 2)).unflatten(1, (-1, 2))
    squares = rows.transpose(2, 3).flatten(3)
    return (squares * 2.0).sub_(1.0).permute(0, 3, 1, 2)


class AdaptiveNorm(nn.Module):
    """AdaIN, centered on identity: channels normalized, then (1 + scale) x + bias with both from a style."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """``x`` [B,C,H,W], ``style`` [B,2C] (scales, then biases) -> [B,C,H,W] in the kind of ``x``."""
        scale, bias = style.float().unflatten(1, (2, self.channels)).unbind(1)
        # sums of squares in half precision would overflow; var_mean is several times slower on a CPU
        wide = x.float()
        mean = wide.mean((2, 3))
        variance = ((wide * wide).mean((2, 3)) - mean * mean).clamp_min(0.0)
        gain = (1.0 + scale) * torch.rsqrt(variance + NORM_EPS)
        offset = bias - mean * gain
        return torch.addcmul(offset[:, :, None, None].to(x.dtype), x, gain[:, :, None, None].to(x.dtype))


class DownBlock(nn.Module):
    """Residual block to half the resolution: conv3 (stride 2), ReLU, conv3; average pooling, conv1 beside."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = conv(inputs, outputs, stride=2)
        self.second = conv(outputs, outputs)
        self.skip = conv(inputs, outputs, kernel=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """[B,inputs,H,W] -> [B,outputs,ceil(H/2),ceil(W/2)]."""
        moved = self.first(functional.relu(x))
        moved = self.second(functional.relu(moved, inplace=True))
        pooled = functional.avg_pool2d(x, 2, ceil_mode=True, count_include_pad=False)
        return self.skip(pooled) + moved


class StyledBlock(nn.Module):
    """Residual block of two adaptive norms, each followed by ReLU and conv3."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList([AdaptiveNorm(channels), AdaptiveNorm(channels)])
        # the norm after the first convolution takes away any constant, so it has no bias
        self.convs = nn.ModuleList([conv(channels, channels, bias=False), conv(channels, channels)])

    def forward(self, x: Tensor, styles: tuple[Tensor, Tensor]) -> Tensor:
        """``x`` [B,C,H,W] and two styles [B,2C] -> [B,C,H,W]."""
        moved = x
        for norm, layer, style in zip(self.norms, self.convs, styles, strict=True):
            moved = layer(functional.relu(norm(moved, style), inplace=True))
        return x + moved


class UpBlock(nn.Module):
    """To twice the resolution: conv1, bilinear upsampling, the encoder's map of that size, a styled block."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.narrow = conv(inputs, outputs, kernel=1, bias=False)
        self.lateral = conv(outputs, outputs, kernel=1)
        self.styled = StyledBlock(outputs)

    def forward(self, x: Tensor, side: Tensor, styles: tuple[Tensor, Tensor]) -> Tensor:
        """``x`` [B,inputs,H,W], ``side`` [B,outputs,2H,2W], two styles [B,2 outputs] -> as ``side``."""
        raised = functional.interpolate(
            self.narrow(x), size=side.shape[2:], mode="bilinear", align_corners=False
        )
        return self.styled(raised + self.lateral(side), styles)
