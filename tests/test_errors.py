# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes wrong for users, through the real command line:
one clear line, exit code 2, nothing half-written."""

from __future__ import annotations

import contextlib
import json
import resource
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from core.bake import run_bake
from core.media.picture import load_picture, save_picture
from core.media.video import VideoWriter

from .bakes import REPO, command_line, environment, make_job, small_portrait

# several commands in one fresh process: the imports are paid once
SEVERAL = """
import contextlib, io, json, sys
from core.cli import main
for arguments in json.loads(sys.argv[1]):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main(arguments)
        except SystemExit as end:
            code = end.code
    print(json.dumps([code, out.getvalue(), err.getvalue()]))
"""
OUT = "OUT"


def run_several(commands: Sequence[Sequence[object]]) -> list[tuple[int, str, str]]:
    texts = [[str(argument) for argument in command] for command in commands]
    done = subprocess.run(
        [sys.executable, "-c", SEVERAL, json.dumps(texts)],
        cwd=REPO,
        env=environment(),
        text=True,
        stdout=subprocess.PIPE,
        timeout=300,
        check=True,
    )
    return [tuple(json.loads(line)) for line in done.stdout.splitlines()]


def the_line(code: int, out: str, err: str) -> str:
    """The one error line, after checking that it is one and that the exit code says so."""
    lines = [line for line in err.splitlines() if line.startswith("error: ")]
    assert code == 2, (code, err)
    assert len(lines) == 1 and err.endswith(lines[0] + "\n"), err
    assert "Traceback" not in err and "internal" not in err
    assert out == ""
    return lines[0]


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files that are wrong, each in its own way, and some that are right."""
    folder = tmp_path_factory.mktemp("material")
    picture, _ = small_portrait()
    save_picture(folder / "good.png", picture.pixels)
    (folder / "text.jpg").write_text("this is not a picture\n")
    (folder / "cut.png").write_bytes((folder / "good.png").read_bytes()[:9000])
    save_picture(folder / "tiny.png", np.zeros((20, 20, 3), np.uint8))
    save_picture(folder / "huge.png", np.zeros((64, 20_000, 3), np.uint8))
    rng = np.random.default_rng(1)
    save_picture(folder / "nobody.png", rng.integers(0, 255, (160, 160, 3), np.uint8))
    (folder / "empty.mp4").write_bytes(b"")
    (folder / "text.mp4").write_text("this is not a video either\n")
    with VideoWriter(folder / "good.mp4", (256, 256), Fraction(25)) as writer:
        for shift in range(24):
            writer.write(np.roll(picture.pixels[:256, :256, :3], shift, axis=1))
    whole = (folder / "good.mp4").read_bytes()
    (folder / "cut.mp4").write_bytes(whole[: len(whole) * 2 // 3])
    with VideoWriter(folder / "nobody.mp4", (128, 128), Fraction(25)) as writer:
        for _ in range(4):
            writer.write(np.full((128, 128, 3), 90, np.uint8))
    (folder / "wrong.json").write_text('{"schema": "tableau-vivant/bake-1", ')
    (folder / "key.json").write_text('{"schema": "tableau-vivant/bake-1", "portrait": "a", "output": 3}')
    (folder / "points.json").write_text('{"points": [[1, 2]]}')
    (folder / "retime.toml").write_text("speeed = 2\n")
    (folder / "track.npz").write_bytes(b"PK\x03\x04 not an archive")
    (folder / "text.csv").write_text("a,b\n1,2\n")
    (folder / "file").write_text("a file where a folder should be")
    return folder


CASES = {
    "not an image": (["detect", "text.jpg"], ["text.jpg", "not a picture"]),
    "not an image to animate": (
        ["animate", "text.jpg", "good.mp4", "-o", OUT],
        ["text.jpg", "not a picture"],
    ),
    "truncated image": (["detect", "cut.png", "-o", OUT + ".npz"], ["cut.png", "cut short"]),
    "no such picture": (["animate", "none.png", "good.mp4", "-o", OUT], ["none.png", "no such file"]),
    "too small": (["detect", "tiny.png"], ["tiny.png", "20 x 20", "64"]),
    "too large": (["animate", "huge.png", "good.mp4", "-o", OUT], ["huge.png", "20000 x 64", "12,000"]),
    "empty video": (["animate", "good.png", "empty.mp4", "-o", OUT], ["empty.mp4", "empty"]),
    "no video": (["detect", "text.mp4", "-o", OUT + ".npz"], ["text.mp4", "not a video"]),
    "truncated video": (["animate", "good.png", "cut.mp4", "-o", OUT], ["cut.mp4", "cut short"]),
    "truncated video to film": (["animate", "good.png", "cut.mp4", "-o", OUT + ".mp4"], ["cut.mp4"]),
    "no face": (["animate", "nobody.png", "good.mp4", "-o", OUT], ["nobody.png", "hand"]),
    "no face in video": (["animate", "good.png", "nobody.mp4", "-o", OUT], ["nobody.mp4", "face"]),
    "no such face": (["detect", "good.png", "--face", "3"], ["good.png", "no face 3", "1 found"]),
    "below a file": (["animate", "good.png", "good.mp4", "-o", "file/out"], ["file/out", "is a file"]),
    "a file for a folder": (["animate", "good.png", "good.mp4", "-o", "file"], ["file", "is a file"]),
    "unwritable": (
        ["animate", "good.png", "good.mp4", "-o", "/proc/out"],
        ["/proc/out", "cannot be written"],
    ),
    "unwritable film": (
        ["animate", "good.png", "good.mp4", "-o", "/proc/a.mp4"],
        ["/proc", "cannot be written"],
    ),
    "unwritable track": (["detect", "good.png", "-o", "file/t.npz"], ["file", "is a file"]),
    "unknown preset": (["animate", "good.png", "blnik", "-o", OUT], ["blnik", "blink"]),
    "unknown preset shown": (["presets", "show", "smilee"], ["smilee", "smile"]),
    "no preset named": (["presets", "show"], ["which one"]),
    "no such performance": (["animate", "good.png", "none.mp4", "-o", OUT], ["none.mp4", "no such file"]),
    "a folder": (["animate", "good.png", ".", "-o", OUT], ["is a folder"]),
    "broken JSON": (["bake", "wrong.json"], ["wrong.json", "not valid JSON", "line 1"]),
    "wrong key": (["bake", "key.json"], ["key.json", '"output"']),
    "no job": (["bake", "none.json"], ["none.json", "no such file"]),
    "a picture for a job": (["bake", "good.png"], ["good.png", "not a bake job"]),
    "wrong landmarks": (["detect", "good.png", "--landmarks", "points.json"], ["points.json"]),
    "wrong retime": (
        ["animate", "good.png", "good.mp4", "-o", OUT, "--retime", "retime.toml"],
        ["retime.toml", "speeed"],
    ),
    "damaged track": (["animate", "good.png", "track.npz", "-o", OUT], ["track.npz"]),
    "no track": (["animate", "good.png", "text.csv", "-o", OUT], ["text.csv"]),
    "wrong gain": (["animate", "good.png", "good.mp4", "-o", OUT, "--gain", "moth=2"], ["moth", "mouth"]),
    "gain without number": (["animate", "good.png", "good.mp4", "-o", OUT, "--gain", "mouth"], ["REGION=X"]),
    "wrong rate": (["animate", "good.png", "good.mp4", "-o", OUT, "--fps", "fast"], ["--fps", "fast"]),
    "wrong frames": (["animate", "good.png", "good.mp4", "-o", OUT, "--frames", "9-2"], ["--frames", "2-9"]),
    "wrong reference": (["animate", "good.png", "good.mp4", "-o", OUT, "--reference", "-1"], ["--reference"]),
    "frames outside": (
        ["animate", "good.png", "good.mp4", "-o", OUT, "--frames", "90-99"],
        ["90-99", "1-24"],
    ),
    "frames of a film outside": (
        ["animate", "good.png", "good.mp4", "-o", OUT + ".mp4", "--frames", "90-99"],
        ["90-99", "1-24"],
    ),
    "no weights of the generator": (
        ["animate", "good.png", "good.mp4", "-o", OUT, "--mode", "full", "--base", "."],
        ["base.json"],
    ),
    "unknown mode": (["animate", "good.png", "good.mp4", "-o", OUT, "--mode", "magic"], ["magic", "flow"]),
    "unknown command": (["paint", "good.png"], ["paint"]),
    "not baked here": (["verify", "good.png"], ["good.png", "no provenance"]),
    "not a baked kind": (["verify", "text.csv"], ["text.csv"]),
    "missing weights": (
        ["detect", "good.png", "--backend", "face-alignment", "--weights", "."],
        ["face-alignment weights", ".pth.tar"],
    ),
}


@pytest.fixture(scope="module")
def outcomes(material: Path) -> dict[str, tuple[int, str, str]]:
    """Every case run once, all in one process, and each checked for what it left on disk."""
    before = sorted(material.rglob("*"))
    commands = []
    for arguments, _ in CASES.values():
        # names are files of the material folder, except for words that belong to the command itself
        commands.append(
            [
                str(material / text)
                if (material / text).exists() or text.startswith((OUT, "none.", "file/"))
                else text
                for text in arguments
            ]
        )
    results = run_several(commands)
    assert sorted(material.rglob("*")) == before, "something was left behind"
    return dict(zip(CASES, results, strict=True))


@pytest.mark.parametrize("case", CASES)
def test_one_clear_line(case: str, outcomes: dict[str, tuple[int, str, str]]) -> None:
    line = the_line(*outcomes[case])
    for word in CASES[case][1]:
        assert word in line, line


def test_two_faces_are_listed_and_the_largest_is_taken(tmp_path: Path) -> None:
    picture, _ = small_portrait()
    small = picture.pixels[::2, ::2]
    both = np.full((picture.size[1], 256 + 160, picture.pixels.shape[2]), 110, np.uint8)
    both[:, 160:] = picture.pixels
    both[40 : 40 + small.shape[0], 16 : 16 + small.shape[1]] = small
    save_picture(tmp_path / "both.png", both)
    done = command_line("detect", tmp_path / "both.png", "--json", "--overlay", tmp_path / "faces.png")
    assert done.returncode == 0, done.stderr
    faces = json.loads(done.stdout)["faces"]
    assert len(faces) == 2 and json.loads(done.stdout)["chosen"] == 0
    assert faces[0]["box"][0] > 160 > faces[1]["box"][2]  # the large one is on the right
    assert load_picture(tmp_path / "faces.png").size == (416, both.shape[0])
    told = command_line("detect", tmp_path / "both.png")
    assert "face 0" in told.stdout and "face 1" in told.stdout
    assert next(line for line in told.stdout.splitlines() if "taken" in line).startswith("  face 0")


def limit_files(size: int) -> None:
    """In the child: writing beyond ``size`` bytes fails, which looks to a program as a full disk does."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def test_a_full_disk_leaves_no_part_of_a_file(tmp_path: Path) -> None:
    run_bake(make_job(tmp_path / "warm", 2))  # compiled code that has to be kept is kept by now
    job = make_job(tmp_path / "job", 4, video=tmp_path / "job" / "film.mp4")
    tight = (tmp_path / "warm" / "frames" / "frame.0002.png").stat().st_size // 2
    done = command_line("bake", tmp_path / "job" / "job.json", preexec_fn=lambda: limit_files(tight))
    line = the_line(done.returncode, done.stdout, done.stderr)
    assert "frame.0001.png" in line and "cannot be written" in line
    assert not job.output.folder.exists()
    assert not [path for path in (tmp_path / "job").iterdir() if path.name.startswith(".")]
    # once there is room, the same command goes on
    done = command_line("bake", tmp_path / "job" / "job.json")
    assert done.returncode == 0, done.stderr


def test_a_disk_that_fills_up_during_the_film_keeps_the_frames(tmp_path: Path) -> None:
    job = make_job(tmp_path, 4)
    run_bake(job)
    replace(job, output=replace(job.output, video=tmp_path / "film.mp4")).save(tmp_path / "job.json")
    done = command_line("bake", tmp_path / "job.json", preexec_fn=lambda: limit_files(4096))
    assert "film.mp4" in the_line(done.returncode, done.stdout, done.stderr)
    assert not [path for path in tmp_path.iterdir() if "film" in path.name]
    assert len(list(job.output.folder.glob("frame.*.png"))) == 4
    done = command_line("bake", tmp_path / "job.json", "--json")
    assert json.loads(done.stdout)["kept"] == 4
    assert (tmp_path / "film.mp4").is_file()


def test_a_bug_is_one_line_and_exit_code_1() -> None:
    script = (
        "import core.commands, core.cli, sys\n"
        "def broken(options, console): raise RuntimeError('two\\nlines')\n"
        "core.commands.presets = broken\n"
        "sys.exit(core.cli.main(['presets', *sys.argv[1:]]))\n"
    )
    runs = []
    for extra in ([], ["--traceback"]):
        done = subprocess.run(
            [sys.executable, "-c", script, *extra],
            cwd=REPO,
            env=environment(),
            text=True,
            capture_output=True,
        )
        assert done.returncode == 1
        runs.append(done.stderr)
    assert runs[0] == "error: internal: RuntimeError: two lines (add --traceback for where it happened)\n"
    assert "Traceback" in runs[1]


def test_a_closed_pipe_is_no_bug() -> None:
    with contextlib.closing(subprocess.Popen(["true"], stdin=subprocess.PIPE).stdin) as pipe:
        done = subprocess.run(
            [sys.executable, "-m", "core", "presets"],
            cwd=REPO,
            env=environment(),
            stdout=pipe,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert "Traceback" not in done.stderr
