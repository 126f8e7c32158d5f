# SPDX-License-Identifier: GPL-3.0-or-later
"""The reference backend: the face-alignment package's 3D landmarks.

Its two networks are read from a folder named by the user, from torch's hub folder, or downloaded there when
this backend was asked for by name.  Faces are found by the embedded detector, so the package's own detector
weights are not needed, and the irises, which it does not know, come from the embedded mesh.

Confidence of a point is the height of its heat map's peak (0..1).
"""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import WeightsError
from .face import Face, check_image, largest_first, points_box
from .mesh_detector import MeshDetector

FILES = {"3DFAN-4": "3DFAN4-7835d9f11d.pth.tar", "depth": "depth-2a464da4ea.pth.tar"}
ENVIRONMENT = "TABLEAU_FACE_ALIGNMENT_WEIGHTS"


def weight_folders(folder: Path | None = None) -> list[Path]:
    """Where the weights are looked for, in order: ``folder``,
    the environment's folder, torch's hub folder."""
    named = [Path(place) for place in (folder, os.environ.get(ENVIRONMENT)) if place]
    return [*named, _hub_folder()]


def find_weights(folder: Path | None = None) -> Path | None:
    """The first folder that holds both files, or None.

    Raises WeightsError where the user named a folder and it does not hold them:
    falling back would hide a mistake.
    """
    for place in weight_folders(folder):
        if all((place / name).is_file() for name in FILES.values()):
            return place
        if place == folder:
            raise WeightsError(
                f"{folder}: does not hold the face-alignment weights {_names()}; put both files there"
            )
    return None


def download_weights(folder: Path | None = None) -> Path:
    """Fetch the missing files into torch's hub folder; WeightsError says what goes where when that fails."""
    del folder
    place = _hub_folder()
    import torch
    from face_alignment.api import models_urls

    for network, name in FILES.items():
        if (place / name).is_file():
            continue
        try:
            place.mkdir(parents=True, exist_ok=True)
            # writes to a temporary name first, and checks nothing that
            # it was not told: the name carries the hash
            torch.hub.download_url_to_file(
                models_urls[network], str(place / name), _hash_in(name), progress=False
            )
        except (OSError, RuntimeError) as error:
            reason = getattr(error, "reason", None) or error
            raise WeightsError(
                f"face-alignment's weights cannot be downloaded ({reason}); put the files {_names()} into"
                f" {place}, or into a folder named by {ENVIRONMENT}, or use the backend 'mediapipe'"
            ) from error
    return place


class FanDetector:
    """Detector of the kind described in ``face.Detector``."""

    def __init__(self, weights: Path, *, device: str | None = None, flip: bool = True) -> None:
        import torch

        self._mesh = MeshDetector()
        device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        self.name = f"face-alignment 3D ({device})"
        self._flip = flip
        try:
            self._fan = _load(weights, device, flip)
        except BaseException:
            self._mesh.close()
            raise

    def detect(self, image: np.ndarray) -> list[Face]:
        """Faces in an RGB uint8 image, largest first."""
        check_image(image)
        return largest_first([self._points(image, face) for face in self._mesh.detect(image)])

    def refine(self, image: np.ndarray, face: Face) -> Face | None:
        """The landmarks again on a crop around ``face``."""
        found = self._mesh.refine(image, face)
        return self._points(image, found) if found is not None else None

    def follow(self, image: np.ndarray, face: Face) -> Face | None:
        """The landmarks in the next frame; the mesh says whether the face is still there."""
        found = self._mesh.follow(image, face)
        return self._points(image, found) if found is not None else None

    def close(self) -> None:
        """Free the networks."""
        self._mesh.close()
        self._fan = None

    def _points(self, image: np.ndarray, found: Face) -> Face:
        """``found`` (from the mesh) with every point replaced by face-alignment's;
        only its irises and score stay."""
        box = _detector_box(found.points)
        preds, scores, _ = self._fan.get_landmarks_from_image(
            image, detected_faces=[box], return_bboxes=True, return_landmark_score=True
        )
        points = np.asarray(preds[0], np.float32).copy()
        # the ears lie behind the nose: whichever way the depth network counts, smaller is nearer here
        if points[30, 2] > points[[0, 16], 2].mean():
            points[:, 2] *= -1
        peaks = np.asarray(scores[0], np.float32).reshape(-1) / (2.0 if self._flip else 1.0)
        return Face(points, found.irises, np.clip(peaks, 0.0, 1.0), points_box(points), found.score)


def _detector_box(points: np.ndarray) -> list[float]:
    """A box as the package's own detector draws it (forehead to chin)
    from mesh points, which start at the brows."""
    x0, y0, x1, y1 = (float(side) for side in points_box(points))
    return [x0, y0 - 0.15 * (y1 - y0), x1, y1]


def _load(weights: Path, device: str, flip: bool) -> Any:
    import torch
    from face_alignment import FaceAlignment, LandmarksType
    from face_alignment.api import FAN
    from face_alignment.models import ResNetDepth

    class Local(FaceAlignment):
        """Reads its networks from ``weights`` without running any code that the files may hold."""

        def _load_native(self, network_name: str, network_size: int, device: str, dtype: Any) -> Any:
            return _ready(
                FAN(network_size), _read(weights / FILES[network_name]), weights / FILES[network_name]
            )

        def _load_native_depth(self, device: str, dtype: Any) -> Any:
            path = weights / FILES["depth"]
            state = _read(path).get("state_dict")
            if not isinstance(state, dict):
                raise WeightsError(f"{path}: holds no 'state_dict'; fetch the file again")
            return _ready(
                ResNetDepth(), {key.replace("module.", ""): value for key, value in state.items()}, path
            )

    def _ready(network: Any, state: Any, path: Path) -> Any:
        try:
            network.load_state_dict(state)
        except (RuntimeError, TypeError, AttributeError) as error:
            raise WeightsError(f"{path}: does not fit the network; it is damaged or another file") from error
        return network.to(device, dtype=torch.float32).eval()

    return Local(LandmarksType.THREE_D, device=device, flip_input=flip, face_detector="folder", compile=False)


def _read(path: Path) -> Any:
    """The tensors in ``path``; nothing else that a pickle may hold
    is let in, but numbers that numpy saved."""
    import torch

    scalar = np.core.multiarray.scalar  # type: ignore[attr-defined]
    harmless: list[Any] = [
        scalar,
        np.dtype,
        np.dtypes.Float64DType,
        np.dtypes.Float32DType,
        np.dtypes.Int64DType,
    ]
    try:
        with torch.serialization.safe_globals(harmless):
            return torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, pickle.UnpicklingError) as error:
        raise WeightsError(f"{path}: cannot be read as network weights; fetch the file again") from error


def _hub_folder() -> Path:
    # what torch.hub.get_dir() answers, without importing torch where only MediaPipe is wanted
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    home = os.environ.get("TORCH_HOME") or f"{cache}/torch"
    return Path(home).expanduser() / "hub" / "checkpoints"


def _names() -> str:
    return " and ".join(FILES.values())


def _hash_in(name: str) -> str:
    return name.split("-")[1].split(".")[0]
