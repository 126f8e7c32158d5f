# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of ``python -m core``: each takes the parsed options and a console."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .console import Console
from .errors import InputError
from .outputs import check_folder, nothing_left

if TYPE_CHECKING:
    import numpy as np

    from .bake import BakeReport
    from .job import BakeJob
    from .landmarks.face import Face
    from .landmarks.track import LandmarkTrack
    from .media.picture import Picture
    from .rendering import Rendering

PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp")
FILMS = (".mp4", ".mov", ".mkv")


def detect(options: argparse.Namespace, console: Console) -> None:
    """Landmarks of a picture (all faces are listed) or of a video."""
    for path in (options.output, options.overlay):
        if path is not None:
            check_folder(path.parent)
    if options.output is not None and options.output.suffix.lower() not in (".npz", ".csv"):
        raise InputError(f"{options.output}: a track file ends in .npz or .csv")
    _use_weights(options.weights)
    if options.input.suffix.lower() in PICTURES:
        _detect_picture(options, console)
    else:
        _detect_video(options, console)


def _use_weights(folder: Path | None) -> None:
    if folder is not None:
        from .landmarks import fan

        fan.find_weights(folder)  # says what is missing
        os.environ[fan.ENVIRONMENT] = str(folder)


def _detect_picture(options: argparse.Namespace, console: Console) -> None:
    from .animate import face_track
    from .landmarks.detect import portrait_faces
    from .media.picture import load_picture, save_picture

    picture = load_picture(options.input)
    faces, chosen, how = portrait_faces(
        picture, backend=options.backend, face=options.face, landmarks=options.landmarks
    )
    if options.output is not None:
        meta = {"source": options.input.name, "backend": how, "sha256": picture.source["sha256"]}
        face_track(faces[chosen], picture.size, meta).save(options.output)
    if options.overlay is not None:
        from .landmarks.draw import draw_landmarks

        image = picture.rgb8()
        for face in faces:
            image = draw_landmarks(image, face)
        save_picture(options.overlay, image)
    listed: list[dict[str, Any]] = [
        {"index": index, "score": round(float(face.score), 4), "box": [round(float(x), 1) for x in face.box]}
        for index, face in enumerate(faces)
    ]
    lines = [how]
    for entry in listed:
        x0, y0, x1, y1 = (round(x) for x in entry["box"])
        mark = "  <- taken" if entry["index"] == chosen else ""
        lines.append(f"  face {entry['index']}: {x1 - x0} x {y1 - y0} px at {x0}, {y0}{mark}")
    data = {"kind": "picture", "faces": listed, "chosen": chosen, "how": how, **_outputs(options)}
    console.result(data, "\n".join(lines + _written(options)))


def _detect_video(options: argparse.Namespace, console: Console) -> None:
    from .landmarks.detect import fill_gaps, track_video

    if options.landmarks is not None:
        raise InputError("--landmarks belongs to a picture; a video is always tracked")
    if options.overlay is not None and options.overlay.suffix.lower() not in FILMS:
        raise InputError(f"{options.overlay}: the overlay of a video is a video; name it .mp4")
    track = track_video(
        options.input,
        backend=options.backend,
        face=options.face,
        cuts=options.cuts,
        progress=console.progress,
    )
    lost = int((~track.valid).sum())
    track = fill_gaps(track, options.gaps)
    if options.output is not None:
        track.save(options.output)
    if options.overlay is not None:
        _overlay_video(options.input, track, options.overlay, console)
    rate = str(track.rate)
    data = {"kind": "video", "frames": len(track), "lost": lost, "rate": rate, "meta": dict(track.meta)}
    text = f"{track.meta.get('backend', options.backend)}: {len(track)} frames at {rate} per second"
    text += f", face lost in {lost} (gaps: {options.gaps})" if lost else ""
    console.result({**data, **_outputs(options)}, "\n".join([text, *_written(options)]))


