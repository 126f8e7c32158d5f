# SPDX-License-Identifier: GPL-3.0-or-later
"""Retarget: the motion of a performance, expressed in a portrait's own proportions.

Motion is relative: what changed since the performance's reference frame is added to what the painter painted.

* Head rotation is the change in the performer's head axes, applied in the sitter's:
  a nod stays a nod on a head that is painted in three-quarter view.  Shifts are told in eye distances.
  A stranger's turns and shifts beyond what a painted head bears are softly compressed:
  yaw from 27 degrees on, never beyond 45, and less on a head that is painted turned that way already
  (48 degrees in all); pitch from 17, roll from 19 degrees; shifts from 0.6 eye distances.
* Expression changes are added to the portrait's own expression; what the portrait shows already is not
  doubled.  Mouth and jaw are scaled by the width of the portrait's mouth.
* What the head model does not explain (the residual) is carried over in head axes: fully where performer
  and sitter are the same face, damped and bounded for a stranger, whose jaw line is never taken.
* Eyes close over the portrait's own opening: a shut eye of the performer is a shut eye of the portrait.
  Irises move in eye widths and stay inside.  Lips that are closed in the performance meet,
  never cross and never thin to nothing.

With the performer's own reference frame as the portrait and unit gains, the performer's landmarks come back;
only full blinks differ, because lids are made to meet where a detector leaves a gap.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from scipy.ndimage import maximum_filter1d

from ..errors import InputError
from ..head.arkit import ARKIT
from ..head.fit import HeadFit, HeadState, batch, fit_portrait, project, solve_track
from ..head.model import HeadModel
from ..head.rotation import conjugate, from_vector, multiply, to_head_angles, to_vector
from ..landmarks.face import Face
from ..landmarks.track import LandmarkTrack
from . import features
from .curves import ExpressionCurves
from .driver import Driver, curves_driver, to_local, to_picture, track_driver
from .limits import ramp, soft_limit
from .reference import INNER, SAME, picture_distance, sameness, similarity
from .sample import frame_step
from .seats import lip_seats

Strength = float | np.ndarray
Strengths = dict[str, np.ndarray]
"""Strength of each region of Gains, float64 [T]."""


@dataclass(frozen=True)
class Gains:
    """Strength per region: 0 keeps the portrait's own, 1 is the performance, more exaggerates.

    brows; blink (lids: blinks, squints, wide eyes); gaze; nose (with cheeks); mouth (with tongue); jaw;
    head rotation and translation.  Each is a number, or an array [T] with one for every frame.
    """

    brows: Strength = 1.0
    blink: Strength = 1.0
    gaze: Strength = 1.0
    nose: Strength = 1.0
    mouth: Strength = 1.0
    jaw: Strength = 1.0
    rotation: Strength = 1.0
    translation: Strength = 1.0

    def over(self, frames: int) -> Strengths:
        """float64 [T] per region; InputError where an array has another length than ``frames``."""
        out = {}
        for field in fields(self):
            value = np.asarray(getattr(self, field.name), np.float64)
            if value.shape not in ((), (frames,)):
                raise InputError(
                    f"gain: {field.name} has {value.size} values, the performance {frames} frames"
                )
            out[field.name] = np.broadcast_to(value, frames)
        return out


REGION_STEMS = {
    "brows": ("brow",),
    "blink": ("eyeBlink", "eyeSquint", "eyeWide"),
    "gaze": ("eyeLook",),
    "nose": ("noseSneer", "cheek"),
    "mouth": ("mouth", "tongue"),
    "jaw": ("jaw",),
}
COEFFICIENTS = {
    region: np.array([i for i, name in enumerate(ARKIT) if name.startswith(stems)])
    for region, stems in REGION_STEMS.items()
}
_POINT_REGION = np.array(
    ["jaw"] * 17 + ["brows"] * 10 + ["nose"] * 9 + ["blink"] * 12 + ["mouth"] * 20 + ["gaze"] * 2
)
# share of a stranger's residual that is taken, and how far it may reach (eye distances)
_STRANGER = {"jaw": 0.0, "brows": 0.5, "nose": 0.2, "blink": 0.4, "mouth": 0.5, "gaze": 0.0}
_STRANGER_REACH = 0.03
_MOUTH_SCALE = (0.6, 1.15)  # bounds of portrait's mouth width over performer's
_SHUT_OVER = 0.25  # the last part of a closure, over which lids are drawn to meet


def retarget(
    performance: LandmarkTrack | ExpressionCurves,
    portrait: Face,
    *,
    gains: Gains | None = None,
    reference: int | str = "auto",
    model: HeadModel | None = None,
    size: tuple[int, int] | None = None,
) -> LandmarkTrack:
    """The performance as landmarks of the portrait, in the picture's pixels, on the performance's own clock.

    reference: "auto", "first" or a frame number; which frame of the performance corresponds to the portrait.
    size: (width, height) of the picture for the result; without it, the smallest that holds the portrait.
    Lost frames (NaN) stay lost.  Raises InputError where there is no face or no such reference frame.
    """
    model = model or HeadModel.load()
    strength = (gains or Gains()).over(len(performance))
    size = size or (int(portrait.points[:, 0].max()) + 1, int(portrait.points[:, 1].max()) + 1)
    fit = fit_portrait(model, portrait.points, portrait.irises, size)
    if isinstance(performance, ExpressionCurves):
        driver, same = curves_driver(model, performance, fit, reference), 0.0
        confidence = np.where(performance.valid[:, None], portrait.confidence, 0.0)
    else:
        driver = track_driver(model, performance, fit, reference)
        fit, same = _meet(model, driver, fit, portrait)
        confidence = performance.confidence
    sitter = _Sitter.of(model, fit, portrait, same)
    state = pose_head(driver, fit, strength, same)
    state = replace(state, expression=_expression(model, driver, sitter, strength))
    still = replace(state, expression=np.broadcast_to(fit.state.expression, state.expression.shape))
    at_rest = project(model, fit.identity, still)
    base = sitter.place(at_rest, state, 0.0)
    moved = at_rest + sitter.seats @ (project(model, fit.identity, state) - at_rest)
    out = sitter.place(moved, state, _residual(driver, strength, same))
    _lids(out, base, driver, strength)
    if same < 1:
        # how far the lips part is too telling to be damped with the rest of a stranger's residual
        parted = features.lip_gap(sitter.place(moved, state, 0.0)) + _unexplained_gap(
            model, driver, base, strength
        )
        features.set_lip_gap(out, features.lip_gap(out) * same + parted * (1.0 - same))
    _lips(out, base, driver, strength, same)
    irises = _gaze(out, base, driver, strength, same, solved=isinstance(performance, LandmarkTrack))
    meta: dict[str, Any] = {k: v for k, v in performance.meta.items() if k != "size"}
    meta["reference"] = "neutral" if driver.reference is None else driver.reference
    meta["sameness"] = round(same, 3)
    return LandmarkTrack(out[:, :68], irises, performance.times, confidence, size, meta)


@dataclass(frozen=True, eq=False)
class _Sitter:
    """A fitted portrait: residual in head axes [70, 3], the depth that the model does not explain [70] px.

    shown: expression [52] that a viewer reads in the face.  The fit prefers bones to muscles:
    to it, a painted smile is partly the shape of the sitter's mouth.  Read on the mean head it is all smile.
    seats: [70, 70], from the model's displacements to those of the sitter's own landmarks.
    """

    fit: HeadFit
    local: np.ndarray
    depth: np.ndarray
    shown: np.ndarray
    seats: np.ndarray

    @classmethod
    def of(cls, model: HeadModel, fit: HeadFit, portrait: Face, same: float) -> _Sitter:
        projected = project(model, fit.identity, batch(fit.state))[0]
        seen = np.concatenate([portrait.points[:, :2], portrait.irises]).astype(np.float64)
        local = to_local(batch(fit.state), (seen - projected[:, :2])[None])[0]
        depth = np.zeros(70)
        depth[:68] = np.nan_to_num(portrait.points[:, 2] - projected[:68, 2])
        shown = fit.state.expression.copy()
        if same < 1:
            anyone = np.zeros(len(model.identity))
            _, read = solve_track(
                model, portrait.points[None], portrait.irises[None], identity=anyone, smooth=0.0
            )
            mouth = COEFFICIENTS["mouth"]
            shown[mouth] += (1.0 - same) * np.maximum(read.expression[0, mouth] - shown[mouth], 0.0)
        seats = np.eye(70)
        if same < 1:
            seats += (1.0 - same) * (lip_seats(model, fit.identity, fit.state, local) - seats)
        return cls(fit, local, depth, shown, seats)

    def place(self, projected: np.ndarray, state: HeadState, residual: np.ndarray | float) -> np.ndarray:
        """Landmarks [T, 70, 3] for projections in these poses:
        with the portrait's own residual and another one."""
        out = projected + to_picture(state, self.local[None] + residual)
        out[..., 2] += self.depth * (state.scale / self.fit.state.scale)[:, None]
        return out


