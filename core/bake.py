# SPDX-License-Identifier: GPL-3.0-or-later
"""Baking: the frames of one job, written so that nothing finished is ever lost or done twice.

A frame's inputs (portrait, rest landmarks, its landmarks, mask, rendering, bits, engine) are
hashed; a frame whose hash is on record and whose file is intact is left alone.  One frame is encoded while
the next is computed; memory does not grow with the number of frames.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import Cancelled, TableauError
from .frames import FrameFiles
from .job import BakeJob
from .ledger import FrameRecord, Ledger, file_record, intact
from .plan import Plan, relative
from .review import Progress, pick_frames, thumbnail, write_film, write_sheet

if TYPE_CHECKING:
    from .compose.layers import FrameParts


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
    join: bool = True,
) -> BakeReport:
    """Bake ``job``, or its frame numbers ``frames`` only; frames that are already right are kept.

    The film and the contact sheet are made once every frame of the job is there, so disjoint ranges can run
    in several processes.  With ``join`` False they are left to a later run, and so is the manifest: tasks of
    a farm that share no files each leave a journal of their own, which that run takes up.
    Raises InputError, OutputError, Cancelled; finished frames stay for the next run.
    """
    started = time.perf_counter()
    report = progress or (lambda done, total, text: None)
    stop = cancelled or (lambda: False)
    plan = Plan(job)
    chosen = plan.choose(frames)
    ledger = Ledger(job.output.manifest_path, job.output.name)
    known = ledger.frames()
    todo = [number for number in chosen if not plan.done(number, known)]
    plate = plan.plate_done(ledger.plate())
    before = ledger.header()
    header = {**plan.header(), "film": before.get("film"), "sheet": before.get("sheet")}
    try:
        if todo or not plate:
            _bake_frames(plan, todo, plate, ledger, report, stop)
        known = ledger.frames()
        missing = len(plan.due(known))
        if join and not missing:
            _finish(plan, known, header, report, stop)
    except BaseException:
        # what is finished goes on record; an error in doing so must not hide the first one
        if not join:
            ledger.close()
        elif ledger.pending:
            with suppress(TableauError):
                ledger.fold(header)
        raise
    if not join:
        ledger.close()
    elif ledger.pending or ledger.header() != header:
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
        film=job.output.video if join and not missing else None,
        sheet=job.output.sheet if join and not missing else None,
        seconds=round(time.perf_counter() - started, 3),
    )


def _bake_frames(
    plan: Plan, todo: list[int], plate_done: bool, ledger: Ledger, report: Progress, stop: Callable[[], bool]
) -> None:
    stopped = Cancelled(
        f"stopped; the finished frames are in {plan.job.output.folder}, run it again to continue"
    )

    def prepared(done: int, total: int, text: str) -> None:
        if stop():
            raise stopped
        report(done, total, text)

    files, output = plan.files, plan.job.output
    maker = plan.frame_maker(prepared)
    plate = files.stored(maker.plate) if output.layers else None
    if plate is not None and not plate_done:
        ledger.append_plate(_saved(files, output.plate_path, plate, plan.plate_inputs))

    def write(number: int, made: np.ndarray | FrameParts) -> None:
        inputs = plan.inputs(number)
        layers = {}
        if isinstance(made, np.ndarray):
            frame = files.stored(made)
        else:
            assert plate is not None
            stored = files.layers(made, plate)
            frame = stored.pop("frame")
            layers = {
                name: _saved(files, output.layer_path(name, number), pixels, inputs)
                for name, pixels in stored.items()
            }
        record = _saved(files, output.frame_path(number), frame, inputs)
        ledger.append(number, replace(record, layers=layers))

    with ThreadPoolExecutor(1, "encode") as pool:
        pending: Future[None] | None = None
        for index, number in enumerate(todo):
            if stop():
                break
            made = (maker.render_parts if output.layers else maker.render)(*plan.landmarks(number))
            if pending is not None:
                pending.result()
                report(index, len(todo), f"frame {todo[index - 1]}")
            pending = pool.submit(write, number, made)
        if pending is not None:
            pending.result()
    if stop():
        raise stopped
    if todo:
        report(len(todo), len(todo), f"frame {todo[-1]}")


def _saved(files: FrameFiles, path: Path, stored: np.ndarray, inputs: str) -> FrameRecord:
    files.save(path, stored)
    return file_record(path, inputs)


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
        if record is None or record["inputs"] != wanted or not intact(path, FrameRecord.from_dict(record)):
            make(path)
            listed = replace(file_record(path, wanted), file=relative(path, output.manifest_path.parent))
            header[key] = listed.to_dict()


def _write_film(plan: Plan, path: Path, report: Progress, stop: Callable[[], bool]) -> None:
    frames = (_read_rgb8(plan, number) for number in plan.numbers)
    write_film(path, frames, len(plan.numbers), plan.job.rate, plan.provenance, report, stop)


def _write_sheet(plan: Plan, path: Path) -> None:
    picks = pick_frames(plan.numbers)
    write_sheet(path, [thumbnail(_read_rgb8(plan, number)) for number in picks], picks, plan.provenance)


def _read_rgb8(plan: Plan, number: int) -> np.ndarray:
    return plan.files.read_rgb8(plan.job.output.frame_path(number))
