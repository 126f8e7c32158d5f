# SPDX-License-Identifier: GPL-3.0-or-later
"""The measures of moved frames find what they are there to find: renderers with one known fault each."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from core.landmarks.face import Face
from core.media.picture import Picture
from core.training.evaluation.warps import ANCHORS, backward_map, warp
from tests.benchmarks.motion_sheets import Stage, faults, head_box, telling_rows
from tests.benchmarks.moved import Measures, chart, determinants, measure, read_chart

SIZE = (320, 400)
REGION = (40, 40, 280, 360)


def _points() -> np.ndarray:
    """68 points of a plain face, px."""
    angle = np.linspace(0, np.pi, 17)
    points = np.zeros((68, 3), np.float32)
    points[:17, :2] = np.column_stack([160 - 60 * np.cos(angle), 190 + 75 * np.sin(angle)])
    points[17:22, :2] = np.column_stack([np.linspace(110, 145, 5), [172, 167, 165, 167, 171]])
    points[22:27, :2] = np.column_stack([np.linspace(175, 210, 5), [171, 167, 165, 167, 172]])
    points[27:31, :2] = np.column_stack([np.full(4, 160), np.linspace(184, 210, 4)])
    points[31:36, :2] = np.column_stack([np.linspace(147, 173, 5), [217, 219, 221, 219, 217]])
    points[36:42, :2] = [[115, 186], [122, 182], [132, 182], [139, 187], [132, 190], [122, 190]]
    points[42:48, :2] = [[181, 187], [188, 182], [198, 182], [205, 186], [198, 190], [188, 190]]
    turn = np.linspace(np.pi, 3 * np.pi, 13)[:-1]
    points[48:60, :2] = np.column_stack([160 + 26 * np.cos(turn), 238 + 9 * np.sin(turn)])
    turn = np.linspace(np.pi, 3 * np.pi, 9)[:-1]
    points[60:, :2] = np.column_stack([160 + 20 * np.cos(turn), 238 + 3 * np.sin(turn)])
    return points


def _face() -> Face:
    points = _points()
    box = np.concatenate([points[:, :2].min(0), points[:, :2].max(0)])
    irises = np.array([[127, 186], [193, 186]], np.float32)
    return Face(points=points, irises=irises, confidence=np.ones(68, np.float32), box=box, score=1.0)


def _picture() -> Picture:
    random = np.random.default_rng(0)
    coarse = random.integers(30, 225, (25, 20, 3), dtype=np.uint8)
    return Picture(pixels=cv2.resize(coarse, SIZE, interpolation=cv2.INTER_CUBIC))


def _matte() -> np.ndarray:
    matte = np.zeros((SIZE[1], SIZE[0]), np.float32)
    cv2.ellipse(matte, (160, 200), (75, 95), 0, 0, 360, 1.0, -1)
    return matte


class Honest:
    """A thin-plate warp whose still points lie on an ellipse around the sitter: nothing outside it moves."""

    region = REGION

    def __init__(self, picture: Picture, face: Face, mask: np.ndarray | None = None) -> None:
        self.picture, self.rest = picture, face.points[:, :2].astype(np.float64)

    def mapping(self, points: np.ndarray) -> np.ndarray:
        """Backward map [H, W, 2] in pixel indices."""
        turn = np.linspace(0, 2 * np.pi, 25)[:-1]
        ring = np.column_stack([160 + 86 * np.cos(turn), 200 + 106 * np.sin(turn)])
        moved = np.vstack([points[:, :2], ring])
        offset = backward_map(np.vstack([self.rest, ring]), moved, SIZE, step=2)
        still = np.stack(np.meshgrid(np.arange(SIZE[0]), np.arange(SIZE[1])), -1).astype(np.float32)
        radius = np.hypot((still[..., 0] - 160) / 86, (still[..., 1] - 200) / 106)
        fade = np.clip((1.0 - radius) / 0.1, 0, 1)[..., None].astype(np.float32)
        return still + fade * (offset - still)

    def render(self, points: np.ndarray, irises: np.ndarray) -> np.ndarray:
        """The moved picture."""
        return warp(self.picture.pixels, self.mapping(points))


class Folding(Honest):
    """Turns a patch of the cheek inside out."""

    def mapping(self, points: np.ndarray) -> np.ndarray:
        mapping = super().mapping(points)
        mapping[210:225, 120:135, 0] = mapping[210:225, 120:135, 0][:, ::-1]
        return mapping


class Leaking(Honest):
    """Changes one pixel outside its own region."""

    def render(self, points: np.ndarray, irises: np.ndarray) -> np.ndarray:
        frame = super().render(points, irises).copy()
        frame[5, 5] ^= 1
        return frame


class Dragging(Honest):
    """Shifts the background beside the sitter."""

    def mapping(self, points: np.ndarray) -> np.ndarray:
        mapping = super().mapping(points)
        mapping[60:120, 45:70, 0] += 2
        return mapping


class Deaf(Honest):
    """Does not move at all."""

    def mapping(self, points: np.ndarray) -> np.ndarray:
        return super().mapping(_points())


class Blurring(Honest):
    """Loses the brushwork of what it moves."""

    def render(self, points: np.ndarray, irises: np.ndarray) -> np.ndarray:
        return cv2.GaussianBlur(super().render(points, irises), (0, 0), 2.0)


def _measured(renderer: type[Honest]) -> Measures:
    stage = Stage(_picture(), _face(), _matte(), renderer)
    moved = _points()
    moved[:, 0] += 4
    moved[48:, 1] += 3
    frame = stage.renderer.render(moved, stage.face.irises)
    source = stage.source(moved, stage.face.irises)
    return measure(stage.picture, stage.face, stage.matte, REGION, frame, source, moved)


def test_a_clean_warp_has_no_fault() -> None:
    found = _measured(Honest)
    assert found.changed_outside_region == 0
    assert found.background_difference == 0
    assert found.folded == 0
    assert found.least_determinant is not None
    assert found.least_determinant > 0.3
    assert found.landmarks_missed is not None
    assert found.landmarks_missed < 0.005


def test_lost_brushwork_is_found() -> None:
    clean, blurred = _measured(Honest), _measured(Blurring)
    assert clean.texture is not None
    assert blurred.texture is not None
    assert clean.texture == pytest.approx(1, abs=0.15)
    assert blurred.texture < 0.85
    assert clean.canvas is not None
    assert clean.canvas > 0.9


def test_a_fold_is_found() -> None:
    found = _measured(Folding)
    assert found.folded is not None
    assert found.folded > 0.001
    assert found.least_determinant is not None
    assert found.least_determinant < -0.5


def test_a_pixel_outside_the_region_is_found() -> None:
    assert _measured(Leaking).changed_outside_region == 1


def test_a_moving_background_is_found() -> None:
    found = _measured(Dragging)
    assert found.background_difference > 0.02
    assert found.background_changed > 0
    assert found.changed_outside_region == 0


def test_missed_landmarks_are_found() -> None:
    missed = _measured(Deaf).landmarks_missed
    assert missed == pytest.approx(4 / 90, rel=0.05)  # 4 px of an eye distance of 90


def test_chart_reads_back_a_known_map() -> None:
    mapping = np.stack(np.meshgrid(np.arange(100.0), np.arange(80.0)), -1).astype(np.float32)
    mapping[..., 0] = 20 + 0.5 * mapping[..., 0]
    mapping[..., 1] = 70 - 0.8 * mapping[..., 1]
    source = read_chart(warp(chart((100, 80)).pixels, mapping))
    assert np.abs(source - 0.5 - mapping).max() < 0.05
    assert determinants(source, 2)[5:-5, 5:-5] == pytest.approx(-0.4, abs=0.02)


def test_telling_rows_catch_a_blink() -> None:
    track = np.repeat(_points()[None], 100, 0)
    track[40:43, 36:48, 1] += 5
    rows = telling_rows(track, 3)
    assert rows[0] == 0
    assert any(40 <= row < 43 for row in rows)
    assert len(telling_rows(track[:2], 8)) <= 2


def test_sheet_shows_every_frame_and_the_head() -> None:
    stage = Stage(_picture(), _face(), _matte(), Honest)
    x0, y0, x1, y1 = head_box(stage.face.points, SIZE)
    assert x1 - x0 > 150
    assert 0 <= y0 < y1 <= SIZE[1]
    assert (stage.face.points[:, 0] > x0).all()
    assert (stage.face.points[:, 1] < y1).all()
    sheet = stage.sheet([stage.picture.pixels] * 5, ["a"] * 5, 100)
    assert sheet.shape[1] == 400
    assert sheet.shape[0] > 200  # six crops in two rows


def test_faults_name_the_frame() -> None:
    frame = {
        "row": 7,
        "changed_outside_region": 3,
        "background_changed": 0.0,
        "background_difference": 0.0,
        "folded": 0.01,
    }
    lines = faults([{"portrait": "lady", "presets": [{"preset": "nod", "frames": [frame]}]}])
    assert len(lines) == 2
    assert all(line.startswith("lady nod frame 7") for line in lines)


def test_still_points_lie_on_the_border() -> None:
    for name, places in ANCHORS.items():
        assert all(x in (0, 1) or y in (0, 1) for x, y in places), name
