# SPDX-License-Identifier: GPL-3.0-or-later
"""Baking: the frames of one job, written so that nothing finished is ever lost or done twice.

A frame's inputs (portrait, rest landmarks, its landmarks, mask, rendering, bits, engine) are
hashed; a frame whose hash is on record and whose file is intact is left alone.  One frame is encoded while
the next is computed; memory does not grow with the number of frames.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import Cancelled, InputError, TableauError
from .job import BakeJob
from .ledger import FrameRecord, Ledger, file_record, intact
from .provenance import Provenance, engine_fingerprint
from .rendering import FrameMaker, input_sha256
from .review import Progress, pick_frames, thumbnail, write_film, write_sheet

if TYPE_CHECKING:
    from .landmarks.face import Face
    from .landmarks.track import LandmarkTrack
    from .media.picture import Picture


@dataclass(frozen=True)
class BakeReport:
    """What a bake did.

    ``frames`` were asked for: ``written`` now, ``kept`` from before; ``held``: of the whole job,
    frames whose face was lost; ``missing``: frames of the job that are still to be baked; ``stale``: frames
    on record outside it.  ``film`` and ``sheet`` are None where not asked for or while frames are missing.
    """

    frames: int
    written: int
    kept: int
    held: int
    missing: int
    stale: int
    folder: Path
    manifest: Path
    film: Path | None
    sheet: Path | None
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        return {key: str(value) if isinstance(value, Path) else value for key, value in vars(self).items()}


def run_bake(
    job: BakeJob,
    *,
    frames: range | None = None,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> BakeReport:
    """Bake ``job``, or its frame numbers ``frames`` only; frames that are already right are kept.

    The film and the contact sheet are made once every frame of the job is there, so disjoint ranges can run
    in several processes.  Raises InputError, OutputError, Cancelled; finished frames stay for the next run.
    """
    started = time.perf_counter()
    report = progress or (lambda done, total, text: None)
    stop = cancelled or (lambda: False)
    plan = Plan(job)
    chosen = plan.choose(frames)
    ledger = Ledger(job.output.manifest_path, job.output.name)
    known = ledger.frames()
    todo = [number for number in chosen if not plan.done(number, known)]
    before = ledger.header()
    header = {**plan.header(), "film": before.get("film"), "sheet": before.get("sheet")}
    try:
        if todo:
            _bake_frames(plan, todo, ledger, report, stop)
        known = ledger.frames()
        missing = sum(not plan.done(number, known) for number in plan.numbers)
        if not missing:
            _finish(plan, known, header, report, stop)
    except BaseException:
        # what is finished goes on record; an error in doing so must not hide the first one
        if ledger.pending:
            with suppress(TableauError):
                ledger.fold(header)
        raise
    if ledger.pending or ledger.header() != header:
        ledger.fold(header)
    return BakeReport(
        frames=len(chosen),
        written=len(todo),
        kept=len(chosen) - len(todo),
        held=plan.held,
        missing=missing,
        stale=sum(number not in plan.numbers for number in known),
        folder=job.output.folder,
        manifest=job.output.manifest_path,
        film=None if missing else job.output.video,
        sheet=None if missing else job.output.sheet,
        seconds=round(time.perf_counter() - started, 3),
    )


class Plan:
    """The checked inputs of a job and the hash of every frame's inputs; the picture is read when needed.

    ``held``: frames whose target is lost (NaN); they hold the last landmarks known, the first the next.
    """

    def __init__(self, job: BakeJob) -> None:
        from .landmarks.track import LandmarkTrack

        self.job = job
        self.face_track = LandmarkTrack.load(job.face)
        if len(self.face_track) != 1 or not self.face_track.valid[0]:
            raise InputError(f"{job.face}: expected one frame with all 68 landmarks of the portrait at rest")
        target = LandmarkTrack.load(job.target)
        if target.size != self.face_track.size:
            raise InputError(
                f"{job.target}: landmarks for a picture of {_size(target.size)} pixels, but "
                f"{job.face.name} is for {_size(self.face_track.size)}; retarget to this portrait first"
            )
        self.points, self.irises, self.held = hold_lost(target, job.target)
        self.numbers = range(job.start, job.start + len(target))
        self.portrait_sha256 = input_sha256(job.portrait)
        self.provenance = Provenance.of(job.portrait, self.portrait_sha256, job.rendering.mode)
        rest = self.face_track.points.tobytes() + _iris_bytes(self.face_track.irises)
        common = {
            "portrait": self.portrait_sha256,
            "name": job.portrait.name,  # it stands in every frame's provenance
            "rest": hashlib.sha256(rest).hexdigest(),
            "mask": None if job.mask is None else input_sha256(job.mask),
            **job.rendering.inputs(),
            "bits": job.output.bits,
            "engine": engine_fingerprint(),
        }
        prefix = hashlib.sha256(json.dumps(common, sort_keys=True).encode())
        self._hashes = []
        for points, irises in zip(self.points, self.irises, strict=True):
            digest = prefix.copy()
            digest.update(points.tobytes() + _iris_bytes(irises))
            self._hashes.append(digest.hexdigest())

    def choose(self, frames: range | None) -> range:
        """The frame numbers to bake; InputError where ``frames`` lies outside the job."""
        if frames is None:
            return self.numbers
        if not len(frames) or frames[0] < self.numbers[0] or frames[-1] > self.numbers[-1]:
            asked = f"{frames[0]}-{frames[-1]}" if len(frames) else "none"
            raise InputError(f"frames {asked}: the job has frames {self.numbers[0]}-{self.numbers[-1]}")
        return frames

    def inputs(self, number: int) -> str:
        return self._hashes[number - self.job.start]

    def done(self, number: int, known: dict[int, FrameRecord]) -> bool:
        record = known.get(number)
        if record is None or record.inputs != self.inputs(number):
            return False
        return intact(self.job.output.frame_path(number), record)

    def landmarks(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """(points float32 [68, 3], irises float32 [2, 2]) of one frame, in px of the portrait."""
        return self.points[number - self.job.start], self.irises[number - self.job.start]

    def header(self) -> dict[str, Any]:
        """What the manifest says about the whole bake."""
        job = self.job
        return {
            "provenance": self.provenance.to_dict(),
            "engine": engine_fingerprint(),
            "rate": f"{job.rate.numerator}/{job.rate.denominator}",
            "first": self.numbers[0],
            "last": self.numbers[-1],
            "held": self.held,
            "bits": job.output.bits,
            "folder": relative(job.output.folder, job.output.manifest_path.parent),
        }

    @cached_property
    def picture(self) -> Picture:
        from .media.picture import load_picture

        picture = with_bits(load_picture(self.job.portrait), self.job.output.bits)
        if picture.size != self.face_track.size:
            raise InputError(
                f"{self.job.face}: landmarks for a picture of {_size(self.face_track.size)} pixels, but "
                f"{self.job.portrait.name} has {_size(picture.size)}; detect the face again"
            )
        return picture

    def frame_maker(self, progress: Progress) -> FrameMaker:
        return self.job.rendering.prepare(self.picture, rest_face(self.face_track), self.job.mask, progress)


def hold_lost(track: LandmarkTrack, path: Path) -> tuple[np.ndarray, np.ndarray, int]:
    """Points [T, 68, 3] and irises [T, 2, 2], lost frames filled by the last one known; and their number."""
    valid = track.valid
    if not valid.any():
        raise InputError(f"{path}: no frame has a face; nothing to bake")
    source = np.maximum.accumulate(np.where(valid, np.arange(len(track)), -1))
    source[source < 0] = np.flatnonzero(valid)[0]
    return track.points[source], track.irises[source], int((~valid).sum())


def rest_face(track: LandmarkTrack) -> Face:
    """The portrait's face from its one-frame track."""
    from .landmarks.face import Face, points_box

    points = track.points[0]
    return Face(points, track.irises[0], track.confidence[0], points_box(points), 1.0)


