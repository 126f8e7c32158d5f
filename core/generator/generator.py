# SPDX-License-Identifier: GPL-3.0-or-later
"""The generator G: corrects the flow of a warped shot and paints what the shot does not show."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from .blocks import AdaptiveNorm, DownBlock, StyledBlock, UpBlock, conv, unshuffled
from .config import GeneratorConfig

# the painted part of each pixel before training: sigmoid(-2) = 12 %, little, yet enough for a gradient
OPACITY_BIAS = -2.0
# tones are told from forms on a grid of so many cells a side, smoothed over three by three of them twice
TONE_CELLS = 32
UNSEEN_REACH = 64  # what is unseen reaches a 64th of the crop beyond its own mask
# flows are hundredths of the picture's width; the network sees them near 1
SHIFT_SCALE = 10.0


class GeneratorInputs(NamedTuple):
    """What G sees of a batch of moved frames; pictures are RGB 0..1."""

    raster: Tensor
    """[B,3,S,S] landmarks of the target"""
    source: Tensor
    """[B,3,S,S] the shot that was warped"""
    source_raster: Tensor
    """[B,3,S,S] landmarks of that shot"""
    warped: Tensor
    """[B,3,S,S] the shot warped to the target's landmarks"""
    shift: Tensor
    """[B,2,S/8,S/8] backward flow (x, y), source minus target, as a fraction of S"""
    masks: Tensor
    """[B,4,S/2,S/2] 0..1: uncovered, eye openings, mouth opening, sitter"""


class GeneratorOutput(NamedTuple):
    """What G makes: image = warped + change."""

    image: Tensor
    """[B,3,S,S] RGB, 0..1; a little beyond in training mode, where a clamp would stop gradients"""
    correction: Tensor
    """[B,2,S/4,S/4] extra backward shift (x, y), as a fraction of S, at most ``config.reach``"""
    opacity: Tensor
    """[B,1,S,S] 0..1, how much of each pixel is painted"""
    change: Tensor
    """[B,3,S,S] what the paint adds to each pixel's RGB"""
    warped: Tensor
    """[B,3,S,S] the warped shot after the correction"""


class Generator(nn.Module):
    """G: a U-Net at half resolution whose middle and rising half follow the style of the sitter.

    The heads that move and paint start at zero, so an untrained G gives ``warped`` back unchanged.
    """

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.config = config
        widths = config.generator
        self.stem = conv(4 * 12 + 4, widths[0])
        self.downs = nn.ModuleList(DownBlock(*pair) for pair in pairwise(widths))
        self.flow = conv(2, widths[2])
        self.middle = nn.ModuleList(StyledBlock(widths[-1]) for _ in range(config.middle))
        self.ups = nn.ModuleList(UpBlock(*pair) for pair in pairwise(widths[::-1]))
        self.norm = AdaptiveNorm(widths[0])
        # no spectral norm on these: a weight of zeros has none
        self.moving = nn.Conv2d(widths[1], 2, 3, padding=1)
        self.painting = nn.Conv2d(widths[0], 4 * 4, 3, padding=1)
        for head in (self.moving, self.painting):
            for start in head.parameters():
                nn.init.zeros_(start)

    def forward(self, inputs: GeneratorInputs, style: Tensor, neural: bool = False) -> GeneratorOutput:
        """One frame each for a batch; ``style`` [B,style_dim] or [1,style_dim].

        ``neural`` is the paper's own setting: G sees only the target's raster and the style, and paints all.
        """
        style = style.expand(len(inputs.raster), -1)
        styles = list(style.split([2 * channels for channels in self.config.style_channels], 1))
        x = self._seen(inputs, neural)
        sides = [x]
        for level, down in enumerate(self.downs):
            x = down(x)
            if level == 1:
                x = x + self.flow(inputs.shift * (0.0 if neural else SHIFT_SCALE))
            sides.append(x)
        del sides[-1]
        for block in self.middle:
            x = block(x, (styles.pop(0), styles.pop(0)))
        shift = None
        for up in self.ups:
            x = up(x, sides.pop(), (styles.pop(0), styles.pop(0)))
            if len(sides) == 1:
                shift = self.moving(functional.relu(x))
        painted = self.painting(functional.relu(self.norm(x, styles.pop(0)), inplace=True))
        assert shift is not None
        return self._composed(inputs.warped, shift.float(), painted.float(), inputs.masks, neural)

    def _seen(self, inputs: GeneratorInputs, neural: bool) -> Tensor:
        """[B,widths[0],S/2,S/2]: the first map, from all that has full or half resolution."""
        pictures = [inputs.raster, inputs.source, inputs.source_raster, inputs.warped]
        masks = inputs.masks
        if neural:
            # middle gray, the zero of the networks
            pictures[1:] = [torch.full_like(picture, 0.5) for picture in pictures[1:]]
            masks = torch.zeros_like(masks)
        return self.stem(torch.cat((unshuffled(torch.cat(pictures, 1)), masks), 1))

    def _composed(
        self, warped: Tensor, shift: Tensor, painted: Tensor, masks: Tensor, neural: bool
    ) -> GeneratorOutput:
        # plane after plane: the few channels of a picture are slow to work on side by side
        painted = functional.pixel_shuffle(painted.contiguous(), 2)
        residual = torch.tanh(painted[:, :3])
        warped = warped.float()
        if neural:
            base = torch.full_like(warped, 0.5)
            correction = torch.zeros_like(shift)
            opacity = torch.ones_like(painted[:, 3:])
            change = residual
        else:
            correction = self.config.reach * torch.tanh(shift)
            base = sample(warped, correction)
            opacity = torch.sigmoid(painted[:, 3:] + OPACITY_BIAS)
            change = toneless(opacity * residual, masks.float())
        image = base + change
        if not self.training:
            image = image.clamp(0.0, 1.0)
        return GeneratorOutput(image, correction, opacity, change, base)


