# SPDX-License-Identifier: GPL-3.0-or-later
"""Retargeting between heads made with the head model itself: performer and sitter are different people."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.interpolate import CubicSpline

from core.errors import InputError
from core.head.arkit import ARKIT, INDEX
from core.head.fit import HeadState, project
from core.head.model import HeadModel
from core.head.rotation import conjugate, from_head_angles, multiply, to_vector
from core.landmarks.face import Face
from core.landmarks.track import LandmarkTrack
from core.motion import features
from core.motion.curves import ExpressionCurves
from core.motion.limits import soft_limit
from core.motion.retarget import COEFFICIENTS, Gains, retarget

SIZE = (800, 1000)


@pytest.fixture(scope="module")
def model() -> HeadModel:
    return HeadModel.load()


def coefficients(**values: float) -> np.ndarray:
    """[52] from names; a name without a side sets both."""
    out = np.zeros(52)
    for stem, value in values.items():
        chosen = [
            i for i, name in enumerate(ARKIT) if name == stem or name in (stem + "Left", stem + "Right")
        ]
        assert chosen, stem
        out[chosen] = value
    return out


def landmarks(
    model: HeadModel,
    seed: int,
    angles: np.ndarray,
    expression: np.ndarray,
    *,
    scale: float = 150.0,
    shift: np.ndarray | None = None,
    residual: float = 0.01,
) -> tuple[np.ndarray, np.ndarray]:
    """points [T, 68, 3] and irises [T, 2, 2] of a person (seed)
    with a shape that the model does not quite know."""
    rng = np.random.default_rng(seed)
    identity = rng.normal(0, 0.8, len(model.identity))
    count = len(expression)
    place = np.tile([SIZE[0] / 2, SIZE[1] / 2, 0.0], (count, 1)) + (0 if shift is None else shift)
    state = HeadState(
        from_head_angles(*np.asarray(angles, float).T), place, np.full(count, scale), expression
    )
    own = rng.normal(0, residual, (1, 70, 3)) * scale
    own[:, :, 2] = 0
    own[:, [37, 38, 40, 41, 43, 44, 46, 47], :] = 0  # lids and inner lips are left in order
    own[:, 60:68] = 0
    seen = project(model, identity, state) + own
    return seen[:, :68].astype(np.float32), seen[:, 68:, :2].astype(np.float32)


def as_face(points: np.ndarray, irises: np.ndarray) -> Face:
    box = np.array([*points[:, :2].min(0), *points[:, :2].max(0)], np.float32)
    return Face(points, irises, np.ones(68, np.float32), box, 1.0)


def sitter(model: HeadModel, seed: int = 5, yaw: float = 0.0, **expression: float) -> Face:
    points, irises = landmarks(model, seed, np.array([[yaw, 0, 0]]), coefficients(**expression)[None])
    return as_face(points[0], irises[0])


def as_track(points: np.ndarray, irises: np.ndarray) -> LandmarkTrack:
    count = len(points)
    return LandmarkTrack(points, irises, np.arange(count) / 25, np.ones((count, 68)), SIZE)


def performer(model: HeadModel, frames: int = 60, seed: int = 2, travel: float = 1.0) -> LandmarkTrack:
    """Turns, nods, speaks, smiles, looks about; neutral in its first frame; one blink around frame 40."""
    t = np.arange(frames) / 25
    expression = np.zeros((frames, 52))
    expression += (0.25 - 0.25 * np.cos(5 * t))[:, None] * coefficients(jawOpen=1)
    expression += (0.3 - 0.3 * np.cos(3 * t))[:, None] * coefficients(mouthSmile=1, browInnerUp=0.8)
    expression += (np.maximum(np.sin(4 * t), 0) * 0.5)[:, None] * coefficients(
        eyeLookOutLeft=1, eyeLookInRight=1
    )
    expression += np.interp(np.arange(frames), [37, 40, 41, 46], [0, 1, 1, 0])[:, None] * coefficients(
        eyeBlink=1
    )
    angles = np.stack([12 * np.sin(2 * t), 6 * np.sin(3 * t), 4 * np.sin(t)], 1)
    shift = travel * np.stack([20 * np.sin(2 * t), 10 * np.sin(t), 0 * t], 1)
    return as_track(*landmarks(model, seed, angles, np.clip(expression, 0, 1), shift=shift))


def curves(expression: np.ndarray, angles: np.ndarray | None = None, **meta: Any) -> ExpressionCurves:
    count = len(expression)
    rotation = from_head_angles(*(np.zeros((3, count)) if angles is None else np.asarray(angles, float).T))
    return ExpressionCurves(
        np.arange(count) / 25, expression, rotation, np.zeros((count, 3)), {"rest": "neutral", **meta}
    )


def distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Per point, in eye distances of ``b``."""
    return np.linalg.norm((a - b)[..., :2], axis=-1) / np.asarray(features.eye_distance(b))[..., None]


