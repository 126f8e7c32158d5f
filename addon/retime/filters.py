# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters on a recorded motion: the engine's own, run on the curves of an Action, region by region.

The unfiltered motion is kept as an Action beside it, so that filters never pile up and can be taken off.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import bpy

from .. import compat, fcurves
from ..performance import action as actions
from ..portrait.dress import bone_groups, bone_names
from ..problems import Problem
from . import channels

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np

REGIONS = ("head", "brows", "eyes", "gaze", "nose", "mouth", "jaw")
"""Regions by their names in the engine's Smoothing."""
SLIDERS = {"eye": "eyes", "brow": "brows", "jaw": "jaw", "mouth": "mouth", "tongue": "mouth", "nose": "nose",
           "cheek": "nose", "gaze": "gaze"}  # fmt: skip
"""What the names of the expression sliders begin with, and their region."""
FEWEST = 8
CUTOFF = 0.1325
"""Hz times seconds: where a Gaussian of so many seconds lets half of a motion's power through."""


@dataclass(frozen=True)
class Filter:
    """method: "ZERO_PHASE" or "ONE_EURO"; strength: "light", "medium" or "strong"; amounts: per region what
    that is multiplied by, 0 leaves a region as it was recorded."""

    method: str
    strength: str
    amounts: Mapping[str, float]


def apply(context: Any, rig: Any, action: Any, chosen: Filter) -> float:
    """Filter the recorded curves of ``action``, from its unfiltered motion;
    the largest change of a landmark bone in its place, in px of the picture.

    Curves keyed by hand stay.  Blinks stay as quick and as deep as they were.
    """
    import numpy as np

    info = action.tableau_filter
    if info.unfiltered is None:
        info.unfiltered = _copy(action)
    source, rate = info.unfiltered, _rate(context, action)
    recorded = _recorded(source, _targets(action))
    if not recorded:
        raise Problem(f"{action.name}: has no recorded motion to filter, only keys set by hand")
    largest = 0.0
    kept = _blinks(rig, source, rate) if chosen.amounts.get("eyes", 1.0) > 0 else None
    for part in recorded:
        calm = _filtered(part.frames / float(rate), part.values, chosen, part.regions, part.paths)
        for column, (path, region) in enumerate(zip(part.paths, part.regions, strict=True)):
            if region == "eyes" and kept is not None:
                weight = np.interp(part.frames, kept[0], kept[1][_eye(path)])
                calm[:, column] = part.values[:, column] * weight + calm[:, column] * (1 - weight)
            fcurves.write(part.curves[column], part.frames, calm[:, column])
        moved = [path.endswith("location") for path in part.paths]
        largest = max(largest, float(np.abs(calm - part.values)[:, moved].max(initial=0.0)))
    info.settings = json.dumps(asdict(chosen))
    return largest / rig.tableau.portrait.tableau.pixel


def remove(action: Any) -> None:
    """Give ``action`` its unfiltered motion back."""
    targets = _targets(action)
    for curve in compat.slot_curves(action.tableau_filter.unfiltered):
        target = targets.get((curve.data_path, curve.array_index))
        if target is not None and len(curve.keyframe_points) >= FEWEST:
            fcurves.write(target, *fcurves.read(curve))
    _forget(action)


def renew(context: Any, rig: Any, action: Any) -> None:
    """Filter ``action`` as before, its recorded motion having been written anew."""
    settings = action.tableau_filter.settings
    if settings:
        _forget(action)
        apply(context, rig, action, Filter(**json.loads(settings)))


def _forget(action: Any) -> None:
    source = action.tableau_filter.unfiltered
    action.tableau_filter.unfiltered, action.tableau_filter.settings = None, ""
    if source is not None and not source.users:
        bpy.data.actions.remove(source)


def _copy(action: Any) -> Any:
    copy = action.copy()
    copy.name = f"{action.name} unfiltered"
    copy.tableau_filter.settings = ""
    return copy


