# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenFace .csv (FeatureExtraction of OpenFace 1 and 2), read and written.

Columns, after its wiki page "Output Format": frame, face_id, timestamp (s), confidence, success (0 or 1);
gaze_0_x ... gaze_1_z, unit vectors in camera axes, eye 0 is the one on the left of the picture (the sitter's
right); eye_lmk_x_0 ... eye_lmk_y_55 (px), 28 points per eye of which the first 8 go around the iris;
pose_Tx ... pose_Rz (mm, radians); x_0 ... y_67, the 68 points in px; X_0 ... Z_67, the same in mm.  Camera
axes are those of this program (x right, y down, z away); the rotation is Rx Ry Rz.  OpenFace 1 puts spaces
after its commas and has no face_id.

Read are landmarks, irises (from the eye points, else from the gaze), confidence and success; depth comes from
the points in mm, else from the head model; where several faces were followed, the one that is seen most.
Written are the columns above without the eye points, at one head size (outer eye corners 90 mm apart) and
the focal length that OpenFace assumes for an unknown camera.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...atomic import atomic_path
from ...errors import InputError
from ...head.fit import project, solve_track
from ...head.model import HeadModel
from ...head.rotation import to_matrix
from ...landmarks.track import LandmarkTrack
from ..curves import ExpressionCurves
from ..features import EYE_CORNERS
from ..gaze import gaze_angles
from .table import Table

NAME = "openface"
EYE_CORNERS_MM = 90.0  # distance of the outer eye corners of an adult
FOCAL = (500 / 640, 500 / 480)  # focal length over width and over height of the picture
_PLANE = [f"{axis}_{i}" for axis in "xy" for i in range(68)]
_SPACE = [f"{axis}_{i}" for axis in "XYZ" for i in range(68)]
_IRIS = [f"eye_lmk_{axis}_{28 * eye + i}" for eye in range(2) for axis in "xy" for i in range(8)]
_GAZE = [f"gaze_{eye}_{axis}" for eye in range(2) for axis in "xyz"]
_POSE = ["pose_Tx", "pose_Ty", "pose_Tz", "pose_Rx", "pose_Ry", "pose_Rz"]
COLUMNS = (
    *("frame", "face_id", "timestamp", "confidence", "success"),
    *(*_GAZE, "gaze_angle_x", "gaze_angle_y", *_POSE, *_PLANE, *_SPACE),
)


def is_openface(names: tuple[str, ...]) -> bool:
    """Whether these are the column names of such a file."""
    return {"timestamp", "success"} <= set(names) and any(
        n.startswith(("x_", "pose_", "gaze_")) for n in names
    )


def read_openface(table: Table) -> LandmarkTrack:
    """The landmark track of such a file; frames without success are lost.  Raises InputError."""
    names = set(table.names)
    if not names.issuperset(_PLANE):
        raise InputError(
            f"{table.path}: has no 68 points x_0 ... y_67; run OpenFace with -2Dfp (2D landmarks)"
        )
    times, success, confidence = table.numbers(["timestamp", "success", "confidence"]).T
    rows = _one_face(table, success)
    if np.isnan(times[rows]).any() or (np.diff(times[rows]) <= 0).any():
        raise InputError(
            f"{table.path}: the timestamps must increase from row to row; a picture sequence has none, "
            "and a list of single pictures is no performance"
        )
    plane = table.numbers(_PLANE)[rows].reshape(-1, 2, 68).transpose(0, 2, 1)
    good = (success[rows] > 0) & np.isfinite(plane).all(axis=(1, 2))
    if not good.any():
        raise InputError(f"{table.path}: OpenFace found no face in any frame")
    points = np.full((len(rows), 68, 3), np.nan)
    points[good, :, :2] = plane[good]
    size: tuple[int, int] | None = None
    if names.issuperset(_SPACE):
        space = table.numbers(_SPACE)[rows].reshape(-1, 3, 68).transpose(0, 2, 1)
        good &= np.isfinite(space).all(axis=(1, 2)) & (space[..., 2] > 0).all(axis=1)
        size = _add_depth(points, space, good)
    elif good.any():
        model = HeadModel.load()
        identity, state = solve_track(model, points, np.full((len(points), 2, 2), np.nan))
        points[..., 2] = project(model, identity, state)[:, :68, 2]
    points[~good] = np.nan
    reach = np.nanmax(points[..., :2], axis=(0, 1))
    if size is None or (reach > size).any():
        size = (max(1, int(reach[0]) + 1), max(1, int(reach[1]) + 1))
    sure = np.where(good, np.nan_to_num(confidence[rows], nan=1.0), 0.0)
    return LandmarkTrack(
        points,
        _irises(table, rows, points),
        times[rows],
        np.repeat(np.clip(sure, 0.0, 1.0)[:, None], 68, axis=1),
        size,
        {"source": table.path.name, "format": NAME, "backend": NAME},
    )


def _one_face(table: Table, success: np.ndarray) -> np.ndarray:
    """Rows of the face that is seen in most frames."""
    if "face_id" not in table.names:
        return np.arange(len(success))
    faces = table.numbers(["face_id"])[:, 0]
    ids = np.unique(faces[np.isfinite(faces)])
    if len(ids) < 2:
        return np.arange(len(success))
    return np.flatnonzero(faces == max(ids, key=lambda i: int((success[faces == i] > 0).sum())))


