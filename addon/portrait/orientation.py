# SPDX-License-Identifier: GPL-3.0-or-later
"""EXIF orientation, which Blender ignores and the engine applies:
UVs that stand a turned photograph upright."""

from __future__ import annotations

import struct
from pathlib import Path

_ORIENTATION = 0x0112
_HEAD = 256 * 1024


def orientation_of(path: Path) -> int:
    """The EXIF orientation 1..8 of a JPEG, PNG, WebP or TIFF file; 1 where it says nothing usable."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if head[:4] in {b"II*\0", b"MM\0*"}:
        return _from_tiff(head)
    at = -1
    if head[:2] == b"\xff\xd8":
        at = head.find(b"Exif\0\0")
        start = at + 6
    elif head[:8] == b"\x89PNG\r\n\x1a\n":
        at = head.find(b"eXIf")
        start = at + 4
    elif head[8:12] == b"WEBP":
        at = head.find(b"EXIF")
        start = at + 8
    if at < 0:
        return 1
    block = head[start:]
    return _from_tiff(block[6:] if block[:6] == b"Exif\0\0" else block)


def corners(turn: int) -> list[tuple[float, float]]:
    """UVs of the upright picture's corners (lower left, lower right,
    upper right, upper left) in the stored one."""
    # per orientation: stored (u, v) of an upright position (x, y), both 0..1 with y up
    maps = {
        1: lambda x, y: (x, y),
        2: lambda x, y: (1 - x, y),
        3: lambda x, y: (1 - x, 1 - y),
        4: lambda x, y: (x, 1 - y),
        5: lambda x, y: (1 - y, 1 - x),
        6: lambda x, y: (1 - y, x),
        7: lambda x, y: (y, x),
        8: lambda x, y: (y, 1 - x),
    }
    upright = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
    return [maps[turn](x, y) for x, y in upright]


def _from_tiff(data: bytes) -> int:
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if order is None:
        return 1
    try:
        (offset,) = struct.unpack_from(order + "I", data, 4)
        (count,) = struct.unpack_from(order + "H", data, offset)
        for index in range(count):
            tag, _, _, value = struct.unpack_from(order + "HHIH", data, offset + 2 + 12 * index)
            if tag == _ORIENTATION:
                return value if 1 <= value <= 8 else 1
    except struct.error:
        pass
    return 1