def test_a_still_performance_leaves_the_portrait_as_it_is(model: HeadModel) -> None:
    face = sitter(model, yaw=-20, mouthSmile=0.4)
    points, irises = landmarks(
        model, 2, np.tile([5.0, 3, 0], (8, 1)), np.tile(coefficients(jawOpen=0.1), (8, 1))
    )
    for out in (
        retarget(as_track(points, irises), face, size=SIZE),
        retarget(curves(np.zeros((8, 52))), face, size=SIZE),
    ):
        assert distance(out.points, face.points[None]).max() < 1e-4
        assert np.abs(out.irises - face.irises).max() < 0.02
        assert out.size == SIZE


def test_the_performer_as_portrait_gets_the_performance_back(model: HeadModel) -> None:
    track = performer(model)
    out = retarget(track, as_face(track.points[0], track.irises[0]), reference="first", size=SIZE)
    error = distance(out.points, track.points)
    open_eyes = np.r_[0:37, 47:60]
    assert error[open_eyes].max() < 1e-3
    assert np.delete(error, np.arange(36, 48), axis=1).max() < 1e-3  # and in the blink all but the lids
    assert np.abs(out.irises - track.irises)[open_eyes].max() / 150 < 1e-3


def test_the_same_holds_for_a_larger_tilted_picture_of_the_performer(model: HeadModel) -> None:
    track = performer(model, 36, travel=0.0)
    angle, grow = np.radians(15), 1.7
    turn = grow * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])

    def mapped(points: np.ndarray) -> np.ndarray:
        out = np.array(points, np.float64)
        out[..., :2] = out[..., :2] @ turn.T + [300, -100]
        return out.astype(np.float32)

    face = as_face(mapped(track.points[0]), mapped(track.irises[0]))
    out = retarget(track, face, reference="first", size=(2000, 2000))
    # turns happen about the head's own axes; only the little that its seat drifts is in the picture's axes
    assert distance(out.points, mapped(track.points)).max() < 5e-3


def test_a_stranger_moves_alike_but_keeps_the_sitters_face(model: HeadModel) -> None:
    track, face = performer(model, seed=9), sitter(model, seed=5)
    out = retarget(track, face, reference="first", size=SIZE)
    assert out.meta["sameness"] < 0.2
    assert distance(out.points[0], face.points).max() < 1e-3

    # mouth and yaw curves go with the performer's
    def yaw(points: np.ndarray) -> np.ndarray:
        return (points[:, 30, 0] - points[:, [36, 45], 0].mean(1)) / features.eye_distance(points)

    assert np.corrcoef(yaw(out.points), yaw(track.points))[0, 1] > 0.98
    gape = features.mouth_aperture
    assert np.corrcoef(gape(out.points), gape(track.points))[0, 1] > 0.97


PAIRS_OF_REGIONS = [
    ("brows", {"browInnerUp": 0.8, "browDown": 0.2}, {"jawOpen": 0.4}),
    ("blink", {"eyeBlink": 0.9, "eyeSquint": 0.2}, {"mouthSmile": 0.5}),
    ("gaze", {"eyeLookOutLeft": 0.4, "eyeLookInRight": 0.4}, {"browInnerUp": 0.6}),
    ("nose", {"noseSneer": 0.6, "cheekPuff": 0.3}, {"jawOpen": 0.3}),
    ("mouth", {"mouthSmile": 0.7, "mouthPucker": 0.2}, {"browInnerUp": 0.6}),
    ("jaw", {"jawOpen": 0.5, "jawLeft": 0.3}, {"eyeBlink": 1.0}),
]


@pytest.mark.parametrize(("region", "own", "other"), PAIRS_OF_REGIONS)
def test_gain_zero_freezes_the_region_and_only_it(
    model: HeadModel, region: str, own: dict[str, float], other: dict[str, float]
) -> None:
    face = sitter(model, yaw=12)
    strength = np.linspace(0, 1, 6)[:, None]
    both = strength * (coefficients(**own) + coefficients(**other))
    alone = strength * coefficients(**other)
    frozen = retarget(curves(both), face, gains=Gains(**{region: 0.0}), size=SIZE)
    wanted = retarget(curves(alone), face, size=SIZE)
    full = retarget(curves(both), face, size=SIZE)
    # lids and irises are read off the performer's, on whom brows,
    # cheeks and blinks pull at the corners a little
    assert distance(frozen.points, wanted.points).max() < 3e-3
    assert np.abs(frozen.irises - wanted.irises).max() / 150 < 0.015
    moved = distance(full.points, wanted.points).max() + np.abs(full.irises - wanted.irises).max() / 150
    assert moved > 0.02, "the region does not move at all"


