# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the eyes look: angles, and the eight eyeLook coefficients that say the same.

Angles are in degrees relative to the head: yaw > 0 toward the sitter's left, pitch > 0 up; eyes in the order
right, left (the sitter's).
"""

from __future__ import annotations

import numpy as np

from ..head.arkit import INDEX
from ..head.model import LOOK_ASIDE, LOOK_UP_DOWN

SIDES = ("Right", "Left")
LOOKS = np.array([[INDEX[f"eyeLook{way}{side}"] for way in ("In", "Out", "Up", "Down")] for side in SIDES])
_OUTWARD = np.array([-1.0, 1.0])  # out of the face is toward the sitter's right for the right eye


def gaze_angles(expression: np.ndarray) -> np.ndarray:
    """Angles [..., 2 eyes, 2 (yaw, pitch)] in degrees of coefficients [..., 52]."""
    inward, outward, up, down = np.moveaxis(np.asarray(expression, np.float64)[..., LOOKS], -1, 0)
    yaw = _OUTWARD * (outward - inward) * LOOK_ASIDE
    return np.degrees(np.stack([yaw, (up - down) * LOOK_UP_DOWN], axis=-1))


def with_gaze(expression: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """Coefficients [..., 52] whose eyes look along ``angles`` [..., 2, 2];
    what is beyond the reach of an eye is cut off."""
    yaw, pitch = np.moveaxis(np.radians(np.asarray(angles, np.float64)), -1, 0)
    aside, up = _OUTWARD * yaw / LOOK_ASIDE, pitch / LOOK_UP_DOWN
    out = np.array(expression)
    out[..., LOOKS] = np.clip(np.stack([-aside, aside, up, -up], axis=-1), 0.0, 1.0)
    return out
