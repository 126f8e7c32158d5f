# SPDX-License-Identifier: GPL-3.0-or-later
"""A sitter: what personalization leaves of some shots, and its ``.sitter.safetensors`` file.

The file holds two styles (feed-forward and tuned) and, where the generator was tuned, what was added to its
weights.  Its metadata name the base and the shots by their SHA-256.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ..atomic import atomic_path
from ..errors import InputError, OutputError, WeightsError
from .blocks import fold
from .weights import Base

SCHEMA = "tableau-vivant/sitter-1"
SUFFIX = ".sitter.safetensors"
LARGEST = 20 * 2**20  # bytes of a file
_DELTA = "delta."


@dataclass(frozen=True, eq=False)
class Sitter:
    """One sitter, personalized from the ``base`` generator.

    style     float32 [1, style_dim], the parameters of the adaptive norms (free since the embedding)
    start     float32 [1, style_dim], what embedder and projection gave
    deltas    float16, by the names of the folded generator's parameters: what was added to them; empty for
              a feed-forward sitter
    base      SHA-256 of the base weights
    shots     SHA-256 of each shot's file
    settings  how it was made, as JSON values
    """

    style: Tensor
    start: Tensor
    deltas: Mapping[str, Tensor]
    base: str
    shots: tuple[str, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def method(self) -> str:
        """ "fine-tuned" or "feed-forward"."""
        return "fine-tuned" if self.deltas else "feed-forward"

    def at(self, likeness: float) -> Sitter:
        """This sitter between likeness (1, all that was tuned) and expression (0, the feed-forward one).

        Weights are interpolated, which walks nearly the path of a short tuning, without keeping its stages.
        InputError beyond 0..1.
        """
        if not 0.0 <= likeness <= 1.0:
            raise InputError(f"likeness = {likeness}: must be from 0 (expression) to 1 (likeness)")
        if likeness == 1.0 or not self.deltas:
            return self
        deltas = {name: (delta.float() * likeness).half() for name, delta in self.deltas.items()}
        style = torch.lerp(self.start, self.style, likeness)
        return replace(self, style=style, deltas={} if likeness == 0.0 else deltas)

    def apply(self, base: Base) -> Base:
        """The base with this sitter's generator (folded, in eval mode); ``base`` itself stays as it is.

        WeightsError where the sitter was made from other weights.
        """
        if self.base != base.sha256:
            raise WeightsError(
                f"the sitter was personalized from other base weights ({self.base[:12]}, here are "
                f"{base.sha256[:12]}); personalize it again, or use the base it was made with"
            )
        if self.style.shape != (1, base.config.style_dim):
            raise WeightsError("the sitter's style does not fit the base weights; personalize it again")
        if not self.deltas:
            return base
        generator = fold(copy.deepcopy(base.generator)).eval()
        parameters = dict(generator.named_parameters())
        with torch.no_grad():
            for name, delta in self.deltas.items():
                if name not in parameters or parameters[name].shape != delta.shape:
                    raise WeightsError(
                        f"the sitter's {name} does not fit the base weights; personalize it again"
                    )
                parameters[name].add_(delta.to(parameters[name]))
        return replace(base, generator=generator)

    def save(self, path: Path) -> None:
        """Write a ``.sitter.safetensors`` file, whole or not at all.

        InputError for another name; OutputError where it cannot be written or would exceed 20 MiB.
        """
        if not path.name.endswith(SUFFIX):
            raise InputError(f"{path}: a sitter's file ends in {SUFFIX}")
        tensors = {"style": self.style, "start": self.start}
        tensors |= {f"{_DELTA}{name}": delta for name, delta in self.deltas.items()}
        facts = {"base": self.base, "shots": list(self.shots), "settings": dict(self.settings)}
        metadata = {"schema": SCHEMA, "facts": json.dumps(facts, sort_keys=True, allow_nan=False)}
        with atomic_path(path) as temporary:
            # a file takes neither shared memory (feed-forward, both styles are one) nor channels-last
            plain = torch.contiguous_format
            save_file({n: t.clone(memory_format=plain) for n, t in tensors.items()}, temporary, metadata)
            if (size := temporary.stat().st_size) > LARGEST:
                raise OutputError(
                    f"{path}: would have {size / 2**20:.1f} MiB, more than {LARGEST / 2**20:.0f}; "
                    "tune fewer layers of the generator"
                )

    @staticmethod
    def load(path: Path) -> Sitter:
        """Read a file that ``save`` wrote; WeightsError, in one line, for anything else."""
        again = "personalize the shots again"
        if not path.is_file():
            raise WeightsError(f"{path}: no such sitter file; personalize the shots first")
        if path.stat().st_size > LARGEST:
            raise WeightsError(f"{path}: is larger than a sitter's file can be (20 MiB); {again}")
        try:
            with safe_open(path, "pt") as file:
                metadata = file.metadata() or {}
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (SafetensorError, OSError) as error:
            raise WeightsError(f"{path}: is damaged or no safetensors file ({error}); {again}") from error
        if metadata.get("schema") != SCHEMA:
            raise WeightsError(f"{path}: is no sitter file of this version ({SCHEMA}); {again}")
        try:
            facts = json.loads(metadata["facts"])
            style, start = tensors.pop("style"), tensors.pop("start")
            shots = tuple(str(shot) for shot in facts["shots"])
            base, settings = str(facts["base"]), dict(facts["settings"])
        except (ValueError, KeyError, TypeError) as error:
            raise WeightsError(f"{path}: is an incomplete sitter file ({error!r}); {again}") from error
        deltas = {
            name.removeprefix(_DELTA): delta for name, delta in tensors.items() if name.startswith(_DELTA)
        }
        if len(deltas) != len(tensors) or style.shape != start.shape or style.dtype != torch.float32:
            raise WeightsError(f"{path}: holds something else than a sitter; {again}")
        if not all(bool(torch.isfinite(tensor).all()) for tensor in (style, start, *deltas.values())):
            raise WeightsError(f"{path}: holds numbers that are not finite; {again}")
        return Sitter(style, start, deltas, base, shots, settings)
