# SPDX-License-Identifier: GPL-3.0-or-later
"""Scores of rendered frames against the filmed ones, kept on disk for methods that do not change.

``outputs`` are frames per method, all of a case's frames each; rows of scores have one figure per target
frame (or per pair of frames, where two that follow one another are looked at).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import torch

from ...atomic import atomic_path
from .cases import JUDGED, Case
from .distance import Distance
from .judges import LOST, Judges, landmark_error
from .metrics import absolute_error, eye_distance, ms_ssim, over, region_masks, ssim_map

CHUNK = 6  # frames whose features are held at once; 256 px take about 35 MB a frame
REGIONS = ("frame", "face", "mouth", "eyes")
_SOURCES = (
    "baselines.py",
    "cases.py",
    "distance.py",
    "faceapi.py",
    "identity_mean.json",
    "judges.py",
    "metrics.py",
    "scoring.py",
    "warps.py",
    "../perceptual.py",
)

Rows = dict[str, list[float]]
Outputs = Mapping[str, Sequence[np.ndarray]]
Masks = dict[str, np.ndarray]


def higher_is_better(metric: str) -> bool:
    """SSIM, MS-SSIM and identity grow with likeness; all other measures here fall."""
    return metric.startswith(("ssim", "msssim", "identity"))


def movement(case: Case) -> list[float]:
    """Per target frame the landmarks' mean distance from the first shot's, over the eye distance."""
    rows = [case.frames[place] for place in case.targets]
    offsets = case.performance.points[rows, :, :2] - case.face.points[None, :, :2]
    return (np.linalg.norm(offsets, axis=2).mean(1) / eye_distance(case.face.points)).tolist()


def target_masks(case: Case) -> list[Masks]:
    """The regions of each target frame's judged part, from the filmed frame's landmarks."""
    height, width = case.judged(case.truth[0]).shape[:2]
    return [region_masks(case.points(place), (width, height)) for place in case.targets]


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


def score_distance(
    distance: Distance,
    case: Case,
    outputs: Outputs,
    side: int = JUDGED,
    regions: Sequence[str] = REGIONS,
    suffix: str = "",
    film: dict[int, list[torch.Tensor]] | None = None,
) -> dict[str, Rows]:
    """``KEY_REGION`` + suffix at one size (px of the longer side), KEY being the distance's.

    Features of the filmed frames serve all the methods; ``film`` keeps them for a next call with the same
    case, distance and size.
    """
    names = {region: f"{distance.key}_{region}{suffix}" for region in regions}
    scores: dict[str, Rows] = {spec: {name: [] for name in names.values()} for spec in outputs}
    masks = target_masks(case)
    for start in range(0, len(case.targets), CHUNK):
        part = case.targets[start : start + CHUNK]
        truth = None if film is None else film.get(start)
        if truth is None:
            shown = [_resized(case.judged(case.truth[place]), side) for place in part]
            truth = distance.features(np.stack(shown))
            if film is not None:
                film[start] = truth
        weights = {
            region: None
            if region == "frame"
            else np.stack([_resized(each[region], side) for each in masks[start : start + CHUNK]])
            for region in regions
        }
        for spec, frames in outputs.items():
            kept, places = _distinct([frames[place] for place in part])
            taps = distance.features(np.stack([_resized(case.judged(image), side) for image in kept]))
            if len(kept) != len(places):
                taps = [tap[places] for tap in taps]
            for region, name in names.items():
                scores[spec][name] += distance.between(truth, taps, weights[region]).tolist()
    return scores


def score_plain(
    case: Case, outputs: Outputs, regions: Mapping[str, Sequence[str]] | None = None
) -> dict[str, Rows]:
    """``l1_REGION`` in 0..1, ``ssim_REGION`` and ``msssim_REGION`` at the judged size; ``regions`` of
    each."""
    wanted = regions or {"l1": REGIONS, "ssim": REGIONS, "msssim": ("frame", "face")}
    scores: dict[str, Rows] = {}
    masks = target_masks(case)
    truth = [case.judged(case.truth[place]) for place in case.targets]
    for spec, frames in outputs.items():
        rows: Rows = {f"{measure}_{region}": [] for measure, some in wanted.items() for region in some}
        for place, film, areas in zip(case.targets, truth, masks, strict=True):
            frame = case.judged(frames[place])
            for measure, some in wanted.items():
                weights = [areas.get(region) for region in some]
                if measure == "msssim":
                    figures = ms_ssim(frame, film, weights)
                else:
                    values = (absolute_error if measure == "l1" else ssim_map)(frame, film)
                    figures = [over(values, weight) for weight in weights]
                for region, figure in zip(some, figures, strict=True):
                    rows[f"{measure}_{region}"].append(figure)
        scores[spec] = rows
    return scores


def score_pairs(case: Case, outputs: Outputs) -> dict[str, Rows]:
    """Over pairs of frames that follow one another, on the face: ``flicker`` (how much changes, as a part of
    how much changes on film; 1 is right) and ``temporal`` (mean difference of the two changes, 0..1)."""
    scores: dict[str, Rows] = {}
    height, width = case.judged(case.truth[0]).shape[:2]
    for spec, frames in outputs.items():
        rows: Rows = {"flicker": [], "temporal": []}
        for first, second in case.pairs:
            mask = region_masks(case.points(first), (width, height))["face"]
            made, film = (
                case.judged(some[second]).astype(np.float32) - case.judged(some[first])
                for some in (frames, case.truth)
            )
            change = over(np.abs(film).mean(2), mask)
            rows["flicker"].append(over(np.abs(made).mean(2), mask) / max(change, 1e-6))
            rows["temporal"].append(over(np.abs(made - film).mean(2), mask) / 255)
        scores[spec] = rows
    return scores


@dataclass(frozen=True, eq=False)
class Witness:
    """What the judges say of a case's filmed target frames (``points`` [N, 68, 2], ``faces`` [N, D]) and of
    its first shot (``shot`` [D])."""

    points: np.ndarray
    faces: np.ndarray
    shot: np.ndarray

    @staticmethod
    def of(judges: Judges, case: Case) -> Witness:
        """Look at the film."""
        images = [case.judged(case.truth[place]) for place in case.targets]
        guides = [case.points(place) for place in case.targets]
        points = judges.landmarks(images, guides)
        still = case.picture.pixels
        face = judges.landmarks([still], [case.face.points])
        return Witness(points, judges.embeddings(images, points), judges.embeddings([still], face)[0])


def score_judged(judges: Judges, witness: Witness, case: Case, outputs: Outputs) -> dict[str, Rows]:
    """``identity`` (centered cosine with the filmed frame), ``landmarks``, ``landmarks_mouth``,
    ``landmarks_eyes`` (% of the eye distance between what another detector finds in the frame and on film)
    and ``lost`` (1 where it has lost the face; the landmarks' error is then ``LOST``)."""
    scores: dict[str, Rows] = {}
    for spec, frames in outputs.items():
        images = [case.judged(frames[place]) for place in case.targets]
        points = judges.landmarks(images, [case.points(place) for place in case.targets])
        likeness = (judges.embeddings(images, points) * witness.faces).sum(1)
        rows: Rows = {"identity": likeness.astype(float).tolist()}
        rows |= {name: [] for name in ("landmarks", "landmarks_mouth", "landmarks_eyes", "lost")}
        for found, truth in zip(points, witness.points, strict=True):
            error = landmark_error(found, truth)
            lost = error["all"] > 100 * LOST
            rows["lost"].append(float(lost))
            for name, key in (("all", "landmarks"), ("mouth", "landmarks_mouth"), ("eyes", "landmarks_eyes")):
                rows[key].append(100 * LOST if lost else error[name])
        scores[spec] = rows
    return scores


@dataclass(frozen=True)
class ScoreStore:
    """Scores of fixed methods, keyed by everything that decides them: clip, landmarks, code, ``facts``."""

    folder: Path
    facts: Sequence[str] = ()
    _code: list[str] = field(default_factory=list)

    def _file(self, case: Case, spec: str) -> Path:
        if not self._code:
            here = Path(__file__).resolve().parent
            code = b"".join((here / name).read_bytes() for name in _SOURCES)
            self._code.append(hashlib.sha256(code).hexdigest())
        track = case.performance.points.tobytes() + case.performance.irises.tobytes()
        stills = [still.row for still in case.stills]
        facts = [
            case.sha256,
            hashlib.sha256(track).hexdigest(),
            self._code[0],
            spec,
            case.frames,
            case.targets,
        ]
        key = json.dumps([*facts, case.pairs, stills, list(self.facts)])
        return self.folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"

    def get(self, case: Case, spec: str) -> Rows | None:
        """Stored rows, or None."""
        path = self._file(case, spec)
        if not path.is_file():
            return None
        rows: Rows = json.loads(path.read_text("utf-8"))
        return rows

    def put(self, case: Case, spec: str, rows: Rows) -> None:
        """Keep the rows of a method."""
        with atomic_path(self._file(case, spec)) as path:
            path.write_text(json.dumps(rows), "utf-8")
