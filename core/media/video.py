# SPDX-License-Identifier: GPL-3.0-or-later
"""Video files in: upright 8-bit RGB frames with the container's own time stamps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from . import boxes, hdr
from .encode import VideoWriter

__all__ = ["VideoInfo", "VideoWriter", "probe", "read_frames"]

# values of FFmpeg's AVColorSpace and swscale's SWS_CS_*
_UNSPECIFIED, _BT709, _BT601, _BT2020 = 2, 1, 5, 9
_LIMITED, _FULL = 1, 2
_NOT_VIDEO = ("tty", "image2", "hls", "dash", "concat", "sdp", "rtsp")


@dataclass(frozen=True)
class VideoInfo:
    """What a video file says of itself.

    ``width``, ``height``: px, upright and with square pixels.
    ``rate``: nominal frames per second (average where it varies).
    ``frames``: as the container counts them, None where it does not.
    ``duration``: s, 0 if unknown.
    ``rotation``: degrees clockwise by which the stored frames are turned to be upright.
    """

    path: Path
    width: int
    height: int
    rate: Fraction
    frames: int | None
    duration: float
    rotation: int


def probe(path: str | Path) -> VideoInfo:
    """Read the head and the first frame of a video; InputError (one line)
    where it is none or cannot be decoded."""
    path = Path(path)
    with _opened(path) as (container, stream):
        frame = _first_frame(path, container, stream)
        upright = _Upright(frame, stream)
        duration = 0.0
        if stream.duration:
            duration = float(stream.duration * stream.time_base)
        elif container.duration:
            duration = container.duration / 1_000_000
        return VideoInfo(
            path, *upright.size, _rate(stream), stream.frames or None, duration, upright.rotation
        )


def read_frames(path: str | Path) -> Iterator[tuple[float, np.ndarray]]:
    """Yield (time in s since the first frame, uint8 RGB [H, W, 3]), upright, times strictly rising.

    HDR and more than 8 bits come out as 8-bit sRGB.  Raises InputError with one line that names the file
    where it is not a video, has no frames, is cut short (before the first frame, where the file shows it)
    or damaged.
    """
    path = Path(path)
    with _opened(path) as (container, stream):
        if boxes.is_cut_short(path):
            raise _cut_short(path, _count_packets(container, stream), stream.frames)
        rate = _rate(stream)
        upright: _Upright | None = None
        start = last = 0.0
        count = 0
        for frame in _decoded(path, container, stream):
            upright = upright or _Upright(frame, stream)
            time = (
                float(frame.pts * frame.time_base) if frame.pts is not None else start + count / float(rate)
            )
            if count == 0:
                start, time = time, 0.0
            else:
                time -= start
                if time <= last:  # happens in badly cut files; the order of the frames is what counts then
                    time = last + 1e-3
            yield time, upright.convert(frame)
            last = time
            count += 1
        if count == 0:
            raise InputError(f"{path}: has no frames that can be read; give a video with at least one")


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, Any]]:
    """The container and its first real video stream."""
    import av

    if path.is_dir():
        raise InputError(f"{path}: is a folder; give a video file")
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    if path.stat().st_size == 0:
        raise InputError(f"{path}: the file is empty; give a video file")
    try:
        container = av.open(str(path.absolute()))
    except (av.FFmpegError, OSError, ValueError) as error:
        if boxes.is_cut_short(path):
            raise InputError(
                f"{path}: cut short, its index is missing; get an intact copy of the video"
            ) from error
        raise InputError(
            f"{path}: not a video that can be read; give an MP4, MOV, MKV, WebM or AVI file"
        ) from error
    with container:
        name = container.format.name or ""
        if name.endswith("_pipe") or name in _NOT_VIDEO:
            raise InputError(
                f"{path}: is not a video (read as {name}); give an MP4, MOV, MKV, WebM or AVI file"
            )
        for stream in container.streams.video:
            if (
                "attached_pic" not in (stream.disposition.name or "").lower()
                and stream.codec_context is not None
            ):
                stream.thread_type = "AUTO"
                yield container, stream
                return
        raise InputError(f"{path}: has no picture stream; give a video with pictures in it")


def _decoded(path: Path, container: Any, stream: Any) -> Iterator[Any]:
    import av

    count = 0
    try:
        for frame in container.decode(stream):
            yield frame
            count += 1
    except (av.FFmpegError, OSError) as error:
        if count == 0:
            raise InputError(f"{path}: its pictures cannot be decoded ({error.strerror})") from error
        raise _cut_short(path, count, stream.frames) from error


def _first_frame(path: Path, container: Any, stream: Any) -> Any:
    for frame in _decoded(path, container, stream):
        return frame
    if boxes.is_cut_short(path):
        raise _cut_short(path, 0, stream.frames)
    raise InputError(f"{path}: has no frames that can be read; give a video with at least one")


def _count_packets(container: Any, stream: Any) -> int:
    import av

    count = 0
    try:
        for packet in container.demux(stream):
            count += packet.size > 0 and not packet.is_corrupt
    except (av.FFmpegError, OSError):
        pass  # the end of what is there
    return count


def _cut_short(path: Path, count: int, expected: int) -> InputError:
    of = f" of {expected}" if expected else ""
    return InputError(
        f"{path}: damaged or cut short, only {count}{of} frames can be read; get an intact copy"
    )


def _rate(stream: Any) -> Fraction:
    for rate in (stream.average_rate, stream.guessed_rate, stream.base_rate):
        if rate and 0 < rate <= 1000:
            return Fraction(rate)
    return Fraction(25)


class _Upright:
    """Turns decoded frames of one stream into upright 8-bit RGB; set up from the stream's first frame."""

    def __init__(self, frame: Any, stream: Any) -> None:
        width, height = frame.width, frame.height
        aspect = stream.sample_aspect_ratio
        if aspect and 0.1 < aspect < 10 and aspect != 1:  # pixels that are not square
            width = max(1, round(width * aspect))
        self._stored = (width, height)
        self._swap, self._flip_x, self._flip_y = _orientation(frame)
        self.size = (height, width) if self._swap else (width, height)
        self.rotation = {(False, False): 0, (False, True): 180, (True, True): 90, (True, False): 270}[
            (self._swap, self._flip_x)
        ]
        self._matrix = frame.colorspace
        if self._matrix == _UNSPECIFIED:  # what players assume
            self._matrix = _BT709 if frame.height >= 720 else _BT601
        elif self._matrix in (5, 6):
            self._matrix = _BT601
        elif self._matrix == 10:
            self._matrix = _BT2020
        self._range = (
            _FULL if frame.color_range == _FULL or frame.format.name.startswith("yuvj") else _LIMITED
        )
        self._rgb = frame.format.is_rgb

    def convert(self, frame: Any) -> np.ndarray:
        """uint8 [H, W, 3] RGB, upright, contiguous."""
        deep = frame.color_trc in (hdr.PQ, hdr.HLG)
        source = {} if self._rgb else {"src_colorspace": self._matrix, "src_color_range": self._range}
        out = frame.reformat(
            width=self._stored[0],
            height=self._stored[1],
            format="rgb48le" if deep else "rgb24",
            dst_color_range=_FULL,
            interpolation="BICUBIC",
            **source,
        ).to_ndarray()
        if deep:
            out = hdr.to_srgb(out, frame.color_trc)
        if self._swap:
            out = out.transpose(1, 0, 2)
        if self._flip_x:
            out = out[:, ::-1]
        if self._flip_y:
            out = out[::-1]
        return np.ascontiguousarray(out)


def _orientation(frame: Any) -> tuple[bool, bool, bool]:
    """(swap axes, then flip x, then flip y) that the frame's display matrix asks for."""
    data = frame.side_data.get("DISPLAYMATRIX")
    if data is None:
        return False, False, False
    a, b, _, c, d = np.frombuffer(bytes(data), np.int32)[:5]
    # stored (x, y) is shown at (a x + c y, b x + d y)
    if abs(int(a)) >= abs(int(c)):
        return False, bool(a < 0), bool(d < 0)
    return True, bool(c < 0), bool(b < 0)
