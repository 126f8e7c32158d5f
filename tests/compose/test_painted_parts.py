# SPDX-License-Identifier: GPL-3.0-or-later
"""What is painted into a moved face: a lid on its way down, teeth behind parted lips."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from core.compose.crop import Crop
from core.compose.eyes import Eye, take_eye
from core.compose.features import EYES, MOUTH, Slit
from core.compose.mouth import take_mouth
from core.head.fit import fit_portrait
from core.head.model import HeadModel
from core.landmarks.detect import detect_portrait
from core.media.picture import load_picture
from core.motion.sliders import SLIDERS, slider_basis

SKIN = 0.7
EYE = np.array([[60, 100], [80, 88], [100, 88], [120, 100], [100, 109], [80, 109]], np.float64)


def eye_points(lowered: float) -> np.ndarray:
    """Landmarks [68, 2] px with one eye, its upper lid ``lowered`` px."""
    points = np.zeros((68, 2))
    points[36:42] = EYE
    points[[37, 38], 1] += lowered
    return points


@pytest.fixture(scope="module")
def eye() -> Eye:
    """A brown eye in light skin, framed by a broad dark line of lashes."""
    grain = np.random.default_rng(0).normal(0, 0.01, (200, 200, 1))
    pixels = np.repeat(SKIN + grain, 3, 2).astype(np.float32)
    x, y = Crop(pixels, np.zeros(2, int)).centers()
    slit = Slit.of(EYES[0], eye_points(0))
    pixels[slit.coverage(x, y, grow=5) > 0.5] = 0.15
    pixels[slit.coverage(x, y) > 0.5] = 0.8
    pixels[(np.hypot(x - 90, y - 98) < 12) & (slit.coverage(x, y) > 0.5)] = 0.2
    return take_eye(Crop(pixels, np.zeros(2, int)), EYES[0], eye_points(0), np.array([90.0, 98.0]))


def test_a_lid_halfway_down_is_skin_with_lashes_at_its_edge(eye: Eye) -> None:
    slit = Slit.of(EYES[0], eye_points(10))
    assert 0.4 < slit.gap / eye.rest.gap < 0.6
    y, x = np.mgrid[:200, :200] + 0.5
    # what the mesh draws over the eye: nothing but the dark line above it
    drawn = np.full((200, 200, 3), SKIN, np.float32)
    open_ = eye.rest.coverage(x, y, grow=5) > 0.5
    drawn[open_] = 0.15
    out = eye.close(drawn.copy(), slit, x, y, 1.0).mean(2)
    edge = slit.top[len(slit.top) // 2] + slit.corner[1]
    lid, lashes = out[int(edge) - 6, 85:95].mean(), out[int(edge) - 1, 85:95].mean()
    assert lid > 0.75 * SKIN, lid
    assert lashes < 0.75 * lid, (lashes, lid)
    # an open eye is left as it was painted
    rest = eye.close(drawn.copy(), Slit.of(EYES[0], eye_points(0)), x, y, 1.0)
    assert np.array_equal(rest, drawn)


def test_teeth_in_a_small_picture_are_those_of_a_large_one(demo_portrait: Path) -> None:
    full = load_picture(demo_portrait)
    small = replace(full, pixels=cv2.resize(full.pixels, (300, 375), interpolation=cv2.INTER_AREA))
    face, _ = detect_portrait(small, backend="mediapipe")
    unit = float(np.linalg.norm(face.points[45, :2] - face.points[36, :2]))
    model = HeadModel.load()
    fit = fit_portrait(model, face.points, face.irises, small.size)
    crop = Crop.of(small.pixels, face.points[:, :2].min(0) - unit / 2, face.points[:, :2].max(0) + unit / 2)
    mouth = take_mouth(crop, model, fit, face.points, unit)
    assert 50 < unit < 80
    points = face.points + 0.7 * slider_basis(face, small.size)[SLIDERS.index("jawOpen")][:68]
    slit = Slit.of(MOUTH, points)
    low, high = np.floor(points[60:68, :2].min(0)), np.ceil(points[60:68, :2].max(0))

    def drawn(fine: int) -> np.ndarray:
        y, x = (np.arange(low[i], high[i], 1 / fine) + 0.5 / fine for i in (1, 0))
        color = mouth.render(slit, fit.state, points, *np.meshgrid(x, y))
        return cv2.resize(color, None, fx=1 / fine, fy=1 / fine, interpolation=cv2.INTER_AREA)

    worst = np.abs(drawn(1) - drawn(8)).max()
    assert worst < 0.035, worst


def test_teeth_stay_dark_behind_lips_that_hardly_part_or_are_drawn_together(demo_portrait: Path) -> None:
    picture = load_picture(demo_portrait)
    face, _ = detect_portrait(picture, backend="mediapipe")
    unit = float(np.linalg.norm(face.points[45, :2] - face.points[36, :2]))
    model = HeadModel.load()
    fit = fit_portrait(model, face.points, face.irises, picture.size)
    crop = Crop.of(picture.pixels, face.points[:, :2].min(0) - unit / 2, face.points[:, :2].max(0) + unit / 2)
    mouth = take_mouth(crop, model, fit, face.points, unit)

    def lightest(gap: float, wide: float) -> float:
        """Of a mouth that is opened by ``gap`` eye distances and ``wide`` times as wide as at rest."""
        points = face.points.astype(np.float64).copy()
        middle = points[[60, 64], :2].mean(0)
        points[48:68, 0] = middle[0] + wide * (points[48:68, 0] - middle[0])
        points[[61, 62, 63], 1] -= 0.2 * gap * unit
        points[[65, 66, 67], 1] += 0.8 * gap * unit
        low, high = np.floor(points[60:68, :2].min(0)), np.ceil(points[60:68, :2].max(0))
        x, y = np.meshgrid(*(np.arange(low[i], high[i]) + 0.5 for i in (0, 1)))
        slit = Slit.of(MOUTH, points)
        color = mouth.render(slit, fit.state, points, x, y).mean(2)
        return float(np.quantile(color[slit.coverage(x, y) == 1], 0.9))

    parted, opened, rounded = lightest(0.06, 1.1), lightest(0.14, 1.1), lightest(0.14, 0.8)
    assert parted < 0.7 * opened and rounded < 0.7 * opened, (parted, opened, rounded)
