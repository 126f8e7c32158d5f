# SPDX-License-Identifier: GPL-3.0-or-later
"""Performances straight onto a portrait's expression sliders and head, and from there into files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .animate import fill, find_source, load_motion, load_performance, make_gains
from .errors import InputError
from .head.fit import HeadFit, fit_portrait
from .head.model import HeadModel
from .head.rotation import conjugate, continuous, from_matrix, multiply, to_matrix
from .landmarks.track import LandmarkTrack
from .motion.curves import ExpressionCurves
from .motion.driver import CAMERA, curves_driver
from .motion.interchange.formats import write_performance
from .motion.retarget import pose_head
from .motion.sliders import slider_expression, slider_values
from .motion.solve import solve_curves
from .plan import rest_face
from .review import Progress


def to_sliders(
    source: str,
    face: Path,
    *,
    gains: dict[str, Any] | None = None,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A performance (file of any known format, video or preset) as it stands on the sliders of ``face``:
    times [T] s, slider values [T, 54] as they are in the performance (landmarks are solved) and the head
    [T, 3, 4] (see ``from_sliders``); lost frames are left out.

    ``gains`` (see ``make_gains``) concern the head alone: curves are taken as they are.
    The head turns from the frame that a retarget starts from, and no farther than it lets a painted head.
    Raises InputError and the errors of the detectors.
    """
    found = find_source(source)
    if found.kind == "track":  # coefficients as they are, where a file has them besides landmarks
        motion = fill(load_motion(Path(found.name), curves=True), "interpolate")
    else:
        motion, _ = load_performance(found, progress=progress, cancelled=cancelled)
    curves = solve_curves(motion).curves if isinstance(motion, LandmarkTrack) else motion
    model = HeadModel.load()
    fit = _fit(model, LandmarkTrack.load(face))
    times = curves.times - curves.times[0]
    strength = make_gains(gains or {}, times).over(len(curves))
    state = pose_head(curves_driver(model, curves, fit, "auto"), fit, strength)
    size = (state.scale / fit.state.scale)[:, None, None]
    turn = size * to_matrix(multiply(state.rotation, conjugate(fit.state.rotation)))
    place = state.translation - turn @ fit.state.translation
    head = np.concatenate([turn, place[:, :, None]], axis=2)
    return times[curves.valid], slider_values(curves.expression)[curves.valid], head[curves.valid]


def from_sliders(
    values: np.ndarray, head: np.ndarray, times: np.ndarray, face: Path, output: Path, to: str | None = None
) -> str:
    """Write slider ``values`` [T, 54] and the ``head`` of a portrait at ``times`` [T] s as a performance;
    returns the format (see ``write_performance``).

    head: [T, 3, 4], what takes a point of the portrait's head (px, x right, y down, z away) to its place.
    Raises InputError and OutputError.
    """
    if not (values.shape == (len(times), 54) and head.shape == (len(times), 3, 4)):
        raise InputError(f"sliders: {values.shape} values and {head.shape} heads at {len(times)} times")
    model = HeadModel.load()
    state = _fit(model, LandmarkTrack.load(face)).state
    painted = to_matrix(state.rotation)
    size = np.cbrt(np.maximum(np.linalg.det(head[:, :, :3]), 1e-9))
    turn = np.einsum("ji,tjk,kl->til", painted, head[:, :, :3] / size[:, None, None], painted)
    place = head[:, :, :3] @ state.translation + head[:, :, 3]
    shift = (place - state.translation) / state.scale
    shift[:, 2] = CAMERA * (1.0 / size - 1.0)
    rate = "25" if len(times) < 2 else None
    meta: dict[str, Any] = {"rest": "neutral", "source": "sliders"} | ({"rate": rate} if rate else {})
    curves = ExpressionCurves(
        times, slider_expression(values), continuous(from_matrix(turn)), shift.astype(np.float32), meta
    )
    return write_performance(curves, output, to)


def _fit(model: HeadModel, rest: LandmarkTrack) -> HeadFit:
    face = rest_face(rest)
    return fit_portrait(model, face.points, face.irises, rest.size)
