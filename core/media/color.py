# SPDX-License-Identifier: GPL-3.0-or-later
"""Color profiles of still pictures (ICC), and the ways from grey, palette, CMYK and Lab to RGB."""

from __future__ import annotations

import io
import struct
from functools import lru_cache
from typing import Any

import numpy as np

_D50 = (0.9642, 1.0, 0.8249)
# sRGB primaries adapted to D50 (the columns of the matrix from linear RGB to the profile connection space)
_PRIMARIES = {
    b"rXYZ": (0.4361, 0.2225, 0.0139),
    b"gXYZ": (0.3851, 0.7169, 0.0971),
    b"bXYZ": (0.1431, 0.0606, 0.7141),
}


def srgb_profile() -> bytes:
    """An sRGB profile, for pictures that had to be converted."""
    from PIL import ImageCms

    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    # its date of making is now: set to a fixed one, so that the same picture gives the same bytes every time
    return icc[:24] + struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + icc[36:]


def to_srgb(pixels: np.ndarray, icc: bytes | None) -> np.ndarray:
    """uint8 [H, W, 3] in the profile ``icc`` -> the same in sRGB; unchanged without a usable profile."""
    if icc is None:
        return pixels
    from PIL import Image, ImageCms

    try:
        transform = _transform(icc, "RGB")
    except (ImageCms.PyCMSError, OSError):
        return pixels
    return np.asarray(ImageCms.applyTransform(Image.fromarray(pixels), transform))


@lru_cache(maxsize=4)
def _transform(icc: bytes, mode: str) -> Any:
    from PIL import ImageCms

    source = ImageCms.ImageCmsProfile(io.BytesIO(icc))
    return ImageCms.buildTransform(
        source, ImageCms.createProfile("sRGB"), mode, "RGB", ImageCms.Intent.RELATIVE_COLORIMETRIC,
        ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )  # fmt: skip


def to_rgb(image: Any, icc: bytes | None) -> tuple[np.ndarray, bytes | None]:
    """(uint8 [H, W, 3 or 4], profile of these numbers) of a loaded 8-bit Pillow image.

    Grey and palette keep their numbers; CMYK and Lab are converted to sRGB.  ValueError for other modes.
    """
    from PIL import Image, ImageCms

    mode = image.mode
    if mode in ("CMYK", "LAB"):
        profile = icc if icc is not None and icc[16:20] == (b"CMYK" if mode == "CMYK" else b"Lab ") else None
        if profile is None and mode == "LAB":
            profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
        if profile is not None:
            try:
                rgb = ImageCms.applyTransform(image, _transform(profile, mode))
                return np.array(rgb), srgb_profile()
            except (ImageCms.PyCMSError, OSError) as error:
                if mode == "LAB":
                    raise ValueError("its Lab colors cannot be converted") from error
        return np.array(image.convert("RGB")), None
    if mode not in ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "RGBa", "La", "YCbCr"):
        raise ValueError(f"pixels of kind {mode} cannot be used, save it with 8 or 16 bits per channel")
    clear = mode in ("LA", "PA", "RGBA", "RGBa", "La") or "transparency" in image.info
    if mode == "La":
        image = image.convert("LA")
    target: Image.Image = image.convert("RGBA" if clear else "RGB")
    return np.array(target), rgb_profile(icc)


def rgb_profile(icc: bytes | None) -> bytes | None:
    """The profile to keep for numbers that are now RGB: an RGB one as it is,
    a grey one with its tone curve kept."""
    if icc is None or len(icc) < 132 or icc[36:40] != b"acsp":
        return None
    space = icc[16:20]
    if space == b"RGB ":
        return icc
    return _from_grey(icc) if space == b"GRAY" else None


def _tags(icc: bytes) -> dict[bytes, bytes]:
    (count,) = struct.unpack_from(">I", icc, 128)
    entries = (struct.unpack_from(">4sII", icc, 132 + 12 * i) for i in range(min(count, 200)))
    return {name: icc[offset : offset + size] for name, offset, size in entries}


def _from_grey(icc: bytes) -> bytes | None:
    """An RGB profile in which equal numbers mean what they meant in the grey profile ``icc``.

    A grey profile cannot go into an RGB file; its tone curve on all three
    channels with sRGB's primaries says the same.
    """
    try:
        curve = _tags(icc)[b"kTRC"]
    except (KeyError, struct.error):
        return None

    def xyz(values: tuple[float, float, float]) -> bytes:
        return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(v * 65536) for v in values))

    label = b"Grey as RGB"
    description = (
        b"desc\0\0\0\0" + struct.pack(">I", len(label) + 1) + label + b"\0" + bytes(4 + 4 + 2 + 1 + 67)
    )
    tags = {
        b"desc": description,
        b"cprt": b"text\0\0\0\0CC0\0",
        b"wtpt": xyz(_D50),
        **{name: xyz(values) for name, values in _PRIMARIES.items()},
        b"rTRC": curve,
        b"gTRC": curve,
        b"bTRC": curve,
    }
    table, body = b"", b""
    start = 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        table += struct.pack(">4sII", name, start + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    total = start + len(body)
    header = bytearray(128)
    struct.pack_into(">I4xI4s4s4s", header, 0, total, 0x02100000, b"mntr", b"RGB ", b"XYZ ")
    struct.pack_into(">6H4s", header, 24, 2026, 1, 1, 0, 0, 0, b"acsp")
    struct.pack_into(">3i", header, 68, *(round(v * 65536) for v in _D50))
    return bytes(header) + struct.pack(">I", len(tags)) + table + body
