# SPDX-License-Identifier: GPL-3.0-or-later
"""Pairs of a sitter's shots as the tensors that the generator and the losses take."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ..generator.generator import GeneratorInputs
from ..generator.raster import raster
from ..generator.render import to_tensor
from .alignment import measured_alignment
from .regions import region_weights
from .shot_pairs import Pair

CHUNK = 4  # pairs of one pass without gradients
ONLY = 1e6  # weight that leaves nothing but one region


class Stack:
    """Pairs as tensors on the device, bytes until they are used."""

    def __init__(self, pairs: Sequence[Pair], size: int, device: torch.device) -> None:
        self._device, self._size, self._count = device, size, len(pairs)
        if not pairs:
            return
        # shots repeat: each is kept once
        shots = list({id(pair.shot): pair.shot for pair in pairs}.values())
        places = {id(shot): place for place, shot in enumerate(shots)}
        self._shot = np.array([places[id(pair.shot)] for pair in pairs])
        self._image = np.stack([shot.image for shot in shots])
        self._lines = raster(
            np.stack([shot.points for shot in shots]), np.stack([shot.irises for shot in shots]), size
        )
        points = np.stack([pair.view.points for pair in pairs])
        self._raster = raster(points, np.stack([pair.view.irises for pair in pairs]), size)
        self._points = torch.from_numpy(points).float().to(device)
        self._warped = np.stack([pair.view.warped for pair in pairs])
        self._shift = np.stack([pair.view.shift for pair in pairs]).transpose(0, 3, 1, 2)
        self._masks = np.stack([pair.view.masks for pair in pairs])
        if pairs[0].target is not None:
            self._target = np.stack([pair.target for pair in pairs if pair.target is not None])
            whole = np.full((size, size), 255, np.uint8)
            sure = np.stack([whole if pair.sure is None else pair.sure for pair in pairs])
            self._sure = np.ascontiguousarray(sure[..., None])
            measured = [measured_alignment(a, b) for a, b in zip(self._warped, self._target, strict=True)]
            self._alignment = np.stack(measured).transpose(0, 3, 1, 2)

    def __len__(self) -> int:
        return self._count

    def indices(self) -> list[np.ndarray]:
        """All pairs, a few at a time."""
        return [np.arange(self._count)[start : start + CHUNK] for start in range(0, self._count, CHUNK)]

    def inputs(self, index: np.ndarray) -> GeneratorInputs:
        """What the generator sees of some pairs."""
        shot = self._shot[index]
        return GeneratorInputs(
            raster=to_tensor(self._raster[index], self._device),
            source=to_tensor(self._image[shot], self._device),
            source_raster=to_tensor(self._lines[shot], self._device),
            warped=to_tensor(self._warped[index], self._device),
            shift=torch.from_numpy(self._shift[index]).float().to(self._device),
            masks=to_tensor(self._masks[index], self._device),
        )

    def target(self, index: np.ndarray) -> Tensor:
        """[B,3,S,S]."""
        return to_tensor(self._target[index], self._device)

    def alignment(self, index: np.ndarray) -> Tensor:
        """[B,3,S/4,S/4]: where the warp should have fetched its pixels (measured_alignment)."""
        return torch.from_numpy(self._alignment[index]).to(self._device)

    def weight(self, index: np.ndarray) -> Tensor:
        """[B,1,S,S] of mean 1: the face before the ground, mouth and eyes before the face, nothing unseen."""
        regions = region_weights(self._points[index], self._size, mouth=6.0, eyes=6.0, ground=0.3)
        weight = regions * to_tensor(self._sure[index], self._device)
        return weight / weight.mean((1, 2, 3), keepdim=True).clamp_min(1e-6)

    def region(self, index: np.ndarray, name: str) -> Tensor:
        """[B,1,S,S] of mean 1: only the "mouth", the "eyes", or "both"."""
        mouth, eyes = (1.0 if name == other else ONLY for other in ("eyes", "mouth"))
        return region_weights(self._points[index], self._size, mouth=mouth, eyes=eyes, ground=1.0)
