# SPDX-License-Identifier: GPL-3.0-or-later
"""The moved picture: original pixels along the head's flow, over the clean plate,
with eyes and mouth opened and closed.

A portrait is prepared once (matte, clean plate, relief, eyes, mouth);
each frame is then a function of its landmarks alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import distance_transform_edt

from ..errors import InputError
from ..head.fit import HeadState, fit_portrait, solve_portrait
from ..head.model import HeadModel
from ..head.raster import rasterize
from ..landmarks.face import Face
from ..media.picture import Picture
from .brushwork import Brushwork
from .correction import Correction
from .crop import Crop
from .eyes import take_eye
from .features import EYES, MOUTH, Slit
from .layers import FrameParts, Parts
from .matte import Matte, sitter_matte
from .mesh import EXTENT, FaceUnits
from .mouth import take_mouth
from .paste import Box, node_positions, warp_native
from .plate import clean_plate
from .relief import Relief, build_relief, signed_areas
from .uncover import Background

GRID = 448  # nodes along the longer side of the coarse flow
STROKE = 0.025  # face units: paint finer than this is brushwork
NO_PLATE = "the picture is a cut-out, there is no plate behind it; bake it without layers"
STILL = 1e-3  # px: less than this is no motion
EYE_MARGIN, MOUTH_MARGIN = 0.14, 0.16  # face units around an opening that are sampled at native resolution
SOFT_LID, SOFT_LIP = 0.004, 0.006  # face units over which the edge of an opening fades

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, eq=False)
class Flow:
    """The backward flow of one frame.

    box: region of the picture that the grid covers.
    shift: float32 [h, w, 2] px, source minus target at the grid's nodes.
    slits: the openings of eyes (right, left) and mouth.
    vertices: [V, 3] px, the posed mesh.  state: the solved head.
    fold: the smallest ratio of a visible face triangle's area to its area at rest
        (negative: the face is folded there).
    """

    box: Box
    shift: np.ndarray
    slits: tuple[Slit, Slit, Slit]
    vertices: np.ndarray
    state: HeadState
    fold: float


class Compositor:
    """Renders one portrait for any landmarks.

    ``picture`` is copied bit for bit wherever nothing moves; ``face`` holds its landmarks at rest (px);
    ``mask`` is the user's own matte (see :func:`sitter_matte`).  ``region`` is the box outside
    which no pixel ever changes, ``matte`` the sitter at rest.
    ``relief``: the portrait's, where it is known already from another copy of the picture.
    After each render ``last_flow`` holds that frame's flow.
    Raises InputError where the landmarks do not fit the picture.
    """

    def __init__(
        self,
        picture: Picture,
        face: Face,
        *,
        mask: np.ndarray | None = None,
        relief: Relief | None = None,
        progress: Progress | None = None,
    ) -> None:
        report = progress or (lambda done, total, text: None)
        self.picture, self.face = picture, face
        self.units = FaceUnits.of(face.points)
        if not np.isfinite(face.points[:, :2]).all() or self.units.unit < 8:
            raise InputError(
                "the landmarks are no usable face: the eyes must be at least 8 px apart;"
                " check landmarks and picture"
            )
        self.model = HeadModel.load()
        report(0, 4, "fitting the head")
        self.fit = fit_portrait(self.model, face.points, face.irises, picture.size)
        self.region = self._find_region()
        report(1, 4, "finding the sitter")
        matte = sitter_matte(picture, face, mask=mask)
        report(2, 4, "painting the background behind the sitter")
        x0, y0, x1, y1 = self.region
        self._pixels = np.ascontiguousarray(picture.pixels[y0:y1, x0:x1])
        self.matte = matte
        sitter = matte.within(self.region, (x1 - x0, y1 - y0))
        self._brushwork = Brushwork(self._pixels, sitter)
        self._behind = self._background()
        report(3, 4, "laying the picture on the relief")
        self.relief = relief or build_relief(self.model, self.fit, face.points, matte_lookup(matte))
        around = self.units.unit * 0.5
        crop = Crop.of(picture.pixels, face.points[:, :2].min(0) - around, face.points[:, :2].max(0) + around)
        self._eyes = [take_eye(crop, eye, face.points, face.irises[i]) for i, eye in enumerate(EYES)]
        self._mouth = take_mouth(crop, self.model, self.fit, face.points, self.units.unit)
        self.last_flow: Flow | None = None
        report(4, 4, "beginning to paint")

    def render(self, points: np.ndarray, irises: np.ndarray) -> np.ndarray:
        """The picture with the sitter's landmarks at ``points`` [68, >=2]
        and ``irises`` [2, 2] (px; NaN: carried along).

        Returns [H, W, C] of the picture's type; the landmarks at rest give the picture itself.
        """
        out = self.picture.pixels.copy()
        patch, box = self.render_patch(points, irises)
        if patch is not None:
            out[box[1] : box[3], box[0] : box[2]] = patch
        return out

    @property
    def plate(self) -> np.ndarray:
        """The picture [H, W, 3] without its sitter; InputError for cut-outs, which have none."""
        if self._behind is None:
            raise InputError(NO_PLATE)
        x0, y0, x1, y1 = self.region
        plate = self.picture.pixels.copy()
        plate[y0:y1, x0:x1] = self._behind.layer[..., :3]
        return plate

    def render_parts(self, points: np.ndarray, irises: np.ndarray) -> FrameParts:
        """As :meth:`render`, with what the frame consists of; InputError for cut-outs."""
        parts = Parts()
        patch, _ = self.render_patch(points, irises, parts=parts)
        return self.assemble(patch, parts)

    def assemble(self, patch: np.ndarray | None, parts: Parts) -> FrameParts:
        """A frame of the picture's size from what :meth:`render_patch` made."""
        place = np.s_[self.region[1] : self.region[3], self.region[0] : self.region[2]]
        moved = self.picture.pixels.copy()
        frame = moved.copy()
        if patch is not None:
            frame[place] = patch
        moved[place] = parts.moved
        cover, painted = np.zeros((2, *moved.shape[:2]), np.float32)
        cover[place], painted[place] = parts.cover, parts.painted
        return FrameParts(frame, moved, cover, painted)

    def render_patch(
        self,
        points: np.ndarray,
        irises: np.ndarray,
        correction: Correction | None = None,
        parts: Parts | None = None,
    ) -> tuple[np.ndarray | None, Box]:
        """The changed part of a frame and its box (None where nothing moves).

        ``correction`` moves all that moves by a little more.  ``parts`` takes up what the patch is laid from
        (not for cut-outs).
        """
        points = np.concatenate([points[:, :2].astype(np.float64), np.full((68, 1), np.nan)], 1)
        irises = np.asarray(irises, np.float64)
        flow = self._flow(points, irises)
        if correction is not None:
            flow = replace(flow, shift=correction.over(flow.shift, flow.box))
        self.last_flow = flow
        moved = np.abs(flow.shift).max(2) >= STILL
        gaze = np.nan_to_num(np.abs(irises - self.face.irises)).max() >= STILL
        if not moved.any() and not gaze:
            if parts is not None:
                parts.begin(self._pixels, self._cover(flow.shift))
            return None, self.region
        if self._behind is None:
            local = (0, 0, self._pixels.shape[1], self._pixels.shape[0])
            patch = warp_native(self._pixels, local, node_positions(local, flow.shift.shape[:2]) + flow.shift)
        else:
            patch = self._behind.paste(self._pixels, flow.shift)
        if parts is not None:
            parts.begin(patch, self._cover(flow.shift))
        self._open(patch, flow, points, irises, correction, parts)
        self._brushwork.restore(patch, flow.shift)
        if parts is not None:
            self._brushwork.restore(parts.moved, flow.shift)
        return patch, self.region

    # --- preparation ----------------------------------------------------------------------------------------

    def _find_region(self) -> Box:
        width, height = self.picture.size
        low = np.floor(self.units.to_pixels(np.array(EXTENT[:2]))).astype(int)
        high = np.ceil(self.units.to_pixels(np.array(EXTENT[2:]))).astype(int)
        x0, y0 = np.clip(low, 0, [width - 1, height - 1])
        x1, y1 = np.clip(high, [x0 + 1, y0 + 1], [width, height])
        return int(x0), int(y0), int(x1), int(y1)

    def _background(self) -> Background | None:
        """The clean plate behind the sitter; None for cut-outs, which have nothing behind them to uncover."""
        if self.picture.has_alpha:
            return None
        height, width = self._pixels.shape[:2]
        alpha = self.matte.within(self.region, (width, height))
        plate = clean_plate(self._pixels, alpha)
        return Background(self._pixels, plate, alpha, self._grid(), STROKE * self.units.unit)

    def _cover(self, shift: np.ndarray) -> np.ndarray:
        if self._behind is None:
            raise InputError(NO_PLATE)
        return self._behind.cover(shift)

    def _grid(self) -> tuple[int, int]:
        """Nodes (h, w) of the coarse flow."""
        height, width = self._pixels.shape[:2]
        shrink = min(1.0, GRID / max(height, width))
        return max(2, round(height * shrink)), max(2, round(width * shrink))

    # --- per frame ------------------------------------------------------------------------------------------

    def _flow(self, points: np.ndarray, irises: np.ndarray) -> Flow:
        state = solve_portrait(self.model, self.fit, points[None], irises[None])[0]
        vertices = self.relief.pose(self.fit, state, points)
        x0, y0, x1, y1 = self.region
        height, width = y1 - y0, x1 - x0
        shape = self._grid()
        cell = np.array([width / shape[1], height / shape[0]])
        shift = raster_shift(self.relief, vertices, (x0, y0), cell, shape)
        face = self.relief.face
        ratio = signed_areas(vertices, self.relief.mesh.triangles[face]) / self.relief.areas[face]
        right, left, mouth = (Slit.of(opening, points) for opening in (*EYES, MOUTH))
        return Flow(self.region, shift, (right, left, mouth), vertices, state, float(ratio.min()))

    def _open(
        self,
        patch: np.ndarray,
        flow: Flow,
        points: np.ndarray,
        irises: np.ndarray,
        correction: Correction | None,
        parts: Parts | None,
    ) -> None:
        """Sample around lids and lips at native resolution and show what lies in the openings."""
        unit = self.units.unit
        scale = float(flow.state.scale / self.fit.state.scale)
        for index, opening in enumerate((*EYES, MOUTH)):
            outline = np.concatenate(opening.curves(points))
            margin = unit * (MOUTH_MARGIN if opening is MOUTH else EYE_MARGIN)
            x0, y0 = np.maximum(np.floor(outline.min(0) - margin).astype(int), self.region[:2])
            x1, y1 = np.minimum(np.ceil(outline.max(0) + margin).astype(int), self.region[2:])
            if x1 - x0 < 4 or y1 - y0 < 4:
                continue
            shape = int(y1 - y0), int(x1 - x0)
            offset = np.array([x0, y0]) - self.region[:2]
            box = int(offset[0]), int(offset[1]), int(offset[0] + shape[1]), int(offset[1] + shape[0])
            shift = raster_shift(self.relief, flow.vertices, (int(x0), int(y0)), np.ones(2), shape)
            y, x = np.mgrid[y0:y1, x0:x1] + 0.5
            if correction is not None:
                shift = correction.over(shift, (int(x0), int(y0), int(x1), int(y1)))
                dx, dy = correction.at(x, y)
                x, y = x + dx, y + dy
            skin = warp_native(self._pixels, box, node_positions(box, shape) + shift)
            ground = None if self._behind is None else self._behind.ground(shift, box)
            if ground is not None:
                # beside a face seen from the side the box holds ground, which has its place already
                laid = patch[box[1] : box[3], box[0] : box[2]]
                skin = np.rint(skin + ground[..., None] * (laid.astype(np.float32) - skin)).astype(skin.dtype)
            slit = flow.slits[index]
            peak = np.float32(255 if patch.dtype == np.uint8 else 65535)
            color = skin[..., :3].astype(np.float32) / peak
            if opening is MOUTH:
                inside = self._mouth.render(slit, flow.state, points, x, y)
                cover = slit.coverage(x, y, soft=SOFT_LIP * unit)
            else:
                eye = self._eyes[index]
                color = eye.close(color, slit, x, y, scale)
                inside = eye.render(slit, irises[index], scale, x, y)
                cover = slit.coverage(x, y, soft=SOFT_LID * unit)
            color = color + cover[..., None] * (np.clip(inside, 0, 1) - color)
            if parts is not None:
                parts.opening(box, skin, cover)
            skin[..., :3] = np.clip(np.rint(color * peak), 0, peak)
            patch[box[1] : box[3], box[0] : box[2]] = skin


