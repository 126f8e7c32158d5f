# SPDX-License-Identifier: GPL-3.0-or-later
"""The floor on a real clip, its comparisons, and what bad input gives."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("torch")

from tests.benchmarks.floor import main
from tests.benchmarks.report import compare, hard_mean


def _run(first: list[float], second: list[float], people: list[str]) -> dict:
    clips = [
        {
            "name": f"{p}_{i}",
            "person": p,
            "movement": [0.1 * i],
            "scores": {"a": {"lpips_64": [x]}, "b": {"lpips_64": [y]}},
        }
        for i, (x, y, p) in enumerate(zip(first, second, people, strict=True))
    ]
    return {"settings": {"seed": 0}, "clips": clips}


def test_paired_comparison() -> None:
    run = _run([0.1, 0.2, 0.3, 0.4], [0.2, 0.3, 0.4, 0.3], ["p", "p", "q", "r"])
    pair = compare(run, "a", "b", "lpips_64")
    assert (pair["wins"], pair["clips"]) == (3, 4)
    assert pair["mean"] == pytest.approx(-0.05)
    assert pair["low"] == pytest.approx(-0.1)  # a draw without person r
    assert pair["high"] > 0
    assert hard_mean(run, "a", "lpips_64") == pytest.approx(0.4)


@pytest.mark.slow
def test_the_whole_line_on_a_real_clip(
    shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tracked, warped, scored, reported; a warp of the true landmarks
    beats the still face, and scores are kept."""
    weights = shared / "weights" / "lpips_vgg16.safetensors"
    if not weights.is_file():
        pytest.skip("no LPIPS weights")
    command = [str(shared / "data" / "clips" / "dev"), "--only", "person010_01", "--weights", str(weights)]
    command += [
        "--methods",
        "static,tps,tps:anchors=none",
        "--baselines",
        "tps",
        "--frames",
        "3",
        "--sizes",
        "96",
    ]
    command += ["--cache", str(tmp_path / "cache"), "--report", str(tmp_path / "page.md"), "--json", "-"]
    assert main([*command, "-o", str(tmp_path / "out")]) == 0
    run = json.loads(capsys.readouterr().out)
    (clip,) = run["clips"]
    assert len(clip["frames"]) == 3
    assert min(clip["frames"]) >= 60  # of 125
    for name in ("lpips_face_96", "l1_face"):
        assert np.mean(clip["scores"]["tps"][name]) < 0.8 * np.mean(clip["scores"]["static"][name])
    assert run["summary"]["comparisons"]["static"]["tps"]["lpips_face_96"]["wins"] == 0
    assert "| person010_01 |" in (tmp_path / "page.md").read_text("utf-8")
    strip = cv2.imread(str(tmp_path / "out" / "person010_01.png"))
    assert strip.shape == (4 * 256, 5 * 256, 3)

    # all three methods are decided by this folder: a second run scores nothing
    def scored(*_: object) -> None:
        raise AssertionError("scores were not kept")

    monkeypatch.setattr("tests.benchmarks.floor.score", scored)
    assert main(command) == 0
    assert json.loads(capsys.readouterr().out)["clips"][0]["scores"] == clip["scores"]


def test_bad_input_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    full = tmp_path / "clips"
    full.mkdir()
    (full / "person000_00.mp4").write_bytes(b"")
    for arguments, said in (
        ([str(tmp_path)], "holds no *.mp4"),
        ([str(tmp_path), "--methods", "magic", "--baselines", "magic"], "no such method"),
        ([str(tmp_path), "--methods", "static"], "not among --methods"),
        ([str(tmp_path), "--sizes", "big"], "--sizes"),
        ([str(full), "--only", "person001_00"], "has no clip person001_00"),
        ([str(full), "--weights", str(tmp_path / "none")], "no LPIPS weights"),
    ):
        assert main(arguments) == 2
        error = capsys.readouterr().err.strip()
        assert said in error
        assert "\n" not in error
