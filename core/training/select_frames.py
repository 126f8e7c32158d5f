# SPDX-License-Identifier: GPL-3.0-or-later
"""Which frames of a clip to learn from: shots a user would give, targets that cover what the face does."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from ..landmarks.track import LandmarkTrack
from ..motion import features

JUMP = 0.05  # mean distance (eye distances) from the neighbors' middle from which on a frame is a slip
APART = 5  # frames: a target this near to its shot teaches nothing
OPEN = 0.75  # of the clip's usual opening of the eyes: less is a blink
TURNED = 0.45  # rad from the front: more is no portrait
WEIGHTS = np.array([3.0, 2.0, 1.5, 1.5, 1.5, 1.5, 1.0, 2.0, 0.4, 0.4])
FAR_TURN, FAR_SHIFT = 0.6, 1.2  # rad of yaw and pitch, eye distances: a warp is torn beyond them
ODD = 0.15  # share of shots taken from all frames, whatever they show
SPREAD = 0.6  # share of targets that are as different as can be; the others are ordinary moments


def measures(track: LandmarkTrack) -> np.ndarray:
    """float64 [T, 10]: what the face does; NaN where it is lost.

    Mouth opening and width (eye distances), opening of the lids (two, eye widths), yaw, pitch, roll (rad),
    height of the brows, place (x, y; eye distances).  Times ``WEIGHTS``, distances between two frames tell
    how different they look.
    """
    points = track.points.astype(np.float64)
    unit = features.eye_distance(points)
    across = points[:, 45] - points[:, 36]
    down = points[:, 8] - points[:, 27]
    brows = points[:, 36:48, 1].mean(1) - points[:, 17:27, 1].mean(1)
    place = points[:, 27:36, :2].mean(1) / np.nanmedian(unit)
    return np.stack(
        [
            features.mouth_aperture(points),
            np.linalg.norm(points[:, 54, :2] - points[:, 48, :2], axis=1) / unit,
            *features.eye_aperture(points).T,
            _yaw(points),
            np.arctan2(down[:, 2], np.hypot(down[:, 0], down[:, 1])),
            np.arctan2(across[:, 1], across[:, 0]),
            brows / unit,
            *place.T,
        ],
        axis=1,
    )


def _yaw(points: np.ndarray) -> np.ndarray:
    across = points[:, 45] - points[:, 36]
    return np.arctan2(across[:, 2], np.hypot(across[:, 0], across[:, 1]))


def usable_frames(track: LandmarkTrack) -> np.ndarray:
    """Frames in which the face was found and did not jump, int [N]."""
    points = track.points[..., :2].astype(np.float64)
    middle = points.copy()
    middle[1:-1] = (points[:-2] + points[2:]) / 2
    jump = np.linalg.norm(points - middle, axis=2).mean(1) / features.eye_distance(points)
    beside_lost = ~np.isfinite(jump)
    return np.flatnonzero(track.valid & ~beside_lost & (np.nan_to_num(jump, nan=1.0) < JUMP))


def choose_shots(track: LandmarkTrack, count: int, random: np.random.Generator) -> list[int]:
    """At most ``count`` frames for shots: an ordinary one first, then ones that differ most.

    Eyes are open and the head is not far turned, but for a small share of odd ones.
    """
    frames = usable_frames(track)
    if not len(frames):
        return []
    values, points = (measures(track) * WEIGHTS)[frames], track.points[frames].astype(np.float64)
    lids = features.eye_aperture(points).min(1)
    good = (lids > OPEN * np.median(lids)) & (np.abs(_yaw(points)) < TURNED)
    if not good.any():
        good[:] = True
    ordinary = np.linalg.norm(values - np.median(values[good], axis=0), axis=1)
    chosen = [int(np.where(good, ordinary, np.inf).argmin())]
    while len(chosen) < min(count, len(frames)):
        allowed = good if random.uniform() >= ODD else np.ones_like(good)
        nearest = _nearest(values, chosen) * random.uniform(0.6, 1.0, len(values))
        best = int(np.where(allowed, nearest, -1.0).argmax())
        if best in chosen or nearest[best] <= 0:
            break
        chosen.append(best)
    return [int(frames[i]) for i in chosen]


def choose_targets(
    track: LandmarkTrack, shot: int, count: int, random: np.random.Generator, taken: set[int]
) -> list[int]:
    """At most ``count`` frames, sorted, none of them in ``taken``, right beside ``shot`` or very far from it.

    Most differ as much as can be (wide mouths, blinks, turns); the others are spread over the clip's time.
    """
    frames = usable_frames(track)
    values = measures(track)
    gone = np.abs(values - values[shot])
    within = (gone[:, 4:6].max(1) <= FAR_TURN) & (np.hypot(gone[:, 8], gone[:, 9]) <= FAR_SHIFT)
    frames = np.array([f for f in frames if abs(f - shot) >= APART and f not in taken and within[f]], int)
    if len(frames) <= count:
        return frames.tolist()
    rows = values[frames] * WEIGHTS
    far = np.linalg.norm(rows - values[shot] * WEIGHTS, axis=1)
    chosen: list[int] = []
    for _ in range(round(SPREAD * count)):
        best = int((far * random.uniform(0.7, 1.0, len(far))).argmax())
        chosen.append(best)
        far = np.minimum(far, np.linalg.norm(rows - rows[best], axis=1))
    rest = np.setdiff1d(np.arange(len(frames)), chosen)
    edges = np.linspace(0, len(rest), count - len(chosen) + 1).astype(int)
    chosen += [int(rest[random.integers(a, b)]) for a, b in pairwise(edges.tolist())]
    return sorted(int(frames[i]) for i in chosen)


def _nearest(values: np.ndarray, chosen: list[int]) -> np.ndarray:
    return np.linalg.norm(values[:, None] - values[chosen][None], axis=2).min(1)
