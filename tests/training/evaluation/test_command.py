# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole command on two short clips, and what bad input gives."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import cv2
import pytest

pytest.importorskip("torch")

from core.errors import Cancelled, InputError, TableauError
from core.training.evaluation.command import EvaluateOptions, add_arguments, run
from core.training.evaluation.settings import Settings


def _options(clips: Path, output: Path, **named: object) -> EvaluateOptions:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    arguments = [str(clips), "-o", str(output)]
    named = {"threads": 1, **named}
    for name, value in named.items():
        arguments += [f"--{name}"] if value is True else [f"--{name}", str(value)]
    return EvaluateOptions.parsed(parser.parse_args(arguments))


def _quiet(done: int, total: int, text: str) -> None:
    assert 0 <= done <= total


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder, in a world without LPIPS (its stand-in is quick) and judges."""
    monkeypatch.setenv("TABLEAU_SHARED", str(tmp_path))
    monkeypatch.delenv("TABLEAU_LPIPS", raising=False)
    monkeypatch.delenv("TABLEAU_JUDGES", raising=False)
    return tmp_path


def test_options_have_their_defaults() -> None:
    clips, out = Path("clips"), Path("out")
    assert _options(clips, out) == EvaluateOptions(Settings(clips, threads=1), out)
    given = _options(clips, out, shots="1,8", only="a,b", controls=True).settings
    assert (given.shots, given.only, given.controls) == ((1, 8), ("a", "b"), True)


def test_bad_input_is_one_line(bare: Path) -> None:
    empty, out = bare / "empty", bare / "out"
    empty.mkdir()
    (bare / "clip_00.mp4").touch()
    static = {"methods": "static"}
    for clips, named, said in (
        (empty, {}, r"holds no \*\.mp4"),
        (bare / "nowhere", {}, "no folder"),
        (bare, {"shots": "1,eight"}, "--shots 1,eight"),
        (bare, {"shots": "0,8"}, "--shots"),
        (bare, {"shots": "8,8"}, "--shots"),
        (bare, {"frames": 0}, "--frames"),
        (bare, {"methods": "magic"}, "magic: no such method"),
        (bare, {"only": "person"}, "has no clip person"),
        (bare, {**static, "weights": bare / "none.safetensors"}, r"none\.safetensors"),
        (bare, {**static, "judges": empty}, "npm pack"),
        (bare, {"methods": "full", "base": empty}, "holds no generator weights"),
    ):
        with pytest.raises(TableauError, match=said) as caught:
            run(_options(clips, out, **named), _quiet)
        assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="is a file"):
        run(_options(bare, bare / "clip_00.mp4"), _quiet)
    assert not out.exists()


@pytest.mark.slow
def test_clips_without_a_face_are_skipped_and_told(clips: Path, bare: Path) -> None:
    out, few = bare / "out", {"methods": "static", "frames": 2, "cache": bare / "cache"}
    with pytest.raises(InputError, match=r"none of its clips can be used: .*blank\.mp4"):
        run(_options(clips, out, only="blank", **few), _quiet)
    result = run(_options(clips, out, only="blank,a_00", **few), _quiet)
    assert result["clips"] == 1 and set(result["skipped"]) == {"blank"}
    assert "blank" in (out / "report.md").read_text("utf-8")


@pytest.mark.slow
def test_a_run_over_two_clips(clips: Path, bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = bare / "out"
    same = {"only": "a_00,b_00", "shots": "1,4", "frames": 3, "pairs": 1, "cache": bare / "cache"}
    result = run(_options(clips, out, methods="static,aligned,tps,nearest-tps,flow", **same), _quiet)
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
    again = run(_options(clips, out, methods="static,tps", **same), _quiet)
    assert again["summary"]["1"]["tps"] == result["summary"]["1"]["tps"]


@pytest.mark.slow
def test_cancelled_runs_write_nothing(clips: Path, bare: Path) -> None:
    with pytest.raises(Cancelled):
        run(_options(clips, bare / "out", only="a_00", cache=bare / "cache"), _quiet, lambda: True)
    assert not (bare / "out").exists()


@pytest.mark.slow
def test_generated_methods_and_controls(clips: Path, bare: Path) -> None:
    """An untrained generator corrects nothing: ``full`` is the flow; and the controls run."""
    import torch

    from core.generator.discriminator import Discriminator
    from core.generator.embedder import Embedder, Projection
    from core.generator.generator import Generator
    from core.generator.weights import save_base
    from tests.generator.networks import TINY

    torch.manual_seed(0)
    networks = Embedder(TINY), Projection(TINY), Generator(TINY), Discriminator(TINY, 1)
    save_base(bare / "base", TINY, *networks, {})
    named = {"only": "a_00,b_00", "frames": 1, "pairs": 0, "cache": bare / "cache", "device": "cpu"}
    run(
        _options(clips, bare / "out", methods="flow,full", base=bare / "base", controls=True, **named),
        _quiet,
    )
    report = json.loads((bare / "out" / "report.json").read_text("utf-8"))
    assert "full" not in report["not_measured"]
    means = {name: figures["l1_face"]["mean"] for name, figures in report["summary"]["1"].items()}
    assert means["full"] == pytest.approx(means["flow"], abs=2e-3)
    controls = report["controls"]
    assert set(controls) == {"neural", "full"}
    assert controls["full"]["psnr"]["least"] > 30
    assert {"plain", "raster", "embedding", "zero"} <= set(controls["neural"])
    assert controls["neural"]["plain"]["distance"] > 2 * controls["full"]["plain"]["distance"]