def _overlay_video(video: Path, track: LandmarkTrack, path: Path, console: Console) -> None:
    from .landmarks.draw import draw_landmarks
    from .media.video import VideoWriter, read_frames

    frames = {round(float(time), 6): index for index, time in enumerate(track.times)}
    with VideoWriter(path, track.size, track.rate) as writer:
        for when, image in read_frames(video):
            index = frames.get(round(when, 6))
            if index is None:  # cut away by --cuts trim
                continue
            writer.write(draw_landmarks(image, track.points[index], track.irises[index]))
            console.progress(index + 1, len(track), "overlay")


def _outputs(options: argparse.Namespace) -> dict[str, str | None]:
    return {
        "track": None if options.output is None else str(options.output),
        "overlay": None if options.overlay is None else str(options.overlay),
    }


def _written(options: argparse.Namespace) -> list[str]:
    return [f"written: {path}" for path in (options.output, options.overlay) if path is not None]


def animate(options: argparse.Namespace, console: Console) -> None:
    """A portrait and a performance to frames and a film;
    what can be wrong is looked at before the long work."""
    from .animate import find_source, load_performance, make_target, parse_gains, parse_reference
    from .job import parse_frames
    from .landmarks.detect import detect_portrait
    from .media.picture import load_picture
    from .motion.rates import parse_rate
    from .motion.retime import Retime
    from .presets import find_retime
    from .rendering import Rendering, read_mask

    started = time.perf_counter()
    film = options.output.suffix.lower() in FILMS
    check_folder(options.output.parent if film else options.output)
    if not film and options.output.is_file():
        raise InputError(f"{options.output}: is a file; give a folder or a film like {options.output}.mp4")
    if film and (options.format or options.size or options.layers):
        raise InputError(
            f"{options.output}: --format, --size and --layers are about frames; give a folder, not a film"
        )
    frames = None if options.frames is None else parse_frames(options.frames)
    choices: dict[str, Any] = {
        "gains": parse_gains(options.gain),
        "reference": parse_reference(options.reference),
        "retime": None if options.retime is None else Retime.load(find_retime(options.retime)),
        "rate": None if options.fps is None else parse_rate(options.fps, "--fps"),
        "smooth": options.smooth,
    }
    picture = load_picture(options.portrait)
    if options.mask is not None:
        read_mask(options.mask, picture.size)
    shots = tuple(path.absolute() for path in options.shot)
    rendering = Rendering(options.mode, _absolute(options.sitter), _absolute(options.base), shots)
    rendering.inputs()  # says now what is missing
    source = find_source(options.performance)
    face, how = detect_portrait(
        picture, backend=options.backend, face=options.face, landmarks=options.landmarks
    )
    console.remark(f"portrait: {how}")
    performance, what = load_performance(
        source,
        backend=options.backend,
        cuts=options.cuts,
        gaps=options.gaps,
        progress=console.progress,
    )
    console.remark(f"performance: {what}")
    target = make_target(performance, face, picture.size, **choices)
    run = _animate_film if film else _animate_folder
    data, text = run(options, console, picture, face, target, frames, rendering)
    seconds = round(time.perf_counter() - started, 2)
    data = {"portrait": str(options.portrait), "landmarks": how, "performance": what, **data}
    console.result({**data, "rate": str(target.rate), "seconds": seconds}, f"{text} in {seconds:.1f} s")


def _absolute(path: Path | None) -> Path | None:
    return None if path is None else path.absolute()


def _animate_folder(
    options: argparse.Namespace,
    console: Console,
    picture: Picture,
    face: Face,
    target: LandmarkTrack,
    frames: range | None,
    rendering: Rendering,
) -> tuple[dict[str, Any], str]:
    from .animate import face_track
    from .bake import run_bake
    from .job import BakeJob, BakeOutput

    folder: Path = options.output.absolute()
    job_file = folder / "job.json"
    kind = options.format or "png"
    job = BakeJob(
        portrait=options.portrait.absolute(),
        face=folder / "face.npz",
        target=folder / "target.npz",
        mask=_absolute(options.mask),
        rendering=rendering,
        rate=Fraction(target.rate),
        output=BakeOutput(
            folder=folder / "frames",
            format=kind,
            bits=options.bits or (16 if kind == "exr" else picture.bits),
            size=options.size,
            layers=options.layers,
            video=folder / "film.mp4",
            sheet=folder / "sheet.png",
            manifest=folder / "manifest.json",
        ),
    )
    made = [job.face, job.target, job_file]
    with nothing_left([folder, job.output.folder], made, lambda: _has_frames(job)):
        face_track(face, picture.size, {"source": options.portrait.name}).save(job.face)
        target.save(job.target)
        job.save(job_file)
        report = run_bake(job, frames=frames, progress=console.progress)
    return {"job": str(job_file), **report.to_dict()}, _told(report)


