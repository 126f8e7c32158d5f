# SPDX-License-Identifier: GPL-3.0-or-later
"""The head proxy: what its expressions do, what fits recover, what the rasterizer sees."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.errors import InputError, WeightsError
from core.head.fit import HeadState, batch, fit_portrait, project, solve_portrait, solve_track
from core.head.model import ARKIT, MODEL_PATH, PARTS, HeadModel
from core.head.raster import rasterize
from core.head.rotation import from_head_angles, multiply
from core.head.view import NOTHING, view_head
from core.landmarks.schema import MIRROR

NEUTRAL = np.zeros(len(ARKIT))
SIZE = (400, 500)


@pytest.fixture(scope="module")
def model() -> HeadModel:
    return HeadModel.load()


def expression(**values: float) -> np.ndarray:
    out = NEUTRAL.copy()
    for name, value in values.items():
        out[[i for i, known in enumerate(ARKIT) if known in (name, f"{name}Left", f"{name}Right")]] = value
    return out


def state(yaw: float = 0.0, pitch: float = 0.0, face: np.ndarray = NEUTRAL) -> HeadState:
    """A head in the middle of a picture, turned by degrees."""
    half_yaw, half_pitch = np.radians([yaw, pitch]) / 2
    turned = np.array(
        [
            np.cos(half_yaw) * np.cos(half_pitch),
            np.cos(half_yaw) * np.sin(half_pitch),
            np.sin(half_yaw) * np.cos(half_pitch),
            -np.sin(half_yaw) * np.sin(half_pitch),
        ]
    )
    return HeadState(turned, np.array([200.0, 320.0, 0.0]), np.array(100.0), face)


def seen(model: HeadModel, identity: np.ndarray, head: HeadState) -> tuple[np.ndarray, np.ndarray]:
    """Landmarks [68, 3] and irises [2, 2] of a head, as a perfect detector would give them."""
    points = project(model, identity, batch(head))[0]
    return points[:68].astype(np.float32), points[68:, :2].astype(np.float32)


def angle(a: np.ndarray, b: np.ndarray) -> float:
    """Degrees between two rotations."""
    return float(np.degrees(2 * np.arccos(np.clip(abs((a * b).sum()), 0, 1))))


def test_model_is_small_complete_and_symmetric(model: HeadModel) -> None:
    assert MODEL_PATH.stat().st_size < 5e6
    assert model.expression.shape[0] == 52 and model.identity.shape[0] == 50
    assert set(np.unique(model.part)) == set(range(len(PARTS)))
    points = model.basis[0][:68]
    mirrored = points[MIRROR] * [-1, 1, 1]
    assert np.abs(points - mirrored).max() < 0.03  # eye distances


def test_expressions_move_what_their_names_say(model: HeadModel) -> None:
    identity = np.zeros(50)
    rest = project(model, identity, batch(state()))[0]

    def moved(**values: float) -> np.ndarray:
        return project(model, identity, batch(state(face=expression(**values))))[0]

    lids = [(37, 41), (38, 40), (43, 47), (44, 46)]
    opening = np.mean([rest[low, 1] - rest[up, 1] for up, low in lids])
    shut = moved(eyeBlink=1.0)
    assert np.mean([shut[low, 1] - shut[up, 1] for up, low in lids]) < 0.25 * opening
    opened = moved(jawOpen=0.7)
    assert opened[66, 1] - opened[62, 1] > 15 and opened[8, 1] - rest[8, 1] > 10
    smile = moved(mouthSmile=0.8)
    assert np.ptp(smile[[48, 54], 0]) > 1.1 * np.ptp(rest[[48, 54], 0]) and smile[48, 1] < rest[48, 1]
    assert (moved(browInnerUp=1.0)[[21, 22], 1] < rest[[21, 22], 1] - 2).all()
    # the sitter's left is the picture's right
    assert (
        moved(eyeLookOutLeft=1.0)[69, 0] > rest[69, 0] + 5
        and moved(eyeLookUpRight=1.0)[68, 1] < rest[68, 1] - 3
    )


def test_teeth_and_tongue_stay_behind_the_lips(model: HeadModel) -> None:
    lips = model.basis[0][48:68, 2].min()
    for part in (3, 4, 5):
        inside = model.vertices[np.unique(model.triangles[model.part == part])]
        assert inside[:, 2].min() > lips + 0.02
        assert np.abs(inside[:, 0]).max() < 0.45


def test_portrait_fit_recovers_a_known_head(model: HeadModel) -> None:
    rng = np.random.default_rng(5)
    for yaw in (-28.0, 0.0, 20.0):
        identity = rng.normal(0, 0.8, 50)
        head = state(yaw, 6.0)
        points, irises = seen(model, identity, head)
        fit = fit_portrait(model, points, irises, SIZE)
        assert angle(fit.state.rotation, head.rotation) < 4.0
        assert np.abs(fit.residual[17:]).mean() < 0.8  # px of 100 between the eyes
        assert fit.state.expression.min() >= 0 and fit.state.expression.max() <= 1


def test_portrait_fit_survives_a_wrong_jaw_line(model: HeadModel) -> None:
    head = state(10.0)
    points, irises = seen(model, np.zeros(50), head)
    points[:17, 1] += 15
    points[:17, 0] *= 1.06
    fit = fit_portrait(model, points, irises, SIZE)
    assert angle(fit.state.rotation, head.rotation) < 7.0
    assert np.abs(fit.residual[17:68]).mean() < 1.0


def test_landmarks_without_depth_are_enough(model: HeadModel) -> None:
    head = state(15.0)
    points, _ = seen(model, np.zeros(50), head)
    points[:, 2] = np.nan
    fit = fit_portrait(model, points, np.full((2, 2), np.nan), SIZE)
    assert angle(fit.state.rotation, head.rotation) < 6.0


def test_performance_is_solved_into_curves(model: HeadModel) -> None:
    rng = np.random.default_rng(9)
    identity = rng.normal(0, 0.7, 50)
    t = np.linspace(0, 2 * np.pi, 60)
    jaw, blink, yaw = 0.3 - 0.3 * np.cos(2 * t), np.clip(np.sin(3 * t), 0, 1), 12 * np.sin(t)
    frames = [
        seen(model, identity, state(yaw[i], 0, expression(jawOpen=jaw[i], eyeBlink=blink[i])))
        for i in range(60)
    ]
    points = np.stack([p for p, _ in frames]) + rng.normal(0, 0.3, (60, 68, 3))
    irises = np.stack([i for _, i in frames])
    points[20] = np.nan
    _, solved = solve_track(model, points, irises)
    assert np.isnan(solved.expression[20]).all() and np.isnan(solved.scale[20])
    good = np.arange(60) != 20
    found = solved.expression[good]
    assert found.min() >= 0 and found.max() <= 1
    assert np.corrcoef(found[:, ARKIT.index("jawOpen")], jaw[good])[0, 1] > 0.97
    assert np.corrcoef(found[:, ARKIT.index("eyeBlinkLeft")], blink[good])[0, 1] > 0.97
    turns = np.array([angle(solved.rotation[i], state(yaw[i]).rotation) for i in np.flatnonzero(good)])
    assert np.median(turns) < 4.0
    shaking = np.abs(np.diff(found[:, ARKIT.index("jawOpen")], 2)).mean()
    assert shaking < 0.03


def test_no_face_at_all_is_refused(model: HeadModel) -> None:
    with pytest.raises(InputError, match="no frame with a face"):
        solve_track(model, np.full((3, 68, 3), np.nan), np.full((3, 2, 2), np.nan))
    with pytest.raises(InputError, match="68"):
        fit_portrait(model, np.full((68, 3), np.nan), np.full((2, 2), np.nan), SIZE)


def test_portrait_at_rest_solves_to_itself(model: HeadModel) -> None:
    points, irises = seen(model, np.full(50, 0.4), state(8.0, 0.0, expression(mouthSmile=0.3)))
    points += (
        np.random.default_rng(1).normal(0, 1.0, points.shape).astype(np.float32)
    )  # a painter is no camera
    fit = fit_portrait(model, points, irises, SIZE)
    again = solve_portrait(model, fit, points[None], irises[None])[0]
    assert np.abs(again.expression - fit.state.expression).max() < 1e-6
    assert angle(again.rotation, fit.state.rotation) < 1e-3
    turned = replace(fit.state, translation=fit.state.translation + [7.0, -3.0, 0.0])
    shifted = points + [7.0, -3.0, 0.0]
    moved = solve_portrait(model, fit, shifted[None], (irises + [7.0, -3.0])[None])[0]
    assert np.abs(moved.translation[:2] - turned.translation[:2]).max() < 0.05


def test_rasterizer_sees_the_nearer_triangle_where_it_is() -> None:
    points = np.array([[1, 1, 5], [8, 1, 5], [1, 8, 5], [0, 0, 2], [4, 0, 2], [0, 4, 2]], np.float32)
    triangles = np.array([[0, 1, 2], [3, 4, 5]], np.int32)
    fragments = rasterize(points, triangles, (10, 10))
    assert fragments.triangle[1, 1] == 1 and fragments.depth[1, 1] == 2  # both cover it, the second is nearer
    assert fragments.triangle[2, 6] == 0 and fragments.triangle[9, 9] == -1
    assert not fragments.covered[7, 7] and np.isinf(fragments.depth[7, 7])
    places = fragments.interpolate(triangles, points[:, :2])
    y, x = np.nonzero(fragments.covered)
    assert np.abs(places[y, x] - np.column_stack([x, y])).max() < 1e-4  # a point's own position comes back
    hidden = rasterize(points, triangles, (10, 10), mask=np.array([True, False]))
    assert (hidden.triangle[1, 1], hidden.depth[1, 1]) == (0, 5)


def test_damaged_model_file_is_one_clear_line(tmp_path: Path) -> None:
    broken = tmp_path / "head.npz"
    broken.write_bytes(MODEL_PATH.read_bytes()[:1000])
    with pytest.raises(WeightsError, match=r"head\.npz") as caught:
        HeadModel.load(broken)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_eight_paintings_fit_closely(model: HeadModel, shared: Path) -> None:
    from core.landmarks.detect import detect_portrait
    from core.media.picture import load_picture

    for path in sorted((shared / "data" / "paintings").glob("*.jpg")):
        picture = load_picture(path)
        face, _ = detect_portrait(picture, backend="mediapipe")
        fit = fit_portrait(model, face.points, face.irises, picture.size)
        unit = np.linalg.norm(face.points[45, :2] - face.points[36, :2])
        error = np.linalg.norm(fit.residual[17:68], axis=1) / unit
        assert np.median(error) < 0.035, path.name


def test_view_tells_flow_parts_and_what_a_turn_uncovers(model: HeadModel) -> None:
    points, irises = seen(model, np.zeros(50), state())
    fit = fit_portrait(model, points, irises, SIZE)
    box, shape = (0, 0, *SIZE), (250, 200)
    still = view_head(model, fit, fit.state, box, shape)
    assert np.abs(still.shift).max() < 1e-3
    assert still.uncovered.mean() < 0.02
    assert {0, 1, 2} <= set(np.unique(still.part)) and (still.part == NOTHING).any()
    turned = replace(fit.state, rotation=multiply(from_head_angles(20.0, 0.0, 0.0), fit.state.rotation))
    view = view_head(model, fit, turned, box, shape)
    nose = project(model, fit.identity, batch(turned))[0, 30, :2] / 2
    column, row = np.rint(nose - 0.5).astype(int)
    rest_nose = project(model, fit.identity, batch(fit.state))[0, 30, :2]
    came_from = view.shift[row, column] + (np.array([column, row]) + 0.5) * 2
    assert np.abs(came_from - rest_nose).max() < 3.0
    assert view.uncovered.sum() > 1.5 * still.uncovered.sum()  # an ear, a cheek
    laughing = replace(fit.state, expression=expression(jawOpen=0.7))
    mouth = view_head(model, fit, laughing, box, shape)
    inside = np.isin(mouth.part, [3, 4, 5])
    assert inside.sum() > 20 and mouth.shaded[inside].mean() > 0.2 and not mouth.shaded[mouth.part == 0].any()


def test_view_turns_the_irises_with_the_gaze(model: HeadModel) -> None:
    points, irises = seen(model, np.zeros(50), state())
    fit = fit_portrait(model, points, irises, SIZE)
    box, shape = (120, 220, 280, 300), (160, 320)

    def dark(face: np.ndarray) -> float:
        view = view_head(model, fit, replace(fit.state, expression=face), box, shape)
        iris = (view.part == 2) & (view.shaded.max(2) < 0.45)
        return float(np.nonzero(iris)[1].mean())

    assert dark(expression(eyeLookOutLeft=0.8)) > dark(NEUTRAL) + 4
