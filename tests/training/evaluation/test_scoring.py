# SPDX-License-Identifier: GPL-3.0-or-later
"""Scores of a made-up case: perfect frames, still ones, and noise."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("torch")

from core.landmarks.detect import Face
from core.landmarks.track import LandmarkTrack
from core.media.picture import Picture
from core.training.evaluation.baselines import aligned, nearest, nearest_tps, static, tps
from core.training.evaluation.cases import Case, Still
from core.training.evaluation.distance import Distance
from core.training.evaluation.scoring import (
    ScoreStore,
    movement,
    score_distance,
    score_pairs,
    score_plain,
)
from tests.benchmarks.shapes import picture

SIDE = 128


def _points() -> np.ndarray:
    points = np.zeros((68, 3), np.float32)
    angle = np.linspace(0, np.pi, 17)
    points[:17, :2] = np.column_stack([64 - 30 * np.cos(angle), 60 + 36 * np.sin(angle)])
    points[17:27, :2] = np.column_stack([np.linspace(40, 88, 10), np.full(10, 48)])
    points[27:36, :2] = np.column_stack([np.linspace(60, 68, 9), np.linspace(54, 72, 9)])
    points[36:42, :2] = [[43, 56], [46, 54], [51, 54], [54, 56], [51, 58], [46, 58]]
    points[42:48, :2] = [[74, 56], [77, 54], [82, 54], [85, 56], [82, 58], [77, 58]]
    turn = np.arange(20)
    points[48:, :2] = np.column_stack([64 + 12 * np.cos(turn), 82 + 5 * np.sin(turn)])
    return points


@pytest.fixture(scope="module")
def case() -> Case:
    """A face that drifts to the right by two pixels a frame; frames 0 and 4 are shots, 6 to 9 are
    rendered."""
    image = cv2.resize(picture(), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    film = [np.roll(image, 2 * row, 1) for row in range(10)]
    points = np.stack([_points() + np.array([2 * row, 0, 0], np.float32) for row in range(10)])
    irises = np.stack([points[:, 36:42, :2].mean(1), points[:, 42:48, :2].mean(1)], 1)
    track = LandmarkTrack(points, irises, np.arange(10) / 25, np.ones((10, 68)), (SIDE, SIDE))

    def still(row: int) -> Still:
        box = np.array([34, 48, 94, 96], np.float32)
        face = Face(points[row], irises[row], np.ones(68, np.float32), box, 1.0)
        return Still(row, Picture(pixels=film[row]), face)

    rows = (6, 7, 8, 9)
    truth = tuple(film[row] for row in rows)
    stills = (still(0), still(4))
    return Case("head_00", "0" * 64, 25.0, stills, track, rows, truth, (0, 1, 3), ((0, 1), (1, 2)), None)


@pytest.fixture
def distance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Distance:
    """The stand-in for LPIPS, which is small."""
    monkeypatch.setenv("TABLEAU_SHARED", str(tmp_path))
    monkeypatch.delenv("TABLEAU_LPIPS", raising=False)
    return Distance(fallback=True)


def test_movement_is_in_eye_distances(case: Case) -> None:
    assert movement(case) == pytest.approx([12 / 42, 14 / 42, 18 / 42], abs=1e-3)


def test_perfect_frames_are_perfect_by_every_measure(case: Case, distance: Distance) -> None:
    outputs = {"film": list(case.truth)}
    rows = score_plain(case, outputs)["film"] | score_pairs(case, outputs)["film"]
    rows |= score_distance(distance, case, outputs)["film"]
    for name, row in rows.items():
        perfect = 1 if name.startswith(("ssim", "msssim", "flicker")) else 0
        assert row == pytest.approx([perfect] * len(row), abs=1e-5), name
    assert len(rows["l1_face"]) == 3 and len(rows["flicker"]) == 2


def test_baselines_stand_in_their_order(case: Case) -> None:
    """The drift is a similarity: aligned is as good as the film where the border does not matter."""
    methods = {
        "static": static,
        "nearest": nearest,
        "aligned": aligned,
        "tps": tps,
        "nearest-tps": nearest_tps,
    }
    outputs = {name: list(method(case)) for name, method in methods.items()}
    faces = {name: np.mean(rows["l1_face"]) for name, rows in score_plain(case, outputs).items()}
    assert faces["aligned"] < 0.01 < faces["nearest"] < faces["static"]
    assert faces["tps"] < 0.5 * faces["static"] and faces["nearest-tps"] < faces["tps"]


def test_a_still_frame_does_not_flicker_and_noise_does(case: Case) -> None:
    random = np.random.default_rng(0)
    noisy = [np.clip(i + random.normal(0, 40, i.shape), 0, 255).astype(np.uint8) for i in case.truth]
    rows = score_pairs(case, {"static": static(case), "noisy": noisy})
    assert rows["static"]["flicker"] == [0, 0]
    assert min(rows["noisy"]["flicker"]) > 1.5
    assert min(rows["noisy"]["temporal"]) > 0.1


def test_features_of_the_film_are_kept(
    case: Case, distance: Distance, monkeypatch: pytest.MonkeyPatch
) -> None:
    film: dict = {}
    outputs = {"static": list(static(case))}
    first = score_distance(distance, case, outputs, film=film)
    calls = []
    real = distance.features
    monkeypatch.setattr(distance, "features", lambda images: calls.append(len(images)) or real(images))
    assert score_distance(distance, case, outputs, film=film) == first
    assert calls == [1]  # the one picture that is still in all frames


def test_large_frames_are_judged_in_their_window(case: Case) -> None:
    window = (20, 30, 116, 126)
    inside = replace(case, window=window)
    image = case.truth[0]
    assert inside.judged(image).shape == (256, 256, 3)
    assert inside.points(0) == pytest.approx((case.points(0) - (20, 30)) * (256 / 96))
    # a change outside the window is not seen
    changed = [image.copy() for image in case.truth]
    for frame in changed:
        frame[:20] = 0
    rows = score_plain(inside, {"changed": changed})["changed"]
    assert max(rows["l1_frame"]) < 1e-6 < min(score_plain(case, {"changed": changed})["changed"]["l1_frame"])


def test_stored_scores_belong_to_case_and_settings(case: Case, tmp_path: Path) -> None:
    store = ScoreStore(tmp_path, ("a",))
    assert store.get(case, "tps") is None
    store.put(case, "tps", {"l1_face": [0.1]})
    assert ScoreStore(tmp_path, ("a",)).get(case, "tps") == {"l1_face": [0.1]}
    assert store.get(case, "static") is None
    assert ScoreStore(tmp_path, ("b",)).get(case, "tps") is None
    assert store.get(replace(case, stills=case.stills[:1]), "tps") is None


def test_where_weights_are_missing_the_distance_has_another_name(distance: Distance) -> None:
    assert (distance.name, distance.key) == ("P-dist", "pdist")
