# SPDX-License-Identifier: GPL-3.0-or-later
"""Expression sliders of one portrait: how far each moves each landmark, and a track told in them.

A slider's effect is what retargeting makes of that one expression at full strength, so that lids meet, gaze
stays inside the eye and the mouth keeps the portrait's own width.  Effects add up: what the sliders make is
linear, which an animation program evaluates at once, and a track minus it is small and stays editable.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..head.arkit import ARKIT, INDEX
from ..head.fit import DEPTH_SIGMA, SIGMA, SPREAD
from ..landmarks.face import Face
from ..landmarks.schema import REGIONS
from ..landmarks.track import LandmarkTrack
from .curves import ExpressionCurves
from .features import eye_distance
from .retarget import retarget

SLIDERS = (*ARKIT, "gazeX", "gazeY")
"""52 ARKit names, 0..1, and the gaze of both eyes, -1..1: to the picture's right, and up."""
MOST = 1.2  # of a gaze: an eye may look a little farther than a full slider
ROUNDS = 5
_FIRM = np.array([27, 28, 29, 30, 31, 33, 35, 36, 39, 42, 45, 0, 1, 15, 16])
_FIRM_WEIGHT = np.array([1.0] * 7 + [1.5] * 4 + [0.5] * 4)
# to the picture's right and left, up, down
_WAYS = {"Right": ("In", "Out", "Up", "Down"), "Left": ("Out", "In", "Up", "Down")}
_LOOKS = np.array([i for i, name in enumerate(ARKIT) if name.startswith("eyeLook")])


@dataclass(frozen=True, eq=False)
class SliderTrack:
    """values float32 [T, 54] in the order of SLIDERS, NaN where a frame is lost;
    explained float 0..1, the share of the motion within the face that they make."""

    values: np.ndarray
    explained: float


def slider_basis(face: Face, size: tuple[int, int]) -> np.ndarray:
    """float64 [54, 70, 3]: the px that a full slider moves each landmark and iris of ``face``."""
    count = len(ARKIT)
    # a still frame on either side keeps what looks at neighbors in time out of each expression
    expression = np.zeros((3 * count + 1, count))
    expression[np.arange(count) * 3 + 2, np.arange(count)] = 1.0
    rows = len(expression)
    curves = ExpressionCurves(
        np.arange(rows, dtype=np.float64),
        expression,
        np.tile([1.0, 0.0, 0.0, 0.0], (rows, 1)),
        np.zeros((rows, 3)),
        {"rest": "neutral", "rate": "1"},
    )
    moved = _joined(retarget(curves, face, size=size))
    basis = moved[np.arange(count) * 3 + 2] - moved[0]
    look = {name: basis[INDEX[f"eyeLook{name}"]] for name in (ARKIT[i][7:] for i in _LOOKS)}
    aside = (look["OutLeft"] + look["InRight"] - look["InLeft"] - look["OutRight"]) / 2
    up = (look["UpLeft"] + look["UpRight"] - look["DownLeft"] - look["DownRight"]) / 2
    return np.concatenate([basis, aside[None], up[None]])


def solve_sliders(track: LandmarkTrack, face: Face, basis: np.ndarray) -> SliderTrack:
    """The slider values that, over ``face`` and under a turning head, come nearest to ``track``
    (in the same picture's pixels).

    Single eyeLook expressions stay at zero: gazeX and gazeY say the same in two curves.
    Raises InputError where no frame has a face.
    """
    if not track.valid.any():
        raise InputError("no frame of the track has a face")
    unit = float(eye_distance(face.points[None].astype(np.float64))[0])
    rest = _joined(LandmarkTrack(face.points[None], face.irises[None], np.zeros(1), np.ones((1, 68)), (1, 1)))
    target = _joined(track)[track.valid]
    known = np.isfinite(track.irises[track.valid]).all(axis=2)
    weight = np.broadcast_to(1.0 / SIGMA[:, None] ** 2, (len(target), 70, 3)).copy()
    weight[..., 2] /= DEPTH_SIGMA**2
    weight[:, 68:] *= known[..., None]
    weight[:, 68:, 2] = 0.0  # an iris has no depth of its own

    shapes = (basis / unit).reshape(len(basis), -1)
    prior = 1.0 / np.concatenate([SPREAD, [2.0, 2.0]]) ** 2
    low = np.concatenate([np.zeros(len(ARKIT)), [-MOST, -MOST]])
    high = np.concatenate([np.ones(len(ARKIT)), [MOST, MOST]])
    low[_LOOKS] = high[_LOOKS] = 0.0
    values = np.zeros((len(target), len(basis)))
    offset = np.zeros_like(target)
    for _ in range(ROUNDS):
        source = rest + np.einsum("te,epk->tpk", values, basis)
        offset = _in_head(source, target) - rest
        wanted = (offset / unit).reshape(len(target), -1)
        values = _bounded(shapes, wanted, weight.reshape(len(target), -1), prior, (low, high), values)
    left = (offset / unit).reshape(len(target), -1) - values @ shapes
    flat = weight.reshape(len(target), -1)
    total = float((flat * ((offset / unit).reshape(len(target), -1)) ** 2).sum())
    explained = 1.0 - float((flat * left**2).sum()) / max(total, 1e-12)
    full = np.full((len(track), len(basis)), np.nan, np.float32)
    full[track.valid] = values
    return SliderTrack(full, float(np.clip(explained, 0.0, 1.0)))


