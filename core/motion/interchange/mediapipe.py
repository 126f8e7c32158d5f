# SPDX-License-Identifier: GPL-3.0-or-later
"""MediaPipe face landmarks .json: results of its Face Landmarker, saved frame by frame; read.

MediaPipe has no file format; people dump its results.  Read is a list of results, or an object with one under
"frames" or "results"; keys as in Python (face_landmarks, face_blendshapes, facial_transformation_matrixes) or
as in JavaScript (faceLandmarks, ...).  A result has, for each face (the first is taken), 478 points (468
without irises), as {"x", "y", "z"} or [x, y, z], x and y over the picture's width and height, z over its
width; optionally blendshapes (category names are ARKit's, "_neutral" is left out) and a 4 x 4 matrix that
poses the canonical face in cm (x right, y up, z toward the viewer; a flat list is by columns in JavaScript).
The time is the result's "timestamp_ms" (or "timestampMs", milliseconds), "timestamp" or "time" (seconds),
else frames are counted at the file's "fps".  Points need the picture's "width" and "height" beside them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InputError
from ...head.arkit import ARKIT, INDEX
from ...head.rotation import continuous, from_matrix
from ...landmarks.mesh_points import mesh_to_68
from ...landmarks.track import LandmarkTrack
from ..curves import ExpressionCurves
from ..rates import frame_times, parse_rate

NAME = "mediapipe"
CANONICAL_CM = 8.9  # distance of the outer eye corners of the canonical face
_LANDMARKS = ("face_landmarks", "faceLandmarks", "multi_face_landmarks", "multiFaceLandmarks", "landmarks")
_SHAPES = ("face_blendshapes", "faceBlendshapes", "blendshapes")
_MATRICES = ("facial_transformation_matrixes", "facialTransformationMatrixes", "matrix")
_FLIP = np.array([1.0, -1.0, -1.0])


def read_mediapipe(
    path: Path, text: str, *, rate: str | Fraction | None = None, curves: bool = False
) -> LandmarkTrack | ExpressionCurves:
    """A landmark track; or expression curves, where ``curves`` asks for them or nothing else is there.

    Frames without a face are lost.  Raises InputError, naming the frame.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: is no whole JSON file ({' '.join(str(error).split())})") from None
    whole = data if isinstance(data, Mapping) else {}
    frames = _get(whole, ("frames", "results")) if whole else data
    if not isinstance(frames, list) or not frames or not all(isinstance(f, Mapping) for f in frames):
        raise InputError(f"{path}: has no list of Face Landmarker results (a list, or one under 'frames')")
    if not any(_get(f, _LANDMARKS + _SHAPES) is not None for f in frames):
        raise InputError(f"{path}: has no face_landmarks and no face_blendshapes; is it from MediaPipe?")
    times = _times(path, frames, whole, rate)
    shaped = [_one(_get(f, _SHAPES), 1) for f in frames]
    pointed = [_one(_get(f, _LANDMARKS), 2) for f in frames]
    try:
        if any(shaped) and (curves or not any(pointed)):
            return _curves(path, frames, shaped, times)
        return _track(path, frames, pointed, times, whole)
    except (TypeError, ValueError, KeyError, IndexError, AttributeError) as error:
        raise InputError(f"{path}: its results are damaged ({type(error).__name__}: {error})") from None


