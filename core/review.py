# SPDX-License-Identifier: GPL-3.0-or-later
"""What people look at to judge a bake: the film and the contact sheet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .errors import Cancelled
from .provenance import Provenance

if TYPE_CHECKING:
    from .media.picture import Picture

Progress = Callable[[int, int, str], None]
MAX_FILM_SIDE = 4096  # px that players decode in hardware; the frames themselves keep the picture's size
FACE_SIDE, FACE_MARGIN = 128, 0.25  # of a face's thumbnail: px, and of its box on each side
SHEET_FRAMES, SHEET_COLUMNS, SHEET_WIDTH = 12, 6, 1800


def write_film(
    path: Path,
    frames: Iterator[np.ndarray],
    count: int,
    rate: Fraction,
    provenance: Provenance,
    report: Progress,
    stop: Callable[[], bool],
) -> None:
    """Stream ``count`` sRGB uint8 [H, W, 3] frames into an MP4; above MAX_FILM_SIDE it is made smaller.

    Raises OutputError where it cannot be written and Cancelled; then no file is left.
    """
    import cv2

    from .media.video import VideoWriter

    first = next(frames)
    height, width = first.shape[:2]
    scale = min(1.0, MAX_FILM_SIDE / max(width, height))
    size = (round(width * scale), round(height * scale))
    with VideoWriter(path, size, rate, metadata=provenance.video_metadata()) as writer:
        frame: np.ndarray | None = first
        done = 0
        while frame is not None:
            if stop():
                raise Cancelled(f"stopped; {path.name} was not written")
            writer.write(frame if scale == 1 else cv2.resize(frame, size, interpolation=cv2.INTER_AREA))
            done += 1
            report(done, count, f"film {path.name}")
            frame = next(frames, None)


def pick_frames(numbers: range) -> list[int]:
    """Up to SHEET_FRAMES frame numbers, evenly spread from the first to the last."""
    steps = np.linspace(0, len(numbers) - 1, min(SHEET_FRAMES, len(numbers)))
    return [numbers[round(step)] for step in steps]


def write_sheet(path: Path, images: list[np.ndarray], numbers: list[int], provenance: Provenance) -> None:
    """A contact sheet of sRGB uint8 images, labelled with their frame numbers."""
    from .media.picture import contact_sheet, save_picture

    columns = min(SHEET_COLUMNS, len(images))
    sheet = contact_sheet(images, columns, SHEET_WIDTH, [str(number) for number in numbers])
    save_picture(path, sheet, text=provenance.png_text())


def thumbnail(image: np.ndarray) -> np.ndarray:
    """``image`` small enough that the sheet's frames of a huge scan fit into memory together."""
    import cv2

    scale = 2 * SHEET_WIDTH / SHEET_COLUMNS / image.shape[1]
    if scale >= 1:
        return image
    return cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def save_thumbnail(path: Path, picture: Picture, box: np.ndarray) -> None:
    """A square PNG of FACE_SIDE px around ``box`` (x0, y0, x1, y1 px): what a list of faces shows.

    Beyond the picture its edge repeats.  Raises OutputError where the file cannot be written.
    """
    import cv2

    from .media.picture import Picture, save_picture

    middle = (box[:2] + box[2:]) / 2
    half = (0.5 + FACE_MARGIN) * float(max(box[2] - box[0], box[3] - box[1], 2.0))
    wide, high = picture.size
    left, top = int(max(0, middle[0] - half)), int(max(0, middle[1] - half))
    right, bottom = int(min(wide, middle[0] + half)), int(min(high, middle[1] + half))
    part = Picture(np.ascontiguousarray(picture.pixels[top : bottom + 1, left : right + 1]), picture.icc)
    scale = FACE_SIDE / (2 * half)
    size = max(1, round(scale * (right - left))), max(1, round(scale * (bottom - top)))
    small = cv2.resize(part.rgb8(), size, interpolation=cv2.INTER_AREA)
    x = min(max(0, round(scale * (left - middle[0] + half))), FACE_SIDE - min(size[0], FACE_SIDE))
    y = min(max(0, round(scale * (top - middle[1] + half))), FACE_SIDE - min(size[1], FACE_SIDE))
    small = small[: FACE_SIDE - y, : FACE_SIDE - x]
    pad = (y, FACE_SIDE - y - small.shape[0], x, FACE_SIDE - x - small.shape[1])
    save_picture(path, cv2.copyMakeBorder(small, *pad, borderType=cv2.BORDER_REPLICATE))
