# SPDX-License-Identifier: GPL-3.0-or-later
"""Filling the frames of a track in which the face was lost."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..errors import InputError, NoFaceError
from .track import LandmarkTrack

METHODS = ("interpolate", "hold", "leave")


def fill_gaps(track: LandmarkTrack, method: str = "interpolate") -> LandmarkTrack:
    """Give lost frames points again; their confidence stays 0, so that one can still tell.

    ``interpolate``: in a straight line over time between the frames around the gap (held at the ends);
    ``hold``: as in the last frame before (the first found one at the start); ``leave``: the track as it is.
    Irises that are unknown in some frames are filled in the same way, and stay NaN where no frame knows them.

    Raises InputError for another method and NoFaceError where the face was found in no frame.
    """
    if method not in METHODS:
        raise InputError(f"unknown way to fill gaps '{method}'; choose one of {', '.join(METHODS)}")
    valid = track.valid
    if method == "leave" or (valid.all() and np.isfinite(track.irises).all()):
        return track
    if not valid.any():
        raise NoFaceError(
            "the track holds no frame in which a face was found; there is nothing to fill its gaps from"
        )
    points = _filled(track.points, valid, track.times, method)
    irises = track.irises.copy()
    for eye in range(2):
        known = np.isfinite(track.irises[:, eye]).all(axis=1)
        if known.any():
            irises[:, eye] = _filled(track.irises[:, eye], known, track.times, method)
    confidence = np.where(valid[:, None], track.confidence, np.float32(0))
    return replace(track, points=points, irises=irises, confidence=confidence)


def _filled(values: np.ndarray, known: np.ndarray, times: np.ndarray, method: str) -> np.ndarray:
    """``values`` [T, ...] with the rows that are not ``known`` [T] filled; the known rows keep their bits."""
    frames = np.flatnonzero(known)
    lost = np.flatnonzero(~known)
    after = np.searchsorted(frames, lost)
    before = frames[np.maximum(after - 1, 0)]
    result = values.copy()
    if method == "hold":
        result[lost] = values[before]
        return result
    following = frames[np.minimum(after, len(frames) - 1)]
    span = times[following] - times[before]
    share = np.where(span > 0, (times[lost] - times[before]) / np.where(span > 0, span, 1.0), 0.0)
    share = np.clip(share, 0.0, 1.0).reshape(-1, *[1] * (values.ndim - 1))
    result[lost] = values[before] * (1.0 - share) + values[following] * share
    return result
