# SPDX-License-Identifier: GPL-3.0-or-later
"""Choosing a detector by name."""

from __future__ import annotations

from pathlib import Path

from ..errors import InputError
from .face import Detector

BACKENDS = ("auto", "face-alignment", "mediapipe")


def make_detector(backend: str = "auto", *, weights: Path | None = None, video: bool = False) -> Detector:
    """Make the detector ``backend``.

    ``auto`` takes face-alignment where its weights are at hand (``weights``, a folder, or the usual places:
    see ``fan.find_weights``) and MediaPipe's mesh, whose weights are always there, otherwise; it never goes
    online. ``face-alignment`` downloads its weights where they are missing.  ``video`` prefers speed:
    face-alignment then looks once instead of twice.

    Raises InputError for an unknown name, WeightsError where weights are missing or damaged.
    """
    if backend not in BACKENDS:
        raise InputError(f"unknown landmark backend '{backend}'; choose one of {', '.join(BACKENDS)}")
    from . import fan

    if backend == "face-alignment" or (backend == "auto" and fan.find_weights(weights) is not None):
        return fan.FanDetector(fan.find_weights(weights) or fan.download_weights(weights), flip=not video)
    from .mesh_detector import MeshDetector

    return MeshDetector()