def _meet(model: HeadModel, driver: Driver, fit: HeadFit, portrait: Face) -> tuple[HeadFit, float]:
    """The portrait's fit and how much performer and sitter are one face (0..1).

    Where the reference frame is the portrait itself, up to scale, roll and shift,
    the performance's own solution of that frame is the better fit: both sides of the comparison then make
    the same errors, which cancel.
    """
    if driver.reference is None:
        return fit, 0.0
    seen = driver.points[driver.reference, :68]
    if picture_distance(seen, portrait.points) < SAME:
        scale, roll, shift, _ = similarity(seen[INNER, :2], portrait.points[INNER, :2].astype(np.float64))
        turn = scale * np.array([[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)]])
        rest = driver.rest
        moved = rest.translation * scale
        moved[:2] = turn @ rest.translation[:2] + shift
        rotation = multiply(from_vector([0.0, 0.0, roll]), rest.rotation)
        return replace(
            fit,
            identity=driver.identity,
            state=HeadState(rotation, moved, rest.scale * scale, rest.expression),
        ), 1.0
    _, state = solve_track(
        model, portrait.points[None], portrait.irises[None], identity=driver.identity, smooth=0.0
    )
    seen = np.concatenate([portrait.points[:, :2], portrait.irises])[None]
    local = to_local(state, seen - project(model, driver.identity, state)[..., :2])[0]
    apart = (local - np.nanmedian(driver.local, axis=0))[INNER]
    same = sameness(float(np.sqrt((apart**2).sum(axis=1).mean())))
    if same > 0.5:
        fit = replace(fit, identity=driver.identity, state=state[0])
    return fit, same