def slider_values(expression: np.ndarray) -> np.ndarray:
    """Coefficients [T, 52] as slider values [T, 54]: where both eyes look is the gaze's, how they differ
    stays with the single eyes."""
    values = np.concatenate([expression, np.zeros((len(expression), 2))], axis=1)
    values[:, -2:] = sum(_look(expression)) / 2
    return _with_looks(values, [look - values[:, -2:] for look in _look(expression)])


def slider_expression(values: np.ndarray) -> np.ndarray:
    """Coefficients [T, 52], 0..1, of slider values [T, 54]: the inverse of ``slider_values``."""
    looks = [look + values[:, -2:] for look in _look(values)]
    return np.clip(_with_looks(values.copy(), looks)[:, : len(ARKIT)], 0.0, 1.0)


def _look(values: np.ndarray) -> list[np.ndarray]:
    """Where the right and the left eye look, each [T, 2]: to the picture's right, and up."""
    ways = [[values[:, INDEX[f"eyeLook{way}{side}"]] for way in _WAYS[side]] for side in _WAYS]
    return [np.stack([plus - minus, up - down], axis=1) for plus, minus, up, down in ways]


def _with_looks(values: np.ndarray, looks: list[np.ndarray]) -> np.ndarray:
    """``values`` with the eyeLook coefficients of two eyes that look at ``looks`` (in place)."""
    for side, look in zip(_WAYS, looks, strict=True):
        parts = (look[:, 0], -look[:, 0], look[:, 1], -look[:, 1])
        for way, part in zip(_WAYS[side], parts, strict=True):
            values[:, INDEX[f"eyeLook{way}{side}"]] = np.maximum(part, 0.0)
    return values


def _joined(track: LandmarkTrack) -> np.ndarray:
    """float64 [T, 70, 3] px: the irises at their eyes' depth, in their eyes' middle where unknown."""
    points = track.points.astype(np.float64)
    irises = []
    for index, region in enumerate(("eye_right", "eye_left")):
        middle = points[:, list(REGIONS[region])].mean(axis=1)
        known = np.isfinite(track.irises[:, index]).all(axis=1)[:, None]
        middle[:, :2] = np.where(known, track.irises[:, index], middle[:, :2])
        irises.append(middle)
    return np.concatenate([points, np.stack(irises, axis=1)], axis=1)


def _in_head(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """``target`` [T, 70, 3] with the head's similarity over ``source`` [T, 70, 3] taken out."""
    weights = _FIRM_WEIGHT / _FIRM_WEIGHT.sum()
    a_mean = np.einsum("n,tnk->tk", weights, source[:, _FIRM])[:, None]
    b_mean = np.einsum("n,tnk->tk", weights, target[:, _FIRM])[:, None]
    a, b = source[:, _FIRM] - a_mean, target[:, _FIRM] - b_mean
    u, singular, vt = np.linalg.svd(np.einsum("n,tni,tnj->tij", weights, b, a))
    sign = np.ones_like(singular)
    sign[:, 2] = np.sign(np.linalg.det(u) * np.linalg.det(vt))
    rotation = np.einsum("tij,tj,tjk->tik", u, sign, vt)
    scale = (singular * sign).sum(axis=1) / np.maximum(np.einsum("n,tnk->t", weights, a * a), 1e-20)
    scale = np.maximum(scale, 1e-3)[:, None, None]
    return np.einsum("tji,tpj->tpi", rotation, target - b_mean) / scale + a_mean


def _bounded(
    shapes: np.ndarray,
    wanted: np.ndarray,
    weight: np.ndarray,
    prior: np.ndarray,
    bounds: tuple[np.ndarray, np.ndarray],
    start: np.ndarray,
) -> np.ndarray:
    """Weighted least squares [T, E] of ``wanted`` [T, N] in ``shapes`` [E, N] with a prior, within bounds."""
    low, high = bounds
    normal = np.einsum("tn,en,fn->tef", weight, shapes, shapes, optimize=True)
    normal[:, np.arange(len(shapes)), np.arange(len(shapes))] += prior
    right = (weight * wanted) @ shapes.T
    values = np.clip(start, low, high)
    for _ in range(8):
        slope = right - np.einsum("tef,tf->te", normal, values)
        stuck = ((values <= low) & (slope <= 0)) | ((values >= high) & (slope >= 0))
        system = np.where(stuck[:, :, None] | stuck[:, None, :], 0.0, normal)
        system[:, np.arange(len(shapes)), np.arange(len(shapes))] += stuck
        change = np.linalg.solve(system, np.where(stuck, 0.0, slope)[..., None])[..., 0]
        values = np.clip(values + change, low, high)
    return values
