# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m core prepare``: clips and stills as episodes that training reads."""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import Cancelled, InputError, OutputError, TableauError
from ..generator.raster import RASTER_VERSION
from ..threads import settle_threads
from .clips import ClipPlan, clip_episode, person_of
from .episode_files import Entry, read_entries, saved_counts, saved_key, write_index
from .shot_pairs import PERFORMANCES
from .stills import StillPlan, load_motions, still_episode, still_kind

VERSION = "1"  # of how sources are made: another one makes them again
PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp")
LOG = "prepare.log"

Plan = ClipPlan | StillPlan
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class PrepareOptions:
    """What can be asked for; see the command's help."""

    clips: tuple[Path, ...]
    output: Path
    stills: Path | None = None
    shots: int = 4
    targets: int = 24
    person_pairs: int = 200
    painted: float = 0.2
    moves: int = 3
    processes: int = 2
    seed: int = 0

    @staticmethod
    def parsed(options: argparse.Namespace) -> PrepareOptions:
        """From what ``add_arguments`` has parsed."""
        values = {name: getattr(options, name) for name in PrepareOptions.__dataclass_fields__}
        return PrepareOptions(**{**values, "clips": tuple(options.clips)})


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments."""
    add = parser.add_argument
    add(
        "clips",
        type=Path,
        nargs="*",
        metavar="CLIP",
        help="clips of one sitter each, PERSON_NUMBER.mp4, or folders of them",
    )
    add("--stills", type=Path, metavar="FOLDER", help="portraits, in folders named photos and paintings")
    add("-o", "--output", type=Path, required=True, metavar="DATA", help="folder for the episodes")
    add("--shots", type=int, default=4, metavar="N", help="frames of a clip that are moved (default: 4)")
    add("--targets", type=int, default=24, metavar="N", help="frames each is moved to (default: 24)")
    add(
        "--person-pairs",
        type=int,
        default=200,
        metavar="N",
        help="most pairs of one person, over all clips (default: 200)",
    )
    add(
        "--painted",
        type=float,
        default=0.2,
        metavar="SHARE",
        help="share of clips that are taken a second time, painted (default: 0.2)",
    )
    add("--moves", type=int, default=3, metavar="N", help="moved pictures of a still (default: 3)")
    add("--processes", type=int, default=2, metavar="N", help="processes at work (default: 2)")
    add("--seed", type=int, default=0, metavar="N", help="of all that is left to chance (default: 0)")


def run(options: PrepareOptions, progress: Progress, cancelled: Callable[[], bool]) -> dict[str, Any]:
    """Prepare everything; returns facts for people and programs, among them "text".

    Sources that are there already, made in the same way, are kept; index.json is written after each one, so
    that what is finished can be used.  One line on each goes to prepare.log.  Raises InputError where
    nothing can be used, OutputError, Cancelled.
    """
    started = time.perf_counter()
    plans = make_plans(options)
    entries = read_entries(options.output)
    counts = Counter(made=0, kept=0)
    skipped = []
    for done, (plan, result) in enumerate(_results(plans, options, cancelled), 1):
        if result.entry is not None:
            entries[plan.name] = result.entry
            write_index(options.output, entries)
            counts["kept" if result.kept else "made"] += 1
        else:
            skipped.append(result.line)
            if entries.pop(plan.name, None) is not None:
                write_index(options.output, entries)
        _log(options.output, f"{result.seconds:6.1f} s  {result.line}")
        progress(done, len(plans), result.line)
    made = [entries[plan.name] for plan in plans if plan.name in entries]
    if not made:
        raise InputError(f"nothing could be prepared; the first reason: {skipped[0]}")
    size = sum((options.output / entry.file).stat().st_size for entry in made) / 2**20
    pairs = sum(entry.pairs for entry in made)
    seconds = time.perf_counter() - started
    text = (
        f"{options.output}: {len(made)} sources, {pairs} pairs, {size:.0f} MB"
        f" ({counts['made']} made in {seconds:.0f} s, {counts['kept']} kept, {len(skipped)} skipped)"
    )
    facts = {"sources": len(made), "pairs": pairs, "megabytes": round(size, 1), "seconds": round(seconds, 1)}
    return {"text": text, "folder": str(options.output), **facts, **counts, "skipped": skipped}


def make_plans(options: PrepareOptions) -> list[Plan]:
    """The sources to be made, all sorts mixed so that a part of them is a sample of all.

    Raises InputError for values out of range, missing files and names that occur twice.
    """
    _check(options)
    clips = _files(options.clips, (".mp4", ".mov", ".mkv", ".webm", ".avi"))
    stills = _files([options.stills], PICTURES) if options.stills is not None else []
    if not clips and not stills:
        raise InputError("there are neither clips nor stills to prepare; name some")
    number = Counter(map(person_of, clips))
    plain: list[Plan] = []
    for path in clips:
        share = min(options.shots * options.targets, options.person_pairs // number[person_of(path)])
        # a person of many clips shows fewer shots of each, and those to fewer targets
        shots = max(1, min(options.shots, round(np.sqrt(share * options.shots / options.targets))))
        plain.append(ClipPlan(path, path.stem, shots, max(4, share // shots), seed=options.seed))
    order = np.random.default_rng(options.seed).permutation(len(plain))
    twins = []
    for index in order[: round(options.painted * len(plain))].tolist():
        plan = plain[index]
        assert isinstance(plan, ClipPlan)
        twins.append(
            ClipPlan(plan.path, f"{plan.name}_painted", plan.shots, plan.targets, True, options.seed)
        )
    moved = [StillPlan(path, path.stem, still_kind(path), options.moves, options.seed) for path in stills]
    sorts: list[list[Plan]] = [[plain[index] for index in order], [*twins], [*moved]]
    names = Counter(plan.name for sort in sorts for plan in sort)
    name, count = names.most_common(1)[0]
    if count > 1:
        raise InputError(f"two of the clips and stills are named {name}; rename one of them")
    placed = [((i + 0.5) / len(sort), plan) for sort in sorts for i, plan in enumerate(sort)]
    return [plan for _, plan in sorted(placed, key=lambda item: item[0])]


def _check(options: PrepareOptions) -> None:
    for name in ("shots", "targets", "person_pairs", "moves", "processes"):
        if getattr(options, name) < 1:
            raise InputError(f"--{name.replace('_', '-')} must be at least 1, not {getattr(options, name)}")
    if not 0 <= options.painted <= 1:
        raise InputError(f"--painted must be a share from 0 to 1, not {options.painted:g}")


def _files(given: Sequence[Path], suffixes: Sequence[str]) -> list[Path]:
    """Files by name; those of these kinds in any folder among them, at any depth."""
    found: list[Path] = []
    for path in given:
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.suffix.lower() in suffixes)
            if not inside:
                raise InputError(f"{path}: holds none of {', '.join(suffixes)}")
            found += inside
        elif path.is_file():
            found.append(path)
        else:
            raise InputError(f"{path}: no such file or folder")
    return found


@dataclass(frozen=True)
class _Result:
    """entry: None where the source was left out, and ``line`` says why."""

    entry: Entry | None
    line: str
    seconds: float
    kept: bool = False


def _results(
    plans: Sequence[Plan], options: PrepareOptions, cancelled: Callable[[], bool]
) -> Iterator[tuple[Plan, _Result]]:
    if options.processes == 1:
        for plan in plans:
            if cancelled():
                raise Cancelled("preparing was stopped; finished sources stay")
            yield plan, _prepare(plan, options.output)
        return
    settle_threads()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(options.processes, context, initializer=_settle) as pool:
        waiting = {pool.submit(_prepare, plan, options.output): plan for plan in plans}
        try:
            while waiting:
                ready, _ = wait(waiting, timeout=0.5, return_when=FIRST_COMPLETED)
                for future in ready:
                    yield waiting.pop(future), future.result()
                if cancelled():
                    raise Cancelled("preparing was stopped; finished sources stay")
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _settle() -> None:
    """One thread for each process: there are as many processes as are wanted."""
    settle_threads()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    import cv2
    import numba

    cv2.setNumThreads(1)
    numba.set_num_threads(1)


def _prepare(plan: Plan, folder: Path) -> _Result:
    """Make one source, unless it is there."""
    started = time.perf_counter()
    path = folder / f"{plan.name}.safetensors"
    kind = plan.kind if isinstance(plan, StillPlan) else "painting" if plan.painted else "clip"
    try:
        key = _key(plan)
        kept = saved_key(path) == key
        if not kept:
            if isinstance(plan, StillPlan):
                episode = still_episode(plan, load_motions(PERFORMANCES))
            else:
                episode = clip_episode(plan, folder / "tracks")
            episode.save(path, key)
        frames, pairs = saved_counts(path)
    except OutputError:
        raise
    except TableauError as error:
        return _Result(None, f"left out: {error}", time.perf_counter() - started)
    except Exception as error:  # one odd picture among hundreds must not end an hour's work
        line = f"left out: {plan.path}: {type(error).__name__}: {error}"
        return _Result(None, " ".join(line.split()), time.perf_counter() - started)
    line = f"{plan.name}: {frames} frames, {pairs} pairs{', kept' if kept else ''}"
    entry = Entry(path.name, plan.name, plan.person, kind, frames, pairs)
    return _Result(entry, line, time.perf_counter() - started, kept)


def _key(plan: Plan) -> str:
    """What a source is made from: the file, the plan, and how."""
    try:
        content = hashlib.sha256(plan.path.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(f"{plan.path}: cannot be read ({error.strerror or error})") from error
    facts = {**asdict(plan), "path": content, "version": VERSION, "raster": RASTER_VERSION}
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _log(folder: Path, line: str) -> None:
    # the episodes matter, their log does not
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / LOG).open("a", encoding="utf-8") as file:
            file.write(line + "\n")