def pose_head(driver: Driver, fit: HeadFit, gains: Strengths, same: float = 0.0) -> HeadState:
    """Rotation, shift and size of the portrait's head in every frame, with the performer's expression;
    ``same`` 0..1: how much performer and sitter are one person."""
    turn = to_vector(multiply(conjugate(driver.rest.rotation), driver.state.rotation))
    turn *= gains["rotation"][:, None]
    painted = float(to_head_angles(fit.state.rotation)[0])
    # a head axis y points down: turning toward the picture's right is a negative angle about it
    room = np.where(-turn[:, 1] > 0, 48.0 - painted, 48.0 + painted)
    most = np.radians(
        np.stack([np.full(len(turn), 28.0), np.clip(room, 7.0, 45.0), np.full(len(turn), 32.0)], 1)
    )
    bounded = soft_limit(turn, 0.6 * most, most)
    turn = turn * same + bounded * (1.0 - same)
    carried = gains["translation"]
    shift = (driver.state.translation - driver.rest.translation) / driver.rest.scale * carried[:, None]
    shift = shift * same + soft_limit(shift, 0.6, 1.2) * (1.0 - same)
    growth = np.log(driver.state.scale / driver.rest.scale) * carried
    growth = growth * same + soft_limit(growth, 0.15, 0.3) * (1.0 - same)
    return HeadState(
        rotation=multiply(fit.state.rotation, from_vector(turn)),
        translation=fit.state.translation + shift * fit.state.scale,
        scale=fit.state.scale * np.exp(growth),
        expression=driver.state.expression,
    )