def _animate_film(
    options: argparse.Namespace,
    console: Console,
    picture: Picture,
    face: Face,
    target: LandmarkTrack,
    frames: range | None,
    rendering: Rendering,
) -> tuple[dict[str, Any], str]:
    """Straight into the film, frame by frame: no pictures are kept."""
    from .frames import with_bits
    from .plan import hold_lost
    from .provenance import Provenance
    from .review import pick_frames, thumbnail, write_film, write_sheet

    path: Path = options.output
    points, irises, held = hold_lost(target, Path(options.performance))
    numbers = frames or range(1, len(target) + 1)
    if numbers[-1] > len(target) or numbers[0] < 1:
        raise InputError(f"--frames is {options.frames}, but there are frames 1-{len(target)}")
    picture = with_bits(picture, options.bits or picture.bits)
    maker = rendering.prepare(picture, face, options.mask, console.progress)
    provenance = Provenance.of(options.portrait, picture.source["sha256"], rendering.mode)
    picks = set(pick_frames(numbers)) if options.sheet else set()
    kept: list[np.ndarray] = []

    def rendered() -> Iterator[np.ndarray]:
        for number in numbers:
            frame = maker.render(points[number - 1], irises[number - 1])
            shown = replace(picture, pixels=frame).rgb8()
            if number in picks:
                kept.append(thumbnail(shown))
            yield shown

    write_film(
        path,
        rendered(),
        len(numbers),
        Fraction(target.rate),
        provenance,
        console.progress,
        lambda: False,
    )
    sheet = path.with_suffix(".png") if options.sheet else None
    if sheet is not None:
        write_sheet(sheet, kept, sorted(picks), provenance)
    data = {"film": str(path), "sheet": None if sheet is None else str(sheet), "frames": len(numbers)}
    text = f"{path}: {len(numbers)} frames" + (f", {held} held where the face was lost" if held else "")
    return {**data, "held": held}, text


def convert(options: argparse.Namespace, console: Console) -> None:
    """A performance from one file format to another."""
    from .convert import convert as run

    check_folder(options.output.parent)
    data = run(
        options.input,
        options.output,
        to=options.to,
        fps=options.fps,
        backend=options.backend,
        cuts=options.cuts,
        gaps=options.gaps,
        progress=console.progress,
    )
    lost = f", face lost in {data['lost']}" if data["lost"] else ""
    console.result(data, f"{data['performance']}{lost}\nwritten: {data['output']} ({data['format']})")


def bake(options: argparse.Namespace, console: Console) -> None:
    """A job file, or some of its frames."""
    from .bake import run_bake
    from .job import BakeJob, parse_frames

    job = BakeJob.load(options.job)
    if options.into is not None:
        job = replace(job, output=job.output.into(options.into.absolute()))
    check_folder(job.output.folder)
    frames = None if options.frames is None else parse_frames(options.frames)
    with nothing_left([job.output.folder], [], lambda: _has_frames(job)):
        join = frames is None or not options.farm
        report = run_bake(job, frames=frames, progress=console.progress, join=join)
    console.result(
        {"job": str(options.job), **report.to_dict()}, f"{_told(report)} in {report.seconds:.1f} s"
    )


def farm(options: argparse.Namespace, console: Console) -> None:
    """A job file to a bundle for render farms."""
    from .farm import write_bundle
    from .job import BakeJob

    bundle = write_bundle(BakeJob.load(options.job), options.output, options.chunk)
    facts = bundle.to_dict()
    text = (
        f"{bundle.template}: {len(bundle.frames)} frames in {facts['tasks']} tasks, then one that joins them"
    )
    console.result(facts, f"{text}\ntry it here with: openjd run {bundle.template}")


