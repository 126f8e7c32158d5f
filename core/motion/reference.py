# SPDX-License-Identifier: GPL-3.0-or-later
"""Which frame of a performance is its rest, and whether performer and sitter are the same face."""

from __future__ import annotations

import numpy as np

from ..errors import InputError
from ..head.arkit import ARKIT
from ..head.rotation import conjugate, multiply, to_vector
from .features import eye_distance
from .limits import ramp

INNER = np.arange(17, 68)  # all but the jaw line, which detectors place at will
# below this RMS distance (in eye distances) two faces count as the same, above the second as strangers;
# measured: frames of one person 0.008 to 0.03, of others 0.02 to 0.05
SAME, STRANGER = 0.01, 0.025


def _weights(**groups: float) -> np.ndarray:
    out = np.full(len(ARKIT), 0.2)
    for stem, weight in groups.items():
        out[[name.startswith(stem) for name in ARKIT]] = weight
    return out


# how much a difference of each coefficient speaks against a frame
_LIKENESS = _weights(
    jawOpen=3.0, eyeBlink=1.5, mouthSmile=1.5, mouthFunnel=1.0, mouthPucker=1.0, brow=0.8, eyeLook=0.5
)
_NEUTRAL = _weights(
    jawOpen=3.0, eyeBlink=2.0, mouthSmile=0.8, mouthFunnel=1.0, mouthPucker=1.0, brow=0.5, eyeLook=0.5
)


def choose_reference(
    wanted: int | str,
    rotation: np.ndarray,
    expression: np.ndarray,
    portrait_rotation: np.ndarray,
    portrait_expression: np.ndarray,
) -> int:
    """Index of the reference frame: rotation [T, 4], expression [T, 52] (NaN rows are lost frames).

    ``auto``: nearest to the portrait's pose and expression and to a neutral face with open eyes and a
    closed mouth, judged over three neighboring frames so that a passing moment is not taken.  ``first``:
    the first frame with a face. Raises InputError for a frame that does not exist or has no face.
    """
    valid = np.isfinite(expression).all(axis=1) & np.isfinite(rotation).all(axis=1)
    if not valid.any():
        raise InputError("the performance has no frame with a face")
    if wanted == "first":
        return int(np.flatnonzero(valid)[0])
    if wanted != "auto":
        if isinstance(wanted, bool) or not isinstance(wanted, int):
            raise InputError(f"reference: {wanted!r} is not 'auto', 'first' or a frame number")
        if not 0 <= wanted < len(valid):
            raise InputError(
                f"reference: frame {wanted} does not exist; the performance has {len(valid)} frames"
            )
        if not valid[wanted]:
            raise InputError(f"reference: no face was found in frame {wanted}; choose another frame")
        return wanted
    turn = np.degrees(np.linalg.norm(to_vector(multiply(rotation, conjugate(portrait_rotation))), axis=1))
    # saturating costs: one wild coefficient must not outweigh a frame that fits everywhere else
    likeness = np.tanh(np.abs(expression - portrait_expression) / 0.5) @ _LIKENESS
    neutral = np.tanh(expression / 0.5) @ _NEUTRAL
    cost = np.tanh(turn / 25.0) * 2.5 + 0.5 * likeness + 0.5 * neutral
    cost = np.where(valid, cost, np.inf)
    padded = np.concatenate([cost[:1], cost, cost[-1:]])
    return int(np.argmin(cost + np.maximum(padded[:-2], padded[2:])))


def similarity(source: np.ndarray, target: np.ndarray) -> tuple[float, float, np.ndarray, float]:
    """Scale, roll (radians), shift [2] that map source [N, 2] onto target [N, 2],
    and the RMS left over, in px."""
    sc, tc = source.mean(axis=0), target.mean(axis=0)
    s, t = source - sc, target - tc
    cosine = float((s * t).sum())
    sine = float((s[:, 0] * t[:, 1] - s[:, 1] * t[:, 0]).sum())
    scale = float(np.hypot(cosine, sine) / (s**2).sum())
    roll = float(np.arctan2(sine, cosine))
    turn = scale * np.array([[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)]])
    shift = tc - turn @ sc
    left = source @ turn.T + shift - target
    return scale, roll, shift, float(np.sqrt((left**2).sum(axis=1).mean()))


def picture_distance(reference: np.ndarray, portrait: np.ndarray) -> float:
    """How unlike two sets of landmarks [68, 2 or 3] are after scale, roll and shift, in eye distances."""
    rms = similarity(reference[INNER, :2].astype(np.float64), portrait[INNER, :2].astype(np.float64))[3]
    return rms / float(eye_distance(portrait))


def sameness(distance: float) -> float:
    """1 for the same face, 0 for a stranger."""
    return 1.0 - float(ramp(distance, SAME, STRANGER))
