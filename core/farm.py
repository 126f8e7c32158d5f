# SPDX-License-Identifier: GPL-3.0-or-later
"""Bakes on render farms: an Open Job Description bundle (jobtemplate-2023-09), all of whose inputs lie in it.

    BUNDLE/template.json   a step "Bake" in chunks of frames, and a step "Join" for film and contact sheet
    BUNDLE/job.json        the bake job, its paths relative to the bundle
    BUNDLE/inputs/         copies of what it reads
    BUNDLE/out/            what it writes, unless the parameter OutDir says otherwise

The parameters Python and Engine name the engine on the farm's machines; their defaults are this machine's.
Tasks need share no files but the outputs of the ones before them: each leaves a journal of its own.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .atomic import atomic_path
from .errors import InputError
from .job import BakeJob
from .outputs import check_folder, nothing_left
from .plan import Plan

TEMPLATE = "template.json"
CHUNK = 25  # frames of one task: enough that starting the engine does not count
MOST = 10_000
_NOTICE = 30  # seconds from a farm's wish to stop until it ends a task: one frame has time to be written


@dataclass(frozen=True)
class Bundle:
    """A bundle on disk: its template, the frames of the job and how many a task bakes."""

    template: Path
    frames: range
    chunk: int

    def to_dict(self) -> dict[str, Any]:
        return {
            "template": str(self.template),
            "frames": [self.frames[0], self.frames[-1]],
            "chunk": self.chunk,
            "tasks": -(-len(self.frames) // self.chunk),
        }


def write_bundle(job: BakeJob, folder: Path, chunk: int = CHUNK) -> Bundle:
    """Write ``job`` as a bundle into ``folder``; one that is there already is brought up to date, its
    finished frames stay.

    Raises InputError where the job cannot be baked or ``folder`` holds something else, and OutputError.
    """
    if not 1 <= chunk <= MOST:
        raise InputError(f"--chunk is {chunk}, expected 1 to {MOST} frames for one task")
    folder = folder.absolute()
    check_folder(folder)
    if folder.is_dir() and any(folder.iterdir()) and not (folder / TEMPLATE).is_file():
        raise InputError(f"{folder}: is not empty and no bundle; choose a new folder")
    plan = Plan(job)
    plan.files  # noqa: B018 - reads the picture: says now what would fail on the farm
    inside, copies = _moved_in(job, folder)
    template = folder / TEMPLATE
    made = [*copies.values(), folder / "job.json", template]
    folders = [folder, *(path.parent for path in copies.values())]
    with nothing_left(folders, made, lambda: False):
        for source, target in copies.items():
            _copy(source, target)
        inside.save(folder / "job.json")
        # the template comes last: without it nothing here is a bundle
        with atomic_path(template) as temporary:
            text = json.dumps(_template(inside, plan.numbers, chunk), indent=1)
            temporary.write_text(text + "\n", encoding="utf-8")
    return Bundle(template, plan.numbers, chunk)


def _moved_in(job: BakeJob, folder: Path) -> tuple[BakeJob, dict[Path, Path]]:
    """The job with all its paths in the bundle, and the files to copy: {from: to}."""
    copies: dict[Path, Path] = {}

    def taken(role: str, path: Path) -> Path:
        # names are kept, they stand in the provenance; a folder each keeps them apart
        target = folder / "inputs" / role / path.name
        for source in _files(path):
            copies[source] = target / source.relative_to(path) if path.is_dir() else target
        return target

    made = job.rendering
    rendering = replace(
        made,
        sitter=None if made.sitter is None else taken("sitter", made.sitter),
        base=None if made.base is None else taken("base", made.base),
        shots=tuple(taken(f"shot{number}", shot) for number, shot in enumerate(made.shots, 1)),
    )
    output = job.output.into(folder / "out")
    output = replace(
        output,
        folder=folder / "out" / "frames",
        video=output.video or folder / "out" / "film.mp4",
        sheet=output.sheet or folder / "out" / "sheet.png",
    )
    inside = replace(
        job,
        portrait=taken("portrait", job.portrait),
        face=taken("face", job.face),
        target=taken("target", job.target),
        mask=None if job.mask is None else taken("mask", job.mask),
        rendering=rendering,
        output=output,
    )
    return inside, copies


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from (file for file in sorted(path.rglob("*")) if file.is_file())
    else:
        yield path


def _copy(source: Path, target: Path) -> None:
    if target.exists() and target.samefile(source):  # the job is this bundle's own
        return
    with atomic_path(target) as temporary:
        shutil.copyfile(source, temporary)


def _template(job: BakeJob, numbers: range, chunk: int) -> dict[str, Any]:
    frames = f"{numbers[0]}-{numbers[-1]}" if len(numbers) > 1 else f"{numbers[0]}"
    bake = ["-m", "core", "bake", "{{Param.Job}}", "--farm", "--into", "{{Param.OutDir}}"]
    return {
        "specificationVersion": "jobtemplate-2023-09",
        "extensions": ["TASK_CHUNKING"],
        "name": f"Tableau Vivant {job.portrait.stem}"[:100],
        "parameterDefinitions": [
            _parameter("Frames", frames, "The frames to bake"),
            {
                "name": "FramesPerTask",
                "type": "INT",
                "minValue": 1,
                "maxValue": MOST,
                "default": chunk,
                "description": "How many frames one task bakes",
            },
            _parameter("Python", sys.executable, "The interpreter of the engine's environment"),
            _parameter("Engine", str(Path(__file__).resolve().parents[1]), "The folder that holds core"),
            _path("Job", "FILE", "IN", "job.json"),
            _path("Inputs", "DIRECTORY", "IN", "inputs"),
            _path("OutDir", "DIRECTORY", "OUT", "out"),
        ],
        "jobEnvironments": [
            {"name": "Engine", "variables": {"PYTHONPATH": "{{Param.Engine}}", "PYTHONUTF8": "1"}}
        ],
        "steps": [
            {
                "name": "Bake",
                "parameterSpace": {
                    "taskParameterDefinitions": [
                        {
                            "name": "Frame",
                            "type": "CHUNK[INT]",
                            "range": "{{Param.Frames}}",
                            "chunks": {
                                "defaultTaskCount": "{{Param.FramesPerTask}}",
                                "rangeConstraint": "CONTIGUOUS",
                            },
                        }
                    ]
                },
                "script": _script([*bake, "--frames", "{{Task.Param.Frame}}"]),
            },
            {"name": "Join", "dependencies": [{"dependsOn": "Bake"}], "script": _script(bake)},
        ],
    }


def _parameter(name: str, default: str, description: str) -> dict[str, Any]:
    return {"name": name, "type": "STRING", "default": default, "description": description}


def _path(name: str, kind: str, flow: str, default: str) -> dict[str, Any]:
    return {"name": name, "type": "PATH", "objectType": kind, "dataFlow": flow, "default": default}


def _script(arguments: list[str]) -> dict[str, Any]:
    cancelation = {"mode": "NOTIFY_THEN_TERMINATE", "notifyPeriodInSeconds": _NOTICE}
    return {
        "actions": {"onRun": {"command": "{{Param.Python}}", "args": arguments, "cancelation": cancelation}}
    }
