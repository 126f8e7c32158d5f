# SPDX-License-Identifier: GPL-3.0-or-later
"""The methods that are compared.  A new one is a function and a line in METHODS.

A method takes a Case (shots, performance, rows to render) and settings from its spec, and gives one uint8 RGB
image of the clip's size per row.  A spec is a name with optional settings, ``tps`` or ``tps:anchors=none``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...compose.compositor import Compositor
from ...errors import InputError
from ...landmarks.track import LandmarkTrack
from ...motion.retarget import retarget
from . import baselines
from .cases import Case, Still


def driven(case: Case, still: Still, retargeted: str) -> LandmarkTrack:
    """The clip's landmarks as the engine gets them for one shot.

    ``yes``: through the retargeting, relative to that shot's own frame, as a bake does it; ``no``: as they
    are, which tells the engine's share of the error from that of the retargeting.
    """
    if retargeted not in ("yes", "no"):
        raise InputError(f"retargeted={retargeted} is unknown; use yes or no")
    if retargeted == "no":
        return case.performance
    # the whole clip at once: what is smoothed over time needs the frames between the targets
    return retarget(case.performance, still.face, reference="first" if still.row == 0 else still.row)


def flow(case: Case, retargeted: str = "yes") -> Sequence[np.ndarray]:
    """The engine without its generator: the first shot moved by the compositor."""
    still = case.stills[0]
    track = driven(case, still, retargeted)
    compositor = Compositor(still.picture, still.face)
    return [compositor.render(track.points[row], track.irises[row])[..., :3] for row in case.frames]


def nearest_flow(case: Case, retargeted: str = "yes") -> Sequence[np.ndarray]:
    """The nearest shot, moved by the compositor, with the landmarks driven as for the first one."""
    track = driven(case, case.stills[0], retargeted)
    prepared: dict[int, Compositor] = {}
    frames = []
    for row in case.frames:
        still = baselines.nearest_still(case, row)
        if still.row not in prepared:
            prepared[still.row] = Compositor(still.picture, still.face)
        frames.append(prepared[still.row].render(track.points[row], track.irises[row])[..., :3])
    return frames


@dataclass(frozen=True)
class Method:
    """How a method makes its frames.

    render  ``render(case, **settings)``
    told    what it is, for the page
    fixed   the code of this folder alone decides the result
    least   the fewest shots it makes sense for
    grows   it makes use of more than one shot
    """

    render: Callable[..., Sequence[np.ndarray]]
    told: str
    fixed: bool = False
    least: int = 1
    grows: bool = False


METHODS: dict[str, Method] = {
    "static": Method(baselines.static, "the first shot, still", fixed=True),
    "aligned": Method(
        baselines.aligned, "the first shot, turned, scaled and shifted as a whole (68 points)", fixed=True
    ),
    "tps": Method(
        baselines.tps,
        "a thin-plate warp of the first shot's 68 landmarks and irises, in the best of the settings tried on"
        f" the development clips (still points on the border: {baselines.TPS_ANCHORS}; smoothing"
        f" {baselines.TPS_SMOOTHING} in units of the landmarks' spread), or with the settings named",
        fixed=True,
    ),
    "flow": Method(flow, "the engine without its generator: the first shot on the head's flow"),
    "nearest": Method(
        baselines.nearest, "the shot with the nearest landmarks, still", fixed=True, least=2, grows=True
    ),
    "nearest-tps": Method(
        baselines.nearest_tps, "the thin-plate warp of the nearest shot", fixed=True, least=2, grows=True
    ),
    "nearest-flow": Method(nearest_flow, "the nearest shot on the head's flow", least=2, grows=True),
}


def split_specs(text: str) -> list[str]:
    """Method specs from a list with commas; a bare ``key=value`` belongs to the spec before it."""
    specs: list[str] = []
    for part in filter(None, text.split(",")):
        if specs and "=" in part and ":" not in part:
            specs[-1] += f",{part}"
        else:
            specs.append(part)
    return specs


def parse_spec(spec: str, methods: Mapping[str, Method] = METHODS) -> tuple[Method, dict[str, str]]:
    """A method and its settings from ``name`` or ``name:key=value,key=value``; else InputError."""
    name, _, rest = spec.partition(":")
    if name not in methods:
        raise InputError(f"{name}: no such method; use {', '.join(methods)}")
    settings = {}
    for part in filter(None, rest.split(",")):
        key, equals, value = part.partition("=")
        if not equals:
            raise InputError(f"{spec}: a setting is written key=value, not {part}")
        settings[key] = value
    return methods[name], settings


def render(spec: str, case: Case, methods: Mapping[str, Method] = METHODS) -> list[np.ndarray]:
    """Frames of a method on a case, checked for size and type."""
    method, settings = parse_spec(spec, methods)
    try:
        frames = list(method.render(case, **settings))
    except TypeError as error:
        if "unexpected keyword" in str(error):
            raise InputError(f"{spec}: {error}") from error
        raise
    height, width = case.picture.pixels.shape[:2]
    for frame in frames:
        if frame.shape != (height, width, 3) or frame.dtype != np.uint8:
            raise ValueError(f"{spec}: gave {frame.dtype} {frame.shape}, not uint8 {(height, width, 3)}")
    if len(frames) != len(case.frames):
        raise ValueError(f"{spec}: gave {len(frames)} frames, not {len(case.frames)}")
    return frames