def test_pose_gains_freeze_turns_and_shifts(model: HeadModel) -> None:
    track, face = performer(model), sitter(model)
    still = retarget(track, face, gains=Gains(rotation=0, translation=0), reference="first", size=SIZE)
    bridge = np.linalg.norm((still.points - face.points)[:, [27, 28], :2], axis=-1) / 150
    assert bridge.max() < 0.03
    turned = retarget(track, face, gains=Gains(translation=0), reference="first", size=SIZE)
    assert np.abs(turned.points - still.points)[:, 30, :2].max() / 150 > 0.1


@pytest.mark.parametrize("gain", [1.0, 1.6])
@pytest.mark.parametrize("squint", [0.0, 0.4])
def test_blinks_meet_and_never_cross(model: HeadModel, gain: float, squint: float) -> None:
    face = sitter(model, yaw=15, eyeBlink=squint)
    track = performer(model, seed=9)
    blinked = curves(np.linspace(0, 1, 12)[:, None] * coefficients(eyeBlink=1))
    for performance, shut in ((blinked, slice(11, 12)), (track, slice(40, 42))):
        out = retarget(performance, face, gains=Gains(blink=gain), reference="auto", size=SIZE)
        opening = features.lid_separation(out.points)
        width = features.eye_slits(out.points).width[..., None]
        assert (opening / width).min() > -1e-4
        assert (opening / width)[shut].max() < 1e-3
        for upper, lower in ((37, 41), (38, 40), (43, 47), (44, 46)):
            apart = np.linalg.norm((out.points[:, upper] - out.points[:, lower])[shut, :2], axis=-1)
            assert apart.max() / 150 < 2e-3
    half = retarget(blinked, face, gains=Gains(blink=0.5), size=SIZE)
    left_open = features.lid_separation(half.points)[11] / features.lid_separation(face.points[None])[0]
    assert np.all((left_open > 0.4) & (left_open < 0.6))


@pytest.mark.parametrize("parted", [0.0, 0.15])
def test_lips_never_cross_and_meet_where_the_performers_do(model: HeadModel, parted: float) -> None:
    face = sitter(model, jawOpen=parted)
    t = np.arange(80) / 25
    speaking = (t > 1) & (t < 2.6)
    jaw = np.where(speaking, 0.35 * np.sin(2 * np.pi * 2.5 * (t - 1)) ** 2, 0.0)
    press = np.where(speaking & (jaw < 0.01), 0.5, 0.0)
    expression = jaw[:, None] * coefficients(jawOpen=1) + press[:, None] * coefficients(
        mouthRollLower=1, mouthPress=1
    )
    for gain in (1.0, 2.5):
        out = retarget(curves(expression), face, gains=Gains(mouth=gain), size=SIZE)
        gap = features.lip_gap(out.points) / 150
        rest = features.lip_gap(face.points[None])[0] / 150
        assert (gap - np.minimum(rest, 0)).min() > -1e-4
        closures = speaking & (jaw < 0.002) & (t > 1.1) & (t < 2.5)
        assert closures.any()
        assert gap[closures].max() < np.maximum(rest.max() * 0.25, 0.004)
        assert np.allclose(gap[:8], rest, atol=1e-3), "at rest the painted lips stay as painted"


def test_thin_painted_lips_are_not_smiled_inside_out(model: HeadModel) -> None:
    face = sitter(model)
    points = np.array(face.points)
    inner_of = {49: 61, 50: 61, 51: 62, 52: 63, 53: 63, 55: 65, 56: 65, 57: 66, 58: 67, 59: 67}
    for outer, inner in inner_of.items():
        points[outer, 1] = points[inner, 1] + 0.35 * (points[outer, 1] - points[inner, 1])
    thin = as_face(points, face.irises)
    smile = curves(np.linspace(0, 0.9, 9)[:, None] * coefficients(mouthSmile=1, mouthUpperUp=0.3))
    out = retarget(smile, thin, size=SIZE)
    now, own = features.lip_thickness(out.points)[0], features.lip_thickness(points[None])[0]
    assert own.min() > 0
    assert (now / own).min() > 0.35
    assert distance(out.points[0], points).max() < 1e-4