def _expression(model: HeadModel, driver: Driver, sitter: _Sitter, gains: Strengths) -> np.ndarray:
    """Coefficients [T, 52] of the portrait."""
    painted, rest = sitter.fit.state.expression, driver.rest.expression
    change = driver.state.expression - rest
    mouth = np.concatenate([COEFFICIENTS["mouth"], COEFFICIENTS["jaw"]])
    change[:, mouth] *= _mouth_scale(model, driver, sitter)
    for region, columns in COEFFICIENTS.items():
        change[:, columns] *= gains[region][:, None]
    # a painted smile is part of a performed one: the more is there beyond the reference's, the less is added
    there = np.clip(sitter.shown - rest, 0.0, 1.0)
    return np.clip(painted + np.where(change > 0, change * (1.0 - there), change), 0.0, 1.0)


def _mouth_scale(model: HeadModel, driver: Driver, sitter: _Sitter) -> float:
    """Width of the portrait's mouth over the performer's, both seen from the front, in eye distances."""
    widths = []
    for identity, rest, local in (
        (driver.identity, driver.rest, driver.local_rest),
        (sitter.fit.identity, sitter.fit.state, sitter.local),
    ):
        front = HeadState(np.array([1.0, 0, 0, 0]), np.zeros(3), np.ones(()), rest.expression)
        points = project(model, identity, batch(front))[0] + local
        widths.append(np.linalg.norm(points[54, :2] - points[48, :2]) / features.eye_distance(points))
    return float(np.clip(widths[1] / widths[0], *_MOUTH_SCALE))


def _residual(driver: Driver, gains: Strengths, same: float) -> np.ndarray:
    """What the model does not explain of the performance's motion, [T, 70, 3] in head axes."""
    change = driver.local - driver.local_rest
    reach = np.linalg.norm(change, axis=2, keepdims=True)
    bounded = change * (soft_limit(reach, _STRANGER_REACH / 2, _STRANGER_REACH) / np.maximum(reach, 1e-9))
    share = np.array([_STRANGER[region] for region in _POINT_REGION])[:, None]
    strength = np.stack([np.minimum(1.0, gains[region]) for region in _POINT_REGION], axis=1)
    return (change * same + bounded * share * (1.0 - same)) * strength[..., None]


def _lids(out: np.ndarray, base: np.ndarray, driver: Driver, gains: Strengths) -> None:
    """Close and open the lids of ``out`` (in place) as the performer's, over the portrait's own opening."""
    seen = features.lid_separation(driver.points)
    at_rest = features.lid_separation(driver.base)
    slit = features.eye_slits(driver.base).width
    usable = at_rest.mean(axis=2) > 0.03 * slit
    per_pair = 1.0 - seen / np.maximum(at_rest, 0.02 * slit[..., None])
    per_eye = 1.0 - seen.mean(axis=2) / np.maximum(at_rest.mean(axis=2), 0.02 * slit)
    shut = ramp(per_eye, driver.closed - _SHUT_OVER, driver.closed)[..., None]
    closure = per_pair * (1.0 - shut) + shut
    closure = np.where(usable[..., None], np.clip(closure * gains["blink"][:, None, None], -0.4, 1.0), 0.0)
    own = np.maximum(features.lid_separation(base), 0.0)
    features.set_lids(out, own * (1.0 - closure), ramp(closure.mean(axis=2), 0.75, 1.0))


