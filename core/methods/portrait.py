# SPDX-License-Identifier: GPL-3.0-or-later
"""What a picture shows: its faces, and the sitter's matte."""

from __future__ import annotations

from pathlib import Path

from ..errors import InputError
from .signature import Result


def detect(
    *,
    image: str,
    output: str | None = None,
    face: int = 0,
    backend: str = "auto",
    landmarks: str | None = None,
    faces_folder: str | None = None,
) -> Result:
    """The faces of a picture; the chosen one is written to ``output`` as a one-frame track.

    In ``faces_folder`` each face leaves its track ``face-N.npz`` and a small picture of it, ``face-N.png``.
    """
    from ..animate import face_track
    from ..landmarks.detect import portrait_faces
    from ..media.picture import load_picture

    picture = load_picture(Path(image))
    by_hand = None if landmarks is None else Path(landmarks)
    faces, face, how = portrait_faces(picture, backend=backend, face=face, landmarks=by_hand)
    meta = {"source": Path(image).name, "backend": how, "sha256": picture.source["sha256"]}
    if output is not None:
        face_track(faces[face], picture.size, meta).save(Path(output))
    listed: list[Result] = [{"box": [float(x) for x in one.box], "score": float(one.score)} for one in faces]
    if faces_folder is not None:
        from ..review import save_thumbnail

        for number, one in enumerate(faces):
            stem = Path(faces_folder) / f"face-{number}"
            face_track(one, picture.size, meta).save(stem.with_suffix(".npz"))
            save_thumbnail(stem.with_suffix(".png"), picture, one.box)
            listed[number] |= {
                "track": str(stem.with_suffix(".npz")),
                "thumbnail": str(stem.with_suffix(".png")),
            }
    return {"faces": listed, "chosen": face, "how": how, "size": list(picture.size), "track": output}


def matte(*, image: str, face: str, output: str, longest: int = 2048) -> Result:
    """The sitter's matte as the engine finds it: a gray PNG of the whole picture, white = sitter.

    ``face`` is the sitter's one-frame track, ``longest`` the PNG's longest side in px at most (the matte
    itself has 1024 px around the head, and a job's mask may be smaller than its picture).
    """
    import numpy as np

    from ..compose.matte import sitter_matte
    from ..landmarks.track import LandmarkTrack
    from ..media.picture import load_picture, save_picture
    from ..plan import rest_face

    picture = load_picture(Path(image))
    rest = LandmarkTrack.load(Path(face))
    if rest.size != picture.size:
        raise InputError(
            f"{face}: its landmarks are for {rest.size[0]} x {rest.size[1]} px, {image} has "
            f"{picture.size[0]} x {picture.size[1]}; detect them again"
        )
    if longest < 1:
        raise InputError(f"longest: {longest} px is no size; give 1 or more")
    shrink = min(1.0, longest / max(picture.size))
    size = max(1, round(picture.size[0] * shrink)), max(1, round(picture.size[1] * shrink))
    alpha = sitter_matte(picture, rest_face(rest)).within((0, 0, *picture.size), size)
    save_picture(output, np.rint(255 * alpha).astype(np.uint8))
    return {"matte": output, "size": list(size), "sitter": float(alpha.mean())}