def _get(mapping: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((mapping[name] for name in names if mapping.get(name) is not None), None)


def _one(faces: Any, depth: int) -> Any:
    """The first face of a list of faces, or the one face itself: ``depth`` is how deep a face's lists go."""
    if isinstance(faces, Mapping):
        return faces
    if not isinstance(faces, list) or not faces:
        return None
    first = faces[0]
    if isinstance(first, Mapping) and "landmark" in first:
        return first["landmark"]
    if isinstance(first, Mapping) and "categories" in first:
        return first["categories"]
    nested = isinstance(first, list) and (depth == 1 or not first or not isinstance(first[0], int | float))
    return (first or None) if nested else faces


def _times(
    path: Path, frames: list[Any], whole: Mapping[str, Any], rate: str | Fraction | None
) -> np.ndarray:
    for names, unit in ((("timestamp_ms", "timestampMs"), 1e-3), (("timestamp", "time"), 1.0)):
        stamps = [_get(frame, names) for frame in frames]
        if all(isinstance(s, int | float) and not isinstance(s, bool) for s in stamps):
            times = np.array(stamps, np.float64) * unit
            if not np.isfinite(times).all() or (np.diff(times) <= 0).any():
                raise InputError(f"{path}: the times of the frames must increase")
            return times
    stated = rate or _get(whole, ("fps", "frame_rate", "frameRate"))
    if stated is None:
        raise InputError(f'{path}: nothing says when its frames are; add "fps", or convert it with --fps')
    return frame_times(len(frames), parse_rate(stated, f"{path}: 'fps'"))


def _size(path: Path, frames: list[Any], whole: Mapping[str, Any]) -> tuple[int, int]:
    for place in (whole, frames[0]):
        pair = _get(place, ("size", "image_size", "imageSize"))
        if pair is None:
            keys = (("width", "image_width", "imageWidth"), ("height", "image_height", "imageHeight"))
            pair = [_get(place, key) for key in keys]
        if isinstance(pair, list) and len(pair) == 2 and all(isinstance(s, int) and s > 0 for s in pair):
            return pair[0], pair[1]
    raise InputError(f'{path}: the picture\'s size is missing; add "width" and "height" in px')


def _track(
    path: Path, frames: list[Any], pointed: list[Any], times: np.ndarray, whole: Mapping[str, Any]
) -> LandmarkTrack:
    size = _size(path, frames, whole)
    points = np.full((len(frames), 68, 3), np.nan)
    irises = np.full((len(frames), 2, 2), np.nan)
    for index, face in enumerate(pointed):
        if not face:
            continue
        rows = [[p["x"], p["y"], p["z"]] if isinstance(p, Mapping) else p[:3] for p in face]
        mesh = np.array(rows, np.float64)
        if mesh.shape not in ((478, 3), (468, 3)):
            raise InputError(f"{path}: frame {index} has {len(mesh)} points, expected 478 (or 468)")
        if not np.isfinite(mesh).all():
            raise InputError(f"{path}: frame {index} has points that are no numbers")
        mesh *= [size[0], size[1], size[0]]
        full = np.concatenate([mesh, np.full((478 - len(mesh), 3), np.nan)])
        points[index], irises[index] = mesh_to_68(full)
    found = np.isfinite(points[:, 0, 0])
    if not found.any():
        raise InputError(f"{path}: no frame has a face")
    confidence = np.repeat(found[:, None], 68, axis=1).astype(np.float32)
    meta = {"source": path.name, "format": NAME, "backend": NAME}
    return LandmarkTrack(points, irises, times, confidence, size, meta)


def _curves(path: Path, frames: list[Any], shaped: list[Any], times: np.ndarray) -> ExpressionCurves:
    expression = np.full((len(frames), len(ARKIT)), np.nan)
    rotation = np.full((len(frames), 4), np.nan)
    place = np.full((len(frames), 3), np.nan)
    for index, (frame, face) in enumerate(zip(frames, shaped, strict=True)):
        if not face:
            continue
        expression[index] = 0.0
        for name, score in _scores(face):
            if name in INDEX:
                expression[index, INDEX[name]] = np.clip(float(score), 0.0, 1.0)
        rotation[index], place[index] = _pose(path, index, _get(frame, _MATRICES))
    if not np.isfinite(expression).any():
        raise InputError(f"{path}: no frame has a face")
    shift = (place - np.nanmedian(place, axis=0)) / CANONICAL_CM
    meta = {"source": path.name, "format": NAME}
    return ExpressionCurves(times, expression, continuous(rotation), shift, meta)


def _scores(face: Any) -> list[tuple[str, Any]]:
    if isinstance(face, Mapping) and "categories" in face:
        face = face["categories"]
    if isinstance(face, Mapping):
        return list(face.items())
    return [(str(_get(c, ("category_name", "categoryName", "name"))), c["score"]) for c in face]


def _pose(path: Path, index: int, matrices: Any) -> tuple[np.ndarray, np.ndarray]:
    """Rotation and place (cm) in this program's axes; at rest where there is no matrix."""
    if not matrices:
        return np.array([1.0, 0.0, 0.0, 0.0]), np.zeros(3)
    first = (
        matrices[0] if isinstance(matrices, list) and not isinstance(matrices[0], int | float) else matrices
    )
    if isinstance(first, list) and len(matrices) == 4 and all(len(row) == 4 for row in matrices):
        first = matrices  # the rows of one matrix
    values = np.array(first["data"] if isinstance(first, Mapping) else first, np.float64)
    if values.size != 16 or not np.isfinite(values).all():
        raise InputError(f"{path}: frame {index}: its matrix is not 4 x 4 numbers")
    matrix = values.reshape(4, 4)
    if np.abs(matrix[:3, 3]).max() < 1e-9 < np.abs(matrix[3, :3]).max():
        matrix = matrix.T  # by columns: the last row of a pose is 0 0 0 1
    turn = matrix[:3, :3] / max(float(np.cbrt(abs(np.linalg.det(matrix[:3, :3])))), 1e-9)
    return from_matrix(turn * _FLIP[:, None] * _FLIP), matrix[:3, 3] * _FLIP
