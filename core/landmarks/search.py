# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding the faces of a picture that a detector's first look may miss:
small, turned, pale, or filling the frame."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from ..errors import NoFaceError
from .face import Detector, Face, check_image, largest_first

LOOK = 1280
"""Longer side in px of the copy that the first look sees;
smaller faces are sought in tiles of the whole picture."""
LEAST = 24.0
"""A face whose box is smaller than this (px) is not worth animating and is left out."""

CONVINCING = 0.75
"""Mean confidence of the points from which on a face ends the search; one found upside down stays below."""
CERTAIN = 0.75
"""Detector score from which on a face counts that only a part of the picture shows;
knees and folds stay below."""

NO_FACE = (
    "no face was found; set its landmarks by hand in a JSON file of 68 points "
    '({"schema": "tableau-vivant/landmarks-1", "size": [w, h], "points": [[x, y], ...]})'
    " and give that file instead"
)


def find_faces(image: np.ndarray, detector: Detector) -> list[Face]:
    """All faces of an RGB uint8 [H, W, 3] picture, largest first, in its px.

    The whole picture and its overlapping halves are always looked at, then a copy with more contrast.
    Where that finds nothing convincing, turned copies follow; where it finds nothing at all, wider margins,
    enlargement and smaller tiles; the best of all is taken then.  Every finding is measured again on a crop
    of the picture itself, so no point carries the error of a shrunk or turned copy.

    Raises NoFaceError where all that fails.
    """
    check_image(image)
    faces: list[Face] = []
    for views in (_plain_views, _turned_views, _last_views):
        for view, to_image in views(image):
            faces = _with(faces, image, view, to_image, detector)
            if any(_convinces(face) for face in faces):
                break
        # a doubtful finding may be an upside-down one, so turned copies are tried;
        # nothing after them would better it
        if faces and (views is not _plain_views or any(_convinces(face) for face in faces)):
            break
    if not faces:
        raise NoFaceError(NO_FACE)
    # one doubtful face is better than none, but it is not worth listing beside a convincing one
    faces = [face for face in faces if _convinces(face)] or [max(faces, key=lambda face: face.quality)]
    return find_small_faces(image, detector, faces)


def find_small_faces(image: np.ndarray, detector: Detector, known: list[Face]) -> list[Face]:
    """``known`` faces and the certain ones that overlapping halves
    of the picture show beside them, largest first."""
    faces = known
    for view, to_image in _tiles(image, 2):
        faces = _with(faces, image, view, to_image, detector, CERTAIN if known else 0.0)
    best = known or faces[:1]
    return [face for face in faces if _convinces(face) or any(face is one for one in best)]


def _convinces(face: Face) -> bool:
    return float(face.confidence.mean()) >= CONVINCING


def _with(
    faces: list[Face],
    image: np.ndarray,
    view: np.ndarray,
    to_image: np.ndarray,
    detector: Detector,
    least: float = 0.0,
) -> list[Face]:
    """``faces`` and those that ``view`` shows with a score of ``least`` or more."""
    found = list(faces)
    for face in detector.detect(view):
        finer = detector.refine(image, face.moved(to_image)) if face.score >= least else None
        if finer is not None and min(finer.box[2:] - finer.box[:2]) >= LEAST:
            found.append(finer)
    return largest_first(found)


_Views = Iterator[tuple[np.ndarray, np.ndarray]]
"""Copies of the picture to look at, each with the similarity [2, 3] from its px to the picture's."""


