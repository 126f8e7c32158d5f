# SPDX-License-Identifier: GPL-3.0-or-later
"""H.264 files for review: what every player and Blender's sequencer plays, with colors tagged."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack, suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from ..atomic import atomic_path
from ..errors import OutputError

_BT709, _LIMITED, _FULL = 1, 1, 2
SUFFIXES = (".mp4", ".mov", ".mkv")
GROUP = 12  # frames from one key frame to the next at most: quick scrubbing


class VideoWriter:
    """Context manager that encodes 8-bit sRGB frames to H.264 (yuv420p,
    BT.709, limited range, index in front).

    The file appears under its name only when the block ends without an error; else nothing is left.
    """

    def __init__(
        self,
        path: str | Path,
        size: tuple[int, int],
        rate: Fraction,
        *,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        """``size``: (width, height) px of the frames, odd ones are padded
        by a repeated edge; ``rate``: frames per s.

        ``metadata``: what the container knows: title, comment, artist, copyright, description, date.
        """
        self.path = Path(path)
        if self.path.suffix.lower() not in SUFFIXES:
            raise OutputError(
                f"{self.path}: videos are written as {', '.join(SUFFIXES)}; give one of these endings"
            )
        self.size = size
        self.rate = Fraction(rate)
        self.frames = 0
        self._metadata = dict(metadata or {})
        self._stack = ExitStack()
        self._container: Any = None
        self._stream: Any = None

    def __enter__(self) -> VideoWriter:
        import av

        temporary = self._stack.enter_context(atomic_path(self.path))
        try:
            self._container = av.open(str(temporary), "w", options={"movflags": "+faststart"})
            self._container.metadata.update(self._metadata)
            stream = self._container.add_stream("libx264", rate=self.rate)
            stream.width = self.size[0] + self.size[0] % 2
            stream.height = self.size[1] + self.size[1] % 2
            stream.pix_fmt = "yuv420p"
            stream.options = {"crf": "17", "preset": "veryfast"}
            context = stream.codec_context
            context.gop_size = GROUP
            context.time_base = 1 / self.rate
            context.color_primaries = context.color_trc = context.colorspace = _BT709
            context.color_range = _LIMITED
            self._stream = stream
        except (av.FFmpegError, OSError, ValueError) as error:
            self.__exit__(type(error), error, error.__traceback__)
            raise OutputError(f"{self.path}: the video cannot be started ({error})") from error
        return self

    def write(self, rgb: np.ndarray) -> None:
        """Append one frame, uint8 [H, W, 3] sRGB."""
        import av

        width, height = self.size
        if rgb.shape != (height, width, 3) or rgb.dtype != np.uint8:
            raise ValueError(f"{self.path}: expected uint8 {(height, width, 3)}, got {rgb.dtype} {rgb.shape}")
        if width % 2 or height % 2:
            rgb = np.pad(rgb, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24").reformat(
            format="yuv420p",
            src_color_range=_FULL,
            dst_colorspace=_BT709,
            dst_color_range=_LIMITED,
            interpolation=int(av.video.reformatter.Interpolation.BICUBIC)
            | int(av.video.reformatter.Interpolation.ACCURATE_RND),
        )
        frame.color_primaries = frame.color_trc = _BT709
        frame.pts = self.frames
        frame.time_base = 1 / self.rate
        self._mux(frame)
        self.frames += 1

    def _mux(self, frame: Any) -> None:
        import av

        try:
            for packet in self._stream.encode(frame):
                if packet.duration is None or packet.duration == 0:
                    packet.duration = 1
                self._container.mux(packet)
        except (av.FFmpegError, OSError) as error:
            raise OutputError(f"{self.path}: the video cannot be written ({error.strerror})") from error

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        import av

        with self._stack:
            if kind is None and self.frames == 0:
                self._discard()
                raise OutputError(f"{self.path}: no frames were given for the video")
            if kind is not None:
                self._discard()
                assert error is not None
                raise error
            try:
                self._mux(None)
                self._container.close()
            except (av.FFmpegError, OSError) as failure:
                raise OutputError(
                    f"{self.path}: the video cannot be finished ({failure.strerror})"
                ) from failure
            finally:
                self._discard()

    def _discard(self) -> None:
        with suppress(Exception):
            if self._container is not None:
                self._container.close()
        self._container = None
