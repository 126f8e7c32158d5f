# SPDX-License-Identifier: GPL-3.0-or-later
"""The methods with a generator, where its base weights are at hand."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from ...errors import WeightsError
from ...generator.inputs import View
from ...generator.render import Renderer
from ...generator.sitter import Sitter
from ...generator.weights import PRESETS, Base, find_base, load_base
from ..personalize import personalize
from .cases import Case
from .methods import Method, driven

NAMES = ("neural", "full", "personalized")


@dataclass(frozen=True, eq=False)
class Generated:
    """The generator's methods with one base.

    device  auto, cpu or cuda
    steps   of fine-tuning (None: as many as the command ``personalize`` takes for so many shots)
    """

    base: Base
    device: str = "auto"
    steps: int | None = None
    seed: int = 0

    def methods(self) -> dict[str, Method]:
        """For the registry."""
        return {
            "neural": Method(self.neural, "the generator alone, feed-forward", grows=True),
            "full": Method(
                self.full,
                "the nearest shot on the flow, corrected and completed by the generator, feed-forward",
                grows=True,
            ),
            "personalized": Method(
                self.personalized, "the same with the generator fine-tuned on the shots", grows=True
            ),
        }

    def neural(self, case: Case, retargeted: str = "yes") -> Sequence[np.ndarray]:
        """The paper's own setting: no pixel of the crop is the shot's."""
        return rendered(self.renderer(case, "neural"), case, retargeted)

    def full(self, case: Case, retargeted: str = "yes") -> Sequence[np.ndarray]:
        """Feed-forward: the style is the mean embedding, projected."""
        return rendered(self.renderer(case, "full"), case, retargeted)

    def personalized(self, case: Case, retargeted: str = "yes", steps: str = "") -> Sequence[np.ndarray]:
        """Fine-tuned on the shots first."""
        sitter = personalize(
            _shots(case),
            self.base,
            method="fine-tuned",
            steps=int(steps) if steps else self.steps,
            seed=self.seed,
            device=self.device,
        )
        return rendered(self.renderer(case, "full", sitter), case, retargeted)

    def renderer(
        self, case: Case, mode: str, sitter: Sitter | None = None, kind: type[Renderer] = Renderer
    ) -> Renderer:
        """Prepared with all shots of a case."""
        return kind(
            case.picture,
            case.face,
            self.base,
            mode=mode,
            shots=_shots(case)[1:],
            sitter=sitter,
            nearest=mode == "full",
            device=self.device,
        )


class SwappedRaster(Renderer):
    """A renderer whose generator is shown other landmarks than those that the picture is moved to."""

    shown: tuple[np.ndarray, np.ndarray] | None = None  # points [68, 2], irises [2, 2], px of the picture

    def _generate(self, source, view: View):  # type: ignore[no-untyped-def]
        if self.shown is not None:
            crop, size = source.viewer.crop, source.viewer.size
            points, irises = (crop.to_crop(each, size) for each in self.shown)
            view = replace(view, points=points, irises=irises)
        return super()._generate(source, view)


def rendered(renderer: Renderer, case: Case, retargeted: str = "yes") -> list[np.ndarray]:
    """A case's frames by a prepared renderer."""
    track = driven(case, case.stills[0], retargeted)
    return [renderer.render(track.points[row], track.irises[row])[..., :3] for row in case.frames]


def find_generated(
    given: Path | None, device: str = "auto", steps: int | None = None, seed: int = 0
) -> Generated | str:
    """The generator's methods, or in one line why they cannot be measured.

    Where a base is named, it has to be there and sound: WeightsError else.
    """
    try:
        base = load_base(find_base(given))
    except WeightsError as error:
        if given is not None:
            raise
        # without the place where this program happens to lie
        return "no weights: " + str(error).rpartition(f"{Path(*PRESETS.parts[:-2])}{os.sep}")[2]
    return Generated(base, device, steps, seed)


def zero_style(base: Base) -> torch.Tensor:
    """What the projection makes of an embedding of zeros, [1, style]."""
    with torch.inference_mode():
        return base.projection(torch.zeros(1, base.config.embedding))


def _shots(case: Case) -> list[tuple]:
    return [(still.picture, still.face) for still in case.stills]