def _add_depth(points: np.ndarray, space: np.ndarray, good: np.ndarray) -> tuple[int, int] | None:
    """Depth in px (in place), and the picture's size, from x = f X / Z + c with c its middle."""
    if not good.any():
        return None
    z = space[good][..., 2]
    ratio = (space[good][..., :2] / z[..., None]).reshape(-1, 2)
    seen = points[good][..., :2].reshape(-1, 2)
    lines = [np.polyfit(ratio[:, axis], seen[:, axis], 1) for axis in range(2)]
    focal = float(np.mean([line[0] for line in lines]))
    middle = z.mean(axis=1, keepdims=True)
    points[good, :, 2] = (z - middle) * focal / middle
    size = tuple(round(2 * float(line[1])) for line in lines)
    return (size[0], size[1]) if min(size) > 0 else None


def _irises(table: Table, rows: np.ndarray, points: np.ndarray) -> np.ndarray:
    """[T, 2, 2] px, right and left: the middle of the iris points,
    else where the gaze puts the iris on an eyeball of average size."""
    names = set(table.names)
    if names.issuperset(_IRIS):
        ring = table.numbers(_IRIS)[rows].reshape(-1, 2, 2, 8)
        return np.where(np.isfinite(points[:, :1, :1]), ring.mean(axis=3), np.nan)
    if not names.issuperset(_GAZE):
        return np.full((len(rows), 2, 2), np.nan)
    gaze = table.numbers(_GAZE)[rows].reshape(-1, 2, 3)
    model = HeadModel.load()
    mean, radius = model.basis[0], model.eye_radius(1)
    corners = mean[EYE_CORNERS].mean(axis=1)
    center = mean[68:] + [0.0, 0.0, radius] - corners  # of each eyeball, seen from between the corners
    turn = np.einsum("tij,kj->tik", _axes(points), _axes(mean[None])[0])
    size = np.linalg.norm(points[:, 45] - points[:, 36], axis=1) / np.linalg.norm(mean[45] - mean[36])
    away = np.einsum("tij,ej->tei", turn, center) + radius * gaze
    return points[:, EYE_CORNERS, :2].mean(axis=2) + size[:, None, None] * away[..., :2]


def _axes(points: np.ndarray) -> np.ndarray:
    """The head's axes [T, 3, 3] in columns: along the outer eye corners, down the nose, away."""
    across = points[:, 45] - points[:, 36]
    across = across / np.linalg.norm(across, axis=1, keepdims=True)
    down = points[:, 33] - points[:, 27]
    down = down - across * (down * across).sum(axis=1, keepdims=True)
    down = down / np.linalg.norm(down, axis=1, keepdims=True)
    return np.stack([across, down, np.cross(across, down)], axis=2)


def write_openface(track: LandmarkTrack, curves: ExpressionCurves, path: Path) -> None:
    """Write landmarks, with head rotation and gaze of ``curves`` (the same frames), as OpenFace would.

    Raises OutputError where the file cannot be written.
    """
    width, height = track.size
    focal = (FOCAL[0] * width + FOCAL[1] * height) / 2
    points = track.points.astype(np.float64)
    unit = np.linalg.norm(points[:, 45] - points[:, 36], axis=1)[:, None]  # px per head
    depth = points[..., 2] - points[..., 2].mean(axis=1, keepdims=True)
    z = EYE_CORNERS_MM * (focal + depth) / unit
    space = np.stack(
        [(points[..., 0] - width / 2) * z / focal, (points[..., 1] - height / 2) * z / focal, z], 1
    )
    looks = _directions(curves)
    mean = looks.mean(axis=1)
    angles = np.stack([np.arctan2(mean[:, 0], -mean[:, 2]), np.arctan2(mean[:, 1], -mean[:, 2])], axis=1)
    pose = np.concatenate([space.mean(axis=2), _euler(curves.rotation)], axis=1)
    flat = points[..., :2].transpose(0, 2, 1).reshape(len(track), -1)
    numbers = np.concatenate(
        [looks.reshape(len(track), -1), angles, pose, flat, space.reshape(len(track), -1)], axis=1
    )
    sure = np.where(track.valid, track.confidence.mean(axis=1), 0.0)
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as handle:
        handle.write(",".join(COLUMNS) + "\n")
        for index, good in enumerate(track.valid):
            row = numbers[index] if good else np.zeros(numbers.shape[1])
            head = f"{index + 1},0,{track.times[index]:.6f},{sure[index]:.3f},{int(good)},"
            handle.write(head + ",".join(f"{value:.4f}" for value in np.nan_to_num(row)) + "\n")


def _directions(curves: ExpressionCurves) -> np.ndarray:
    """Gaze vectors [T, 2, 3] of both eyes in camera axes."""
    yaw, pitch = np.moveaxis(np.radians(gaze_angles(curves.expression)), -1, 0)
    ahead = np.stack([np.sin(yaw) * np.cos(pitch), -np.sin(pitch), -np.cos(yaw) * np.cos(pitch)], axis=-1)
    return np.einsum("tij,tej->tei", to_matrix(curves.rotation), ahead)


def _euler(rotation: np.ndarray) -> np.ndarray:
    """Angles [T, 3] in radians with rotation = Rx Ry Rz."""
    m = to_matrix(rotation)
    y = np.arcsin(np.clip(m[..., 0, 2], -1.0, 1.0))
    return np.stack(
        [np.arctan2(-m[..., 1, 2], m[..., 2, 2]), y, np.arctan2(-m[..., 0, 1], m[..., 0, 0])], axis=-1
    )
