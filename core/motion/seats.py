# SPDX-License-Identifier: GPL-3.0-or-later
"""Where along a lip a face's landmarks sit, and the motion of the head model there.

The same number of landmarks is strung differently along the same lips: one detector's points crowd toward
the middle, the head model's are spread evenly.  A landmark that only carried its distance from the model's
would move as a place nearer to the corner does, and a mouth would open as a wedge.

The model's own mouth opens a little like a wedge, too: beside the middle its lips part less than those of
people, which open like an ellipse.
"""

from __future__ import annotations

import numpy as np
from scipy.interpolate import CubicSpline

from ..head.arkit import INDEX
from ..head.fit import HeadState, batch, project
from ..head.model import HeadModel
from .driver import to_picture

LIPS = (
    (60, 61, 62, 63, 64),
    (60, 67, 66, 65, 64),
    (48, 49, 50, 51, 52, 53, 54),
    (48, 59, 58, 57, 56, 55, 54),
)
# upper and lower inner lip beside the middle, the outer lower lip below them
SIDES = ((61, 67, 58), (63, 65, 56))
FULLER = 0.08  # of the gap in the middle by which the outer lower lip hangs lower there than the model's
LOWER = 0.8  # of what lips part more is the lower lip's
FARTHEST = 0.7  # of the way to the next landmark that a seat may be off: beyond that, it is something else
UNSURE = 0.3  # of the mean spacing: where a turned head hides how landmarks are spaced they stay in place


def lip_seats(model: HeadModel, identity: np.ndarray, state: HeadState, local: np.ndarray) -> np.ndarray:
    """float64 [70, 70]: takes the displacements of the model's points to those of a face's own.

    ``state``: single, the face at rest; ``local`` [70, 3]: its points minus the model's, in head axes.
    """
    at = project(model, identity, batch(state))[0, :, :2]
    apart = np.nan_to_num(to_picture(batch(state), local[None])[0, :, :2])
    seats = np.eye(len(at))
    seat_of = np.zeros(len(at))
    for lip in LIPS:
        points = list(lip)
        number = np.arange(len(lip), dtype=np.float64)
        along = CubicSpline(number, at[points])(number, 1)
        # a mouth that is wider or sits elsewhere is no matter of where along it the landmarks are
        share = (number / number[-1])[:, None]
        own = apart[points] - (1 - share) * apart[lip[0]] - share * apart[lip[-1]]
        length = (along**2).sum(1)
        step = (own * along).sum(1) / (length + UNSURE**2 * length.mean())
        seat = number + np.clip(step, -FARTHEST, FARTHEST)
        inner = points[1:-1]
        seat_of[inner] = seat[1:-1]
        seats[inner] = 0.0
        seats[np.ix_(inner, points)] = CubicSpline(number, np.eye(len(lip)))(seat[1:-1])
    for upper, lower, outer in SIDES:
        parting = seats[lower] - seats[upper]
        more = _roundness(model, (seat_of[upper] + seat_of[lower]) / 2) - 1
        seats[lower] += LOWER * more * parting
        seats[upper] -= (1 - LOWER) * more * parting
        seats[outer] += FULLER * (seats[66] - seats[62])
    return seats


def _roundness(model: HeadModel, seat: float) -> float:
    """How much farther than the model's the lips of an opened mouth are apart; seat: 0 to 4 along them."""
    jaw = model.basis[2][INDEX["jawOpen"], :, 1]
    gap = jaw[list(LIPS[1])] - jaw[list(LIPS[0])]
    there = float(CubicSpline(np.arange(5.0), gap)(seat))
    place = seat / 4
    return max(1.0, 2 * np.sqrt(place * (1 - place)) * float(gap[2]) / there)