def _small(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return _view(image, (0.0, 0.0, float(image.shape[1]), float(image.shape[0])), LOOK)


def _plain_views(image: np.ndarray) -> _Views:
    small, back = _small(image)
    yield small, back
    yield from _tiles(image, 2)
    # paintings darken and fade: even out the lightness
    yield _contrast(small), back


def _turned_views(image: np.ndarray) -> _Views:
    small, back = _small(image)
    for degrees in (20, -20, 40, -40, 90, -90, 135, -135, 180):
        yield _turned(small, back, degrees)


def _last_views(image: np.ndarray) -> _Views:
    small, back = _small(image)
    for margin in (0.5, 1.0):
        yield _padded(small, back, margin)
    if max(small.shape[:2]) < LOOK / 2:
        yield _view(image, (0.0, 0.0, float(image.shape[1]), float(image.shape[0])), LOOK, enlarge=True)
    yield from _tiles(image, 4)
    clear = _contrast(small)
    for degrees in (20, -20, 90, -90):
        yield _turned(clear, back, degrees)
    yield from _tiles(image, 8)


def _view(
    image: np.ndarray, box: tuple[float, float, float, float], look: int, enlarge: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    x0, y0, x1, y1 = (round(side) for side in box)
    part = image[y0:y1, x0:x1]
    scale = look / max(part.shape[:2])
    if scale >= 1.0 and not enlarge:
        return np.ascontiguousarray(part), np.array([[1.0, 0.0, x0], [0.0, 1.0, y0]])
    size = (max(1, round(part.shape[1] * scale)), max(1, round(part.shape[0] * scale)))
    shrunk = cv2.resize(part, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    return shrunk, np.array([[1 / scale, 0.0, x0], [0.0, 1 / scale, y0]])


def _tiles(image: np.ndarray, parts: int) -> _Views:
    """Square tiles of 1/``parts`` of the longer side, each overlapping the next by half."""
    height, width = image.shape[:2]
    side = max(width, height) / parts
    if side < 96:
        return
    for top in _steps(height, side):
        for left in _steps(width, side):
            yield _view(image, (left, top, min(left + side, width), min(top + side, height)), LOOK // 2)


def _steps(length: float, side: float) -> list[float]:
    if side >= length:
        return [0.0]
    count = int(np.ceil((length - side) / (side / 2))) + 1
    return np.linspace(0.0, length - side, count).tolist()


def _contrast(image: np.ndarray) -> np.ndarray:
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB)
    lab[..., 0] = cv2.createCLAHE(clipLimit=3.0, tileGridSize=(8, 8)).apply(lab[..., 0])
    return cv2.cvtColor(lab, cv2.COLOR_LAB2RGB)


def _padded(image: np.ndarray, back: np.ndarray, margin: float) -> tuple[np.ndarray, np.ndarray]:
    rim = round(max(image.shape[:2]) * margin / 2)
    padded = cv2.copyMakeBorder(image, rim, rim, rim, rim, cv2.BORDER_CONSTANT, value=(127, 127, 127))
    return padded, _after(back, np.array([[1.0, 0.0, -rim], [0.0, 1.0, -rim]]))


def _turned(image: np.ndarray, back: np.ndarray, degrees: float) -> tuple[np.ndarray, np.ndarray]:
    """The image turned about its middle on a canvas that holds all of it."""
    height, width = image.shape[:2]
    angle = np.deg2rad(degrees)
    cos, sin = np.cos(angle), np.sin(angle)
    size = (
        int(np.ceil(abs(width * cos) + abs(height * sin))),
        int(np.ceil(abs(width * sin) + abs(height * cos))),
    )
    turn = np.array([[cos, -sin], [sin, cos]])
    # from the canvas to the image, in coordinates whose whole numbers are px corners
    shift = np.array([width, height]) / 2 - turn @ (np.array(size) / 2)
    to_image = np.concatenate([turn, shift[:, None]], axis=1)
    warp = to_image.copy()
    warp[:, 2] += turn.sum(axis=1) * 0.5 - 0.5  # OpenCV counts from px middles
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    canvas = cv2.warpAffine(
        image, warp, size, flags=flags, borderMode=cv2.BORDER_CONSTANT, borderValue=(127, 127, 127)
    )
    return canvas, _after(back, to_image)


def _after(outer: np.ndarray, inner: np.ndarray) -> np.ndarray:
    """The similarity [2, 3] that applies ``inner`` first and ``outer`` then."""
    return np.concatenate(
        [outer[:, :2] @ inner[:, :2], (outer[:, :2] @ inner[:, 2] + outer[:, 2])[:, None]], axis=1
    )
