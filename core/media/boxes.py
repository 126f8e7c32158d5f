# SPDX-License-Identifier: GPL-3.0-or-later
"""The outermost boxes of an MP4 or MOV file, read to see whether the file was cut short."""

from __future__ import annotations

import struct
from pathlib import Path

_KNOWN = {
    b"ftyp",
    b"moov",
    b"mdat",
    b"free",
    b"skip",
    b"wide",
    b"moof",
    b"sidx",
    b"styp",
    b"uuid",
    b"pnot",
    b"udta",
    b"meta",
}


def is_cut_short(path: Path) -> bool:
    """Whether ``path`` is an MP4/MOV file whose last box promises more bytes
    than the file has, or that has no index.

    False for every other kind of file.
    """
    total = path.stat().st_size
    with path.open("rb") as file:
        at, names = 0, list[bytes]()
        while at + 8 <= total:
            file.seek(at)
            head = file.read(16)
            size, name = struct.unpack_from(">I4s", head)
            if name not in _KNOWN:
                return False if not names else at + size > total
            names.append(name)
            if size == 1 and len(head) == 16:
                (size,) = struct.unpack_from(">Q", head, 8)
            elif size == 0:  # to the end of the file
                size = total - at
            if size < 8:
                return True
            at += size
        if not names:
            return False
        return at > total or not {b"moov", b"moof"} & set(names)
