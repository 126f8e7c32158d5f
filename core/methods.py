# SPDX-License-Identifier: GPL-3.0-or-later
"""What the worker can be asked: method name -> function of checked parameters.

Big arrays go through files.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import InputError

if TYPE_CHECKING:  # it brings numpy, and "check" is asked where that may be missing
    from .review import Progress

Result = dict[str, Any]
Cancelled = Callable[[], bool]


class ProtocolError(InputError):
    """The request itself is wrong: a method or a parameter that does not exist, or one that is missing."""

    kind = "protocol"


def run(method: str, params: Mapping[str, Any], progress: Progress, cancelled: Cancelled) -> Result:
    """Run one request; raises ProtocolError and the errors of the engine."""
    function = METHODS.get(method)
    if function is None:
        raise ProtocolError(f"unknown method '{method}'; known are {', '.join(METHODS)}")
    known = inspect.signature(function).parameters
    own = [name for name in known if name not in ("progress", "cancelled")]
    for name in params:
        if name not in own:
            close = difflib.get_close_matches(name, own, 1)
            hint = f"did you mean '{close[0]}'?" if close else f"known are {', '.join(own) or 'none'}"
            raise ProtocolError(f"{method}: unknown parameter '{name}'; {hint}")
    for name in own:
        if name not in params and known[name].default is inspect.Parameter.empty:
            raise ProtocolError(f"{method}: the parameter '{name}' is missing")
    extra = {"progress": progress, "cancelled": cancelled}
    return function(**params, **{name: value for name, value in extra.items() if name in known})


def detect(
    *,
    image: str,
    output: str | None = None,
    face: int = 0,
    backend: str = "auto",
    landmarks: str | None = None,
) -> Result:
    """The faces of a picture; the chosen one is written to ``output`` as a one-frame track."""
    from .animate import face_track
    from .landmarks.detect import portrait_faces
    from .media.picture import load_picture

    picture = load_picture(Path(image))
    by_hand = None if landmarks is None else Path(landmarks)
    faces, face, how = portrait_faces(picture, backend=backend, face=face, landmarks=by_hand)
    if output is not None:
        meta = {"source": Path(image).name, "backend": how, "sha256": picture.source["sha256"]}
        face_track(faces[face], picture.size, meta).save(Path(output))
    listed = [{"box": [float(x) for x in one.box], "score": float(one.score)} for one in faces]
    return {"faces": listed, "chosen": face, "how": how, "size": list(picture.size), "track": output}


def track(
    *,
    video: str,
    output: str,
    backend: str = "auto",
    face: int = 0,
    cuts: str = "refuse",
    gaps: str = "leave",
    progress: Progress,
    cancelled: Cancelled,
) -> Result:
    """Follow a face through a video into the track file ``output``."""
    from .landmarks.detect import fill_gaps, track_video

    found = track_video(
        Path(video), backend=backend, face=face, cuts=cuts, progress=progress, cancelled=cancelled
    )
    fill_gaps(found, gaps).save(Path(output))
    return {
        "track": output,
        "frames": len(found),
        "lost": int((~found.valid).sum()),
        "rate": str(found.rate),
        "size": list(found.size),
        "meta": dict(found.meta),
    }


def presets() -> Result:
    """The performances that come with the program."""
    from .animate import describe_preset
    from .presets import list_presets

    return {"presets": [describe_preset(info) for info in list_presets()]}


def preset(*, name: str) -> Result:
    """One of them."""
    from .animate import describe_preset
    from .presets import preset_info

    return describe_preset(preset_info(name))


def retarget(
    *,
    performance: str,
    portrait: str,
    face: str,
    output: str,
    gains: Mapping[str, float] | None = None,
    reference: str | int = "auto",
    retime: str | Mapping[str, Any] | None = None,
    rate: str | None = None,
    smooth: str = "auto",
    backend: str = "auto",
    cuts: str = "refuse",
    gaps: str = "interpolate",
    progress: Progress,
    cancelled: Cancelled,
) -> Result:
    """A performance (file or preset) in the proportions of the portrait's
    ``face`` track, written to ``output``."""
    from .animate import find_source, load_performance, make_target
    from .bake import rest_face
    from .landmarks.track import LandmarkTrack
    from .motion.rates import parse_rate
    from .motion.retime import Retime
    from .presets import find_retime

    rest = LandmarkTrack.load(Path(face))
    recipe = None
    if retime is not None:
        recipe = Retime.load(find_retime(retime)) if isinstance(retime, str) else Retime.from_dict(retime)
    motion, what = load_performance(
        find_source(performance),
        backend=backend,
        cuts=cuts,
        gaps=gaps,
        progress=progress,
        cancelled=cancelled,
    )
    target = make_target(
        motion,
        rest_face(rest),
        rest.size,
        gains=gains,
        reference=reference,
        retime=recipe,
        rate=None if rate is None else parse_rate(rate),
        smooth=smooth,
    )
    target.save(Path(output))
    return {
        "target": output,
        "frames": len(target),
        "rate": str(Fraction(target.rate)),
        "performance": what,
        "meta": dict(target.meta),
    }


def bake(*, job: str, frames: str | None = None, progress: Progress, cancelled: Cancelled) -> Result:
    """Bake a job file, or its ``frames`` "A-B"."""
    from .bake import run_bake
    from .job import BakeJob, parse_frames
    from .outputs import check_folder, nothing_left

    chosen = None if frames is None else parse_frames(frames, "frames")
    loaded = BakeJob.load(job)
    folder = loaded.output.folder
    check_folder(folder)
    with nothing_left([folder], [], lambda: any(folder.glob("*.png"))):
        return run_bake(loaded, frames=chosen, progress=progress, cancelled=cancelled).to_dict()


def convert(
    *,
    source: str,
    output: str,
    to: str | None = None,
    fps: str | None = None,
    backend: str = "auto",
    cuts: str = "refuse",
    gaps: str = "leave",
    progress: Progress,
    cancelled: Cancelled,
) -> Result:
    """A performance (file of any known format, video or preset) written to ``output`` in another format."""
    from .convert import convert as run_convert

    return run_convert(
        source,
        Path(output),
        to=to,
        fps=fps,
        backend=backend,
        cuts=cuts,
        gaps=gaps,
        progress=progress,
        cancelled=cancelled,
    )


def check(*, load: bool = False, progress: Progress, cancelled: Cancelled) -> Result:
    """Versions, device and what is missing, as ``checkup.check`` reports them; ``lines`` for people."""
    from . import checkup

    report = checkup.check(load=load, progress=progress, cancelled=cancelled)
    return {**report, "lines": checkup.describe(report)}


METHODS: dict[str, Callable[..., Result]] = {
    function.__name__: function
    for function in (check, detect, track, presets, preset, retarget, bake, convert)
}
