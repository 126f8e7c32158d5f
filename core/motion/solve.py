# SPDX-License-Identifier: GPL-3.0-or-later
"""Landmarks to expression curves, and back: what "Solve to expression curves" does.

A landmark track becomes head pose and 52 coefficients, which an animator can edit and other programs know,
and a residual: what the head model does not explain.  Curves and residual together are the track again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..head.fit import HeadState, project, solve_track
from ..head.model import HeadModel
from ..head.rotation import continuous
from ..landmarks.track import LandmarkTrack
from .curves import ExpressionCurves
from .driver import CAMERA, curves_state, solve_long, steady, to_local, to_picture

EYES = 0.2  # of the picture's width: distance of the outer eye corners where curves are given landmarks
CALM = 12  # frames that the performer's own head is read from
_POINTS = 68


@dataclass(frozen=True, eq=False)
class Solution:
    """A landmark track, solved.

    curves: head pose and coefficients; translation is told from the head's usual place and size.
    residual: float32 [T, 70, 3], seen minus projected, in head axes and eye distances (68 landmarks, right
        and left iris): it turns and grows with the head.  NaN where a frame is lost or an iris is unknown.
    depth: float32 [T, 68] px, depth that the model does not explain.
    identity: [I], the performer's own head.  origin: [3] px and unit (px per eye distance), the usual place
        and size of the head.
    """

    curves: ExpressionCurves
    residual: np.ndarray
    depth: np.ndarray
    identity: np.ndarray
    origin: np.ndarray
    unit: float

    def track(
        self,
        like: LandmarkTrack,
        curves: ExpressionCurves | None = None,
        model: HeadModel | None = None,
    ) -> LandmarkTrack:
        """The landmarks that ``curves`` (these, where None; else edited ones on the same frames) make with
        the residual on top, in the pixels of ``like``, the track that was solved."""
        curves = curves or self.curves
        state = _in_pixels(curves, self.origin, self.unit)
        points = project(model or HeadModel.load(), self.identity, state)
        points += to_picture(state, self.residual.astype(np.float64))
        points[:, :_POINTS, 2] += self.depth
        return replace(like, points=points[:, :_POINTS], irises=points[:, _POINTS:, :2], times=curves.times)


def solve_curves(track: LandmarkTrack, model: HeadModel | None = None) -> Solution:
    """Solve a landmark track to expression curves on its own clock; lost frames stay lost.

    Raises InputError where no frame has a face.
    """
    model = model or HeadModel.load()
    identity, state = solve_long(model, track, _identity_at_rest(model, track))
    state = steady(track.times, state)
    unit = float(np.nanmedian(state.scale))
    origin = np.nanmedian(state.translation, axis=0)
    shift = (state.translation - origin) / unit
    shift[:, 2] = CAMERA * (unit / state.scale - 1.0)
    meta: dict[str, Any] = {k: v for k, v in track.meta.items() if k not in ("rest", "sameness", "reference")}
    meta.setdefault("rate", str(track.rate))
    curves = ExpressionCurves(
        track.times, state.expression, continuous(state.rotation), shift.astype(np.float32), meta
    )
    # measured against what the curves say in float32, so that nothing is lost on the way back
    said = _in_pixels(curves, origin, unit)
    projected = project(model, identity, said)
    seen = np.concatenate([track.points[..., :2], track.irises], axis=1).astype(np.float64)
    residual = to_local(said, seen - projected[..., :2])
    depth = track.points[..., 2] - projected[:, :_POINTS, 2] - to_picture(said, residual)[:, :_POINTS, 2]
    return Solution(curves, residual.astype(np.float32), depth.astype(np.float32), identity, origin, unit)


def _identity_at_rest(model: HeadModel, track: LandmarkTrack) -> np.ndarray:
    """The performer's head [I] from the calmest frames: over a whole take,
    a smile that lasts would be taken for the shape of the mouth."""
    _, state = solve_long(model, track)
    effort = np.tanh(state.expression / 0.5).sum(axis=1)
    calm = np.sort(np.argsort(effort)[: min(CALM, int(track.valid.sum()))])
    return solve_track(model, track.points[calm], track.irises[calm], smooth=0.0)[0]


def play_curves(
    curves: ExpressionCurves, size: tuple[int, int] = (1080, 1080), model: HeadModel | None = None
) -> LandmarkTrack:
    """The landmarks that expression curves make on the mean head,
    in the middle of a picture of ``size`` px; lost frames are NaN."""
    model = model or HeadModel.load()
    unit = EYES * size[0]
    face = model.basis[0][:_POINTS].mean(axis=0)
    origin = np.array([size[0] / 2, size[1] / 2, 0.0]) - unit * face
    points = project(model, np.zeros(len(model.identity)), _in_pixels(curves, origin, unit))
    confidence = np.repeat(curves.valid[:, None], _POINTS, axis=1).astype(np.float32)
    meta = {"rate": str(curves.rate), **curves.meta, "backend": "head model"}
    return LandmarkTrack(points[:, :_POINTS], points[:, _POINTS:, :2], curves.times, confidence, size, meta)


def _in_pixels(curves: ExpressionCurves, origin: np.ndarray, unit: float) -> HeadState:
    state = curves_state(curves)
    moved = origin + unit * np.where([True, True, False], state.translation, 0.0)
    return replace(state, translation=moved, scale=state.scale * unit)
