# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole command on two short clips, and what bad input gives."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("torch")

from core.errors import Cancelled, InputError, TableauError, WeightsError
from core.training.evaluation.command import EvaluateOptions, add_arguments, run


def _options(*arguments: str) -> EvaluateOptions:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return EvaluateOptions.parsed(parser.parse_args(list(arguments)))


def _quiet(done: int, total: int, text: str) -> None:
    assert 0 <= done <= total


def test_options_have_their_defaults() -> None:
    assert _options("clips", "-o", "out") == EvaluateOptions(Path("clips"), Path("out"))


def test_bad_input_is_one_line(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    (tmp_path / "clip_00.mp4").touch()
    here, out = str(tmp_path), str(tmp_path / "out")
    for arguments, said in (
        ([str(empty)], r"holds no \*\.mp4"),
        ([str(tmp_path / "nowhere")], "no folder"),
        ([here, "--shots", "1,eight"], "--shots 1,eight"),
        ([here, "--shots", "0,8"], "--shots"),
        ([here, "--shots", "8,8"], "--shots"),
        ([here, "--frames", "0"], "--frames"),
        ([here, "--methods", "magic"], "magic: no such method"),
        ([here, "--only", "person"], "has no clip person"),
        ([here, "--methods", "static", "--weights", str(tmp_path / "none.safetensors")], "none.safetensors"),
        ([here, "--methods", "static", "--judges", str(empty)], "npm pack"),
        ([here, "--methods", "full", "--base", str(empty)], "holds no generator weights"),
    ):
        with pytest.raises(TableauError, match=said) as caught:
            run(_options(*arguments, "-o", out), _quiet)
        assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="is a file"):
        run(_options(here, "-o", str(tmp_path / "clip_00.mp4")), _quiet)
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_clips_without_a_face_are_skipped_and_told(clips: Path, tmp_path: Path) -> None:
    only = (
        "--methods",
        "static",
        "--frames",
        "2",
        "--cache",
        str(tmp_path / "cache"),
        "-o",
        str(tmp_path / "out"),
    )
    with pytest.raises(InputError, match=r"none of its clips can be used: .*blank\.mp4"):
        run(_options(str(clips), "--only", "blank", *only), _quiet)
    result = run(_options(str(clips), "--only", "blank,a_00", *only), _quiet)
    assert result["clips"] == 1 and set(result["skipped"]) == {"blank"}
    assert "blank" in (tmp_path / "out" / "report.md").read_text("utf-8")


