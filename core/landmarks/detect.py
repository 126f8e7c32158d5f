# SPDX-License-Identifier: GPL-3.0-or-later
"""Landmarks of a picture or a video: which detector, which face, or a file made by hand.

Other packages import from here; the parts live in the modules beside it.
"""

from __future__ import annotations

from pathlib import Path

from ..errors import InputError, NoFaceError
from ..media.picture import Picture
from .backends import make_detector
from .face import Detector, Face
from .gaps import fill_gaps
from .hand import load_face
from .search import find_faces
from .video import track_video

__all__ = [
    "Detector",
    "Face",
    "detect_portrait",
    "fill_gaps",
    "find_faces",
    "make_detector",
    "portrait_faces",
    "track_video",
]


def portrait_faces(
    picture: Picture, *, backend: str = "auto", face: int = 0, landmarks: Path | None = None
) -> tuple[list[Face], int, str]:
    """The faces of a picture in its px, largest first; which one is the sitter's; where they come from.

    ``landmarks`` is a JSON file set by hand or a track file (its first found frame); it wins over any
    detector. ``face`` counts the faces from the largest, 0.

    Raises NoFaceError where there is no face, InputError where there is no such one;
    besides, InputError and WeightsError as ``hand`` and ``backends`` do.
    """
    if landmarks is not None:
        return [load_face(Path(landmarks), picture.size)], 0, f"landmarks from {Path(landmarks).name}"
    name = str(picture.path) if picture.path else "the picture"
    detector = make_detector(backend)
    try:
        faces = find_faces(picture.rgb8(), detector)
    except NoFaceError as error:
        raise NoFaceError(f"{name}: {error}") from error
    finally:
        detector.close()
    if not 0 <= face < len(faces):
        raise InputError(f"{name}: there is no face {face}; {len(faces)} found, counted from the largest, 0")
    count = "1 face" if len(faces) == 1 else f"{len(faces)} faces, number {face} chosen (0 is the largest)"
    return faces, face, f"{detector.name}: {count}, score {faces[face].score:.2f}"


def detect_portrait(
    picture: Picture, *, backend: str = "auto", face: int = 0, landmarks: Path | None = None
) -> tuple[Face, str]:
    """The sitter's landmarks and one line that says where they come from; see :func:`portrait_faces`."""
    faces, number, how = portrait_faces(picture, backend=backend, face=face, landmarks=landmarks)
    return faces[number], how
