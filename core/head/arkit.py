# SPDX-License-Identifier: GPL-3.0-or-later
"""The names of the 52 ARKit expressions, their order and their mirror images."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np


def _both(*stems: str) -> tuple[str, ...]:
    return tuple(stem + side for stem in stems for side in ("Left", "Right"))


_EYE = ("eyeBlink", "eyeLookDown", "eyeLookIn", "eyeLookOut", "eyeLookUp", "eyeSquint", "eyeWide")

# Apple's order; Left and Right are the sitter's
ARKIT: tuple[str, ...] = (
    *(stem + "Left" for stem in _EYE),
    *(stem + "Right" for stem in _EYE),
    *("jawForward", "jawLeft", "jawRight", "jawOpen"),
    *("mouthClose", "mouthFunnel", "mouthPucker", "mouthLeft", "mouthRight"),
    *_both("mouthSmile", "mouthFrown", "mouthDimple", "mouthStretch"),
    *("mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper"),
    *_both("mouthPress", "mouthLowerDown", "mouthUpperUp"),
    *_both("browDown"),
    "browInnerUp",
    *_both("browOuterUp"),
    "cheekPuff",
    *_both("cheekSquint", "noseSneer"),
    "tongueOut",
)
INDEX: Mapping[str, int] = {name: i for i, name in enumerate(ARKIT)}


def _mirrored(name: str) -> str:
    for a, b in (("Left", "Right"), ("Right", "Left")):
        if name.endswith(a):
            return name.removesuffix(a) + b
    return name


# MIRROR[i] is the coefficient that takes the place of i in a mirrored face
MIRROR: np.ndarray = np.array([INDEX[_mirrored(name)] for name in ARKIT])
MIRROR.flags.writeable = False
