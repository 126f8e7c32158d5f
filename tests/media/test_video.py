# SPDX-License-Identifier: GPL-3.0-or-later
"""Videos made on the spot: times, rotation, color and damage."""

from __future__ import annotations

import math
import os
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from core.errors import InputError, OutputError
from core.media.video import VideoWriter, probe, read_frames

COLORS = [
    (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255),
    (0, 0, 0), (128, 128, 128), (200, 120, 80), (30, 90, 160),
]  # fmt: skip


def stripes(width: int, height: int) -> np.ndarray:
    image = np.zeros((height, width, 3), np.uint8)
    for i, color in enumerate(COLORS):
        image[:, i * width // 8 : (i + 1) * width // 8] = color
    return image


def counted(i: int, width: int = 96, height: int = 64) -> np.ndarray:
    """A frame that carries its own number as brightness."""
    return np.full((height, width, 3), 20 + 4 * i, np.uint8)


def encode(
    path: Path,
    frames: list[np.ndarray],
    *,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    pts: list[int] | None = None,
    options: dict[str, str] | None = None,
    container: dict[str, str] | None = None,
    setup: Any = None,
) -> None:
    with av.open(str(path), "w", options=container or {}) as out:
        stream = out.add_stream(codec, rate=25)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = pix_fmt
        stream.options = options or {}
        stream.codec_context.time_base = Fraction(1, 1000 if pts else 25)
        if setup:
            setup(stream)
        for i, array in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(
                array, format="rgb24" if array.dtype == np.uint8 else "rgb48le"
            )
            frame.pts = pts[i] if pts else i
            frame.time_base = stream.codec_context.time_base
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def one_line(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        for _ in read_frames(path):
            pass
    message = str(caught.value)
    assert "\n" not in message and str(path) in message
    return message


@pytest.mark.parametrize("rate", [Fraction(25), Fraction(24000, 1001), Fraction(60)])
def test_writer_keeps_count_rate_and_times(tmp_path: Path, rate: Fraction) -> None:
    path = tmp_path / "a.mp4"
    with VideoWriter(
        path, (96, 64), rate, metadata={"title": "Loop", "comment": "made of one picture"}
    ) as writer:
        for i in range(37):
            writer.write(counted(i))
    info = probe(path)
    assert (info.width, info.height, info.frames, info.rate, info.rotation) == (96, 64, 37, rate, 0)
    assert info.duration == pytest.approx(37 / rate, abs=1e-3)
    times, frames = zip(*read_frames(path), strict=True)
    np.testing.assert_allclose(times, [float(i / rate) for i in range(37)], atol=1e-4)
    assert [round((float(f.mean()) - 20) / 4) for f in frames] == list(range(37))
    with av.open(str(path)) as container:
        assert (
            container.metadata["title"] == "Loop" and container.metadata["comment"] == "made of one picture"
        )
        context = container.streams.video[0].codec_context
        assert (context.color_primaries, context.color_trc, context.colorspace, context.color_range) == (
            1,
            1,
            1,
            1,
        )
        keys = [i for i, p in enumerate(container.demux(container.streams.video[0])) if p.is_keyframe]
        assert max(np.diff(keys)) <= 12
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")  # the index comes first


def test_colors_survive_by_bt709(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with VideoWriter(path, (160, 64), Fraction(25)) as writer:
        for _ in range(3):
            writer.write(stripes(160, 64))
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        planes = frame.to_ndarray()  # yuv420p as stored
    for i, (r, g, b) in enumerate(COLORS):
        x = i * 20 + 10
        luma = 16 + (0.2126 * r + 0.7152 * g + 0.0722 * b) * 219 / 255
        assert abs(int(planes[32, x]) - luma) <= 1.5
    _, shown = next(iter(read_frames(path)))
    for i, color in enumerate(COLORS):
        assert np.abs(shown[32, i * 20 + 10].astype(int) - color).max() <= 3


def test_odd_sizes_are_padded_by_their_edge(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    image = np.full((65, 97, 3), (40, 90, 200), np.uint8)
    with VideoWriter(path, (97, 65), Fraction(25)) as writer:
        writer.write(image)
    _, shown = next(iter(read_frames(path)))
    assert shown.shape == (66, 98, 3)
    assert np.abs(shown.astype(int) - (40, 90, 200)).max() <= 4


def write_and_fail(path: Path, frame: np.ndarray | None, error: Exception | None) -> None:
    with VideoWriter(path, (96, 64), Fraction(25)) as writer:
        if frame is not None:
            writer.write(frame)
        if error is not None:
            raise error


def test_a_failed_writer_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="stop"):
        write_and_fail(tmp_path / "a.mp4", counted(0), RuntimeError("stop"))
    with pytest.raises(OutputError, match="no frames"):
        write_and_fail(tmp_path / "b.mp4", None, None)
    with pytest.raises(ValueError):
        write_and_fail(tmp_path / "c.mp4", counted(0, width=98), None)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_writer_keeps_the_older_file(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"older")
    with pytest.raises(RuntimeError):
        write_and_fail(path, counted(0), RuntimeError("stop"))
    assert path.read_bytes() == b"older"


def test_places_and_endings_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError), VideoWriter(tmp_path / "file" / "a.mp4", (96, 64), Fraction(25)):
        pass
    with pytest.raises(OutputError, match="mp4"):
        VideoWriter(tmp_path / "a.gif", (96, 64), Fraction(25))


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="needs file size limits")
def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    import resource
    import signal

    def fill_up() -> None:
        rng = np.random.default_rng(0)
        with VideoWriter(tmp_path / "a.mp4", (320, 320), Fraction(25)) as writer:
            for _ in range(40):
                writer.write(rng.integers(0, 256, (320, 320, 3), np.uint8))

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
        with pytest.raises(OutputError, match=r"a\.mp4"):
            fill_up()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("degrees", "red", "turned"), [(0, "tl", 0), (90, "bl", 270), (180, "br", 180), (-90, "tr", 90)]
)
def test_rotation_metadata_is_applied(tmp_path: Path, degrees: int, red: str, turned: int) -> None:
    path = tmp_path / "a.mp4"
    image = np.zeros((64, 96, 3), np.uint8)
    image[:32, :48] = (255, 0, 0)
    encode(path, [image] * 3, setup=lambda stream: stream.set_display_rotation(degrees))
    info = probe(path)
    _, shown = next(iter(read_frames(path)))
    height, width = shown.shape[:2]
    assert (width, height) == ((96, 64) if degrees in (0, 180) else (64, 96)) == (info.width, info.height)
    corners = {"tl": shown[8, 8], "tr": shown[8, -8], "bl": shown[-8, 8], "br": shown[-8, -8]}
    assert [name for name, color in corners.items() if color[0] > 150] == [red]
    assert info.rotation == turned


