# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps from a portrait and a performance to target landmarks,
shared by the command line and the worker."""

from __future__ import annotations

import difflib
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import InputError
from .landmarks.track import LandmarkTrack
from .motion.curves import ExpressionCurves
from .motion.retime import Retime
from .review import Progress

if TYPE_CHECKING:
    from .landmarks.face import Face
    from .motion.retarget import Gains
    from .presets import PresetInfo

Performance = LandmarkTrack | ExpressionCurves
TRACK_SUFFIXES = (".npz", ".csv", ".toml", ".json", ".txt", ".tsv")


@dataclass(frozen=True)
class Source:
    """Where a performance comes from: ``kind`` is "preset", "track" or "video"; ``name`` its name or path."""

    kind: str
    name: str


def find_source(name: str) -> Source:
    """Tell presets, tracks and videos apart without the long work, so that mistakes are told at once.

    Raises InputError, with the nearest names where ``name`` is neither a file nor a preset.
    """
    from .media.video import probe
    from .presets import preset_info

    path = Path(name)
    if path.is_dir():
        raise InputError(f"{name}: is a folder; give a video, a track file or the name of a preset")
    if not path.is_file():
        if path.suffix or path.name != name:
            raise InputError(f"{name}: no such file")
        preset_info(name)  # its error names the nearest presets
        return Source("preset", name)
    if path.suffix.lower() in TRACK_SUFFIXES:
        load_motion(path)
        return Source("track", name)
    probe(path)
    return Source("video", name)


def load_performance(
    source: Source,
    *,
    backend: str = "auto",
    face: int = 0,
    cuts: str = "refuse",
    gaps: str = "interpolate",
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> tuple[Performance, str]:
    """The performance and one line that says what it is; ``face``, ``cuts`` and ``gaps`` concern videos.

    Raises InputError and the errors of the detectors, and Cancelled.
    """
    path = Path(source.name)
    if source.kind == "preset":
        from . import presets

        curves = presets.load_performance(source.name)
        return curves, f"preset {source.name}, {len(curves)} frames"
    if source.kind == "track":
        motion = load_motion(path)
        return fill(motion, gaps), f"track {path.name}, {len(motion)} frames"
    from .landmarks.detect import track_video

    track = track_video(path, backend=backend, face=face, cuts=cuts, progress=progress, cancelled=cancelled)
    lost = int((~track.valid).sum())
    text = f"video {path.name}, {len(track)} frames at {float(track.rate):.3f} per second"
    return fill(track, gaps), text + (f", face lost in {lost} (gaps: {gaps})" if lost else "")


def load_motion(path: Path, *, rate: str | None = None, curves: bool = False) -> Performance:
    """A landmark track (.npz, .csv), expression curves (.npz), a performance written by hand (.toml),
    or a file of another program (see ``core.motion.interchange``), told by its content.

    ``rate`` and ``curves`` as for ``read_performance``.
    """
    if path.suffix.lower() == ".toml":
        from .motion.authored import load_authored

        return load_authored(path).sample()
    if path.suffix.lower() == ".npz":
        try:
            with np.load(path, allow_pickle=False) as data:
                solved = "expression" in data.files
        except (OSError, ValueError, EOFError, zipfile.BadZipFile):
            solved = False  # the track's own reader says what is wrong
        return ExpressionCurves.load(path) if solved else LandmarkTrack.load(path)
    from .motion.interchange.formats import read_performance

    return read_performance(path, rate=rate, curves=curves)


def make_target(
    performance: Performance,
    face: Face,
    size: tuple[int, int],
    *,
    gains: Mapping[str, Any] | None = None,
    reference: str | int = "auto",
    retime: Retime | None = None,
    rate: Fraction | None = None,
    smooth: str = "auto",
) -> LandmarkTrack:
    """The performance in the portrait's proportions and pixels, one frame per output frame.

    ``gains`` as for :func:`make_gains`.  ``rate`` in frames per second is the recipe's or the performance's
    own where it is None; the result's ``rate`` is the one taken.  ``reference`` is "auto", "first" or a frame
    number of the performance.
    ``smooth``: "auto" calms what a detector found lightly and leaves what was written by hand as it is.
    """
    from .motion.apply import apply_retime
    from .motion.retarget import retarget

    strengths = make_gains(gains or {}, performance.times - performance.times[0])
    moved = retarget(performance, face, gains=strengths, reference=reference, size=size)
    if smooth == "auto":
        smooth = "light" if isinstance(performance, LandmarkTrack) else "none"
    if smooth != "none":
        from .motion.filters import smooth_track

        moved = smooth_track(moved, smooth)
    recipe = retime or Retime()
    return apply_retime(moved, recipe, rate or recipe.rate or moved.rate)


def make_gains(values: Mapping[str, Any], times: np.ndarray | None = None) -> Gains:
    """Gains from region names and factors from 0 to 10.

    A factor is a number or, where ``times`` [T] (seconds from the performance's start) are given, keys
    {"times": [...], "values": [...]} with straight lines between them.
    Raises InputError, with the nearest name for an unknown one.
    """
    from .motion.retarget import Gains

    known = [field.name for field in fields(Gains)]
    strengths: dict[str, float | np.ndarray] = {}
    for name, value in values.items():
        if name not in known:
            close = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}"
            raise InputError(f"gain: unknown region '{name}'; {hint}")
        if times is not None and isinstance(value, Mapping) and set(value) == {"times", "values"}:
            strengths[name] = np.interp(times, *_gain_keys(name, value))
        elif isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 10:
            raise InputError(f"gain: {name} is {value!r}, expected a number from 0 to 10")
        else:
            strengths[name] = float(value)
    return Gains(**strengths)


def _gain_keys(name: str, keys: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Times, increasing, and values, 0 to 10, of the keys of one region."""
    try:
        when, what = (np.asarray(keys[part], np.float64) for part in ("times", "values"))
    except (TypeError, ValueError):
        raise InputError(f"gain: the keys of {name} are not lists of numbers") from None
    good = when.ndim == 1 and len(when) > 0 and when.shape == what.shape and (np.diff(when) > 0).all()
    if not good or not ((what >= 0) & (what <= 10)).all():
        raise InputError(f"gain: the keys of {name} need times that increase and as many values from 0 to 10")
    return when, what


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


def describe_preset(info: PresetInfo) -> dict[str, Any]:
    """A preset as JSON."""
    return {
        "name": info.name,
        "label": info.label,
        "description": info.description,
        "seconds": info.duration,
        "frames": info.frames,
        "rate": str(info.fps),
        "loop": info.loop,
        "license": info.license,
        "path": str(info.path),
    }


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


def fill(motion: Performance, gaps: str) -> Performance:
    """Lost frames filled as ``gaps`` says: "interpolate", "hold" or "leave"."""
    from .landmarks.gaps import fill_gaps
    from .motion.sample import fill_curves

    return fill_gaps(motion, gaps) if isinstance(motion, LandmarkTrack) else fill_curves(motion, gaps)
