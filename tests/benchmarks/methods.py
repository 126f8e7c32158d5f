# SPDX-License-Identifier: GPL-3.0-or-later
"""The methods that the benchmark compares.  A new one is a function and a line in METHODS.

A method takes a Case (portrait, face, performance, rows to render)
and options from its spec, and gives one uint8 RGB image of the portrait's size per row.
A spec is a name with optional settings, ``tps`` or ``tps:anchors=none``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from core.errors import InputError

from .baselines import static, tps
from .cases import Case


def flow(case: Case, retargeted: str = "yes") -> Sequence[np.ndarray]:
    """The engine: retargeted from the clip's first frame, then moved by the compositor.

    ``retargeted=no`` hands the clip's own landmarks to the compositor, which tells its share of the error
    from that of the retargeting.
    """
    from core.compose.compositor import Compositor
    from core.motion.retarget import retarget

    if retargeted not in ("yes", "no"):
        raise InputError(f"flow: retargeted={retargeted} is unknown; use yes or no")
    driven = case.performance
    if retargeted == "yes":
        # the whole clip at once, as a bake does it:
        # what is smoothed over time needs the frames between the targets
        driven = retarget(case.performance, case.face, reference="first")
    compositor = Compositor(case.picture, case.face)
    return [compositor.render(driven.points[row], driven.irises[row])[..., :3] for row in case.frames]


@dataclass(frozen=True)
class Method:
    """``render(case, **settings)``; ``fixed`` where the code in this folder alone decides the result."""

    render: Callable[..., Sequence[np.ndarray]]
    fixed: bool = False


METHODS: dict[str, Method] = {
    "static": Method(static, fixed=True),
    "tps": Method(tps, fixed=True),
    "flow": Method(flow),
}


def parse_spec(spec: str) -> tuple[Method, dict[str, str]]:
    """A method and its settings from ``name`` or ``name:key=value,key=value``; else InputError."""
    name, _, rest = spec.partition(":")
    if name not in METHODS:
        raise InputError(f"{name}: no such method; use {', '.join(METHODS)}")
    settings = {}
    for part in filter(None, rest.split(",")):
        key, equals, value = part.partition("=")
        if not equals:
            raise InputError(f"{spec}: a setting is written key=value, not {part}")
        settings[key] = value
    return METHODS[name], settings


def render(spec: str, case: Case) -> list[np.ndarray]:
    """Frames of a method on a case, checked for size and type."""
    method, settings = parse_spec(spec)
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
