# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line as people and programs use it, in processes of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from core import cli
from core.landmarks import backends, gaps, video
from core.landmarks.track import LandmarkTrack
from core.media.picture import load_picture, save_picture
from core.media.video import VideoWriter, probe, read_frames
from core.motion import filters

from .bakes import REPO, command_line, environment, make_job, motion, small_portrait

HELP = """
import atexit, sys
heavy = ("numpy", "torch", "cv2", "av", "mediapipe")
atexit.register(lambda: print("loaded:", [name for name in heavy if name in sys.modules]))
from core.cli import main
main(sys.argv[1:])
"""
COMMANDS = ("detect", "animate", "convert", "bake", "farm", "presets", "check", "verify")


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli")
    picture, _ = small_portrait()
    save_picture(folder / "portrait.png", picture.pixels)
    motion(6).save(folder / "take.npz")
    motion(6).save(folder / "take.csv")
    with VideoWriter(folder / "take.mp4", (256, 256), Fraction(24000, 1001)) as writer:
        for shift in range(8):
            writer.write(np.roll(picture.pixels[:256, :256, :3], shift, axis=1))
    return folder


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_has_examples_and_loads_nothing_heavy(command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", HELP, *command.split(), "--help"],
        cwd=REPO,
        env=environment(),
        text=True,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.rstrip().endswith("loaded: []")
    if command:
        assert f"examples:\n  python -m core {command}" in done.stdout
    else:
        assert all(name in done.stdout for name in COMMANDS)


def test_choices_are_those_of_the_engine() -> None:
    from core.farm import CHUNK
    from core.job import FORMATS, MODES

    assert FORMATS == cli.FRAME_FORMATS
    assert CHUNK == cli.CHUNK
    assert backends.BACKENDS == cli.BACKENDS
    assert gaps.METHODS == cli.GAPS
    assert video.CUTS == cli.CUTS
    assert MODES == cli.MODES
    assert ("auto", "none", *filters.STRENGTHS) == cli.SMOOTH


def test_detect_writes_track_and_overlay(material: Path, tmp_path: Path) -> None:
    done = command_line(
        "detect",
        material / "portrait.png",
        "-o",
        tmp_path / "face.csv",
        "--overlay",
        tmp_path / "face.png",
        "--backend",
        "mediapipe",
        "--json",
    )
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)
    track = LandmarkTrack.load(data["track"])
    assert len(track) == 1 and track.valid.all()
    x0, y0, x1, y1 = data["faces"][0]["box"]
    assert x0 - 1 <= track.points[0, :, 0].min() and track.points[0, :, 1].max() <= y1 + 1
    drawn, plain = load_picture(tmp_path / "face.png").pixels, load_picture(material / "portrait.png").pixels
    where = np.argwhere((drawn[..., :3] != plain[..., :3]).any(axis=2))
    assert len(where) > 200
    assert (
        where[:, 1].min() > x0 - 8
        and where[:, 1].max() < x1 + 8
        and y0 - 8 < where[:, 0].min() <= where[:, 0].max() < y1 + 8
    )


def test_detect_follows_a_video(material: Path, tmp_path: Path) -> None:
    done = command_line(
        "detect",
        material / "take.mp4",
        "-o",
        tmp_path / "t.npz",
        "--overlay",
        tmp_path / "t.mp4",
        "--backend",
        "mediapipe",
        "--json",
    )
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)
    assert (data["frames"], data["lost"], data["rate"]) == (8, 0, "24000/1001")
    moved = LandmarkTrack.load(tmp_path / "t.npz").points[:, 30, 0]
    assert 5 < moved[-1] - moved[0] < 9  # the picture was moved by 7 px
    assert len(list(read_frames(tmp_path / "t.mp4"))) == 8


def test_animate_into_a_folder_and_again(material: Path, tmp_path: Path) -> None:
    arguments = ["animate", material / "portrait.png", material / "take.npz", "-o", tmp_path / "out"]
    arguments += ["--reference", "first", "--json", "--backend", "mediapipe"]
    first = command_line(*arguments)
    assert first.returncode == 0, first.stderr
    data = json.loads(first.stdout)
    out = tmp_path / "out"
    assert {path.name for path in out.iterdir()} == {
        "face.npz",
        "film.mp4",
        "frames",
        "job.json",
        "manifest.json",
        "sheet.png",
        "target.npz",
    }
    assert len(list((out / "frames").iterdir())) == data["frames"] == 6
    assert (data["written"], data["kept"]) == (6, 0)
    assert "100%" in first.stderr and "portrait: " in first.stderr
    assert probe(out / "film.mp4").rate == 25
    second = json.loads(command_line(*arguments).stdout)
    assert (second["written"], second["kept"]) == (0, 6)
    one = json.loads(command_line(*arguments, "--gain", "jaw=2", "--frames", "6").stdout)
    assert (one["frames"], one["written"]) == (1, 1)
    baked = json.loads(command_line("bake", out / "job.json", "--json").stdout)
    assert baked["missing"] == 0 and baked["frames"] == 6
    verified = command_line("verify", out / "manifest.json")
    assert verified.returncode == 0, verified.stderr
    assert "compositeWithTrainedAlgorithmicMedia" in verified.stdout and "8 of 8 files" in verified.stdout


