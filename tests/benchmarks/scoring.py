# SPDX-License-Identifier: GPL-3.0-or-later
"""Scores of rendered frames against the filmed ones, kept on disk for methods that do not change."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from core.atomic import atomic_path

from .cases import Case
from .lpips import Lpips
from .methods import parse_spec
from .metrics import absolute_error, eye_distance, over, region_masks, ssim_map

CHUNK = 6  # frames whose features are held at once; 256 px take about 35 MB a frame
REGIONS = ("face", "mouth", "eyes")
_SOURCES = ("baselines.py", "cases.py", "lpips.py", "metrics.py", "scoring.py", "warps.py")

Rows = dict[str, list[float]]


def higher_is_better(metric: str) -> bool:
    """SSIM grows with likeness, all other measures here fall."""
    return metric.startswith("ssim")


def movement(case: Case) -> list[float]:
    """Per target frame the landmarks' mean distance from the portrait's, over the eye distance."""
    offsets = case.performance.points[list(case.frames), :, :2] - case.face.points[None, :, :2]
    return (np.linalg.norm(offsets, axis=2).mean(1) / eye_distance(case.face.points)).tolist()


def _resized(image: np.ndarray, side: int) -> np.ndarray:
    height, width = image.shape[:2]
    if max(height, width) == side:
        return image
    size = (round(width * side / max(height, width)), round(height * side / max(height, width)))
    smaller = size[0] < width
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC)


def _distinct(images: Sequence[np.ndarray]) -> tuple[list[np.ndarray], list[int]]:
    """The images without repetitions of the same object, and where each of the given ones is among them."""
    unique: dict[int, int] = {}
    kept: list[np.ndarray] = []
    places = []
    for image in images:
        if id(image) not in unique:
            unique[id(image)] = len(kept)
            kept.append(image)
        places.append(unique[id(image)])
    return kept, places


def _perceptual(
    lpips: Lpips, case: Case, outputs: dict[str, list[np.ndarray]], side: int, masks: Sequence[np.ndarray]
) -> dict[str, Rows]:
    """LPIPS of the frame and of the face at one size; features of the filmed frames serve all the methods."""
    scores: dict[str, Rows] = {spec: {f"lpips_{side}": [], f"lpips_face_{side}": []} for spec in outputs}
    for start in range(0, len(case.frames), CHUNK):
        part = slice(start, start + CHUNK)
        truth = lpips.features(np.stack([_resized(image, side) for image in case.truth[part]]))
        mask = np.stack([_resized(image, side) for image in masks[part]])
        for spec, frames in outputs.items():
            kept, places = _distinct(frames[part])
            taps = lpips.features(np.stack([_resized(image, side) for image in kept]))
            if len(kept) != len(places):
                taps = [tap[places] for tap in taps]
            scores[spec][f"lpips_{side}"] += lpips.distance(truth, taps).tolist()
            scores[spec][f"lpips_face_{side}"] += lpips.distance(truth, taps, mask).tolist()
    return scores


def score(
    lpips: Lpips, case: Case, outputs: dict[str, list[np.ndarray]], sizes: Sequence[int]
) -> dict[str, Rows]:
    """Per method and metric one figure per target frame.

    ``lpips_S`` and ``lpips_face_S`` at each size S (px of the longer side); ``ssim``,
    ``ssim_face``, ``l1``, ``l1_face``, ``l1_mouth``, ``l1_eyes`` at the clip's own size, L1 in 0..1.
    Regions come from the filmed frame's landmarks.
    """
    points = [case.performance.points[row] for row in case.frames]
    regions = [region_masks(each, case.picture.size) for each in points]
    scores: dict[str, Rows] = {spec: {} for spec in outputs}
    for side in sizes:
        for spec, rows in _perceptual(lpips, case, outputs, side, [each["face"] for each in regions]).items():
            scores[spec].update(rows)
    for spec, frames in outputs.items():
        names = ["l1", *(f"l1_{region}" for region in REGIONS), "ssim", "ssim_face"]
        rows = scores[spec]
        rows.update({name: [] for name in names})
        for frame, truth, masks in zip(frames, case.truth, regions, strict=True):
            error, likeness = absolute_error(frame, truth), ssim_map(frame, truth)
            rows["l1"].append(over(error, None))
            for region in REGIONS:
                rows[f"l1_{region}"].append(over(error, masks[region]))
            rows["ssim"].append(over(likeness, None))
            rows["ssim_face"].append(over(likeness, masks["face"]))
    return scores


class ScoreStore:
    """Scores of the fixed methods, keyed by everything that decides them: clip, landmarks, code, settings."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        here = Path(__file__).resolve().parent
        self._code = hashlib.sha256(b"".join((here / name).read_bytes() for name in _SOURCES)).hexdigest()

    def _file(self, case: Case, spec: str, sizes: Sequence[int]) -> Path:
        track = case.performance.points.tobytes() + case.performance.irises.tobytes()
        facts = [case.sha256, hashlib.sha256(track).hexdigest(), self._code, spec, case.frames, list(sizes)]
        return self._folder / f"{hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]}.json"

    def get(self, case: Case, spec: str, sizes: Sequence[int]) -> Rows | None:
        """Stored rows of a fixed method, or None."""
        path = self._file(case, spec, sizes)
        if not parse_spec(spec)[0].fixed or not path.is_file():
            return None
        rows: Rows = json.loads(path.read_text("utf-8"))
        return rows

    def put(self, case: Case, spec: str, sizes: Sequence[int], rows: Rows) -> None:
        """Keep the rows of a fixed method; those of others are not kept."""
        if parse_spec(spec)[0].fixed:
            with atomic_path(self._file(case, spec, sizes)) as path:
                path.write_text(json.dumps(rows), "utf-8")
