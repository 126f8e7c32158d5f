# SPDX-License-Identifier: GPL-3.0-or-later
"""What the judges' figures are on the film itself: nothing can be told beyond that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from .cases import Case
from .judges import LOST, Judges, landmark_error
from .scoring import Witness


def anchors(witnesses: Sequence[tuple[str, Witness]], noise: Sequence[dict[str, float]]) -> dict[str, Any]:
    """The report's key of that name, from (person, witness) and noise of every clip; empty without judges."""
    if not witnesses:
        return {}
    same = [float((witness.faces @ witness.shot).mean()) for _, witness in witnesses]
    different = [
        float((one.faces @ other.shot).mean())
        for person, one in witnesses
        for stranger, other in witnesses
        if person != stranger
    ]
    return {
        "identity": {
            "same": float(np.mean(same)),
            "different": float(np.mean(different)) if different else None,
        },
        "landmarks_noise": float(np.mean([each["error"] for each in noise])),
        "lost_noise": float(np.mean([each["lost"] for each in noise])),
    }


def noise_of(judges: Judges, witness: Witness, case: Case) -> dict[str, float]:
    """How far the judge's landmarks on the film are from those on the film, shifted by half a pixel and
    packed as JPEG 90: what no method can get below."""
    shift = np.array([[1, 0, 0.5], [0, 1, 0.5]])
    moved, guides = [], []
    for place in case.targets:
        image = case.judged(case.truth[place])
        size = (image.shape[1], image.shape[0])
        image = cv2.warpAffine(image, shift, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        moved.append(cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 90])[1], 1))
        guides.append(case.points(place) + 0.5)
    found = judges.landmarks(moved, guides) - 0.5
    errors = [landmark_error(a, b)["all"] for a, b in zip(found, witness.points, strict=True)]
    return {"error": float(np.mean(errors)), "lost": float(np.mean([e > 100 * LOST for e in errors]))}