def test_variable_frame_rate_keeps_the_containers_times(tmp_path: Path) -> None:
    stamps = [0, 40, 45, 120, 500, 533, 1200]
    encode(tmp_path / "a.mp4", [counted(i) for i in range(7)], pts=[1000 + s for s in stamps])
    times = [time for time, _ in read_frames(tmp_path / "a.mp4")]
    np.testing.assert_allclose(times, np.array(stamps) / 1000, atol=1.5e-3)
    assert (np.diff(times) > 0).all()


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt"),
    [
        ("a.mkv", "ffv1", "yuv444p"), ("a.webm", "libvpx-vp9", "yuv420p"), ("a.avi", "mjpeg", "yuvj420p"),
        ("a.mov", "prores_ks", "yuv422p10le"), ("a.mp4", "libx265", "yuv420p10le"), ("a.mov", "png", "rgb24"),
    ],
)  # fmt: skip
def test_other_codecs_and_depths(tmp_path: Path, name: str, codec: str, pix_fmt: str) -> None:
    if codec not in av.codecs_available:
        pytest.skip(f"this PyAV has no {codec}")
    encode(tmp_path / name, [stripes(160, 96)] * 4, codec=codec, pix_fmt=pix_fmt)
    frames = list(read_frames(tmp_path / name))
    assert len(frames) == 4
    for i, color in enumerate(COLORS):
        assert np.abs(frames[-1][1][48, i * 20 + 10].astype(int) - color).max() <= 12


