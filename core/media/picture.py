# SPDX-License-Identifier: GPL-3.0-or-later
"""Still pictures: what the engine reads as a portrait and writes as a frame, with colors untouched."""

from __future__ import annotations

import hashlib
import io
import warnings
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..atomic import atomic_path
from ..errors import InputError, OutputError
from . import color, deep
from .png import write_png

MIN_SIDE = 64
MAX_SIDE = 12_000
FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "BMP")


@dataclass(frozen=True, eq=False)
class Picture:
    """One still picture.

    ``pixels``: [H, W, 3 or 4] uint8 or uint16, RGB(A), straight alpha, upright (EXIF orientation applied).
    ``icc``: the profile that these numbers are in, or None (sRGB is meant); written into every frame.
    ``source``: format, mode, size, orientation and sha256 of the file.
    """

    pixels: np.ndarray
    icc: bytes | None = None
    path: Path | None = None
    source: Mapping[str, Any] = field(default_factory=dict)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.pixels.shape[1], self.pixels.shape[0]

    @property
    def bits(self) -> int:
        """Bits per channel: 8 or 16."""
        return self.pixels.itemsize * 8

    @property
    def has_alpha(self) -> bool:
        """Whether there is a fourth channel."""
        return self.pixels.shape[2] == 4

    def rgb8(self) -> np.ndarray:
        """uint8 [H, W, 3] in sRGB (profile converted, alpha laid over
        middle grey), for detectors and review."""
        pixels = self.pixels
        if pixels.dtype == np.uint16:
            pixels = ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)
        rgb = color.to_srgb(np.ascontiguousarray(pixels[..., :3]), self.icc)
        if self.has_alpha:
            alpha = pixels[..., 3:].astype(np.float32) / 255
            rgb = np.rint(rgb * alpha + 128 * (1 - alpha)).astype(np.uint8)
        return rgb

    def rgb_float(self) -> np.ndarray:
        """float32 [H, W, 3], 0..1: the numbers as stored, no profile conversion, alpha left out."""
        scale = np.float32(1 / (255 if self.bits == 8 else 65535))
        return self.pixels[..., :3].astype(np.float32) * scale


def load_picture(path: str | Path) -> Picture:
    """Read PNG, JPEG, TIFF, WebP or BMP, 8 or 16 bit; InputError (one line) where that cannot be done.

    Grey and palette become RGB with their numbers kept, CMYK and Lab become sRGB through their profile.
    """
    path = Path(path)
    data = _read_bytes(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _decode(path, data)


def _read_bytes(path: Path) -> bytes:
    if path.is_dir():
        raise InputError(f"{path}: is a folder; give a picture file")
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    if not data:
        raise InputError(f"{path}: the file is empty; give a picture file")
    return data


def _decode(path: Path, data: bytes) -> Picture:
    from PIL import Image, UnidentifiedImageError

    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise InputError(
            f"{path}: too large; each side must have {MIN_SIDE} to {MAX_SIDE:,} pixels"
        ) from error
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, TypeError) as error:
        raise InputError(
            f"{path}: not a picture that can be read; use PNG, JPEG, TIFF, WebP or BMP, 8 or 16 bit"
        ) from error
    width, height = image.size
    if min(width, height) < MIN_SIDE or max(width, height) > MAX_SIDE:
        wanted = f"each side must have {MIN_SIDE} to {MAX_SIDE:,} pixels"
        raise InputError(f"{path}: {width} x {height} pixels; {wanted}, resize it first")
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image.format in ("PNG", "WEBP"):
        raise InputError(f"{path}: is animated ({frames} frames); save the one to use as a still picture")
    orientation = _orientation(image)
    source = {
        "format": image.format,
        "mode": image.mode,
        "size": [width, height],
        "orientation": orientation,
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    icc = image.info.get("icc_profile") or None
    try:
        # decodes all of the file, so a truncated one is found also where OpenCV reads the pixels below
        image.load()
        if deep.is_deep(image, data):
            pixels = deep.decode(image, data)
            icc = color.rgb_profile(icc)
        else:
            pixels, icc = color.to_rgb(image, icc)
    except (OSError, ValueError, SyntaxError, EOFError, zlib.error) as error:
        raise InputError(f"{path}: damaged or cut short ({error}); get an intact copy of the file") from error
    if image.format != "TIFF":  # both decoders turn a TIFF upright themselves
        pixels = _upright(pixels, orientation)
    return Picture(np.ascontiguousarray(pixels), icc, path, source)


def _orientation(image: Any) -> int:
    try:
        return int(image.getexif().get(0x0112, 1))
    except Exception:  # a damaged EXIF block says nothing about the pixels
        return 1


def _upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Undo an EXIF orientation 1..8 (other values mean nothing)."""
    if orientation in (5, 6, 7, 8):
        pixels = np.swapaxes(pixels, 0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels


def save_picture(
    path: str | Path,
    pixels: np.ndarray,
    *,
    icc: bytes | None = None,
    text: Mapping[str, str] | None = None,
    compression: int = 1,
) -> None:
    """Write a PNG: ``pixels`` [H, W] or [H, W, 1..4] uint8 or uint16,
    the numbers as given; all of it or nothing.

    ``icc`` is embedded, ``text`` becomes iTXt chunks (XMP under "XML:com.adobe.xmp"),
    ``compression`` is 0..9.  Raises OutputError where the file cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() != ".png":
        raise OutputError(f"{path}: pictures are written as PNG; name it {path.stem}.png")
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        write_png(file, pixels, icc=icc, text=text, level=compression)


def contact_sheet(
    images: Sequence[np.ndarray], columns: int, width: int, labels: Sequence[str] | None = None
) -> np.ndarray:
    """uint8 [H, ``width``, 3]: ``images`` (uint8 or uint16 [h, w, 3 or 4])
    in rows of ``columns``, fitted into cells.

    Cells share the aspect of the tallest image; ``labels`` are written under them.
    """
    import cv2

    if not images:
        raise ValueError("a contact sheet needs at least one image")
    gap = 6
    cell_width = max(8, (width - gap * (columns + 1)) // columns)
    cell_height = max(1, round(cell_width * max(image.shape[0] / image.shape[1] for image in images)))
    strip = 22 if labels else 0
    rows = -(-len(images) // columns)
    sheet = np.full((gap + rows * (cell_height + strip + gap), width, 3), 40, np.uint8)
    for i, image in enumerate(images):
        rgb = image[..., :3] if image.dtype == np.uint8 else (image[..., :3] >> 8).astype(np.uint8)
        fit = min(cell_width / rgb.shape[1], cell_height / rgb.shape[0])
        size = (max(1, int(rgb.shape[1] * fit)), max(1, int(rgb.shape[0] * fit)))
        small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA if fit < 1 else cv2.INTER_CUBIC)
        x = gap + (i % columns) * (cell_width + gap) + (cell_width - size[0]) // 2
        y = gap + (i // columns) * (cell_height + strip + gap)
        sheet[y : y + size[1], x : x + size[0]] = small
        if labels:
            at = (gap + (i % columns) * (cell_width + gap), y + cell_height + 15)
            cv2.putText(sheet, labels[i], at, cv2.FONT_HERSHEY_SIMPLEX, 0.42, (225, 225, 225), 1, cv2.LINE_AA)
    return sheet
