# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps of the jobs that find landmarks: for a new rig, for one rig more, for a rig that is there."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from .. import calls, lookup, paths
from . import face_list, rest
from . import plane as planes
from . import rig as rigs
from .space import PictureSpace

if TYPE_CHECKING:
    import numpy as np

    from ...core.landmarks.track import LandmarkTrack


def find_faces(plane: Any, face: int) -> Any:
    """Steps: look for the faces of ``plane``'s picture and keep their list on the plane; the line to report.

    The plane may be another Python object afterwards; look it up again.
    """
    uid = plane.session_uid
    picture = planes.picture_of(plane)
    folder = Path(plane.tableau.faces_folder) if plane.tableau.faces_folder else None
    if folder is None or not folder.is_dir():
        folder = Path(tempfile.mkdtemp(prefix=f"{picture.stem}-", dir=paths.user_folder("landmarks")))
    line, answer = yield from calls.detect(picture, face, folder)
    plane = lookup.by_session(uid)
    plane.tableau.faces_folder = str(folder)
    face_list.keep_faces(plane, answer["faces"])
    return line


def rig_face(plane: Any, face: int, *, add: bool, folder: str = "") -> Any:
    """Steps: a rig for face number ``face`` of ``plane``'s picture.

    ``add`` leaves the other faces' rigs alone; else the portrait's current rig gives way, or, where it
    is this face's, gets the new landmarks and keeps its action.
    """
    rigs.check_own(plane)
    uid = plane.session_uid
    line = ""
    settings = plane.tableau
    known = add and 0 <= face < len(settings.faces)
    if not known or not Path(bpy.path.abspath(settings.faces[face].track)).is_file():
        line = yield from find_faces(plane, face)
    plane = lookup.by_session(uid)
    track = track_of(plane, face)
    same = next((rig for rig in lookup.rigs_of(plane) if rig.tableau.face == face), None)
    current = plane.tableau.rig
    if same is not None:
        rest_of = rigs.rest_points(track.points[0], track.irises[0])
        rest.set_rest(bpy.context, same, PictureSpace.of(plane).to_local(rest_of))
        rigs.remember(same, track)
        same.tableau.fixed = 0
        plane.tableau.rig = same
    else:
        if current is not None and not add:
            folder = current.tableau.folder
            rigs.remove_rig(current)
        rig = rigs.make_rig(bpy.context, plane, track)
        rig.tableau.face, rig.tableau.folder = face, folder
        rigs.rest_track(rig).save(paths.work_folder(rig) / "face.npz")
    plane.tableau.face_index = face
    return line or f"{plane.tableau.rig.name}: landmarks of face {face + 1}"


def track_of(plane: Any, face: int) -> LandmarkTrack:
    """The landmarks that were found for face number ``face`` of ``plane``'s picture."""
    from ...core.landmarks.track import LandmarkTrack

    return LandmarkTrack.load(Path(bpy.path.abspath(plane.tableau.faces[face].track)))


def nearest_face(plane: Any, points: np.ndarray) -> int:
    """The number of the listed face whose box lies nearest to ``points`` [N, 2 or 3] in px."""
    middle = points[:, :2].mean(axis=0)
    boxes = [face.box for face in plane.tableau.faces]
    away = [(b[0] + b[2] - 2 * middle[0]) ** 2 + (b[1] + b[3] - 2 * middle[1]) ** 2 for b in boxes]
    return min(range(len(away)), key=away.__getitem__)
