# SPDX-License-Identifier: GPL-3.0-or-later
"""A fast PNG writer: 8 and 16 bit, profile and text chunks, deflated in bands on several threads.

libpng's own path (through OpenCV or Pillow) needs about twice the time at its quickest useful setting,
and would need a second pass over the file to add the text chunks.  The bands depend only on the picture,
never on the number of threads, so the same picture always gives the same bytes.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import BinaryIO

import numpy as np

SIGNATURE = b"\x89PNG\r\n\x1a\n"
BAND_BYTES = 1 << 20
_COLOR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}
_FILTER_UP = 2


def chunk(kind: bytes, data: bytes) -> bytes:
    """One complete PNG chunk: length, name, data, checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))


def text_chunk(key: str, value: str) -> bytes:
    """An uncompressed iTXt chunk (UTF-8); ``key`` is Latin-1, 1..79 characters."""
    name = key.encode("latin-1", "strict")
    if not 1 <= len(name) <= 79 or b"\0" in name:
        raise ValueError(f"PNG text key {key!r}: must be 1 to 79 Latin-1 characters")
    return chunk(b"iTXt", name + b"\0\0\0\0\0" + value.encode("utf-8"))


def profile_chunk(icc: bytes) -> bytes:
    """An iCCP chunk that carries the profile ``icc``."""
    return chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(icc, 9))


def write_png(
    file: BinaryIO,
    pixels: np.ndarray,
    *,
    icc: bytes | None = None,
    text: Mapping[str, str] | None = None,
    level: int = 1,
) -> None:
    """Write ``pixels`` ([H, W] or [H, W, 1..4], uint8 or uint16, RGB order, straight alpha) to ``file``.

    ``level`` is zlib's, 0..9.  Raises ValueError for another shape or type,
    OSError where ``file`` cannot take it.
    """
    array = pixels[..., None] if pixels.ndim == 2 else pixels
    if array.ndim != 3 or array.shape[2] not in _COLOR_TYPES or array.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"a PNG takes uint8 or uint16 [H, W, 1..4], not {pixels.dtype} {pixels.shape}")
    height, width, channels = array.shape
    header = struct.pack(">IIBBBBB", width, height, array.itemsize * 8, _COLOR_TYPES[channels], 0, 0, 0)
    file.write(SIGNATURE + chunk(b"IHDR", header))
    if icc is not None:
        file.write(profile_chunk(icc))
    for key, value in (text or {}).items():
        file.write(text_chunk(key, value))
    check = 1
    first = True
    for filtered, deflated, last in _deflated_bands(array, level):
        check = zlib.adler32(filtered.data, check)
        lead = b"\x78\x01" if first else b""
        tail = struct.pack(">I", check) if last else b""
        file.write(chunk(b"IDAT", lead + deflated + tail))
        first = False
    file.write(chunk(b"IEND", b""))


def _deflated_bands(array: np.ndarray, level: int) -> Iterator[tuple[np.ndarray, bytes, bool]]:
    """(filtered rows, raw deflate of them, is it the last band), in order, some bands ahead of the reader."""
    height = array.shape[0]
    rows = max(1, BAND_BYTES // (array[0].nbytes + 1))
    starts = range(0, height, rows)
    strategy = _strategy(array, level, rows)

    def work(start: int) -> tuple[np.ndarray, bytes, bool]:
        stop = min(start + rows, height)
        filtered = _filtered(array, start, stop)
        last = stop == height
        squeezer = zlib.compressobj(level, zlib.DEFLATED, -15, 9, strategy)
        data = squeezer.compress(filtered.data) + squeezer.flush(zlib.Z_FINISH if last else zlib.Z_SYNC_FLUSH)
        return filtered, data, last

    threads = min(os.cpu_count() or 1, 8, len(starts))
    if threads == 1:
        yield from map(work, starts)
        return
    with ThreadPoolExecutor(threads) as pool:
        waiting: list[Future[tuple[np.ndarray, bytes, bool]]] = []
        for start in starts:
            waiting.append(pool.submit(work, start))
            if len(waiting) > 2 * threads:
                yield waiting.pop(0).result()
        for future in waiting:
            yield future.result()


def _filtered(array: np.ndarray, start: int, stop: int) -> np.ndarray:
    """uint8 [rows, bytes + 1]: rows ``start:stop`` as scan lines,
    each the difference to the one above ("Up")."""
    above = max(start - 1, 0)
    rows = np.ascontiguousarray(array[above:stop])
    if rows.dtype == np.uint16:
        rows = rows.astype(">u2")
    lines = rows.view(np.uint8).reshape(rows.shape[0], -1)
    out = np.empty((stop - start, lines.shape[1] + 1), np.uint8)
    out[:, 0] = _FILTER_UP
    if start == 0:
        out[0, 1:] = lines[0]
        np.subtract(lines[1:], lines[:-1], out=out[1:, 1:])
    else:
        np.subtract(lines[1:], lines[:-1], out=out[:, 1:])
    return out


def _strategy(array: np.ndarray, level: int, rows: int) -> int:
    """zlib strategy: skip the search for repeats where a band from
    the middle shows that it finds next to none."""
    if level != 1:
        return zlib.Z_DEFAULT_STRATEGY
    middle = array.shape[0] // 2
    sample = _filtered(array, middle, min(middle + max(1, rows // 4), array.shape[0]))

    def size(strategy: int) -> int:
        squeezer = zlib.compressobj(level, zlib.DEFLATED, -15, 9, strategy)
        return len(squeezer.compress(sample.data)) + len(squeezer.flush())

    return zlib.Z_RLE if size(zlib.Z_RLE) < 1.03 * size(zlib.Z_DEFAULT_STRATEGY) else zlib.Z_DEFAULT_STRATEGY
