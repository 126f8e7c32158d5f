# SPDX-License-Identifier: GPL-3.0-or-later
"""Making a face's landmarks symmetric about the face's own middle plane, also where the head is turned."""

from __future__ import annotations

import numpy as np

PAIRS = 68


def symmetrize(local: np.ndarray, side: str) -> np.ndarray:
    """float64 [70, 3]: ``local`` [70, 3] (68 points and 2 irises, any space with depth) made symmetric.

    ``side``: "RIGHT" or "LEFT" is the sitter's side that is copied to the other one; "BOTH" takes the mean.
    The mirror plane is the one that fits the 68 points best; points on the middle line go onto it.
    """
    from ...core.landmarks.schema import IRIS_MIRROR, MIRROR, REGIONS

    partner = np.concatenate([MIRROR, 68 + np.array(IRIS_MIRROR)])
    middle = local[:PAIRS].mean(axis=0)
    centered = local - middle
    reflected = centered[partner] * (-1.0, 1.0, 1.0)
    u, _, vt = np.linalg.svd(centered[:PAIRS].T @ reflected[:PAIRS])
    turn = u @ np.diag([1.0, 1.0, np.sign(np.linalg.det(u) * np.linalg.det(vt))]) @ vt
    mirrored = reflected @ turn.T
    mean = (centered + mirrored) / 2
    if side == "BOTH":
        return mean + middle
    across = centered[list(REGIONS["eye_left"])].mean(axis=0) - centered[list(REGIONS["eye_right"])].mean(
        axis=0
    )
    lefts = (centered - centered[partner]) @ across > 0
    rights = (centered - centered[partner]) @ across < 0
    keep = rights if side == "RIGHT" else lefts
    change = lefts if side == "RIGHT" else rights
    out = np.where(keep[:, None], centered, np.where(change[:, None], mirrored, mean))
    return out + middle