def _unexplained_gap(model: HeadModel, driver: Driver, base: np.ndarray, gains: Strengths) -> np.ndarray:
    """Inner-lip gap [T, 1] px of the portrait that the performer shows
    beyond what the head model makes of it."""
    if not np.nan_to_num(driver.local).any():
        return np.zeros((len(driver.times), 1))
    still = replace(
        driver.state, expression=np.broadcast_to(driver.rest.expression, driver.state.expression.shape)
    )
    at_rest = project(model, driver.identity, still)
    seats = lip_seats(model, driver.identity, driver.rest, driver.local_rest)
    solved = at_rest + seats @ (project(model, driver.identity, driver.state) - at_rest)
    solved += to_picture(driver.state, driver.local_rest[None])
    more = features.lip_gap(driver.points).mean(axis=1) - features.lip_gap(solved).mean(axis=1)
    share = features.mouth_slit(base).width / features.mouth_slit(driver.base).width
    return (more * share * _speech(gains))[:, None]


def _speech(gains: Strengths) -> np.ndarray:
    """How much of the performer's parting and closing of the lips is meant, [T] 0..1."""
    return np.minimum(1.0, np.minimum(gains["mouth"], gains["jaw"]))


def _lips(out: np.ndarray, base: np.ndarray, driver: Driver, gains: Strengths, same: float) -> None:
    """Let lips meet where the performer's do, and neither cross nor thin to nothing (in place)."""
    width = features.mouth_slit(driver.base).width[:, None]
    seen = (features.lip_gap(driver.points) / width).mean(axis=1)
    at_rest = (features.lip_gap(driver.base) / width).mean(axis=1)
    least = float(np.clip(np.nanpercentile(seen, 5), 0.0, 0.04)) if driver.reference is not None else 0.0
    closed = 1.0 - ramp(seen, least + 0.015, least + 0.06)
    # lips that are painted apart stay apart at rest, but meet for the closures of speech
    reach = max(1, round(0.3 / frame_step(driver.times)))
    opening = maximum_filter1d(np.nan_to_num(seen - at_rest), 2 * reach + 1)
    speaking = ramp(opening, 0.05, 0.15)
    own, own_width = features.lip_gap(base), features.mouth_slit(base).width[:, None]
    apart = np.maximum(own - np.maximum(at_rest, 0.0)[:, None] * own_width, 0.0)
    floor = own - speaking[:, None] * apart
    now = features.lip_gap(out)
    weight = (closed * (1.0 - same) * _speech(gains))[:, None]
    wanted = now + weight * (np.minimum(now, floor) - now)
    # the performer's own landmarks may cross a little; on the performer's own portrait they are left as seen
    uncrossed = np.maximum(wanted, np.minimum(own, 0.0))
    features.set_lip_gap(out, wanted * same + uncrossed * (1.0 - same))
    features.keep_lips(out, base, 1.0 - same)


def _gaze(
    out: np.ndarray, base: np.ndarray, driver: Driver, gains: Strengths, same: float, *, solved: bool
) -> np.ndarray:
    """Irises [T, 2, 2] px: the performer's movement in eye widths,
    added to the painted gaze and kept inside."""
    change = features.iris_offset(driver.points, driver.points[:, 68:, :2])
    change -= features.iris_offset(driver.base, driver.base[:, 68:, :2])
    if solved:
        aperture = features.eye_aperture(driver.points) / np.maximum(features.eye_aperture(driver.base), 1e-6)
        for eye in range(2):
            # under a closed lid a detector guesses: bridge the blink
            sure = (aperture[:, eye] > 0.5) & np.isfinite(change[:, eye]).all(axis=1)
            if sure.any():
                for axis in range(2):
                    values = np.interp(driver.times, driver.times[sure], change[sure, eye, axis])
                    lost = ~np.isfinite(aperture[:, eye])
                    change[:, eye, axis] = np.where(sure | lost, change[:, eye, axis], values)
    painted = features.iris_offset(base, base[:, 68:, :2])
    offset = painted + change * gains["gaze"][:, None, None]
    for axis, (free, most) in enumerate(((0.17, 0.3), (0.08, 0.16))):
        own = np.abs(painted[..., axis])
        bounded = soft_limit(offset[..., axis], np.maximum(free, own), np.maximum(most, own + 0.02))
        offset[..., axis] = offset[..., axis] * same + bounded * (1.0 - same)
    return features.place_irises(out, offset)
