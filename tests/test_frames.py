# SPDX-License-Identifier: GPL-3.0-or-later
"""Formats, sizes and layers of baked frames, read back from the files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.bake import run_bake
from core.errors import InputError
from core.frames import frame_size
from core.job import BakeJob
from core.media.linear import light_to_srgb, srgb_to_light
from core.media.picture import load_picture, save_picture
from core.media.video import probe
from core.provenance import verify
from core.rendering import Rendering

from .bakes import command_line, make_job, small_portrait

FLOW = Rendering("flow")
# another program's reader: OpenCV reads EXR only where this is set when it is imported
READ = """
import cv2, numpy, sys
image = cv2.imread(sys.argv[1], cv2.IMREAD_UNCHANGED)
numpy.save(sys.argv[2], image[..., [2, 1, 0, 3][:image.shape[2]]])
"""


def flow_job(folder: Path, frames: int = 2, **output: object) -> BakeJob:
    job = replace(make_job(folder, frames, **output), rendering=FLOW)
    job.save(folder / "job.json")
    return job


def over(below: np.ndarray, layer: np.ndarray) -> np.ndarray:
    """A layer of straight alpha, 0..1, over an opaque picture."""
    return below + layer[..., 3:] * (layer[..., :3] - below)


def read_exr(path: Path) -> np.ndarray:
    from core.media.exr import load_exr

    return load_exr(path)


# --- size -------------------------------------------------------------------------------------------------


def test_frames_can_be_smaller_than_the_picture(tmp_path: Path) -> None:
    whole, half = (
        flow_job(tmp_path / "whole"),
        flow_job(tmp_path / "half", size=0.5, video=tmp_path / "v.mp4"),
    )
    run_bake(whole)
    run_bake(half)
    large = load_picture(whole.output.frame_path(2)).pixels
    small = load_picture(half.output.frame_path(2)).pixels
    assert small.shape[:2] == (large.shape[0] // 2, large.shape[1] // 2)
    light = srgb_to_light(large / 255)
    light = (light[::2, ::2] + light[1::2, ::2] + light[::2, 1::2] + light[1::2, 1::2]) / 4
    assert np.abs(light_to_srgb(light) * 255 - small).max() < 0.51
    assert probe(tmp_path / "v.mp4").width == small.shape[1]
    wide = flow_job(tmp_path / "wide", size=100)
    run_bake(wide)
    assert load_picture(wide.output.frame_path(1)).size == frame_size(100, (large.shape[1], large.shape[0]))


def test_sizes() -> None:
    assert (
        frame_size(None, (300, 400)) == frame_size(1, (300, 400)) == frame_size(300, (300, 400)) == (300, 400)
    )
    assert frame_size(0.5, (301, 400)) == (150, 200)
    assert frame_size(150, (300, 400)) == (150, 200)
    with pytest.raises(InputError, match=r'"output.size" is 301, but the portrait is 300 pixels wide'):
        frame_size(301, (300, 400))
    with pytest.raises(InputError, match=r"frames of 60 x 80 pixels; each side must have 64"):
        frame_size(0.2, (300, 400))


def test_sizes_out_of_range_are_told_before_the_work(tmp_path: Path) -> None:
    for size in (4000, 0.01):
        job = flow_job(tmp_path, size=size)
        with pytest.raises(InputError, match=rf'portrait.png: "output.size" is {size}'):
            run_bake(job)
        assert not job.output.folder.exists()


def test_another_size_is_another_frame(tmp_path: Path) -> None:
    job = flow_job(tmp_path)
    run_bake(job)
    smaller = replace(job, output=replace(job.output, size=0.5))
    assert run_bake(smaller).written == 2
    assert run_bake(smaller).kept == 2


# --- EXR --------------------------------------------------------------------------------------------------


def test_exr_frames_are_light(tmp_path: Path) -> None:
    job = flow_job(tmp_path, format="exr", bits=16, video=tmp_path / "film.mp4", sheet=tmp_path / "sheet.png")
    report = run_bake(job)
    assert (report.written, report.missing) == (2, 0)
    frame, portrait = read_exr(job.output.frame_path(2)), load_picture(job.portrait)
    assert frame.shape == portrait.pixels.shape
    # the background has not moved: its numbers as light, to the precision of a half float
    light = srgb_to_light(portrait.pixels[:4] / 255)
    assert np.allclose(frame[:4], light, rtol=2**-10, atol=1e-7)
    assert probe(tmp_path / "film.mp4").width == portrait.size[0]
    film_from = flow_job(tmp_path / "png", bits=16)
    run_bake(film_from)
    assert (
        np.abs(
            light_to_srgb(frame) * 65535 - load_picture(film_from.output.frame_path(2)).pixels.astype(float)
        ).max()
        < 0.002 * 65535
    )
    assert run_bake(job).kept == 2


def test_exr_frames_tell_where_they_come_from(tmp_path: Path) -> None:
    job = flow_job(tmp_path, format="exr", bits=16)
    run_bake(job)
    path = job.output.frame_path(1)
    facts = verify(path)
    assert facts["kind"] == "frame" and facts["provenance"]["source"] == "portrait.png"
    assert facts["provenance"]["digital_source_type"].endswith("/algorithmicallyEnhanced")
    assert facts["checks"] == {str(path): "ok"}
    assert set(verify(job.output.manifest_path)["checks"].values()) == {"ok"}
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert verify(path)["checks"] == {str(path): "changed"}
    for cut in (12, 60, data.index(b"xmp") + 40):
        path.write_bytes(data[:cut])
        with pytest.raises(InputError, match="damaged EXR"):
            verify(path)
    path.write_bytes(data.replace(b"xmp\0", b"yyy\0"))
    with pytest.raises(InputError, match="carries no provenance"):
        verify(path)
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert run_bake(job).written == 1
    assert path.read_bytes() == data


def test_another_reader_sees_the_same(tmp_path: Path) -> None:
    job = flow_job(tmp_path, format="exr", bits=16, layers=True)
    run_bake(job, frames=range(1, 2))
    for path in (job.output.frame_path(1), job.output.layer_path("sitter", 1)):
        subprocess.run(
            [sys.executable, "-c", READ, path, tmp_path / "read.npy"],
            env=os.environ | {"OPENCV_IO_ENABLE_OPENEXR": "1"},
            check=True,
        )
        assert np.array_equal(np.load(tmp_path / "read.npy"), read_exr(path))


def test_cut_outs_keep_their_alpha_in_exr(tmp_path: Path) -> None:
    job = flow_job(tmp_path, format="exr", bits=16, sheet=tmp_path / "sheet.png")
    pixels = load_picture(job.portrait).pixels
    alpha = np.full(pixels.shape[:2], 128, np.uint8)
    alpha[:, 40:] = 255
    alpha[:, :20] = 0
    save_picture(job.portrait, np.dstack([pixels, alpha]))
    run_bake(job)
    frame = read_exr(job.output.frame_path(1))
    assert np.allclose(frame[..., 3], alpha / 255, atol=2**-11)
    light = srgb_to_light(pixels / 255) * (alpha / 255)[..., None]  # premultiplied, as the format wants it
    assert np.allclose(frame[:, :, :3], light, rtol=2**-9, atol=1e-6)
    assert load_picture(tmp_path / "sheet.png").size[0] == 1800


# --- layers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("bits", "size"), [(8, None), (16, None), (8, 0.5)])
def test_layers_give_the_frame_back(tmp_path: Path, bits: int, size: float | None) -> None:
    job = flow_job(tmp_path, 3, bits=bits, size=size, layers=True)
    run_bake(job)
    names = {path.name for path in job.output.folder.iterdir()}
    assert names == {"frame.plate.png"} | {
        f"frame.{layer}000{n}.png" for layer in ("", "sitter.", "painted.") for n in (1, 2, 3)
    }
    peak = (1 << bits) - 1
    plate = load_picture(job.output.plate_path).pixels / peak
    for number in (1, 2, 3):
        sitter = load_picture(job.output.layer_path("sitter", number)).pixels
        painted = load_picture(job.output.layer_path("painted", number)).pixels
        frame = load_picture(job.output.frame_path(number)).pixels
        laid = over(over(plate, sitter / peak), painted / peak) * peak
        assert np.abs(laid - frame).max() <= (1.5 if bits == 8 else 3)
        assert sitter.shape[2] == painted.shape[2] == 4
        # the sitter is a figure, not the picture, and only eyes and mouth are painted
        assert 0.2 < (sitter[..., 3] > peak // 2).mean() < 0.9
        assert not sitter[:4, :4, 3].any()
        assert (painted[..., 3] > peak // 2).mean() < 0.03
    assert (painted[..., 3] > peak // 2).any()  # the mouth is open in the last frame
    assert not np.array_equal(np.rint(plate * peak), frame)


def test_exr_layers_give_the_light_back(tmp_path: Path) -> None:
    job = flow_job(tmp_path, 2, format="exr", bits=16, layers=True)
    run_bake(job)
    laid = read_exr(job.output.plate_path)
    for name in ("sitter", "painted"):
        layer = read_exr(job.output.layer_path(name, 2))
        laid = layer[..., :3] + (1 - layer[..., 3:]) * laid
    frame = read_exr(job.output.frame_path(2))
    assert np.abs(laid - frame).max() <= 2**-10


def test_frames_with_layers_are_the_frames_without(tmp_path: Path) -> None:
    plain, layered = flow_job(tmp_path / "plain"), flow_job(tmp_path / "layered", layers=True)
    run_bake(plain)
    run_bake(layered)
    for number in (1, 2):
        data = (job.output.frame_path(number).read_bytes() for job in (plain, layered))
        assert len(set(data)) == 1


def test_layers_are_on_record_and_come_back(tmp_path: Path) -> None:
    job = flow_job(tmp_path, 3, layers=True)
    run_bake(job)
    checks = verify(job.output.manifest_path)["checks"]
    assert len(checks) == 10 and set(checks.values()) == {"ok"}
    assert verify(job.output.layer_path("sitter", 2))["checks"] == {
        str(job.output.layer_path("sitter", 2)): "ok"
    }
    before = {path: path.stat().st_mtime_ns for path in job.output.folder.iterdir()}
    assert run_bake(job).kept == 3
    assert {path: path.stat().st_mtime_ns for path in job.output.folder.iterdir()} == before
    content = job.output.layer_path("painted", 2).read_bytes()
    job.output.layer_path("painted", 2).unlink()
    assert run_bake(job).written == 1
    assert job.output.layer_path("painted", 2).read_bytes() == content
    plate = job.output.plate_path.read_bytes()
    job.output.plate_path.write_bytes(plate[:-1])
    assert set(verify(job.output.manifest_path)["checks"].values()) == {"ok", "changed"}
    assert run_bake(job).written == 0
    assert job.output.plate_path.read_bytes() == plate
    # without layers the frames are right as they are
    assert run_bake(replace(job, output=replace(job.output, layers=False))).kept == 3


def test_cut_outs_have_no_plate(tmp_path: Path) -> None:
    job = flow_job(tmp_path, layers=True)
    pixels = load_picture(job.portrait).pixels
    save_picture(job.portrait, np.dstack([pixels, np.full(pixels.shape[:2], 255, np.uint8)]))
    with pytest.raises(InputError, match=r"portrait\.png: is a cut-out .*no plate"):
        run_bake(job)
    assert not job.output.folder.exists()


@pytest.mark.slow
def test_the_generators_paint_is_a_layer(tmp_path: Path) -> None:
    job = make_job(tmp_path, 3, layers=True)
    done = command_line("bake", tmp_path / "job.json", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["missing"] == 0
    laid = load_picture(job.output.plate_path).pixels / 255
    for name in ("sitter", "painted"):
        laid = over(laid, load_picture(job.output.layer_path(name, 3)).pixels / 255)
    assert np.abs(laid * 255 - load_picture(job.output.frame_path(3)).pixels).max() <= 1.5


@pytest.mark.slow
def test_layers_of_several_shots(tmp_path: Path) -> None:
    picture, _ = small_portrait()
    job = make_job(tmp_path, 2, layers=True)
    save_picture(tmp_path / "shot.png", np.roll(picture.pixels, 2, axis=1))
    job = replace(job, rendering=Rendering(shots=(tmp_path / "shot.png",)))
    run_bake(job)
    laid = load_picture(job.output.plate_path).pixels / 255
    for name in ("sitter", "painted"):
        laid = over(laid, load_picture(job.output.layer_path(name, 2)).pixels / 255)
    assert np.abs(laid * 255 - load_picture(job.output.frame_path(2)).pixels).max() <= 1.5