@pytest.mark.parametrize("transfer", ["pq", "hlg"])
def test_hdr_video_looks_right_on_a_screen(tmp_path: Path, transfer: str) -> None:
    """Patches of known light (in units of diffuse white, BT.2020), written as 10-bit HDR."""
    if "libx265" not in av.codecs_available:
        pytest.skip("this PyAV cannot write 10 bit")
    light = np.array([0.0, 0.05, 0.18, 0.45])  # grey: the same in every gamut
    if transfer == "pq":
        y = (light * 203 / 10_000) ** (2610 / 16384)
        signal = ((3424 / 4096 + 2413 / 128 * y) / (1 + 2392 / 128 * y)) ** (2523 / 32)
    else:
        scene = (light * 203 / 1000) ** (1 / 1.2)
        signal = np.where(
            scene <= 1 / 12,
            np.sqrt(3 * scene),
            0.17883277 * np.log(12 * scene - 0.28466892 + 1e-12) + 0.55991073,
        )
    image = np.zeros((64, 160, 3), np.uint16)
    for i in range(4):
        image[:, 40 * i : 40 * i + 40] = round(float(signal[i]) * 65535)

    def tags(stream: Any) -> None:
        context = stream.codec_context
        context.color_primaries, context.color_trc, context.colorspace = 9, 16 if transfer == "pq" else 18, 9
        context.color_range = 1

    encode(tmp_path / "a.mp4", [image] * 3, codec="libx265", pix_fmt="yuv420p10le", setup=tags)
    _, shown = next(iter(read_frames(tmp_path / "a.mp4")))
    assert shown.dtype == np.uint8
    for i, value in enumerate(light):
        encoded = 12.92 * value if value < 0.0031 else 1.055 * value ** (1 / 2.4) - 0.055
        assert np.abs(shown[32, 40 * i + 20].astype(int) - 255 * encoded).max() <= 6


def test_pixels_that_are_not_square_are_made_square(tmp_path: Path) -> None:
    def wide(stream: Any) -> None:
        stream.codec_context.sample_aspect_ratio = Fraction(16, 11)

    encode(tmp_path / "a.mp4", [counted(i, 88, 72) for i in range(3)], setup=wide)
    info = probe(tmp_path / "a.mp4")
    assert (info.width, info.height) == (128, 72)
    assert next(iter(read_frames(tmp_path / "a.mp4")))[1].shape == (72, 128, 3)


def test_what_is_no_video_is_refused_in_one_line(tmp_path: Path) -> None:
    text = tmp_path / "notes.mp4"
    text.write_text("not a video\n" * 50)
    assert "not a video" in one_line(text)
    ansi = tmp_path / "notes.txt"
    ansi.write_text("not a video\n" * 50)
    assert "not a video" in one_line(ansi)
    empty = tmp_path / "empty.mp4"
    empty.touch()
    assert "empty" in one_line(empty)
    assert "folder" in one_line(tmp_path)
    assert "no such file" in one_line(tmp_path / "missing.mp4")
    from PIL import Image

    Image.new("RGB", (80, 80)).save(tmp_path / "still.png")
    assert "not a video" in one_line(tmp_path / "still.png")
    with pytest.raises(InputError):
        probe(text)


def test_sound_alone_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        frame.sample_rate = 8000
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    assert "no picture stream" in one_line(path)


def noisy_clip(path: Path, container: dict[str, str], count: int = 50) -> None:
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 256, (64, 96, 3), np.uint8) for _ in range(count)]
    encode(path, frames, container=container, options={"bf": "0"})


def test_cut_off_before_its_index(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    noisy_clip(path, {})
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    message = one_line(path)
    assert "cut short" in message
    with pytest.raises(InputError, match="cut short"):
        probe(path)


def test_cut_off_with_its_index_says_how_much_is_left(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    noisy_clip(path, {"movflags": "+faststart"})
    whole = path.read_bytes()
    start = whole.index(b"mdat")
    path.write_bytes(whole[: start + (len(whole) - start) // 2])
    message = one_line(path)
    count, expected = (int(word) for word in message.split("only ")[1].split(" frames")[0].split(" of "))
    assert expected == 50 and math.isclose(count, 25, abs_tol=3)


def test_damage_in_the_middle_of_the_index_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    noisy_clip(path, {"movflags": "+faststart"})
    data = bytearray(path.read_bytes())
    at = data.index(b"stsz")
    data[at + 12 : at + 60] = b"\xff" * 48
    path.write_bytes(data)
    one_line(path)