def test_a_small_mouth_is_not_torn_by_a_wide_jaw(model: HeadModel) -> None:
    performance = curves(np.linspace(0, 0.8, 9)[:, None] * coefficients(jawOpen=1))
    faces = {}
    for shrink in (1.0, 0.65):
        face = sitter(model)
        points = np.array(face.points)
        middle = points[48:68].mean(0)
        points[48:68] = middle + (points[48:68] - middle) * shrink
        faces[shrink] = retarget(performance, as_face(points, face.irises), size=SIZE).points
    opened = {shrink: features.mouth_aperture(points)[-1] for shrink, points in faces.items()}
    assert opened[0.65] < 0.85 * opened[1.0]


@pytest.mark.parametrize("yaw", [0.0, 20.0, -20.0])
def test_lips_whose_landmarks_crowd_in_the_middle_open_round(model: HeadModel, yaw: float) -> None:
    face = sitter(model, yaw=yaw)
    points = np.array(face.points)
    for edge in ((60, 61, 62, 63, 64), (60, 67, 66, 65, 64)):
        # as detectors place them on a closed mouth: 0.36 of the way, not 0.28
        line = CubicSpline([0.0, 0.28, 0.5, 0.72, 1.0], points[list(edge)])
        points[list(edge)] = line([0.0, 0.36, 0.5, 0.64, 1.0])
    points[[65, 66, 67]] = points[[63, 62, 61]]
    performance = curves(np.linspace(0, 1.0, 9)[:, None] * coefficients(jawOpen=1))
    out = retarget(performance, as_face(points, face.irises), size=SIZE).points
    assert distance(out[:1], points[None]).max() < 1e-4
    gap = features.lip_gap(out[4:].astype(np.float64))
    # filmed mouths: 0.96, however far they are open
    assert (gap[:, [0, 2]] / gap[:, [1]]).min() > 0.88
    assert (gap[:, [0, 2]] / gap[:, [1]]).max() < 1.08


def test_a_painted_smile_is_not_doubled(model: HeadModel) -> None:
    performance = curves(np.linspace(0, 0.8, 9)[:, None] * coefficients(mouthSmile=1))
    travel = []
    for smile in (0.0, 0.7):
        face = sitter(model, mouthSmile=smile, cheekSquint=smile / 2)
        out = retarget(performance, face, size=SIZE)
        travel.append(distance(out.points[-1], face.points)[[48, 54]].mean())
    assert travel[1] < 0.75 * travel[0]


def test_irises_stay_inside_the_eye(model: HeadModel) -> None:
    look = coefficients(eyeLookOutLeft=1, eyeLookInRight=1, eyeLookUp=0.8)
    out = retarget(
        curves(np.linspace(0, 1, 9)[:, None] * look), sitter(model), gains=Gains(gaze=3), size=SIZE
    )
    offset = features.iris_offset(out.points, out.irises)
    assert np.abs(offset[..., 0]).max() < 0.36
    assert np.abs(offset[..., 1]).max() < 0.25
    assert (np.diff(offset[:, 0, 0]) > 0).all(), "toward the sitter's left, and never stuck"


def test_a_nod_stays_a_nod_on_a_turned_head(model: HeadModel) -> None:
    face = sitter(model, yaw=-30)
    angles = np.stack([np.zeros(7), np.linspace(0, -8, 7), np.zeros(7)], 1)
    from core.head.fit import fit_portrait, solve_track

    out = retarget(curves(np.zeros((7, 52)), angles), face, size=SIZE)
    fit = fit_portrait(model, face.points, face.irises, SIZE)
    _, state = solve_track(model, out.points, out.irises, identity=fit.identity, smooth=0.0)
    turn = np.degrees(to_vector(multiply(conjugate(state.rotation[0]), state.rotation[-1])))
    assert turn[0] == pytest.approx(8, abs=1.5)  # about the head's own ear-to-ear axis
    assert np.abs(turn[1:]).max() < 1.5


def test_wild_turns_are_compressed_softly(model: HeadModel) -> None:
    from core.head.fit import solve_track

    yaw = np.linspace(0, 80, 17)
    out = retarget(curves(np.zeros((17, 52)), np.stack([yaw, 0 * yaw, 0 * yaw], 1)), sitter(model), size=SIZE)
    _, state = solve_track(model, out.points, out.irises)
    got = np.degrees(
        np.linalg.norm(to_vector(multiply(conjugate(state.rotation[:1]), state.rotation)), axis=1)
    )
    assert got[4] == pytest.approx(20, abs=2.5)
    assert got[-1] < 48
    x = np.linspace(-3, 3, 601)
    limited = soft_limit(x, 1.0, 2.0)
    assert np.array_equal(limited[np.abs(x) <= 1], x[np.abs(x) <= 1])
    assert (np.diff(limited) > 0).all()
    assert np.abs(limited).max() < 2


