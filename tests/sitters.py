# SPDX-License-Identifier: GPL-3.0-or-later
"""Sitter files for tests: of the demo portrait, with and without tuned weights, without minutes of tuning."""

from __future__ import annotations

from pathlib import Path

import torch

from core.generator.blocks import fold
from core.generator.sitter import Sitter
from core.generator.weights import Base


def tuned_sitter(base: Base, path: Path, amount: float = 0.2) -> Path:
    """A sitter whose generator paints otherwise than the base's, by ``amount`` of random weights."""
    torch.manual_seed(2)
    weights = dict(fold(base.generator).named_parameters())
    names = [name for name in weights if name.startswith("painting.") and name.endswith("weight")]
    deltas = {name: (amount * torch.randn_like(weights[name])).half() for name in names}
    start = torch.zeros(1, base.config.style_dim)
    settings = {"method": "fine-tuned", "seed": 0}
    Sitter(start + 0.1, start, deltas, base.sha256, ("ab" * 32,), settings).save(path)
    return path
