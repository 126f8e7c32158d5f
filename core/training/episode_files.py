# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing prepared episodes: one safetensors file per source and index.json over all of them.

``prepared`` reads them.  A source is a clip, or a still moved through the head proxy: frames with their
landmarks, and pairs of a shot and a target frame with the view of the shot at the target's landmarks.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from ..atomic import atomic_path
from ..errors import InputError
from ..generator.inputs import View, Viewer
from ..generator.raster import RASTER_VERSION
from ..landmarks.face import Face

SCHEMA = "tableau-vivant/episodes-1"
SIZE = 256  # px: training at a smaller size shrinks what is stored
INDEX = "index.json"
JPEG = [
    *(cv2.IMWRITE_JPEG_QUALITY, 90),
    *(cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444),
]
PNG = [cv2.IMWRITE_PNG_COMPRESSION, 6]


@dataclass(frozen=True)
class Entry:
    """A source's line in index.json; kind is clip, photo or painting."""

    file: str
    name: str
    person: str
    kind: str
    frames: int
    pairs: int


@dataclass
class Episode:
    """What is gathered of one source: JPEG of frames and views, landmarks in px of ``SIZE``."""

    frames: list[bytes] = field(default_factory=list)
    points: list[np.ndarray] = field(default_factory=list)
    irises: list[np.ndarray] = field(default_factory=list)
    pairs: list[tuple[int, int]] = field(default_factory=list)
    warped: list[bytes] = field(default_factory=list)
    shift: list[np.ndarray] = field(default_factory=list)
    masks: list[bytes] = field(default_factory=list)

    def add_shot(self, viewer: Viewer) -> int:
        """Take a viewer's picture as a frame; returns its number."""
        return self._frame(viewer.shot.image, viewer.shot.points, viewer.shot.irises)

    def add_pair(self, viewer: Viewer, shot: int, target: np.ndarray, face: Face) -> None:
        """Move frame ``shot``, the viewer's picture, to ``face``.

        target: uint8 RGB, the whole picture that should come out, as large as the viewer's; face: its
        landmarks in its px.
        """
        view = viewer.view(face.points, face.irises)
        number = self._frame(viewer.crop.cut(target, SIZE), view.points, view.irises)
        self._view(shot, number, view)

    def save(self, path: Path, key: str) -> None:
        """Write the source's file; ``key`` says what it was made from (see :func:`saved_key`)."""
        data: dict[str, np.ndarray] = {
            "points": np.stack(self.points).astype(np.float32),
            "irises": np.stack(self.irises).astype(np.float32),
            "pairs": np.array(self.pairs, np.int32).reshape(-1, 2),
            "shift": np.stack(self.shift).astype(np.float16),
        }
        for name in ("frames", "warped", "masks"):
            blobs = getattr(self, name)
            data[name] = np.frombuffer(b"".join(blobs), np.uint8)
            data[f"{name}_offsets"] = np.array([0, *accumulate(map(len, blobs))], np.int64)
        with atomic_path(path) as temporary:
            save_file(data, temporary, {"key": key})

    def _frame(self, image: np.ndarray, points: np.ndarray, irises: np.ndarray) -> int:
        self.frames.append(_encoded(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), JPEG))
        self.points.append(points)
        self.irises.append(irises)
        return len(self.frames) - 1

    def _view(self, shot: int, target: int, view: View) -> None:
        self.pairs.append((shot, target))
        self.warped.append(_encoded(".jpg", cv2.cvtColor(view.warped, cv2.COLOR_RGB2BGR), JPEG))
        self.shift.append(view.shift)
        self.masks.append(_encoded(".png", view.masks, PNG))


def _encoded(suffix: str, image: np.ndarray, options: Sequence[int]) -> bytes:
    done, blob = cv2.imencode(suffix, image, options)
    assert done
    return blob.tobytes()


def saved_key(path: Path) -> str | None:
    """The key of a source's file; None where there is no whole one."""
    try:
        with safe_open(path, "numpy") as file:
            return (file.metadata() or {}).get("key")
    except (OSError, SafetensorError):
        return None


def saved_counts(path: Path) -> tuple[int, int]:
    """Numbers of frames and pairs in a source's file."""
    with safe_open(path, "numpy") as file:
        return file.get_slice("points").get_shape()[0], file.get_slice("pairs").get_shape()[0]


def read_entries(folder: Path) -> dict[str, Entry]:
    """What the folder's index lists, by name; nothing where there is none yet.

    Raises InputError where the index is of something else or of rasters that are no more.
    """
    path = folder / INDEX
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({error}); choose another folder") from error
    wanted = {"schema": SCHEMA, "size": SIZE, "raster": RASTER_VERSION}
    if not isinstance(data, dict) or any(data.get(name) != value for name, value in wanted.items()):
        raise InputError(f"{path}: is no index of such episodes; choose another folder or remove it")
    try:
        entries = [Entry(**item) for item in data["sources"]]
    except (KeyError, TypeError) as error:
        raise InputError(f"{path}: damaged ({error}); choose another folder or remove it") from error
    return {entry.name: entry for entry in entries if (folder / entry.file).is_file()}


def write_index(folder: Path, entries: Mapping[str, Entry]) -> None:
    """Write index.json, sources sorted by name."""
    sources: list[dict[str, Any]] = [asdict(entries[name]) for name in sorted(entries)]
    data = {"schema": SCHEMA, "size": SIZE, "raster": RASTER_VERSION, "sources": sources}
    with atomic_path(folder / INDEX) as temporary:
        temporary.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
