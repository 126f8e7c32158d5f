# SPDX-License-Identifier: GPL-3.0-or-later
"""The head proxy: a linear model of skull, face, neck, eyeballs, teeth and tongue.

Axes: x to the right of the picture, y down, z away from the viewer.
Unit: the distance between the outer eye corners of the mean head.
Origin: the joint between skull and neck, which the head turns about.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np

from ..errors import WeightsError
from .arkit import ARKIT

MODEL_PATH = Path(__file__).resolve().parents[2] / "presets" / "head" / "head.npz"
PARTS = ("skin", "eye_right", "eye_left", "teeth_upper", "teeth_lower", "tongue")
POINTS = 70  # 68 landmarks, right iris, left iris
# how far the eye turns for a full eyeLook coefficient (radians): sideways, up and down
LOOK_ASIDE, LOOK_UP_DOWN = np.radians(32.0), np.radians(24.0)


@dataclass(frozen=True, eq=False)
class HeadModel:
    """The arrays of ``presets/head/head.npz``.

    vertices: float32 [V, 3], the mean head.  triangles: int32 [F, 3].  part: uint8 [F], index into PARTS.
    identity: float32 [I, V, 3], per standard deviation.
    expression: float32 [52, V, 3], for a full ARKit coefficient.
    follow: float32 [V], how much of a turn of the head a vertex follows: 1 on the head, 0 on the shoulders.
    landmark_triangle: int32 [68]; landmark_bary: float32 [68, 3].
    """

    vertices: np.ndarray
    triangles: np.ndarray
    part: np.ndarray
    identity: np.ndarray
    expression: np.ndarray
    follow: np.ndarray
    landmark_triangle: np.ndarray
    landmark_bary: np.ndarray

    @staticmethod
    @lru_cache(maxsize=2)
    def load(path: Path = MODEL_PATH) -> HeadModel:
        """Read a model file; WeightsError where it is missing or damaged."""
        try:
            with np.load(path, allow_pickle=False) as file:
                meta = json.loads(str(file["meta"]))
                if meta.get("schema") != "tableau-vivant/head-1":
                    raise ValueError("unknown schema")
                arrays = {name: file[name] for name in file.files if name != "meta"}
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise WeightsError(
                f"{path}: the head model cannot be read ({error}); reinstall it or run `python build.py head`"
            ) from error
        wide = {"identity", "expression"}
        return HeadModel(**{name: a.astype(np.float32) if name in wide else a for name, a in arrays.items()})

    @cached_property
    def basis(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The 70 points alone: mean [70, 3], identity [I, 70, 3], expression [52, 70, 3], float64."""
        corners = self.triangles[self.landmark_triangle]

        def at(values: np.ndarray) -> np.ndarray:
            return np.einsum(
                "lk,...lkc->...lc", self.landmark_bary, values[..., corners, :].astype(np.float64)
            )

        mean, identity, expression = at(self.vertices), at(self.identity), at(self.expression)
        irises, iris_identity = [], []
        iris_expression = np.zeros((len(ARKIT), 2, 3))
        for eye, part in enumerate((1, 2)):
            ball = self.eye_vertices(part)
            center, radius = self.vertices[ball].astype(np.float64).mean(0), self.eye_radius(part)
            irises.append(center + [0.0, 0.0, -radius])
            iris_identity.append(self.identity[:, ball].astype(np.float64).mean(1))
            side = "Right" if part == 1 else "Left"
            outward = -1.0 if part == 1 else 1.0  # the sitter's right eye is on the picture's left
            aside, upward = radius * np.sin(LOOK_ASIDE), radius * np.sin(LOOK_UP_DOWN)
            iris_expression[ARKIT.index(f"eyeLookOut{side}"), eye, 0] = outward * aside
            iris_expression[ARKIT.index(f"eyeLookIn{side}"), eye, 0] = -outward * aside
            iris_expression[ARKIT.index(f"eyeLookUp{side}"), eye, 1] = -upward
            iris_expression[ARKIT.index(f"eyeLookDown{side}"), eye, 1] = upward
        return (
            np.concatenate([mean, irises]),
            np.concatenate([identity, np.stack(iris_identity, 1)], 1),
            np.concatenate([expression, iris_expression], 1),
        )

    def eye_vertices(self, part: int) -> np.ndarray:
        """Indices of an eyeball's vertices (part 1 right, 2 left)."""
        return np.unique(self.triangles[self.part == part])

    def eye_radius(self, part: int) -> float:
        """Radius of an eyeball of the mean head."""
        return float(np.ptp(self.vertices[self.eye_vertices(part), 0]) / 2)

    def shape(self, identity: np.ndarray, expression: np.ndarray) -> np.ndarray:
        """float32 [V, 3] in model units, for coefficients [I] and [52]."""
        shape = self.vertices + np.tensordot(identity.astype(np.float32), self.identity, 1)
        used = np.flatnonzero(expression)
        return shape + np.tensordot(expression[used].astype(np.float32), self.expression[used], 1)