@pytest.mark.slow
def test_animate_into_smaller_layered_frames(material: Path, tmp_path: Path) -> None:
    arguments = ["animate", material / "portrait.png", material / "take.npz", "--mode", "flow"]
    arguments += ["--backend", "mediapipe", "--layers", "--size", "0.5"]
    done = command_line(*arguments, "-o", tmp_path / "out", "--frames", "2-3", "--json")
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "out" / "frames").iterdir())) == 7
    assert load_picture(tmp_path / "out" / "frames" / "frame.sitter.0002.png").size[0] == 128
    film = command_line(*arguments, "-o", tmp_path / "film.mp4")
    assert film.returncode == 2 and "--layers are about frames" in film.stderr
    large = command_line(*arguments[:-1], "300", "-o", tmp_path / "large")
    assert large.returncode == 2 and '"output.size" is 300' in large.stderr
    assert not (tmp_path / "large").exists()


def test_animate_into_a_film_keeps_no_pictures(material: Path, tmp_path: Path) -> None:
    done = command_line(
        "animate",
        material / "portrait.png",
        material / "take.csv",
        "-o",
        tmp_path / "film.mp4",
        "--fps",
        "29.97",
        "--frames",
        "2-5",
        "--sheet",
        "--backend",
        "mediapipe",
        "--json",
    )
    assert done.returncode == 0, done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"film.mp4", "film.png"}
    assert probe(tmp_path / "film.mp4").rate == Fraction(30000, 1001)
    assert len(list(read_frames(tmp_path / "film.mp4"))) == json.loads(done.stdout)["frames"] == 4
    assert command_line("verify", tmp_path / "film.mp4").returncode == 0


@pytest.mark.slow
def test_animate_with_a_preset_and_a_video(material: Path, tmp_path: Path) -> None:
    presets = json.loads(command_line("presets", "--json").stdout)["presets"]
    assert len(presets) >= 8
    name = min(presets, key=lambda preset: preset["seconds"])["name"]
    (tmp_path / "slow.toml").write_text('[[segment]]\nkind = "play"\nspeed = 0.5\n')
    for performance, extra in (
        (name, ["--fps", "6"]),
        (material / "take.mp4", ["--retime", tmp_path / "slow.toml", "--smooth", "light"]),
    ):
        out = tmp_path / Path(performance).name
        done = command_line(
            "animate", material / "portrait.png", performance, "-o", out.with_suffix(".mov"), *extra
        )
        assert done.returncode == 0, done.stderr
        assert "frames" in done.stdout
    assert len(list(read_frames(tmp_path / "take.mov"))) == 16
    assert probe(tmp_path / "take.mov").rate == Fraction(24000, 1001)


def test_presets_are_listed_and_shown() -> None:
    listed = command_line("presets")
    assert listed.returncode == 0, listed.stderr
    lines = listed.stdout.splitlines()
    assert len(lines) >= 8
    assert all(" loops " in line or " once " in line for line in lines)
    shown = command_line("presets", "show", lines[0].split()[0], "--json")
    assert json.loads(shown.stdout)["name"] == lines[0].split()[0]


def test_verify_finds_what_was_changed(tmp_path: Path) -> None:
    job = make_job(tmp_path, 2)
    assert command_line("bake", tmp_path / "job.json").returncode == 0
    frame = job.output.frame_path(2)
    told = command_line("verify", frame, "--json")
    assert json.loads(told.stdout)["checks"] == {str(frame): "ok"}
    assert json.loads(told.stdout)["provenance"]["source"] == "portrait.png"
    frame.write_bytes(job.output.frame_path(1).read_bytes())
    for file in (frame, job.output.manifest_path):
        told = command_line("verify", file)
        assert told.returncode == 2
        assert f"changed: {frame}" in told.stdout
        assert "not as they were baked" in told.stderr
