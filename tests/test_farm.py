# SPDX-License-Identifier: GPL-3.0-or-later
"""Bundles for render farms: complete, movable, and really run by Open Job Description's own runner."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.bake import run_bake
from core.errors import InputError
from core.farm import write_bundle
from core.job import BakeJob
from core.media.picture import load_picture, save_picture
from core.media.video import probe, read_frames
from core.provenance import verify
from core.rendering import Rendering

from .bakes import command_line, contents, environment, make_job

Runner = Callable[..., subprocess.CompletedProcess[str]]


def flow_job(folder: Path, frames: int, **output: object) -> BakeJob:
    job = replace(make_job(folder, frames, **output), rendering=Rendering("flow"))
    job.save(folder / "job.json")
    return job


@pytest.fixture
def openjd() -> Runner:
    places = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    program = shutil.which("openjd", path=places)
    if program is None:
        pytest.skip("openjd is not installed (pip install openjd-cli)")

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [program, *map(str, arguments)], env=environment(), text=True, capture_output=True, timeout=600
        )

    return run


def test_a_bundle_holds_all_that_it_reads(tmp_path: Path) -> None:
    job = flow_job(tmp_path / "job", 10)
    save_picture(tmp_path / "mask.png", np.full(load_picture(job.portrait).pixels.shape[:2], 255, np.uint8))
    job = replace(job, mask=tmp_path / "mask.png", start=5)
    bundle = write_bundle(job, tmp_path / "bundle", 4)
    assert bundle.to_dict() | {"template": ""} == {"template": "", "frames": [5, 14], "chunk": 4, "tasks": 3}
    shutil.rmtree(tmp_path / "job")
    (tmp_path / "mask.png").unlink()
    moved = (tmp_path / "bundle").rename(tmp_path / "moved")
    inside = BakeJob.load(moved / "job.json")
    places = [inside.portrait, inside.face, inside.target, inside.mask]
    assert all(path is not None and path.is_file() and path.is_relative_to(moved) for path in places)
    assert inside.portrait.name == "portrait.png"
    assert inside.output.frame_path(5) == moved / "out" / "frames" / "frame.0005.png"
    assert (inside.output.video, inside.output.sheet) == (moved / "out/film.mp4", moved / "out/sheet.png")
    template = json.loads((moved / "template.json").read_text())
    given = {entry["name"]: entry["default"] for entry in template["parameterDefinitions"]}
    assert given["Frames"] == "5-14" and given["FramesPerTask"] == 4
    assert all((moved / given[name]).exists() for name in ("Job", "Inputs"))
    assert Path(given["Engine"], "core", "bake.py").is_file() and given["Python"] == sys.executable
    elsewhere = {name: text for name, text in given.items() if str(tmp_path) in str(text)}
    assert not elsewhere and str(tmp_path) not in (moved / "job.json").read_text()


def test_shots_of_one_name_stay_apart(tmp_path: Path) -> None:
    job = flow_job(tmp_path / "job", 2)
    picture = load_picture(job.portrait)
    shots = (tmp_path / "a" / "portrait.png", tmp_path / "b" / "portrait.png")
    for index, shot in enumerate(shots):
        save_picture(shot, np.roll(picture.pixels, index + 1, axis=1))
    write_bundle(replace(job, rendering=Rendering(shots=shots)), tmp_path / "bundle")
    inside = BakeJob.load(tmp_path / "bundle" / "job.json")
    assert [path.read_bytes() for path in inside.rendering.shots] == [path.read_bytes() for path in shots]
    assert inside.portrait.read_bytes() == job.portrait.read_bytes()


def test_a_bundle_is_brought_up_to_date(tmp_path: Path) -> None:
    job = flow_job(tmp_path / "job", 3)
    bundle = write_bundle(job, tmp_path / "bundle")
    done = tmp_path / "bundle" / "out" / "frames" / "frame.0001.png"
    done.parent.mkdir(parents=True)
    done.write_bytes(b"a frame")
    again = write_bundle(replace(job, start=7), tmp_path / "bundle", 2)
    assert again.template == bundle.template and '"7-9"' in bundle.template.read_text()
    assert done.read_bytes() == b"a frame"
    # the job of a bundle can be bundled too
    write_bundle(BakeJob.load(tmp_path / "bundle" / "job.json"), tmp_path / "bundle", 3)
    assert BakeJob.load(tmp_path / "bundle" / "job.json").portrait.read_bytes() == job.portrait.read_bytes()


def test_what_cannot_be_bundled_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    job = flow_job(tmp_path / "job", 2)
    for chunk in (0, -1, 20_000):
        with pytest.raises(InputError, match=f"--chunk is {chunk}"):
            write_bundle(job, tmp_path / "bundle", chunk)
    with pytest.raises(InputError, match="job: is not empty and no bundle"):
        write_bundle(job, tmp_path / "job")
    with pytest.raises(InputError, match=r"no\.png: no such file"):
        write_bundle(replace(job, portrait=tmp_path / "no.png"), tmp_path / "bundle")
    large = replace(job, output=replace(job.output, size=9000))
    with pytest.raises(InputError, match=r'"output.size" is 9000'):
        write_bundle(large, tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()
    done = command_line("farm", tmp_path / "job" / "none.json", "-o", tmp_path / "bundle")
    assert done.returncode == 2 and "no such file" in done.stderr and done.stderr.count("\n") == 1


def test_tasks_that_share_no_folder_are_joined(tmp_path: Path) -> None:
    """Each machine has its own copy of the outputs; the one that joins gets all of them laid together."""
    job = flow_job(tmp_path / "job", 5, layers=True)
    write_bundle(job, tmp_path / "bundle")
    inside = BakeJob.load(tmp_path / "bundle" / "job.json")
    for name, frames in (("one", range(1, 4)), ("two", range(4, 6))):
        part = replace(inside, output=inside.output.into(tmp_path / name))
        report = run_bake(part, frames=frames, join=False)
        assert report.written == len(frames) and report.film is None
        assert not part.output.manifest_path.exists()
        shutil.copytree(tmp_path / name, tmp_path / "joined", dirs_exist_ok=True)
    whole = replace(inside, output=inside.output.into(tmp_path / "joined"))
    report = run_bake(whole)
    assert (report.written, report.kept, report.missing) == (0, 5, 0)
    assert len(list(read_frames(tmp_path / "joined" / "film.mp4"))) == 5
    checks = verify(tmp_path / "joined" / "manifest.json")["checks"]
    assert len(checks) == 18 and set(checks.values()) == {"ok"}
    assert not [path.name for path in (tmp_path / "joined").iterdir() if path.name.startswith(".")]


def test_tasks_tell_the_farm_how_far_they_are(tmp_path: Path) -> None:
    flow_job(tmp_path / "job", 2)
    done = command_line("bake", tmp_path / "job" / "job.json", "--farm", "--into", tmp_path / "o")
    assert done.returncode == 0, done.stderr
    assert "openjd_progress: 100.0" in done.stdout.splitlines()
    assert "openjd_status: frame 2" in done.stdout.splitlines()
    assert (tmp_path / "o" / "frames" / "frame.0002.png").is_file()
    failed = command_line("bake", tmp_path / "job" / "job.json", "--farm", "--frames", "8-9")
    assert failed.returncode == 2
    assert "openjd_fail: frames 8-9: the job has frames 1-2" in failed.stdout.splitlines()


@pytest.mark.slow
def test_openjd_bakes_chunks_and_joins_them(tmp_path: Path, openjd: Runner) -> None:
    job = flow_job(tmp_path / "job", 7)
    made = command_line(
        "farm", tmp_path / "job" / "job.json", "-o", tmp_path / "bundle", "--chunk", 3, "--json"
    )
    template = Path(json.loads(made.stdout)["template"])
    assert openjd("check", template).returncode == 0
    done = openjd("run", template)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Chunks run: 4" in done.stdout  # three of frames, one that joins
    out = tmp_path / "bundle" / "out"
    assert sorted(path.name for path in (out / "frames").iterdir()) == [
        f"frame.000{number}.png" for number in range(1, 8)
    ]
    info = probe(out / "film.mp4")
    assert info.rate == 25 and len(list(read_frames(out / "film.mp4"))) == 7
    assert load_picture(out / "sheet.png").size[0] == 1800
    assert set(verify(out / "manifest.json")["checks"].values()) == {"ok"}
    run_bake(job)  # here, in one piece
    assert contents(out / "frames") == contents(job.output.folder)
    # run again, only what is missing is made
    stamps = {path: path.stat().st_mtime_ns for path in (out / "frames").iterdir()}
    (out / "frames" / "frame.0005.png").unlink()
    assert openjd("run", template).returncode == 0
    after = {path: path.stat().st_mtime_ns for path in (out / "frames").iterdir()}
    assert [path.name for path in after if after[path] != stamps[path]] == ["frame.0005.png"]


@pytest.mark.slow
def test_openjd_runs_chunks_by_themselves_into_a_folder(tmp_path: Path, openjd: Runner) -> None:
    bundle = write_bundle(flow_job(tmp_path / "job", 4), tmp_path / "bundle")
    into = ["-p", f"OutDir={tmp_path / 'elsewhere'}"]
    for chunk in ("1-2", "3-4"):
        done = openjd("run", bundle.template, "--step", "Bake", "-tp", f"Frame={chunk}", *into)
        assert done.returncode == 0, done.stdout + done.stderr
    assert not (tmp_path / "elsewhere" / "film.mp4").exists()
    done = openjd("run", bundle.template, "--step", "Join", "--no-run-dependencies", *into)
    assert done.returncode == 0 and "0 of 4 frames baked, 4 kept" in done.stdout
    assert (tmp_path / "elsewhere" / "film.mp4").is_file()
    assert not (tmp_path / "bundle" / "out").exists()


@pytest.mark.slow
def test_a_failing_task_fails_the_job_with_its_line(tmp_path: Path, openjd: Runner) -> None:
    bundle = write_bundle(flow_job(tmp_path / "job", 2), tmp_path / "bundle")
    (tmp_path / "bundle" / "inputs" / "portrait" / "portrait.png").unlink()
    done = openjd("run", bundle.template)
    assert done.returncode == 1
    assert "portrait.png: no such file" in done.stdout