def _rate(context: Any, action: Any) -> Fraction:
    laid_out = action.tableau_take.rate
    return Fraction(laid_out) if laid_out else actions.scene_rate(context.scene)


def _targets(action: Any) -> dict[tuple[str, int], Any]:
    """The curves of ``action`` by path and index."""
    return {(curve.data_path, curve.array_index): curve for curve in compat.slot_curves(action)}


@dataclass(frozen=True)
class _Recorded:
    """Recorded samples ``values`` [T, C] that lie at the same ``frames`` [T], the ``regions`` and ``paths``
    of these channels, and the ``curves`` to filter."""

    frames: np.ndarray
    values: np.ndarray
    regions: list[str]
    paths: list[str]
    curves: list[Any]


def _recorded(source: Any, targets: Mapping[tuple[str, int], Any]) -> list[_Recorded]:
    """What ``source`` holds of recorded samples (in curves keyed as densely as the densest of them, or nearly
    so) and ``targets`` have a curve for."""
    import numpy as np

    found = [
        (curve.data_path, curve.array_index, *fcurves.read(curve)) for curve in compat.slot_curves(source)
    ]
    most = max((len(frames) for *_, frames, _ in found), default=0)
    groups, parts = bone_groups(), dict[bytes, list[Any]]()
    for path, index, frames, values in found:
        region = _region(path, groups)
        if len(frames) >= max(FEWEST, most // 2) and region is not None and (path, index) in targets:
            entry = (frames, values, region, path, targets[path, index])
            parts.setdefault(frames.tobytes(), []).append(entry)
    out = []
    for part in parts.values():
        at, samples, *others = (list(column) for column in zip(*part, strict=True))
        out.append(_Recorded(at[0], np.stack(samples, axis=1), *others))
    return out


def _region(path: str, groups: Mapping[str, str]) -> str | None:
    name = path.split('"')[1] if '"' in path else ""
    if path.startswith("pose.bones"):
        group = groups.get(name, "").lower()
        return "mouth" if group == "lips" else group or None
    return next((region for stem, region in SLIDERS.items() if name.startswith(stem)), None)


def _eye(path: str) -> int:
    """0 for what moves the right eye, 1 for the left, by the name of the bone or of the slider."""
    return int("left" in path.split('"')[1].lower())


def _filtered(
    times: np.ndarray, values: np.ndarray, chosen: Filter, regions: Sequence[str], paths: Sequence[str]
) -> np.ndarray:
    """[T, C]: ``values`` as ``chosen`` calms the regions that they belong to."""
    import numpy as np

    from ...core.motion.filters import STRENGTHS, OneEuro
    from ...core.motion.smoothing import smooth

    strength = STRENGTHS[chosen.strength]
    sigmas = np.array([getattr(strength, region) * chosen.amounts.get(region, 1.0) for region in regions])
    out = values.copy()
    if chosen.method == "ZERO_PHASE":
        # a size that is calmed no more than the place would seem to pump
        sigmas *= [2.0 if path.endswith("scale") else 1.0 for path in paths]
        for sigma in np.unique(sigmas):
            out[:, sigmas == sigma] = smooth(times, values[:, sigmas == sigma], sigma)
        return out
    moved = sigmas > 0
    euro = OneEuro(min_cutoff=CUTOFF / sigmas[moved])
    out[:, moved] = [euro(time, row) for time, row in zip(times, values[:, moved], strict=True)]
    return out


def _blinks(rig: Any, action: Any, rate: Fraction) -> tuple[np.ndarray, np.ndarray]:
    """Frames [T] and, for each eye [2, T], 1 where it blinks."""
    from ...core.motion.filters import blink_weights

    lids = set(bone_names()[36:48])  # all that blinks are told from
    frames, track = channels.track_of(rig, action, action.slots[0], rate, lids)
    return frames, blink_weights(track).T
