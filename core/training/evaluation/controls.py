# SPDX-License-Identifier: GPL-3.0-or-later
"""Control tests of the generator: does it look at the raster and at the sitter at all?

With the raster of another frame, with another sitter's embedding, or with one of zeros, the figures must get
worse; driven by the shot's own landmarks, the shot must come out again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...generator.inputs import take_shot
from ...generator.render import Renderer, embed_style
from .cases import Case
from .distance import Distance
from .generated import Generated, SwappedRaster, zero_style
from .judges import Judges
from .methods import driven
from .metrics import psnr
from .scoring import Witness, score_distance, score_judged

FRAMES = 4  # per clip


def run_controls(
    generated: Generated, cases: Sequence[Case], distance: Distance, judges: Judges | None
) -> dict[str, Any]:
    """Per mode (neural, full) and control the clips' mean face distance and identity, and the identity
    test's PSNR.

    ``plain`` is the method as it is.  Keys: mode, then plain, raster, embedding, zero, each with
    ``distance`` and (with judges) ``identity``; ``psnr`` with the mean and the least over the clips.
    """
    result: dict[str, Any] = {}
    for mode in ("neural", "full"):
        sums: dict[str, list[dict[str, float]]] = {}
        likeness = []
        for number, case in enumerate(cases):
            other = _stranger(cases, number)
            outputs, rest = _outputs(generated, case, other, mode)
            likeness.append(psnr(case.judged(rest), case.judged(case.picture.pixels)))
            few = _few(case)
            rows = score_distance(distance, few, outputs, regions=("face",))
            if judges is not None:
                judged = score_judged(judges, Witness.of(judges, few), few, outputs)
                rows = {name: {**rows[name], **judged[name]} for name in rows}
            for name, row in rows.items():
                figures = {"distance": float(np.mean(row[f"{distance.key}_face"]))}
                if judges is not None:
                    figures["identity"] = float(np.mean(row["identity"]))
                sums.setdefault(name, []).append(figures)
        result[mode] = {
            name: {key: float(np.mean([each[key] for each in some])) for key in some[0]}
            for name, some in sums.items()
        }
        result[mode]["psnr"] = {"mean": float(np.mean(likeness)), "least": float(np.min(likeness))}
    return result


def _stranger(cases: Sequence[Case], number: int) -> Case | None:
    """The next case of another person."""
    order = [*cases[number + 1 :], *cases[:number]]
    return next((case for case in order if case.person != cases[number].person), None)


def _few(case: Case) -> Case:
    """The case with few frames, far apart."""
    from dataclasses import replace

    places = np.unique(np.linspace(0, len(case.targets) - 1, FRAMES).round().astype(int))
    kept = [case.targets[place] for place in places]
    return replace(
        case,
        frames=tuple(case.frames[place] for place in kept),
        truth=tuple(case.truth[place] for place in kept),
        targets=tuple(range(len(kept))),
        pairs=(),
    )


def _outputs(
    generated: Generated, case: Case, other: Case | None, mode: str
) -> tuple[dict[str, list[np.ndarray]], np.ndarray]:
    """Frames of the few targets per control, and the frame of the shot's own landmarks."""
    few = _few(case)
    track = driven(few, few.stills[0], "yes")
    renderer = generated.renderer(few, mode, kind=SwappedRaster)
    assert isinstance(renderer, SwappedRaster)

    def frames() -> list[np.ndarray]:
        return [renderer.render(track.points[row], track.irises[row])[..., :3] for row in few.frames]

    outputs = {"plain": frames()}
    swapped = []
    for place, row in enumerate(few.frames):
        # the frame half a clip away, so that it is another expression
        away = few.frames[(place + len(few.frames) // 2) % len(few.frames)]
        renderer.shown = (track.points[away, :, :2], track.irises[away])
        swapped.append(renderer.render(track.points[row], track.irises[row])[..., :3])
    renderer.shown = None
    outputs["raster"] = swapped
    own = renderer._style
    if other is not None:
        shots = [take_shot(other.picture, other.face, generated.base.config.size)]
        renderer._style = embed_style(generated.base, shots).to(own.device)
        outputs["embedding"] = frames()
    renderer._style = zero_style(generated.base).to(own.device)
    outputs["zero"] = frames()
    renderer._style = own
    return outputs, _at_rest(renderer, few)


def _at_rest(renderer: Renderer, case: Case) -> np.ndarray:
    return renderer.render(case.face.points, case.face.irises)[..., :3]
