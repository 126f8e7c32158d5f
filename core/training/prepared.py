# SPDX-License-Identifier: GPL-3.0-or-later
"""Prepared episodes, read from their folder into tensors on one device.

A folder holds index.json and one safetensors file per source (a clip, or a still moved through the head
proxy): compressed frames with their landmarks, and pairs of a shot and a target frame with the shot's warp.
Nothing but numpy, OpenCV, safetensors and torch is needed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.numpy import load_file
from torch import Tensor

from ..errors import Cancelled, InputError
from ..generator.raster import RASTER_VERSION, raster
from .alignment import measured_alignment

SCHEMA = "tableau-vivant/episodes-1"
KINDS = ("clip", "photo", "painting")
SHIFT_CELL, MASK_CELL = 8, 2  # px of the work size per value of a pair's shift and masks

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Source:
    """One line of index.json: a clip or a still of one person."""

    file: str
    name: str
    person: str
    kind: str


@dataclass(frozen=True, eq=False)
class Prepared:
    """All sources, one after the other; pictures are uint8, channels last, at the work size S.

    frames [F,S,S,3] RGB, rasters [F,S,S,3], points float32 [F,68,2] px of S (x, y), irises float32 [F,2,2];
    shot, target int64 [P] (frames of a pair), source int64 [P] (whose pair it is), warped [P,S,S,3],
    shift float16 [P,S/8,S/8,2], masks [P,S/2,S/2,4],
    alignment float16 [P,S/4,S/4,3] (see :func:`measured_alignment`);
    first, count int64 [N]: the frames of source i are first[i] .. first[i] + count[i] - 1;
    moments float32 [P]: weight of the pair among those of its source.
    """

    size: int
    sources: tuple[Source, ...]
    frames: Tensor
    rasters: Tensor
    points: Tensor
    irises: Tensor
    shot: Tensor
    target: Tensor
    source: Tensor
    warped: Tensor
    shift: Tensor
    masks: Tensor
    alignment: Tensor
    first: Tensor
    count: Tensor
    moments: Tensor

    @property
    def device(self) -> torch.device:
        """Where the tensors are."""
        return self.frames.device


def read_index(folder: Path) -> tuple[int, list[Source]]:
    """Size in px and sources of a prepared folder; InputError where it is none or is for other rasters."""
    path = folder / "index.json"
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: no prepared episodes there; prepare clips first") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({error}); prepare the clips again") from error
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        raise InputError(f"{path}: not of the kind {SCHEMA}; prepare the clips again")
    if data.get("raster") != RASTER_VERSION:
        raise InputError(
            f"{path}: made for rasters of version {data.get('raster')}, not {RASTER_VERSION}; "
            "prepare the clips again"
        )
    try:
        items = data["sources"]
        sources = [
            Source(*(str(item[name]) for name in ("file", "name", "person", "kind"))) for item in items
        ]
        size = int(data["size"])
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: damaged ({error!r}); prepare the clips again") from error
    if not sources:
        raise InputError(f"{path}: holds no sources; prepare some clips")
    for source in sources:
        if source.kind not in KINDS:
            raise InputError(f"{path}: {source.name} is a {source.kind}; known are {', '.join(KINDS)}")
    return size, sources


def load_prepared(
    folder: Path,
    size: int,
    device: torch.device | str = "cpu",
    *,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Prepared:
    """Everything in the folder, decoded once, at work size ``size`` (at most that of the folder)."""
    stored, sources = read_index(folder)
    if size > stored:
        raise InputError(f"{folder}: prepared at {stored} px, too small for a work size of {size} px")
    parts: list[dict[str, np.ndarray]] = []
    workers = max(
        1, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    with ThreadPoolExecutor(workers) as pool:
        for number, source in enumerate(sources):
            if cancelled is not None and cancelled():
                raise Cancelled("stopped while the episodes were read")
            parts.append(_read(folder / source.file, size, stored, pool))
            if progress is not None:
                progress(number + 1, len(sources), "reading episodes")
    return _join(parts, sources, size, torch.device(device))


def _read(path: Path, size: int, stored: int, pool: ThreadPoolExecutor) -> dict[str, np.ndarray]:
    try:
        data = load_file(path)
        points = data["points"].astype(np.float32) * (size / stored)
        irises = data["irises"].astype(np.float32) * (size / stored)
        pairs = data["pairs"].astype(np.int64).reshape(-1, 2)
        shift = np.stack([_smaller(item.astype(np.float32), size // SHIFT_CELL) for item in data["shift"]])
        frames = list(pool.map(_picture, _blobs(data, "frames"), [size] * len(points)))
        warped = list(pool.map(_picture, _blobs(data, "warped"), [size] * len(pairs)))
        masks = list(pool.map(_masks, _blobs(data, "masks"), [size // MASK_CELL] * len(pairs)))
        part = {
            "frames": np.stack(frames),
            "points": points,
            "irises": irises,
            "pairs": pairs,
            "warped": np.stack(warped),
            "shift": shift.astype(np.float16),
            "masks": np.stack(masks),
            "moments": data.get("moments", np.ones(len(points), np.float32)).astype(np.float32),
        }
    except FileNotFoundError:
        raise InputError(f"{path}: named by index.json but missing; prepare the clips again") from None
    except (OSError, SafetensorError, KeyError, ValueError, cv2.error) as error:
        raise InputError(f"{path}: damaged ({error}); prepare the clips again") from error
    count = len(points)
    lengths = [len(part[name]) == count for name in ("frames", "irises", "moments")]
    lengths += [len(part[name]) == len(pairs) for name in ("warped", "shift", "masks")]
    if not all(lengths) or pairs.min() < 0 or pairs.max() >= count or count < 2:
        raise InputError(f"{path}: damaged (frames and pairs do not fit); prepare the clips again")
    lines = pool.map(lambda chunk: raster(points[chunk], irises[chunk], size), _chunks(count, 16))
    part["rasters"] = np.concatenate(list(lines))
    targets = [frames[index] for index in pairs[:, 1]]
    part["alignment"] = np.stack(list(pool.map(measured_alignment, warped, targets))).astype(np.float16)
    return part


def _chunks(count: int, step: int) -> list[slice]:
    return [slice(start, start + step) for start in range(0, count, step)]


def _blobs(data: dict[str, np.ndarray], name: str) -> list[np.ndarray]:
    offsets = data[f"{name}_offsets"]
    return [data[name][a:b] for a, b in pairwise(offsets.tolist())]


def _picture(blob: np.ndarray, size: int) -> np.ndarray:
    image = cv2.imdecode(blob, cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError("a picture in it cannot be decoded")
    return _smaller(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), size)


def _masks(blob: np.ndarray, size: int) -> np.ndarray:
    image = cv2.imdecode(blob, cv2.IMREAD_UNCHANGED)
    if image is None or image.ndim != 3 or image.shape[2] != 4:
        raise ValueError("masks in it cannot be decoded")
    return _smaller(image, size)


def _smaller(image: np.ndarray, size: int) -> np.ndarray:
    return image if image.shape[0] == size else cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA)


def _join(
    parts: Sequence[dict[str, np.ndarray]], sources: Sequence[Source], size: int, device: torch.device
) -> Prepared:
    count = np.array([len(part["points"]) for part in parts], np.int64)
    first = np.concatenate([[0], np.cumsum(count)[:-1]])
    pairs = np.concatenate([part["pairs"] + start for part, start in zip(parts, first, strict=True)])
    owner = np.repeat(np.arange(len(parts)), [len(part["pairs"]) for part in parts])
    moments = np.concatenate([part["moments"] for part in parts])[pairs[:, 1]]
    if not np.isfinite(moments).all() or moments.min() < 0:
        raise InputError("moments of the episodes must be finite and not negative; prepare the clips again")

    def all_of(name: str) -> Tensor:
        # copied source by source, so that the pictures never exist twice
        rows = sum(len(part[name]) for part in parts)
        sample = torch.from_numpy(parts[0][name])
        joined = torch.empty((rows, *sample.shape[1:]), dtype=sample.dtype, device=device)
        start = 0
        for part in parts:
            rows = len(part[name])
            joined[start : start + rows] = torch.from_numpy(part.pop(name)).to(device)
            start += rows
        return joined

    def on(array: Any) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(device)

    return Prepared(
        size=size,
        sources=tuple(sources),
        frames=all_of("frames"),
        rasters=all_of("rasters"),
        points=all_of("points"),
        irises=all_of("irises"),
        shot=on(pairs[:, 0]),
        target=on(pairs[:, 1]),
        source=on(owner),
        warped=all_of("warped"),
        shift=all_of("shift"),
        masks=all_of("masks"),
        alignment=all_of("alignment"),
        first=on(first),
        count=on(count),
        moments=on(moments),
    )