@pytest.mark.slow
def test_a_run_over_two_clips(clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TABLEAU_SHARED", str(tmp_path))  # no LPIPS: the stand-in is quick
    monkeypatch.delenv("TABLEAU_LPIPS", raising=False)
    monkeypatch.delenv("TABLEAU_JUDGES", raising=False)
    out = tmp_path / "out"
    options = _options(
        *(
            str(clips),
            "-o",
            str(out),
            "--only",
            "a_00,b_00",
            "--shots",
            "1,4",
            "--frames",
            "3",
            "--pairs",
            "1",
        ),
        *("--methods", "static,aligned,tps,nearest-tps,flow", "--cache", str(tmp_path / "cache")),
    )
    result = run(options, _quiet)
    report = json.loads((out / "report.json").read_text("utf-8"))
    assert report["schema"] == "tableau-vivant/evaluation-1"
    assert report["settings"]["headline"] == result["headline"] == "pdist_face"
    assert {"LPIPS", "identity", "landmarks"} <= set(report["not_measured"])
    assert [clip["name"] for clip in report["clips"]] == ["a_00", "b_00"]
    clip = report["clips"][0]
    assert clip["shots"] == {"1": [0], "4": [0, 2, 5, 7]} and min(clip["frames"]) >= 8
    assert list(clip["scores"]["1"]) == ["static", "aligned", "tps", "flow"]
    assert list(clip["scores"]["4"]) == ["static", "aligned", "tps", "nearest-tps", "flow"]
    assert len(clip["scores"]["1"]["flow"]["l1_mouth"]) == 3
    assert len(clip["scores"]["1"]["flow"]["flicker"]) == 1
    mean = {name: figures["l1_face"]["mean"] for name, figures in report["summary"]["1"].items()}
    # the clips were made by the flow itself
    assert mean["flow"] < mean["tps"] < mean["static"]
    assert report["comparisons"]["1"]["flow"]["tps"]["l1_face"]["wins"] == 2
    page = (out / "report.md").read_text("utf-8")
    for name in ("methods-1.png", "methods-4.png", "strip-1.png", "clips-4.png", "movement.png"):
        assert name in page
        assert cv2.imread(str(out / name)) is not None
    strip = cv2.imread(str(out / "strip-1.png"))
    assert strip.shape == (3 * 228, 6 * 224, 3)  # shot, film and four methods; best, median, worst

    # fixed methods are not scored again
    def scored(*_: object, **__: object) -> None:
        raise AssertionError("scores were not kept")

    monkeypatch.setattr("core.training.evaluation.run.score_distance", scored)
    again = run(
        _options(
            str(clips),
            "-o",
            str(out),
            "--only",
            "a_00,b_00",
            "--shots",
            "1,4",
            "--frames",
            "3",
            "--pairs",
            "1",
            "--methods",
            "static,tps",
            "--cache",
            str(tmp_path / "cache"),
        ),
        _quiet,
    )
    assert again["summary"]["1"]["tps"] == result["summary"]["1"]["tps"]


@pytest.mark.slow
def test_cancelled_runs_write_nothing(clips: Path, tmp_path: Path) -> None:
    options = _options(str(clips), "-o", str(tmp_path / "out"), "--only", "a_00", "--cache", str(tmp_path))
    with pytest.raises(Cancelled):
        run(options, _quiet, lambda: True)
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_generated_methods_and_controls(clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An untrained generator corrects nothing: ``full`` is the flow; and the controls run."""
    import torch

    from core.generator.config import GeneratorConfig
    from core.generator.discriminator import Discriminator
    from core.generator.embedder import Embedder, Projection
    from core.generator.generator import Generator
    from core.generator.weights import save_base

    monkeypatch.setenv("TABLEAU_SHARED", str(tmp_path))
    monkeypatch.delenv("TABLEAU_LPIPS", raising=False)
    torch.manual_seed(0)
    config = GeneratorConfig(
        size=64, embedding=16, generator=(8, 8, 8, 8, 8), middle=1, embedder=(8, 8), discriminator=(8, 8)
    )
    networks = Embedder(config), Projection(config), Generator(config), Discriminator(config, 1)
    save_base(tmp_path / "base", config, *networks, {})
    options = _options(
        *(str(clips), "-o", str(tmp_path / "out"), "--only", "a_00,b_00", "--shots", "1", "--frames", "2"),
        *("--pairs", "0", "--methods", "flow,neural,full", "--base", str(tmp_path / "base"), "--controls"),
        *("--cache", str(tmp_path / "cache"), "--device", "cpu"),
    )
    run(options, _quiet)
    report = json.loads((tmp_path / "out" / "report.json").read_text("utf-8"))
    assert "full" not in report["not_measured"]
    means = {name: figures["l1_face"]["mean"] for name, figures in report["summary"]["1"].items()}
    assert means["full"] == pytest.approx(means["flow"], abs=2e-3) and means["neural"] > 2 * means["flow"]
    controls = report["controls"]
    assert set(controls) == {"neural", "full"}
    assert controls["full"]["psnr"]["least"] > 30
    assert {"plain", "raster", "embedding", "zero"} <= set(controls["neural"])
    assert np.isfinite(controls["neural"]["zero"]["distance"])
    with pytest.raises(WeightsError):
        run(_options(str(clips), "-o", str(tmp_path), "--base", str(tmp_path / "none")), _quiet)
