# SPDX-License-Identifier: GPL-3.0-or-later
"""What the worker can be asked: method name -> function of checked parameters.

Big arrays go through files.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Mapping, Sequence
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
    faces_folder: str | None = None,
) -> Result:
    """The faces of a picture; the chosen one is written to ``output`` as a one-frame track.

    In ``faces_folder`` each face leaves its track ``face-N.npz`` and a small picture of it, ``face-N.png``.
    """
    from .animate import face_track
    from .landmarks.detect import portrait_faces
    from .media.picture import load_picture

    picture = load_picture(Path(image))
    by_hand = None if landmarks is None else Path(landmarks)
    faces, face, how = portrait_faces(picture, backend=backend, face=face, landmarks=by_hand)
    meta = {"source": Path(image).name, "backend": how, "sha256": picture.source["sha256"]}
    if output is not None:
        face_track(faces[face], picture.size, meta).save(Path(output))
    listed: list[Result] = [{"box": [float(x) for x in one.box], "score": float(one.score)} for one in faces]
    if faces_folder is not None:
        from .review import save_thumbnail

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

    from .compose.matte import sitter_matte
    from .landmarks.track import LandmarkTrack
    from .media.picture import load_picture, save_picture
    from .plan import rest_face

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
    gains: Mapping[str, Any] | None = None,
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
    from .landmarks.track import LandmarkTrack
    from .motion.rates import parse_rate
    from .motion.retime import Retime
    from .plan import rest_face
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


def sliders(*, face: str, output: str, track: str | None = None) -> Result:
    """How far each expression slider moves the landmarks of the portrait's ``face`` track, written to
    ``output`` (.npz: names [54], basis [54, 70, 3] px); with ``track``, a target in the portrait's pixels,
    also that track in slider values (values [T, 54], times [T])."""
    from .landmarks.track import LandmarkTrack
    from .motion.sliders import slider_basis, solve_sliders
    from .plan import rest_face

    rest = LandmarkTrack.load(Path(face))
    basis = slider_basis(rest_face(rest), rest.size)
    arrays = {}
    result: Result = {"sliders": output, "explained": None}
    if track is not None:
        target = LandmarkTrack.load(Path(track))
        if target.size != rest.size:
            raise InputError(
                f"{track}: its landmarks are for {target.size[0]} x {target.size[1]} px, {face} has "
                f"{rest.size[0]} x {rest.size[1]}"
            )
        solved = solve_sliders(target, rest_face(rest), basis)
        arrays = {"values": solved.values, "times": target.times}
        result["explained"] = solved.explained
    _save_sliders(output, basis, **arrays)
    return result


def load_sliders(
    *,
    performance: str,
    face: str,
    output: str,
    gains: Mapping[str, Any] | None = None,
    progress: Progress,
    cancelled: Cancelled,
) -> Result:
    """A performance straight onto the sliders of ``face``: values, times and effects in ``output`` (as
    ``sliders`` writes them), and head [T, 3, 4] (see ``exchange``)."""
    from .exchange import to_sliders
    from .landmarks.track import LandmarkTrack
    from .motion.sliders import slider_basis
    from .plan import rest_face

    rest = LandmarkTrack.load(Path(face))
    times, values, head = to_sliders(
        performance, Path(face), gains=dict(gains or {}), progress=progress, cancelled=cancelled
    )
    basis = slider_basis(rest_face(rest), rest.size)
    _save_sliders(output, basis, values=values.astype("float32"), times=times, head=head)
    return {"sliders": output, "frames": len(times)}


def save_sliders(*, sliders: str, face: str, output: str, to: str | None = None) -> Result:
    """Slider values and head poses (``sliders``, .npz: values [T, 54], head [T, 3, 4] px, times [T] s; see
    ``exchange.from_sliders``) written to ``output`` as a performance."""
    import numpy as np

    from .exchange import from_sliders

    with np.load(sliders, allow_pickle=False) as data:
        arrays = data["values"], data["head"], data["times"]
    written = from_sliders(*arrays, Path(face), Path(output), to)
    return {"output": output, "format": written, "frames": len(arrays[2])}


def _save_sliders(path: str, basis: Any, **more: Any) -> None:
    import numpy as np

    from .atomic import atomic_path
    from .motion.sliders import SLIDERS

    arrays = {"names": np.array(SLIDERS), "basis": basis.astype(np.float32), **more}
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(stream, **arrays)


def sample_shots(
    *,
    video: str,
    folder: str,
    count: int = 8,
    backend: str = "auto",
    face: int = 0,
    seed: int = 0,
    progress: Progress,
    cancelled: Cancelled,
) -> Result:
    """``count`` frames of a video that show the sitter most differently, as PNGs in ``folder``."""
    from .training.video_shots import sample_video

    made = sample_video(
        Path(video),
        Path(folder),
        count,
        backend=backend,
        face=face,
        seed=seed,
        progress=progress,
        cancelled=cancelled,
    )
    return {"shots": [str(path) for path in made]}


def personalize(
    *,
    shots: Sequence[str],
    output: str,
    face: str | None = None,
    method: str = "auto",
    steps: int | None = None,
    seed: int = 0,
    backend: str = "auto",
    base: str | None = None,
    device: str = "auto",
    progress: Progress,
    cancelled: Cancelled,
) -> Result:
    """A sitter from ``shots``, the portrait first, written to ``output``.

    ``face``: one-frame track of the portrait's landmarks; those of the further shots are detected.
    """
    from .training.personalize_command import PersonalizeOptions
    from .training.personalize_command import run as run_personalize

    options = PersonalizeOptions(
        shots=tuple(Path(shot) for shot in shots),
        output=Path(output),
        landmarks=None if face is None else Path(face),
        backend=backend,
        method=method,
        steps=steps,
        seed=seed,
        base=None if base is None else Path(base),
        device=device,
    )
    return run_personalize(options, progress, cancelled)


def preview_strip(
    *,
    image: str,
    face: str,
    sitter: str,
    output: str,
    likeness: float = 1.0,
    base: str | None = None,
    progress: Progress,
    cancelled: Cancelled,
) -> Result:
    """The portrait in a few expressions, without and with its sitter, one row each, as the PNG ``output``."""
    from .strip import write_strip

    return write_strip(
        Path(image),
        Path(face),
        Path(sitter),
        Path(output),
        likeness=likeness,
        base=None if base is None else Path(base),
        progress=progress,
        cancelled=cancelled,
    )


def bake(*, job: str, frames: str | None = None, progress: Progress, cancelled: Cancelled) -> Result:
    """Bake a job file, or its ``frames`` "A-B"."""
    from .bake import run_bake
    from .job import BakeJob, parse_frames
    from .outputs import check_folder, nothing_left

    chosen = None if frames is None else parse_frames(frames, "frames")
    loaded = BakeJob.load(job)
    folder = loaded.output.folder
    check_folder(folder)
    with nothing_left([folder], [], lambda: any(folder.glob(f"*.{loaded.output.format}"))):
        return run_bake(loaded, frames=chosen, progress=progress, cancelled=cancelled).to_dict()


def due(*, job: str) -> Result:
    """How many frames of a job file a bake would render now, and how many it would keep."""
    from .job import BakeJob
    from .ledger import Ledger
    from .plan import Plan

    plan = Plan(BakeJob.load(job))
    output = plan.job.output
    frames = plan.due(Ledger(output.manifest_path, output.name).frames())
    return {"due": len(frames), "kept": len(plan.numbers) - len(frames)}


def group_plate(*, job: str, plates: Sequence[str], output: str) -> Result:
    """One plate without any of a group's sitters, from the ``plates`` of their bakes; ``job`` is one of
    them."""
    from .group import write_group_plate
    from .job import BakeJob

    write_group_plate(BakeJob.load(job), [Path(plate) for plate in plates], Path(output))
    return {"plate": output}


def farm(*, job: str, folder: str, chunk: int) -> Result:
    """A job file as a bundle for render farms in ``folder``, ``chunk`` frames to a task."""
    from .farm import write_bundle
    from .job import BakeJob

    return write_bundle(BakeJob.load(job), Path(folder), chunk).to_dict()


def preview(
    *,
    portrait: str,
    face: str,
    output: str,
    mask: str | None = None,
    poses: list[list[float]] | None = None,
    progress: Progress,
    cancelled: Cancelled,
) -> Result:
    """The mesh that a viewport lays the portrait on, or, given ``poses``, what each of them makes of it;
    arrays in the .npz ``output`` (see ``preview_files.save_mesh`` and ``preview_files.save_poses``)."""
    from .preview_files import save_mesh, save_poses

    files = Path(portrait), Path(face), None if mask is None else Path(mask)
    if poses is None:
        return save_mesh(*files, Path(output))
    return save_poses(*files, poses, Path(output), progress, cancelled)


def preview_frame(
    *,
    portrait: str,
    face: str,
    pose: list[float],
    output: str,
    mask: str | None = None,
    mode: str = "full",
    sitter: str | None = None,
    base: str | None = None,
    shots: Sequence[str] = (),
    likeness: float = 1.0,
    progress: Progress,
    cancelled: Cancelled,
) -> Result:
    """One pose rendered as a bake would into the PNG ``output``; the portrait stays prepared."""
    from .preview_files import save_frame
    from .rendering import Rendering

    matte, own, weights = (None if path is None else Path(path) for path in (mask, sitter, base))
    rendering = Rendering(mode, own, weights, tuple(Path(shot) for shot in shots), likeness)
    files = Path(portrait), Path(face), matte
    return save_frame(*files, rendering, pose, Path(output), progress, cancelled)


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
    for function in (
        check,
        detect,
        matte,
        track,
        presets,
        preset,
        retarget,
        sliders,
        load_sliders,
        save_sliders,
        sample_shots,
        personalize,
        preview_strip,
        bake,
        due,
        group_plate,
        farm,
        preview,
        preview_frame,
        convert,
    )
}
