# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenEXR files: half floats in linear Rec. 709, alpha premultiplied, text attributes in the header.

Pixels go through the OpenEXR project's own library, imported when the first file is written or read; the
header's attributes are read without it.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ..atomic import atomic_path
from ..errors import InputError, OutputError

MAGIC = b"\x76\x2f\x31\x01"
_REC709 = (0.64, 0.33, 0.3, 0.6, 0.15, 0.06, 0.3127, 0.329)  # chromaticities of R, G, B and white, x and y
_LONGEST_HEADER = 1 << 24


def save_exr(path: Path, pixels: np.ndarray, attributes: Mapping[str, str]) -> None:
    """Write float16 [H, W, 3 or 4], ZIP-compressed (lossless), all of it or nothing.

    Equal input gives equal bytes.  Raises OutputError where the file cannot be written.
    """
    if pixels.dtype != np.float16 or pixels.ndim != 3 or pixels.shape[2] not in (3, 4):
        raise ValueError(f"expected float16 [H, W, 3 or 4], not {pixels.dtype} {pixels.shape}")
    import OpenEXR as exr

    header = {
        **attributes,
        "compression": exr.ZIP_COMPRESSION,
        "type": exr.scanlineimage,
        "chromaticities": _REC709,
    }
    channels = {"RGB" if pixels.shape[2] == 3 else "RGBA": np.ascontiguousarray(pixels)}
    with atomic_path(path) as temporary:
        try:
            with exr.File(header, channels) as file:
                file.write(str(temporary))
        except RuntimeError as error:  # the library's own: a full disk, for instance
            raise OutputError(f"{path}: cannot be written ({error}); free some space") from error


def load_exr(path: Path) -> np.ndarray:
    """float32 [H, W, 3 or 4] as stored; InputError where it cannot be read."""
    import OpenEXR as exr

    try:
        with exr.File(str(path)) as file:
            channels = file.channels()
            found = channels.get("RGBA", channels.get("RGB"))
            if found is None:
                raise InputError(f"{path}: has no channels R, G and B")
            return np.asarray(found.pixels).astype(np.float32)
    except RuntimeError as error:
        raise InputError(f"{path}: damaged or no EXR file ({error}); bake it again") from error


def text_attributes(data: bytes) -> dict[str, str]:
    """The text attributes of a file's header; ValueError where it is damaged."""
    if not data.startswith(MAGIC):
        raise ValueError("no EXR file")
    found: dict[str, str] = {}
    position = 8
    while data[position : position + 1] != b"\0":
        name, position = _name(data, position)
        kind, position = _name(data, position)
        (size,) = struct.unpack_from("<i", data, position)
        position += 4
        if not 0 <= size <= min(_LONGEST_HEADER, len(data) - position):
            raise ValueError("damaged header")
        if kind == b"string":
            found[name.decode("utf-8", "replace")] = data[position : position + size].decode("utf-8")
        position += size
    return found


def _name(data: bytes, position: int) -> tuple[bytes, int]:
    end = data.find(b"\0", position, position + 256)
    if end < 0:
        raise ValueError("damaged header")
    return data[position:end], end + 1
