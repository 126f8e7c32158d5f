# SPDX-License-Identifier: GPL-3.0-or-later
"""What a viewport needs to show the moved portrait by itself: a mesh to lay the picture on, where its
vertices go in each pose, and small pictures of eyes and mouth to lay over its openings.

The flow is the compositor's own; what a preview leaves out is the clean plate, the brushwork and the network.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from scipy.spatial import cKDTree

from .compose.compositor import SOFT_LID, SOFT_LIP, matte_lookup, raster_shift
from .compose.crop import Crop
from .compose.eyes import Eye, take_eye
from .compose.features import EYES, MOUTH, Opening, Slit
from .compose.matte import sitter_matte
from .compose.mesh import FaceUnits
from .compose.mouth import take_mouth
from .compose.relief import build_relief
from .errors import InputError
from .head.fit import HeadState, fit_portrait, solve_portrait
from .head.model import HeadModel

if TYPE_CHECKING:
    from collections.abc import Callable

    from .compose.relief import Relief
    from .landmarks.face import Face
    from .media.picture import Picture

OPENINGS = (*EYES, MOUTH)
TILES = ((0, 0, 96, 64), (96, 0, 192, 64), (192, 0, 320, 96))
"""Boxes (x0, y0, x1, y1) of right eye, left eye and mouth in the atlas."""
ATLAS = (96, 320)  # rows, columns
MARGINS = (0.14, 0.14, 0.05)  # face units kept around each opening: lids are painted, lips are the mesh's
FEATHER = 6  # pixels of a tile over which it fades at its border
AROUND = 0.6  # face units about the sitter over which the background comes to rest
SEALED = 1.5  # pixels of a tile that an opening's picture reaches under the skin's edge, so that no gap shows


@dataclass(frozen=True, eq=False)
class Pose:
    """One pose as a viewport shows it.

    vertices: float32 [V, 3] px (z: depth).  boxes: float32 [3, 4] px (x0, y0, x1, y1) of the tiles in the
    picture.  atlas: uint8 [96, 320, 4], the tiles, straight alpha.
    """

    vertices: np.ndarray
    boxes: np.ndarray
    atlas: np.ndarray


class Previewer:
    """One portrait, prepared.  ``face``: its landmarks at rest; ``mask``: as for the compositor.

    ``rest`` float32 [V, 3] px and ``triangles`` int32 [F, 3] are the mesh, open at lids and lips.
    Raises InputError where the landmarks are no usable face.
    """

    def __init__(self, picture: Picture, face: Face, mask: np.ndarray | None = None) -> None:
        points = face.points
        if not np.isfinite(points[:, :2]).all() or FaceUnits.of(points).unit < 8:
            raise InputError(
                "the landmarks are no usable face: the eyes must be at least 8 px apart;"
                " check landmarks and picture"
            )
        self.unit = FaceUnits.of(points).unit
        self.model = HeadModel.load()
        self.fit = fit_portrait(self.model, points, face.irises, picture.size)
        matte = matte_lookup(sitter_matte(picture, face, mask=mask))
        self.relief = build_relief(self.model, self.fit, points, matte)
        self.still = _still(self.relief, matte)
        around = self.unit * 0.5
        self.crop = Crop.of(picture.pixels, points[:, :2].min(0) - around, points[:, :2].max(0) + around)
        self.eyes = [take_eye(self.crop, eye, points, face.irises[i]) for i, eye in enumerate(EYES)]
        self.mouth = take_mouth(self.crop, self.model, self.fit, points, self.unit)
        self.rest = self.relief.rest.astype(np.float32)
        self.triangles = self.relief.mesh.triangles

    def pose(self, points: np.ndarray, irises: np.ndarray) -> Pose:
        """The portrait with its landmarks at ``points`` [68, >=2] and ``irises`` [2, 2]
        (px; NaN: carried along)."""
        points = np.concatenate([points[:, :2].astype(np.float64), np.full((68, 1), np.nan)], 1)
        irises = np.asarray(irises, np.float64)
        state = solve_portrait(self.model, self.fit, points[None], irises[None])[0]
        vertices = self.relief.pose(self.fit, state, points)
        vertices[:, :2] -= self.still * (vertices[:, :2] - self.relief.rest[:, :2])
        atlas = np.zeros((*ATLAS, 4), np.uint8)
        boxes = np.empty((3, 4), np.float32)
        for index, (opening, (x0, y0, x1, y1)) in enumerate(zip(OPENINGS, TILES, strict=True)):
            corner, step = self._place(opening, points, (y1 - y0, x1 - x0), MARGINS[index])
            boxes[index] = *corner, *(corner + step * np.array([x1 - x0, y1 - y0]))
            tile = self._tile(index, vertices, state, points, irises, corner, step)
            atlas[y0:y1, x0:x1] = np.rint(255 * np.clip(tile, 0, 1)).astype(np.uint8)
        return Pose(vertices.astype(np.float32), boxes, atlas)

    def _place(
        self, opening: Opening, points: np.ndarray, shape: tuple[int, int], margin: float
    ) -> tuple[np.ndarray, float]:
        """(top left corner [2] px, px per pixel of the tile) of the tile around an opening."""
        outline = np.concatenate(opening.curves(points))
        low, high = outline.min(0) - margin * self.unit, outline.max(0) + margin * self.unit
        step = float(max((high - low) / [shape[1], shape[0]]))
        return (low + high) / 2 - step * np.array([shape[1], shape[0]]) / 2, step

    def _tile(
        self,
        index: int,
        vertices: np.ndarray,
        state: HeadState,
        points: np.ndarray,
        irises: np.ndarray,
        corner: np.ndarray,
        step: float,
    ) -> np.ndarray:
        """float32 [h, w, 4]: what an opening shows and, around an eye, the lid that closes over it."""
        x0, y0, x1, y1 = TILES[index]
        shape = y1 - y0, x1 - x0
        slit = Slit.of(OPENINGS[index], points)
        rows, columns = np.mgrid[: shape[0], : shape[1]] + 0.5
        x, y = corner[0] + step * columns, corner[1] + step * rows
        shift = raster_shift(
            self.relief, vertices, (float(corner[0]), float(corner[1])), np.full(2, step), shape
        )
        # a tile coarser than the picture: sampled where it is as coarse
        skin = cv2.remap(
            cv2.GaussianBlur(self.crop.pixels, (0, 0), 0.4 * step) if step > 1.5 else self.crop.pixels,
            *self.crop.index(x + shift[..., 0], y + shift[..., 1]),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        scale = float(state.scale / self.fit.state.scale)
        if index == 2:
            color, inside, soft = skin, self.mouth.render(slit, state, points, x, y), SOFT_LIP
        else:
            eye: Eye = self.eyes[index]
            color = eye.close(skin, slit, x, y, scale)
            inside, soft = eye.render(slit, irises[index], scale, x, y), SOFT_LID
        cover = slit.coverage(x, y, pixel=step, soft=soft * self.unit)
        shown = color + cover[..., None] * (np.clip(inside, 0, 1) - color)
        sealed = slit.coverage(x, y, pixel=step, soft=soft * self.unit, grow=SEALED * step)
        # where the lid is painted over the skin, the painted one is shown
        painted = np.clip(np.abs(color - skin).max(2) * 64, 0, 1)
        alpha = np.maximum(np.clip(4 * sealed, 0, 1), cv2.GaussianBlur(painted, (0, 0), 1.0))
        edge = np.minimum.reduce([columns, rows, shape[1] - columns, shape[0] - rows])
        return np.dstack([shown, alpha * np.clip(edge / FEATHER, 0, 1)]).astype(np.float32)


def _still(relief: Relief, matte: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """[V, 1]: how much of its motion each vertex gives up: none in the sitter, all of it AROUND her.

    The compositor lays the moved sitter over a clean plate; here the mesh has to give way in between.
    """
    pixels = relief.rest[:, :2]
    sitter = matte(pixels) >= 0.5
    if not sitter.any():
        return np.zeros((len(pixels), 1))
    away, _ = cKDTree(pixels[sitter]).query(pixels)
    t = np.clip(away / (AROUND * relief.units.unit), 0, 1)
    smooth: np.ndarray = (t * t * (3 - 2 * t))[:, None]
    return smooth
