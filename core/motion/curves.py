# SPDX-License-Identifier: GPL-3.0-or-later
"""Expression curves: a performance as head pose and the 52 ARKit coefficients,
what animators edit and tools exchange."""

from __future__ import annotations

import json
import os
import zipfile
import zlib
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from ..atomic import atomic_path
from ..errors import InputError
from ..head.arkit import ARKIT, INDEX, MIRROR
from ..landmarks.track import nominal_rate
from .rates import parse_rate

SCHEMA = "tableau-vivant/curves-1"


@dataclass(frozen=True, eq=False)
class ExpressionCurves:
    """Head pose and expression per frame.  A lost frame is a row of NaN in all three arrays.

    times: float64 [T], seconds, strictly increasing.
    expression: float32 [T, 52], 0..1, in the order of ARKIT.
    rotation: float32 [T, 4], unit quaternion (w, x, y, z) of the head relative
        to the camera (x right, y down, z away).
    translation: float32 [T, 3], in inter-ocular distances (outer eye corners), same axes.
    meta: JSON-able facts about the source; ``loop`` and ``period`` (seconds) mark a performance that repeats.
    Raises InputError where an array has another shape or its numbers make no sense.
    """

    times: np.ndarray
    expression: np.ndarray
    rotation: np.ndarray
    translation: np.ndarray
    meta: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        where = f"expression curves {self.meta.get('source', '')}".strip()
        for name, kind in (
            ("times", np.float64),
            ("expression", np.float32),
            ("rotation", np.float32),
            ("translation", np.float32),
        ):
            try:
                object.__setattr__(self, name, np.asarray(getattr(self, name), kind))
            except (TypeError, ValueError):
                raise InputError(f"{where}: '{name}' is not an array of numbers") from None
        if self.times.ndim != 1 or len(self.times) == 0:
            raise InputError(f"{where}: 'times' must be a list of at least one time")
        count = len(self.times)
        for name, columns in (("expression", len(ARKIT)), ("rotation", 4), ("translation", 3)):
            shape = getattr(self, name).shape
            if shape != (count, columns):
                raise InputError(f"{where}: '{name}' has shape {list(shape)}, expected [{count}, {columns}]")
        if not np.isfinite(self.times).all() or (np.diff(self.times) <= 0).any():
            raise InputError(f"{where}: 'times' must be finite and strictly increasing")
        if (
            np.nanmin(self.expression, initial=0.0) < -1e-4
            or np.nanmax(self.expression, initial=0.0) > 1.0001
        ):
            raise InputError(f"{where}: 'expression' must stay within 0..1")
        length = np.linalg.norm(self.rotation, axis=1)
        if (np.abs(length[np.isfinite(length)] - 1.0) > 1e-3).any():
            raise InputError(f"{where}: 'rotation' must hold unit quaternions")

    def __len__(self) -> int:
        return len(self.times)

    @property
    def valid(self) -> np.ndarray:
        """bool [T]: frames that are not lost."""
        finite = [np.isfinite(a).all(axis=1) for a in (self.expression, self.rotation, self.translation)]
        return np.logical_and.reduce(finite)

    @property
    def rate(self) -> Fraction:
        """Nominal frames per second: meta's "rate" where given,
        else from the frame step, snapped to a usual rate."""
        stated = self.meta.get("rate")
        if stated is not None:
            return parse_rate(stated, "expression curves: 'rate'")
        return nominal_rate(self.times)

    @property
    def period(self) -> float | None:
        """Seconds after which a looping performance repeats; None where it does not loop."""
        return float(self.meta["period"]) if self.meta.get("loop") and "period" in self.meta else None

    def curve(self, name: str) -> np.ndarray:
        """One coefficient over time, float32 [T].  Raises InputError for a name that ARKit does not have."""
        if name not in INDEX:
            raise InputError(f"'{name}' is not one of the 52 ARKit expressions")
        return self.expression[:, INDEX[name]]

    def mirrored(self) -> ExpressionCurves:
        """The same performance as seen in a mirror."""
        return ExpressionCurves(
            self.times,
            self.expression[:, MIRROR],
            self.rotation * np.array([1, 1, -1, -1], np.float32),
            self.translation * np.array([-1, 1, 1], np.float32),
            dict(self.meta),
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write an ``.npz`` file (no pickle); reading it back gives the same bits."""
        if Path(path).suffix.lower() != ".npz":
            raise InputError(f"{path}: expression curves are written as .npz; choose a name that ends so")
        with atomic_path(path) as temporary, temporary.open("wb") as stream:
            np.savez_compressed(
                stream,
                schema=np.array(SCHEMA),
                times=self.times,
                expression=self.expression,
                rotation=self.rotation,
                translation=self.translation,
                meta=np.array(json.dumps(self.meta)),
            )

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> ExpressionCurves:
        """Read what :meth:`save` wrote.  Raises InputError naming the file and what is wrong with it."""
        try:
            with np.load(path, allow_pickle=False) as data:
                schema = str(data["schema"]) if "schema" in data else "none"
                if schema != SCHEMA:
                    raise InputError(f"{path}: schema is {schema}, expected {SCHEMA}")
                arrays = {name: data[name] for name in ("times", "expression", "rotation", "translation")}
                meta = json.loads(str(data["meta"]))
        except FileNotFoundError:
            raise InputError(f"{path}: no such file") from None
        except KeyError as error:
            raise InputError(f"{path}: the file has no array {error}") from None
        except (OSError, ValueError, EOFError, TypeError, zipfile.BadZipFile, zlib.error):
            raise InputError(f"{path}: not a readable file of expression curves; export it again") from None
        if not isinstance(meta, dict):
            raise InputError(f"{path}: 'meta' must be a JSON object")
        try:
            return cls(**arrays, meta=meta)
        except InputError as error:
            raise InputError(f"{path}: {error}") from None
