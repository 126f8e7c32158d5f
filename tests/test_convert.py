# SPDX-License-Identifier: GPL-3.0-or-later
"""Performances from one program to another: the command, the worker's method, and onto a portrait."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from core import cli, methods, presets
from core.animate import find_source, load_motion, load_performance, make_target
from core.landmarks.track import LandmarkTrack
from core.media.picture import save_picture
from core.media.video import VideoWriter
from core.motion.curves import ExpressionCurves
from core.motion.features import eye_distance
from core.motion.interchange.formats import write_performance

from .bakes import command_line, small_portrait


def distance(a: LandmarkTrack, b: LandmarkTrack) -> float:
    """Largest distance of corresponding landmarks and irises, in eye distances."""
    points = np.linalg.norm(a.points[..., :2] - b.points[..., :2], axis=-1).max()
    irises = np.linalg.norm(a.irises - b.irises, axis=-1).max()
    return float(max(points, irises) / eye_distance(b.points).min())


@pytest.mark.parametrize("name", ["talk", "look_around", "wink", "laugh"])
def test_a_preset_through_live_link_is_the_same_on_a_portrait(tmp_path: Path, name: str) -> None:
    picture, face = small_portrait()
    curves = presets.load_performance(name)
    write_performance(curves, tmp_path / "take.csv", "live-link")
    shown = make_target(load_motion(tmp_path / "take.csv"), face, picture.size)
    assert shown.rate == 25
    # what the format does not carry is the head's place; everything else is there
    still = replace(curves, translation=np.zeros_like(curves.translation))
    assert distance(shown, make_target(still, face, picture.size)) < 1e-4
    assert distance(shown, make_target(curves, face, picture.size)) < 0.04


def test_a_preset_through_a_table_of_curves_is_the_same_on_a_portrait(tmp_path: Path) -> None:
    picture, face = small_portrait()
    curves = presets.load_performance("greeting")
    write_performance(curves, tmp_path / "take.csv", "curves")
    shown = make_target(load_motion(tmp_path / "take.csv"), face, picture.size)
    assert distance(shown, make_target(curves, face, picture.size)) < 1e-5


def test_dropped_frames_are_bridged_on_a_portrait(tmp_path: Path) -> None:
    picture, face = small_portrait()
    curves = presets.load_performance("talk", Fraction(60000, 1001))
    write_performance(curves, tmp_path / "take.csv", "live-link")
    lines = (tmp_path / "take.csv").read_text().splitlines()
    for row in (90, 91):
        lines[row] = lines[row].split(",")[0] + ",0"
    del lines[200:203]
    (tmp_path / "take.csv").write_text("\n".join(lines))
    source = find_source(str(tmp_path / "take.csv"))
    assert source.kind == "track"
    motion, what = load_performance(source)
    assert motion.valid.all() and f"{len(curves) - 3} frames" in what
    shown = make_target(motion, face, picture.size)
    assert shown.rate == Fraction(60000, 1001) and len(shown) == len(curves)
    still = replace(
        curves, translation=np.zeros_like(curves.translation), meta={**curves.meta, "loop": False}
    )
    assert distance(shown, make_target(still, face, picture.size)) < 0.01
    lost, _ = load_performance(source, gaps="leave")
    assert np.count_nonzero(~lost.valid) == 2


def test_the_worker_converts(tmp_path: Path) -> None:
    done = methods.run(
        "convert",
        {"source": "blink", "output": str(tmp_path / "b.csv"), "to": "live-link"},
        lambda *_: None,
        lambda: False,
    )
    assert (done["format"], done["kind"], done["lost"], done["rate"]) == ("live-link", "curves", 0, "25")
    assert done["frames"] == presets.preset_info("blink").frames
    back = methods.run(
        "convert",
        {"source": done["output"], "output": str(tmp_path / "b.npz")},
        lambda *_: None,
        lambda: False,
    )
    assert back["format"] == "curves"
    assert len(ExpressionCurves.load(tmp_path / "b.npz")) == done["frames"]


@pytest.mark.slow
def test_the_command_converts_and_animates_what_it_wrote(tmp_path: Path) -> None:
    picture, _ = small_portrait()
    save_picture(tmp_path / "portrait.png", picture.pixels)
    done = command_line("convert", "wink", tmp_path / "wink.csv", "--to", "live-link", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["format"] == "live-link"
    out = tmp_path / "out"
    arguments = ["-o", out, "--frames", "1-2", "--mode", "flow", "--backend", "mediapipe"]
    shown = command_line("animate", tmp_path / "portrait.png", tmp_path / "wink.csv", *arguments)
    assert shown.returncode == 0, shown.stderr
    assert len(list((out / "frames").glob("*.png"))) == 2
    target = LandmarkTrack.load(out / "target.npz")
    wanted = make_target(presets.load_performance("wink"), small_portrait()[1], picture.size)
    assert distance(target, wanted) < 0.03


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("none.csv", "out.csv"), "no such file"),
        (("winkk", "out.csv"), "did you mean wink"),
        (("wink", "out.bvh"), ".csv or .npz"),
        (("wink", "out.npz", "--to", "live-link"), "live-link"),
        (("odd.csv", "out.csv"), "odd.csv"),
        (("wink", "out.csv", "--to", "fbx"), "invalid choice"),
        (("take.csv", "take.csv"), "another name"),
        (("take.csv", "out.csv", "--fps", "fast"), "frame rate"),
    ],
)
def test_what_cannot_be_converted_is_told_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str
) -> None:
    (tmp_path / "odd.csv").write_text("a,b\n1,2\n")
    write_performance(presets.load_performance("wink", Fraction(5)), tmp_path / "take.csv", "live-link")
    named = [str(tmp_path / a) if a.endswith((".csv", ".npz", ".bvh")) else a for a in arguments]
    try:
        code: object = cli.main(["convert", *named])
    except SystemExit as left:  # what the parser itself refuses
        code = left.code
    told = capsys.readouterr().err
    assert code == 2
    assert told.count("\n") == 1 and words in told
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.slow
def test_a_video_becomes_a_live_link_take(tmp_path: Path) -> None:
    picture, _ = small_portrait()
    with VideoWriter(tmp_path / "take.mp4", (256, 256), Fraction(25)) as writer:
        for shift in range(8):
            writer.write(np.roll(picture.pixels[:256, :256, :3], shift, axis=1))
    done = command_line(
        "convert", tmp_path / "take.mp4", tmp_path / "take.csv", "--to", "live-link", "--json"
    )
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert (facts["kind"], facts["frames"], facts["lost"]) == ("landmarks", 8, 0)
    curves = load_motion(tmp_path / "take.csv")
    assert isinstance(curves, ExpressionCurves)
    assert curves.valid.all() and curves.rate == 25