def _has_frames(job: BakeJob) -> bool:
    return any(job.output.folder.glob(f"*.{job.output.format}"))


def personalize(options: argparse.Namespace, console: Console) -> None:
    """Pictures of a sitter to the sitter's file."""
    from .training.personalize_command import PersonalizeOptions, run

    check_folder(options.output.parent)
    _show(run(PersonalizeOptions.parsed(options), console.progress, _never), console)


def prepare(options: argparse.Namespace, console: Console) -> None:
    """Clips and stills to episodes."""
    from .training.prepare_command import PrepareOptions, run

    check_folder(options.output)
    _show(run(PrepareOptions.parsed(options), console.progress, _never), console)


def train(options: argparse.Namespace, console: Console) -> None:
    """Episodes to base weights."""
    from .training.train_command import options_of, run

    result = run(options_of(options), console.progress, remark=console.remark)
    if result.leads:
        facts = {key: str(value) if isinstance(value, Path) else value for key, value in vars(result).items()}
        rate = f"{result.samples_per_second:.1f} samples per second"
        console.result(facts, f"{result.base}: step {result.step}, {rate}, {result.seconds:.0f} s")


def evaluate(options: argparse.Namespace, console: Console) -> None:
    """Clips to a report."""
    from .training.evaluation.command import EvaluateOptions, run

    check_folder(options.output)
    _show(run(EvaluateOptions.parsed(options), console.progress), console)


def _show(facts: dict[str, Any], console: Console) -> None:
    console.result(facts, facts.pop("text"))


def _never() -> bool:
    return False  # Ctrl-C interrupts by itself


def _told(report: BakeReport) -> str:
    text = f"{report.folder}: {report.written} of {report.frames} frames baked"
    if report.kept:
        text += f", {report.kept} kept"
    if report.held:
        text += f", {report.held} held where the face was lost"
    if report.stale:
        text += f", {report.stale} older ones outside the range left"
    if report.missing:
        text += f"; the film waits for {report.missing} more frames"
    return text


def presets(options: argparse.Namespace, console: Console) -> None:
    """The performances that come with the program."""
    from .animate import describe_preset
    from .presets import list_presets, preset_info

    if options.action == "show":
        if options.name is None:
            raise InputError("presets show: which one? give its name, as in: presets show blink")
        data = describe_preset(preset_info(options.name))
        console.result(data, "\n".join(f"{key}: {value}" for key, value in data.items()))
        return
    entries = [describe_preset(info) for info in list_presets()]
    width = max(len(entry["name"]) for entry in entries)
    lines = [
        f"{entry['name']:{width}}  {entry['seconds']:5.1f} s  "
        f"{'loops' if entry['loop'] else 'once ':5}  {entry['description']}"
        for entry in entries
    ]
    console.result({"presets": entries}, "\n".join(lines))


def verify(options: argparse.Namespace, console: Console) -> None:
    """Where a baked file comes from, and whether it still is what the bake wrote."""
    from .provenance import verify as read

    data = read(options.file)
    lines = [f"{key}: {value}" for key, value in data["provenance"].items()]
    bad = {file: state for file, state in data["checks"].items() if state != "ok"}
    lines += [f"{state}: {file}" for file, state in bad.items()]
    good = len(data["checks"]) - len(bad)
    lines.append(
        f"{good} of {len(data['checks'])} files are as baked" if data["checks"] else "no manifest beside it"
    )
    console.result(data, "\n".join(lines))
    if bad:
        raise InputError(
            f"{options.file}: {len(bad)} of {len(data['checks'])} files are not as they were baked"
        )


def check(options: argparse.Namespace, console: Console) -> None:
    """Whether this Python has all that the engine needs."""
    from . import checkup

    report = checkup.check(load=options.load, progress=console.progress)
    console.result(report, "\n".join(checkup.describe(report)))
    if not report["ok"]:
        raise InputError(f"{report['executable']}: the engine does not run on this Python; see above")
