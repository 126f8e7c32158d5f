# SPDX-License-Identifier: GPL-3.0-or-later
"""The thin-plate baseline, the plain measures, regions and statistics
against values worked out another way."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from core.errors import InputError

pytest.importorskip("torch")

from tests.benchmarks.floor import main, split_specs
from tests.benchmarks.methods import parse_spec
from tests.benchmarks.metrics import absolute_error, over, region_masks, ssim_map
from tests.benchmarks.report import compare, hard_mean
from tests.benchmarks.shapes import SIZE, picture
from tests.benchmarks.warps import backward_map, thin_plate, warp


def test_thin_plate_meets_its_points_and_keeps_an_affine_map() -> None:
    random = np.random.default_rng(0)
    at = random.uniform(0, 5, (20, 2))
    values = random.normal(size=(20, 2))
    assert thin_plate(at, values, at) == pytest.approx(values, abs=1e-8)
    matrix, shift = np.array([[1.1, -0.2], [0.3, 0.9]]), np.array([2.0, -1.0])
    query = random.uniform(-5, 10, (50, 2))
    for smoothing in (0.0, 3.0):
        assert thin_plate(at, at @ matrix + shift, query, smoothing) == pytest.approx(
            query @ matrix + shift, abs=1e-7
        )


def test_thin_plate_against_scipy() -> None:
    from scipy.interpolate import RBFInterpolator

    random = np.random.default_rng(1)
    at, values, query = (
        random.uniform(0, 3, (30, 2)),
        random.normal(size=(30, 2)),
        random.uniform(0, 3, (40, 2)),
    )
    for smoothing in (0.0, 0.2):
        # scipy's kernel is the same; its smoothing has the other sign convention on the diagonal
        other = RBFInterpolator(at, values, kernel="thin_plate_spline", smoothing=smoothing)(query)
        assert thin_plate(at, values, query, smoothing) == pytest.approx(other, abs=1e-6)


def test_warp_moves_pixels_to_the_landmarks() -> None:
    """Landmarks shifted by whole pixels shift the picture by them; anchored, the border's corners stay."""
    image = picture()
    source = np.random.default_rng(2).uniform(10, 50, (30, 2))
    moved = warp(image, backward_map(source, source + (3, -2), (SIZE, SIZE)))
    assert np.abs(moved[5:-5, 5:-5].astype(int) - np.roll(image, (-2, 3), (0, 1))[5:-5, 5:-5]).max() <= 1
    pinned = backward_map(source, source + (3, -2), (SIZE, SIZE), anchors="corners")
    still = np.stack(np.meshgrid(np.arange(SIZE), np.arange(SIZE)), -1)
    offset = np.abs(pinned - still)
    assert offset[0, 0].max() < 0.2
    assert offset[30, 30] == pytest.approx((3, 2), abs=0.6)


def test_ssim_against_known_values() -> None:
    image = picture()
    assert ssim_map(image, image) == pytest.approx(1.0, abs=1e-6)
    # two flat pictures: the structure term is one, the luminance term is left
    dark, light = np.full((SIZE, SIZE, 3), 60, np.uint8), np.full((SIZE, SIZE, 3), 90, np.uint8)
    c1 = (0.01 * 255) ** 2
    assert ssim_map(dark, light) == pytest.approx((2 * 60 * 90 + c1) / (60**2 + 90**2 + c1), abs=1e-5)
    assert over(absolute_error(dark, light), None) == pytest.approx(30 / 255)


def test_regions_lie_where_the_face_is() -> None:
    points = np.zeros((68, 2))
    angle = np.linspace(0, np.pi, 17)
    points[:17] = np.column_stack([100 - 50 * np.cos(angle), 90 + 60 * np.sin(angle)])
    points[17:27] = np.column_stack([np.linspace(60, 140, 10), np.full(10, 75)])
    points[27:36] = np.column_stack([np.full(9, 100), np.linspace(85, 115, 9)])
    points[36:42] = [[65, 88], [70, 85], [78, 85], [83, 88], [78, 91], [70, 91]]
    points[42:48] = [[117, 88], [122, 85], [130, 85], [135, 88], [130, 91], [122, 91]]
    points[48:] = np.column_stack([100 + 20 * np.cos(np.arange(20)), 130 + 7 * np.sin(np.arange(20))])
    masks = region_masks(points, (200, 200))
    assert masks["face"][45, 100] == 1  # forehead, above the brows
    assert masks["face"][10, 100] == masks["face"][190, 100] == masks["face"][100, 20] == 0
    assert masks["eyes"][88, 74] == masks["eyes"][88, 126] == 1
    assert masks["eyes"][88, 100] == 0
    assert masks["mouth"][130, 100] == 1
    assert masks["mouth"][88, 74] == 0


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


def test_method_specs() -> None:
    assert split_specs("static,tps:anchors=none,smoothing=0.1,flow") == [
        "static",
        "tps:anchors=none,smoothing=0.1",
        "flow",
    ]
    assert parse_spec("tps:anchors=none,smoothing=0.1")[1] == {"anchors": "none", "smoothing": "0.1"}
    with pytest.raises(InputError, match="nonsense"):
        parse_spec("nonsense")


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