def with_bits(picture: Picture, bits: int) -> Picture:
    """The picture with 8 or 16 bits per channel; 8 to 16 is exact, so untouched pixels keep their color."""
    if picture.bits == bits:
        return picture
    if bits == 16:
        return replace(picture, pixels=picture.pixels.astype(np.uint16) * np.uint16(257))
    return replace(picture, pixels=((picture.pixels.astype(np.uint32) + 128) // 257).astype(np.uint8))


def _bake_frames(
    plan: Plan, todo: list[int], ledger: Ledger, report: Progress, stop: Callable[[], bool]
) -> None:
    from .media.picture import save_picture

    stopped = Cancelled(
        f"stopped; the finished frames are in {plan.job.output.folder}, run it again to continue"
    )

    def prepared(done: int, total: int, text: str) -> None:
        if stop():
            raise stopped
        report(done, total, text)

    maker = plan.frame_maker(prepared)
    icc, text, output = plan.picture.icc, plan.provenance.png_text(), plan.job.output

    def write(number: int, pixels: np.ndarray) -> None:
        path = output.frame_path(number)
        save_picture(path, pixels, icc=icc, text=text)
        ledger.append(number, file_record(path, plan.inputs(number)))

    with ThreadPoolExecutor(1, "encode") as pool:
        pending: Future[None] | None = None
        for index, number in enumerate(todo):
            if stop():
                break
            pixels = maker.render(*plan.landmarks(number))
            if pending is not None:
                pending.result()
                report(index, len(todo), f"frame {todo[index - 1]}")
            pending = pool.submit(write, number, pixels)
        if pending is not None:
            pending.result()
    if stop():
        raise stopped
    report(len(todo), len(todo), f"frame {todo[-1]}")


def _finish(
    plan: Plan,
    known: dict[int, FrameRecord],
    header: dict[str, Any],
    report: Progress,
    stop: Callable[[], bool],
) -> None:
    """Make the film and the contact sheet from the frames on disk, where they are not theirs already."""
    output = plan.job.output
    content = hashlib.sha256("".join(known[number].sha256 for number in plan.numbers).encode())
    made: tuple[tuple[str, Path | None, Callable[[Path], None]], ...] = (
        ("film", output.video, lambda path: _write_film(plan, path, report, stop)),
        ("sheet", output.sheet, lambda path: _write_sheet(plan, path)),
    )
    for key, path, make in made:
        record = header[key]
        if path is None:
            header[key] = None
            continue
        wanted = hashlib.sha256(f"{content.hexdigest()} {plan.job.rate} {path}".encode()).hexdigest()
        if record is None or record["inputs"] != wanted or not intact(path, FrameRecord(**record)):
            make(path)
            listed = replace(file_record(path, wanted), file=relative(path, output.manifest_path.parent))
            header[key] = vars(listed)


def _write_film(plan: Plan, path: Path, report: Progress, stop: Callable[[], bool]) -> None:
    frames = (_read_rgb8(plan, number) for number in plan.numbers)
    write_film(path, frames, len(plan.numbers), plan.job.rate, plan.provenance, report, stop)


def _write_sheet(plan: Plan, path: Path) -> None:
    picks = pick_frames(plan.numbers)
    write_sheet(path, [thumbnail(_read_rgb8(plan, number)) for number in picks], picks, plan.provenance)


def _read_rgb8(plan: Plan, number: int) -> np.ndarray:
    from .media.picture import load_picture

    return load_picture(plan.job.output.frame_path(number)).rgb8()


def relative(path: Path, base: Path) -> str:
    try:
        return Path(os.path.relpath(path, base)).as_posix()
    except ValueError:  # another drive
        return str(path)


def _iris_bytes(irises: np.ndarray) -> bytes:
    # every unknown iris has the same bits, whatever kind of NaN it is
    return np.where(np.isfinite(irises), irises, np.float32(np.nan)).astype(np.float32).tobytes()


def _size(size: tuple[int, int]) -> str:
    return f"{size[0]} x {size[1]}"