def test_lost_frames_stay_lost(model: HeadModel) -> None:
    track = performer(model)
    points, irises = np.array(track.points), np.array(track.irises)
    points[10:14], irises[10:14] = np.nan, np.nan
    irises[20] = np.nan
    out = retarget(
        LandmarkTrack(points, irises, track.times, track.confidence, SIZE), sitter(model), reference="first"
    )
    assert np.array_equal(out.valid, np.isfinite(points).all(axis=(1, 2)))
    assert np.isfinite(out.irises[20]).all()


def test_auto_takes_the_neutral_frame_that_looks_like_the_portrait(model: HeadModel) -> None:
    frames = 40
    expression = np.tile(coefficients(jawOpen=0.5, mouthSmile=0.5), (frames, 1))
    expression[10:16] = 0  # neutral, but turned away
    expression[24:30] = 0  # neutral, turned as the portrait is
    expression[26] = coefficients(eyeBlink=1)
    yaw = np.where(np.arange(frames) < 20, 25.0, -15.0)
    track = as_track(*landmarks(model, 2, np.stack([yaw, 0 * yaw, 0 * yaw], 1), expression))
    out = retarget(track, sitter(model, yaw=-15), size=SIZE)
    assert out.meta["reference"] in (24, 25, 27, 28, 29)


@pytest.mark.parametrize("reference", [60, -1, "last", True])
def test_impossible_references_are_refused(model: HeadModel, reference: Any) -> None:
    with pytest.raises(InputError, match="reference"):
        retarget(performer(model), sitter(model), reference=reference)


def test_a_performance_without_a_face_is_refused(model: HeadModel) -> None:
    track = performer(model, 5)
    nothing = LandmarkTrack(np.full((5, 68, 3), np.nan), track.irises, track.times, track.confidence, SIZE)
    with pytest.raises(InputError, match="no frame with a face"):
        retarget(nothing, sitter(model))


def test_a_portrait_without_known_irises_gets_none(model: HeadModel) -> None:
    face = sitter(model)
    blind = as_face(face.points, np.full((2, 2), np.nan, np.float32))
    out = retarget(performer(model), blind, size=SIZE)
    assert np.isnan(out.irises).all()
    assert out.valid.all()


def test_regions_divide_the_52_coefficients(model: HeadModel) -> None:
    together = np.concatenate(list(COEFFICIENTS.values()))
    assert sorted(together) == list(range(52))
    assert INDEX["tongueOut"] in COEFFICIENTS["mouth"]


@pytest.mark.slow
def test_a_real_clip_drives_itself(shared: Path) -> None:
    from core.landmarks.detect import track_video

    clips = sorted((shared / "data" / "clips" / "dev").glob("*.mp4"))
    if not clips:
        pytest.skip("no clips in the test material")
    track = track_video(min(clips, key=lambda path: path.stat().st_size))
    first = int(np.flatnonzero(track.valid)[0])
    face = as_face(track.points[first], track.irises[first])
    out = retarget(track, face, reference="first", size=track.size)
    error = distance(out.points, track.points)[track.valid]
    assert error.mean() < 1e-3
    assert np.delete(error, np.arange(36, 48), axis=1).max() < 1e-3


def test_gains_may_differ_from_frame_to_frame(model: HeadModel) -> None:
    track, face = performer(model), sitter(model, yaw=12)
    regions = (*COEFFICIENTS, "rotation", "translation")
    late = np.arange(len(track)) >= len(track) // 2
    mixed, whole, damped = (
        retarget(track, face, gains=Gains(**dict.fromkeys(regions, gain)), size=SIZE)
        for gain in (np.where(late, 0.3, 1.0), 1.0, 0.3)
    )
    wanted = np.where(late[:, None, None], damped.points, whole.points)
    np.testing.assert_allclose(mixed.points, wanted, atol=1e-3)
    looks = np.where(late[:, None, None], damped.irises, whole.irises)
    np.testing.assert_allclose(mixed.irises, looks, atol=1e-3)


def test_gains_for_another_number_of_frames_are_refused(model: HeadModel) -> None:
    with pytest.raises(InputError, match="jaw has 3 values"):
        retarget(performer(model), sitter(model), gains=Gains(jaw=np.ones(3)), size=SIZE)