def raster_shift(
    relief: Relief,
    vertices: np.ndarray,
    origin: tuple[float, float],
    cell: np.ndarray,
    shape: tuple[int, int],
) -> np.ndarray:
    """Shift [h, w, 2] (source minus target, px) of the mesh posed at ``vertices`` [V, 3] px.

    Taken at the middles of ``shape`` (h, w) cells of size ``cell`` [2] px from ``origin`` (x, y) px on;
    carried on into the openings.
    """
    mesh = relief.mesh
    view = np.column_stack([(vertices[:, :2] - origin) / cell - 0.5, vertices[:, 2]])
    fragments = rasterize(view, mesh.triangles, shape)
    shift = fragments.interpolate(mesh.triangles, relief.rest[:, :2] - vertices[:, :2])
    inside = np.zeros(shape, bool)
    for opening in (*relief.mesh.upper, *relief.mesh.lower):
        place = view[opening, :2]
        low = np.clip(np.floor(place.min(0)).astype(int) - 2, 0, [shape[1], shape[0]])
        high = np.clip(np.ceil(place.max(0)).astype(int) + 3, 0, [shape[1], shape[0]])
        inside[low[1] : high[1], low[0] : high[0]] = True
    holes = ~fragments.covered & inside
    if holes.any() and fragments.covered.any():
        nearest = distance_transform_edt(~fragments.covered, return_distances=False, return_indices=True)
        shift[holes] = shift[nearest[0][holes], nearest[1][holes]]
    return shift


def matte_lookup(matte: Matte) -> Callable[[np.ndarray], np.ndarray]:
    """The matte at picture points [N, 2]; beyond its box its edge goes on."""
    import cv2

    x0, y0, x1, y1 = matte.box
    height, width = matte.alpha.shape

    def at(points: np.ndarray) -> np.ndarray:
        x = ((points[:, 0] - x0) * width / (x1 - x0) - 0.5).astype(np.float32)
        y = ((points[:, 1] - y0) * height / (y1 - y0) - 0.5).astype(np.float32)
        return cv2.remap(
            matte.alpha, x[:, None], y[:, None], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )[:, 0]

    return at
