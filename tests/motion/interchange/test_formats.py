# SPDX-License-Identifier: GPL-3.0-or-later
"""Formats are told apart by what is in a file, not by its name."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from core import cli, presets
from core.errors import InputError, OutputError
from core.landmarks.track import LandmarkTrack
from core.motion.curves import ExpressionCurves
from core.motion.interchange.formats import TARGETS, read_performance, write_performance
from core.motion.solve import play_curves


@pytest.fixture(scope="module")
def wink() -> ExpressionCurves:
    return presets.load_performance("wink", Fraction(10))


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", ["a.csv", "a.txt", "a"])
def test_what_is_written_is_known_again_under_any_name(
    tmp_path: Path, wink: ExpressionCurves, target: str, name: str
) -> None:
    assert write_performance(wink, tmp_path / "w.csv", target) == target
    # a track is read by its own reader, which knows it by its suffix
    path = (tmp_path / "w.csv").rename(tmp_path / (name if target != "track" else "a.csv"))
    again = read_performance(path)
    kind = LandmarkTrack if target in ("track", "openface") else ExpressionCurves
    assert isinstance(again, kind)
    assert len(again) == len(wink)
    assert np.abs(again.times - wink.times).max() < 1e-5


def test_landmarks_become_curves_and_curves_landmarks(tmp_path: Path, wink: ExpressionCurves) -> None:
    track = play_curves(wink)
    assert write_performance(track, tmp_path / "a.npz") == "track"
    assert np.array_equal(LandmarkTrack.load(tmp_path / "a.npz").points, track.points)
    assert write_performance(wink, tmp_path / "b.npz") == "curves"
    assert np.array_equal(ExpressionCurves.load(tmp_path / "b.npz").expression, wink.expression)
    write_performance(track, tmp_path / "c.csv", "live-link")
    solved = read_performance(tmp_path / "c.csv")
    assert isinstance(solved, ExpressionCurves)
    assert np.abs(solved.curve("eyeBlinkLeft") - wink.curve("eyeBlinkLeft")).max() < 0.25
    assert wink.curve("eyeBlinkLeft").max() + wink.curve("eyeBlinkRight").max() > 0.9


@pytest.mark.parametrize(
    "content", ["", "\n\n", "a,b\n1,2\n", "time,price\n0,1\n", "<html></html>", "\x00\x01", "#\n#\n"]
)
def test_anything_else_is_told_in_one_line(tmp_path: Path, content: str) -> None:
    (tmp_path / "odd.csv").write_text(content)
    with pytest.raises(InputError) as caught:
        read_performance(tmp_path / "odd.csv")
    assert "odd.csv" in str(caught.value) and "\n" not in str(caught.value)


def test_no_file_and_no_text_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_performance(tmp_path / "none.csv")
    (tmp_path / "b.csv").write_bytes(b"\xff\xfe\x80")
    with pytest.raises(InputError, match="cannot be read"):
        read_performance(tmp_path / "b.csv")


def test_wrong_names_for_a_format_are_told(tmp_path: Path, wink: ExpressionCurves) -> None:
    for name, target in (
        ("a.npz", "live-link"),
        ("a.npz", "openface"),
        ("a.bvh", "curves"),
        ("a.csv", "fbx"),
    ):
        with pytest.raises(InputError):
            write_performance(wink, tmp_path / name, target)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError):
        write_performance(wink, tmp_path / "file" / "a.csv", "live-link")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_the_command_line_knows_the_same_formats() -> None:
    assert cli.PERFORMANCE_FORMATS == TARGETS