def toneless(change: Tensor, masks: Tensor) -> Tensor:
    """``change`` [B,C,S,S] without its broad tones, except where ``masks`` [B,4,S/2,S/2] (as of
    :class:`GeneratorInputs`) say that the canvas shows nothing of what is seen: there all of it is kept.

    Where the canvas does show the sitter, its light and its colors are right: paint may add forms, lids and
    wrinkles, but not draw the skin towards that of the people G was trained on.
    """
    side = change.shape[-1]
    reach = 2 * (side // UNSEEN_REACH) + 1
    unseen = masks[:, [0, 2]].amax(1, keepdim=True)
    unseen = functional.max_pool2d(unseen, reach, 1, reach // 2)
    unseen = functional.avg_pool2d(unseen, reach, 1, reach // 2, count_include_pad=False)
    seen = 1.0 - functional.interpolate(unseen, size=(side, side), mode="bilinear", align_corners=False)
    cell = side // TONE_CELLS
    sums = functional.avg_pool2d(torch.cat((change * seen, seen), 1), cell)
    for _ in range(2):
        sums = functional.avg_pool2d(sums, 3, 1, 1, count_include_pad=False)
    sums = functional.interpolate(sums, size=(side, side), mode="bilinear", align_corners=False)
    return change - seen * sums[:, :-1] / (sums[:, -1:] + 1e-3)


def sample(picture: Tensor, shift: Tensor) -> Tensor:
    """``picture`` [B,C,H,W] read at x + shift(x); ``shift`` [B,2,h,w] (x, y) as a fraction of the picture.

    The shift is brought to the picture's size bilinearly; outside, the border's pixels go on.
    """
    high, wide = picture.shape[2:]
    shift = functional.interpolate(shift, size=(high, wide), mode="bilinear", align_corners=False)
    down = (torch.arange(high, device=shift.device, dtype=shift.dtype) + 0.5) / high
    across = (torch.arange(wide, device=shift.device, dtype=shift.dtype) + 0.5) / wide
    place = torch.stack((across + shift[:, 0], down[:, None] + shift[:, 1]), -1)
    return functional.grid_sample(
        picture, place * 2.0 - 1.0, mode="bilinear", padding_mode="border", align_corners=False
    )
