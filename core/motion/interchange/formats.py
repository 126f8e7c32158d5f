# SPDX-License-Identifier: GPL-3.0-or-later
"""Telling formats apart by what is in a file, and choosing the one to write."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from ...errors import InputError
from ...landmarks.track import LandmarkTrack
from ...landmarks.track_files import SCHEMA as TRACK_SCHEMA
from ..curves import ExpressionCurves
from ..solve import play_curves, solve_curves
from .curves_csv import is_curves_csv, read_curves_csv, write_curves_csv
from .live_link import is_live_link, read_live_link, write_live_link
from .mediapipe import read_mediapipe
from .openface import is_openface, read_openface, write_openface
from .table import parse_table, read_text

TARGETS = ("live-link", "curves", "openface", "track")
READABLE = (
    "a track or curves of this program, Live Link Face .csv, OpenFace .csv, MediaPipe face landmarks .json"
)


def read_performance(
    path: Path, *, rate: str | Fraction | None = None, curves: bool = False
) -> LandmarkTrack | ExpressionCurves:
    """A performance from a text file (.csv, .json, ...) of any format that is known, by its content.

    rate: frames per second, where the file counts frames and does not say how many a second has.
    curves: prefer coefficients where a file has landmarks too (MediaPipe).
    Raises InputError with one line on anything else.
    """
    text = read_text(path)
    start = text.lstrip()[:1]
    if start in ("{", "["):
        return read_mediapipe(path, text, rate=rate, curves=curves)
    first = text.split("\n", 1)[0]
    if first.startswith("#") and f'"{TRACK_SCHEMA}"' in first:
        return LandmarkTrack.load(path)
    table = parse_table(path, text)
    if is_live_link(table.names):
        return read_live_link(table, rate)
    if is_openface(table.names):
        return read_openface(table)
    if is_curves_csv(table.names, text):
        return read_curves_csv(table, text)
    raise InputError(f"{path}: is no performance that is known; readable are {READABLE}")


def target_format(path: Path, wanted: str | None, performance: LandmarkTrack | ExpressionCurves) -> str:
    """The format to write ``path`` in: ``wanted``, else by suffix what the performance is (curves or track).

    Raises InputError for another format, or a suffix that it does not go with.
    """
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".npz"):
        raise InputError(f"{path}: performances are written as .csv or .npz; choose a name that ends so")
    if wanted is None:
        return "curves" if isinstance(performance, ExpressionCurves) else "track"
    if wanted not in TARGETS:
        raise InputError(f"unknown format '{wanted}'; choose one of {', '.join(TARGETS)}")
    if suffix == ".npz" and wanted in ("live-link", "openface"):
        raise InputError(f"{path}: {wanted} is a .csv format; name the file {path.with_suffix('.csv').name}")
    return wanted


def write_performance(
    performance: LandmarkTrack | ExpressionCurves, path: Path, wanted: str | None = None
) -> str:
    """Write a performance as ``wanted`` (see ``target_format``); returns the format.

    Landmarks are solved where curves are wanted; curves are played on the mean head where landmarks are.
    Raises InputError and OutputError.
    """
    target = target_format(path, wanted, performance)
    if target == "track":
        _track(performance).save(path)
    elif target == "openface":
        write_openface(_track(performance), _curves(performance), path)
    elif target == "live-link":
        write_live_link(_curves(performance), path)
    elif path.suffix.lower() == ".npz":
        _curves(performance).save(path)
    else:
        write_curves_csv(_curves(performance), path)
    return target


def _track(performance: LandmarkTrack | ExpressionCurves) -> LandmarkTrack:
    return play_curves(performance) if isinstance(performance, ExpressionCurves) else performance


def _curves(performance: LandmarkTrack | ExpressionCurves) -> ExpressionCurves:
    return performance if isinstance(performance, ExpressionCurves) else solve_curves(performance).curves
