# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m core personalize``: a sitter's file from pictures of the sitter."""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import Cancelled, InputError, NoFaceError
from ..landmarks.detect import find_faces, make_detector
from ..landmarks.face import Face, points_box
from ..landmarks.hand import load_face
from ..landmarks.track import LandmarkTrack
from ..media.picture import Picture, load_picture
from .shot_pairs import Progress, Stop

METHODS = ("auto", "feed-forward", "fine-tuned")
BACKENDS = ("auto", "face-alignment", "mediapipe")
DEVICES = ("auto", "cpu", "cuda")


@dataclass(frozen=True)
class PersonalizeOptions:
    """What can be asked for; see the command's help."""

    shots: tuple[Path, ...]
    output: Path
    landmarks: Path | None = None
    backend: str = "auto"
    face: int = 0
    method: str = "auto"
    steps: int | None = None
    seed: int = 0
    base: Path | None = None
    device: str = "auto"

    @staticmethod
    def parsed(options: argparse.Namespace) -> PersonalizeOptions:
        """From what ``add_arguments`` has parsed."""
        values = {name: getattr(options, name) for name in PersonalizeOptions.__dataclass_fields__}
        return PersonalizeOptions(**{**values, "shots": tuple(options.shots)})


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments."""
    add = parser.add_argument
    add("shots", type=Path, nargs="+", metavar="SHOT", help="pictures of the sitter, the portrait first")
    add(
        "-o", "--output", type=Path, required=True, metavar="OUT.sitter.safetensors", help="the sitter's file"
    )
    add(
        "--landmarks",
        type=Path,
        metavar="FILE",
        help="landmarks set by hand: of the first shot (JSON, or a track with one frame; those of further "
        "shots are detected), or a track with one frame for each shot",
    )
    add("--backend", choices=BACKENDS, default="auto", help="landmark detector (default: auto)")
    add("--face", type=int, default=0, metavar="N", help="which face of each shot, 0 is the largest")
    add(
        "--method",
        choices=METHODS,
        default="auto",
        help="feed-forward is instant, fine-tuned trains on the shots (default: auto, by their number)",
    )
    add("--steps", type=int, metavar="N", help="steps of fine-tuning, at most (default: by their number)")
    add("--seed", type=int, default=0, metavar="N", help="of all that is left to chance (default: 0)")
    add("--base", type=Path, metavar="FOLDER", help="base weights (default: those that ship)")
    add("--device", choices=DEVICES, default="auto", help="where to compute (default: a GPU if there is one)")


def run(options: PersonalizeOptions, progress: Progress, cancelled: Stop) -> dict[str, Any]:
    """Personalize and write the file; returns facts for people and programs, among them "text".

    Raises InputError, WeightsError, OutputError and Cancelled; the file is written whole or not at all.
    """
    progress(0, 1, "loading the generator")
    from ..generator.sitter import SUFFIX
    from ..generator.weights import find_base, load_base
    from .personalize import personalize

    started = time.perf_counter()
    if not options.output.name.endswith(SUFFIX):
        raise InputError(f"{options.output}: a sitter's file ends in {SUFFIX}")
    _check_device(options.device)
    base = load_base(find_base(options.base))
    pictures = [load_picture(path) for path in options.shots]
    faces = find_shot_faces(pictures, options, progress, cancelled)
    sitter = personalize(
        list(zip(pictures, faces, strict=True)),
        base,
        method=options.method,
        steps=options.steps,
        seed=options.seed,
        device=options.device,
        progress=progress,
        cancelled=cancelled,
    )
    if cancelled():
        raise Cancelled("personalization was cancelled; nothing was written")
    sitter.save(options.output)
    seconds = round(time.perf_counter() - started, 2)
    count = len(sitter.shots)
    what = f"{sitter.method} from {count} shot{'s' if count > 1 else ''}"
    if sitter.settings["method"] != sitter.method:
        what += " (tuning made nothing better)"
    return {
        "sitter": str(options.output),
        "method": sitter.method,
        "shots": list(sitter.shots),
        "base": sitter.base,
        "settings": dict(sitter.settings),
        "bytes": options.output.stat().st_size,
        "seconds": seconds,
        "text": f"{options.output}: {what} in {seconds:.1f} s",
    }


def _check_device(device: str) -> None:
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("--device cuda: there is no CUDA device here; use --device cpu")


def find_shot_faces(
    pictures: list[Picture], options: PersonalizeOptions, progress: Progress, cancelled: Stop
) -> list[Face]:
    """The sitter's face in each picture, from --landmarks or a detector.

    ``options.face`` counts the faces of the pictures that are searched; the shots beside a portrait whose
    landmarks are given are searched for their largest.
    """
    faces: list[Face] = []
    rank = options.face
    if options.landmarks is not None:
        faces = _given_faces(pictures, options.landmarks)
        rank = 0
    if len(faces) == len(pictures):
        return faces
    detector = make_detector(options.backend)
    try:
        for index, picture in list(enumerate(pictures))[len(faces) :]:
            if cancelled():
                raise Cancelled("personalization was cancelled; nothing was written")
            progress(index, len(pictures), "finding the face")
            try:
                found = find_faces(picture.rgb8(), detector)
            except NoFaceError as error:
                raise NoFaceError(f"{picture.path}: {error}") from error
            if not 0 <= rank < len(found):
                raise InputError(f"{picture.path}: there is no face {rank}; {len(found)} found")
            faces.append(found[rank])
    finally:
        detector.close()
    return faces


def _given_faces(pictures: list[Picture], path: Path) -> list[Face]:
    """The faces that ``path`` holds: the first picture's, or one for each."""
    if len(pictures) == 1 or path.suffix.lower() not in (".npz", ".csv"):
        return [load_face(path, pictures[0].size)]
    track = LandmarkTrack.load(path)
    if len(track) == 1:
        return [load_face(path, pictures[0].size)]
    if len(track) != len(pictures):
        raise InputError(
            f"{path}: has {len(track)} frames for {len(pictures)} shots; there must be one for each"
        )
    faces = []
    for index, picture in enumerate(pictures):
        if not track.valid[index]:
            raise InputError(f"{path}: frame {index} holds no face, but {picture.path} needs one")
        scale = picture.size[0] / track.size[0]
        if abs(picture.size[1] / track.size[1] - scale) > 0.01 * scale:
            raise InputError(f"{path}: was made for pictures of other proportions than {picture.path}")
        points = track.points[index].astype(np.float32)
        face = Face(points, track.irises[index], track.confidence[index], points_box(points), 1.0)
        faces.append(face.moved(np.array([[scale, 0.0, 0.0], [0.0, scale, 0.0]])))
    return faces
