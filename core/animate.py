# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps from a portrait and a performance to target landmarks, shared by the command line and the worker."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import InputError, NoFaceError
from .landmarks.track import LandmarkTrack
from .motion.curves import ExpressionCurves
from .motion.retime import Retime
from .review import Progress

if TYPE_CHECKING:
    from .landmarks.face import Face
    from .media.picture import Picture
    from .motion.retarget import Gains

Performance = LandmarkTrack | ExpressionCurves
TRACK_SUFFIXES = (".npz", ".csv")


def load_performance(
    source: str,
    *,
    backend: str = "auto",
    face: int = 0,
    cuts: str = "refuse",
    gaps: str = "interpolate",
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> tuple[Performance, str]:
    """The performance in a video or a track file, or of a preset, and one line that says what it is.

    ``source`` is a path, or the name of a preset; ``face``, ``cuts`` and ``gaps`` concern videos.  Raises
    InputError, with the nearest names where it is neither a file nor a preset, and the errors of the detectors.
    """
    from .motion.presets import load_preset, preset_names

    path = Path(source)
    if not path.is_file():
        if path.is_dir():
            raise InputError(f"{source}: is a folder; give a video, a track file or the name of a preset")
        if path.suffix or path.name != source:
            raise InputError(f"{source}: no such file")
        curves = load_preset(source)  # its error names the nearest presets
        return curves, f"preset {source}, {len(curves)} frames"
    if source in preset_names():
        raise InputError(f"{source}: is a file and a preset; write ./{source} for the file")
    if path.suffix.lower() in TRACK_SUFFIXES:
        motion = load_motion(path)
        return _filled(motion, gaps), f"track {path.name}, {len(motion)} frames"
    from .landmarks.detect import track_video

    track = track_video(path, backend=backend, face=face, cuts=cuts, progress=progress, cancelled=cancelled)
    lost = int((~track.valid).sum())
    text = f"video {path.name}, {len(track)} frames at {float(track.rate):.3f} per second"
    return _filled(track, gaps), text + (f", face lost in {lost} (gaps: {gaps})" if lost else "")


def load_motion(path: Path) -> Performance:
    """A landmark track (.npz, .csv) or expression curves (.npz), told apart by what the file holds."""
    if path.suffix.lower() == ".npz":
        try:
            with np.load(path, allow_pickle=False) as data:
                curves = "expression" in data.files
        except (OSError, ValueError, EOFError):
            curves = False  # the track's own reader says what is wrong
        if curves:
            return ExpressionCurves.load(path)
    return LandmarkTrack.load(path)


def make_target(
    performance: Performance,
    face: Face,
    size: tuple[int, int],
    *,
    gains: Mapping[str, float] | None = None,
    reference: str | int = "auto",
    retime: Retime | None = None,
    rate: Fraction | None = None,
    smooth: str = "none",
) -> LandmarkTrack:
    """The performance in the portrait's proportions and pixels, one frame per output frame.

    ``rate`` in frames per second is the recipe's or the performance's own where it is None; the result's
    ``rate`` is the one taken.  ``reference`` is "auto", "first" or a frame number of the performance.
    """
    from .motion.apply import apply_retime
    from .motion.filters import smooth_track
    from .motion.retarget import retarget

    moved = retarget(performance, face, gains=make_gains(gains or {}), reference=reference)
    if smooth != "none":
        moved = smooth_track(moved, smooth)
    recipe = retime or Retime()
    rate = rate or recipe.rate or performance.rate
    target = apply_retime(moved, recipe, rate)
    return replace(target, size=size, meta={**target.meta, "rate": f"{rate.numerator}/{rate.denominator}"})


def make_gains(values: Mapping[str, Any]) -> Gains:
    """Gains from region names and factors; InputError with the nearest name for an unknown one."""
    from .motion.retarget import Gains

    known = [field.name for field in fields(Gains)]
    for name, value in values.items():
        if name not in known:
            close = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}"
            raise InputError(f"gain: unknown region '{name}'; {hint}")
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 10:
            raise InputError(f"gain: {name} is {value!r}, expected a number from 0 to 10")
    return Gains(**{name: float(value) for name, value in values.items()})


def parse_gains(texts: Sequence[str]) -> dict[str, float]:
    """Gains typed as REGION=X."""
    values: dict[str, float] = {}
    for text in texts:
        name, equals, number = text.partition("=")
        try:
            values[name.strip()] = float(number)
        except ValueError:
            equals = ""
        if not equals:
            raise InputError(f'--gain is "{text}", expected REGION=X like mouth=1.2')
    make_gains(values)
    return values


def parse_reference(text: str) -> str | int:
    """ "auto", "first" or a frame number, counted from 0."""
    if text in ("auto", "first"):
        return text
    if not text.isdecimal():
        raise InputError(f'--reference is "{text}", expected auto, first or a frame number')
    return int(text)


def portrait_faces(picture: Picture, backend: str) -> tuple[list[Face], str]:
    """Every face of a picture, largest first, and one line that says how they were found."""
    from .landmarks.detect import find_faces, make_detector

    detector = make_detector(backend)
    try:
        faces = find_faces(picture.rgb8(), detector)
    except NoFaceError as error:
        raise NoFaceError(f"{picture.path}: {error}") from error
    finally:
        detector.close()
    return faces, f"{detector.name}: {len(faces)} face{'s' if len(faces) > 1 else ''}"


def face_track(face: Face, size: tuple[int, int], meta: Mapping[str, Any]) -> LandmarkTrack:
    """A portrait's face as the one-frame track that jobs refer to."""
    return LandmarkTrack(
        points=face.points[None],
        irises=face.irises[None],
        times=np.zeros(1),
        confidence=face.confidence[None],
        size=size,
        meta=dict(meta),
    )


def _filled(motion: Performance, gaps: str) -> Performance:
    from .landmarks.gaps import fill_gaps

    return fill_gaps(motion, gaps) if isinstance(motion, LandmarkTrack) else motion
