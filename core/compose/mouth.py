# SPDX-License-Identifier: GPL-3.0-or-later
"""What an opened mouth shows: the head proxy's teeth and tongue,
in the picture's own palette, light and brushwork."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from ..head.fit import HeadFit, HeadState, batch, project
from ..head.model import HeadModel
from ..head.raster import rasterize, vertex_normals
from ..head.rotation import to_matrix
from .crop import Crop
from .features import MOUTH, OUTER_LIPS, Slit, ring

PAINTED_GAP = (
    0.02  # of the eye distance: a mouth painted wider open than this shows what its painter put there
)
TOOTH = 0.105  # model units from a tooth's edge to its gum
GAPS = np.array(
    [0.0, 0.094, 0.168, 0.238, 0.295]
)  # model units from the middle: where one tooth ends and the next begins
MOLARS = 0.12, 0.14  # model units behind the front teeth where the lower ones begin to fade, and over which
UPPER_SHADE, UPPER_LEAST = (
    0.04,
    0.45,
)  # eye distances that the upper lip's shade reaches; the light at the lip
# of the eye distance: lips parted so far let no light in, and all of it
GAP = 0.02, 0.10
# times its width at rest: a rounded mouth, a spread one; the light between rounded lips
WIDE, ROUNDED = (0.85, 1.1), 0.25
DEEP = 0.42  # of the eye distance that light reaches into a hardly opened mouth
SOFT = 0.010  # of the eye distance: how soft a painted edge is
SAMPLES = 110  # of the proxy to an eye distance, at least: teeth in a small picture have no steps
STRETCH = 1.25, 0.7  # times its height that a painted inside may be drawn out, and over which it is given up


@dataclass(frozen=True)
class Palette:
    """Colors of one portrait's mouth, float32 [3] each, 0..1, and the direction the light comes from."""

    teeth: np.ndarray
    flesh: np.ndarray
    dark: np.ndarray
    light: np.ndarray


@dataclass(frozen=True, eq=False)
class Mouth:
    """One portrait's mouth: its palette, the opening at rest, the painted inside
    (if any) and a tile of its brushwork."""

    model: HeadModel
    fit: HeadFit
    palette: Palette
    rest: Slit
    painted: Crop
    grain: np.ndarray
    unit: float

    def render(
        self, slit: Slit, state: HeadState, points: np.ndarray, x: np.ndarray, y: np.ndarray
    ) -> np.ndarray:
        """Color [h, w, 3] float32 behind the lips at target pixels ``x``,
        ``y`` (a regular grid) of one frame."""
        step = float(x[0, 1] - x[0, 0])
        # a wide mouth lets the light in farther
        reach = DEEP * self.unit + 1.2 * slit.gap
        color, body = self._proxy(state, points, x, y, step, reach, self._fineness(step))
        along, across, top, bottom = slit.coordinates(x, y)
        # the lips shade what lies behind them, the upper one more; corners are darkest
        depth = self.unit
        below_upper = np.clip((across - top) / (UPPER_SHADE * depth), 0, 1)
        above_lower = np.clip((bottom - across) / (0.05 * depth), 0, 1)
        sides = np.clip(np.minimum(along, slit.width - along) / (0.16 * slit.width), 0, 1)
        shade = (
            self._light_within(slit, state)
            * (UPPER_LEAST + (1 - UPPER_LEAST) * _smooth(below_upper))
            * (0.8 + 0.2 * _smooth(above_lower))
            * (0.25 + 0.75 * _smooth(sides))
        )
        lit = self.palette.dark + (color - self.palette.dark) * (shade * body)[..., None]
        blur = max(0.5, SOFT * self.unit / step)
        lit = cv2.GaussianBlur(lit.astype(np.float32), (0, 0), blur, borderType=cv2.BORDER_REPLICATE)
        lit += self._grain(x, y) * (0.35 + lit.mean(2, keepdims=True))
        share = self._painted_share(slit)
        if share > 0:
            lit = lit * (1 - share) + self._painted(along, across, top, bottom, slit) * share
        return np.clip(lit, 0, 1)

    def _light_within(self, slit: Slit, state: HeadState) -> float:
        """How much light 0..1 reaches the teeth: little through a narrow gap, or between rounded lips.

        Measured on filmed mouths: behind a gap of 0.04 eye distances there is a quarter of the light that is
        behind one of 0.1; between rounded lips teeth are seldom seen at all.
        """
        gap = slit.gap / (self.unit * float(state.scale / self.fit.state.scale))
        same = replace(state, expression=self.fit.state.expression)
        now, then = (
            project(self.model, self.fit.identity, batch(each))[0, [60, 64], :2]
            for each in (same, self.fit.state)
        )
        # the width that the mouth at rest would have in this pose
        turned = np.hypot(*(now[1] - now[0])) / max(float(np.hypot(*(then[1] - then[0]))), 1e-3)
        rest = self.rest.width * turned
        wide = slit.width / max(float(rest), 1e-3)
        through = _smooth(np.clip((gap - GAP[0]) / (GAP[1] - GAP[0]), 0, 1))
        spread = _smooth(np.clip((wide - WIDE[0]) / (WIDE[1] - WIDE[0]), 0, 1))
        return float(through * (ROUNDED + (1 - ROUNDED) * spread))

    def _painted_share(self, slit: Slit) -> float:
        """How much of the painter's own inside of the mouth is kept:
        all of it until it would be stretched too far."""
        painted = self.rest.gap / self.unit
        if painted <= 0.004:
            return 0.0
        stretch = max(slit.gap, 1e-3) / max(self.rest.gap, 1e-3)
        if painted < PAINTED_GAP:  # hardly more than the line between the lips
            return float(1 - _smooth(np.clip((stretch - 1.0) / 0.8, 0, 1)))
        return float(1 - _smooth(np.clip((stretch - STRETCH[0]) / STRETCH[1], 0, 1)))

    def _painted(
        self, along: np.ndarray, across: np.ndarray, top: np.ndarray, bottom: np.ndarray, slit: Slit
    ) -> np.ndarray:
        part = np.clip((across - top) / np.maximum(bottom - top, 1e-3), 0, 1)
        rest_along = along * self.rest.width / max(slit.width, 1e-3)
        rest_top = np.interp(rest_along, self.rest.along, self.rest.top)
        rest_bottom = np.interp(rest_along, self.rest.along, self.rest.bottom)
        rest_across = rest_top + part * (rest_bottom - rest_top)
        axis = self.rest.axis
        px = self.rest.corner[0] + rest_along * axis[0] - rest_across * axis[1]
        py = self.rest.corner[1] + rest_along * axis[1] + rest_across * axis[0]
        return cv2.remap(
            self.painted.pixels, *self.painted.index(px, py), cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        )

    def _fineness(self, step: float) -> int:
        """Samples of the proxy along a pixel of side ``step`` px."""
        return int(np.clip(np.ceil(SAMPLES * step / self.unit), 1, 4))

    def _proxy(
        self,
        state: HeadState,
        points: np.ndarray,
        x: np.ndarray,
        y: np.ndarray,
        step: float,
        reach: float,
        fine: int,
    ) -> tuple[np.ndarray, np.ndarray]:
        """(color, how near and lit it is 0..1) of teeth and tongue; dark where there is neither.
        reach: px behind the front teeth where the light has gone.  fine: samples along a pixel."""
        model = self.model
        inside = model.part >= 3
        used = np.unique(model.triangles[inside])
        shape = model.shape(self.fit.identity, state.expression)[used]
        turned = (shape @ to_matrix(state.rotation).T) * float(state.scale)
        # the proxy's mouth is laid into the painted one: corners on corners
        proxy = project(model, self.fit.identity, batch(state))[0]
        corners, wanted = proxy[[60, 64], :2] - state.translation[:2], points[[60, 64], :2]
        own = max(float(np.linalg.norm(corners[1] - corners[0])), 1e-3)
        wide = np.clip(np.linalg.norm(wanted[1] - wanted[0]) / own, 0.75, 1.25)
        lift = wanted.mean(0) - corners.mean(0) * wide
        placed = turned[:, :2] * wide + lift
        number = np.full(len(model.vertices), -1, np.int32)
        number[used] = np.arange(len(used))
        triangles = number[model.triangles[inside]]
        first = np.array([x[0, 0], y[0, 0]]) - step * (fine - 1) / (2 * fine)
        view = np.column_stack([(placed - first) / step * fine, turned[:, 2] / step * fine])
        fragments = rasterize(view, triangles, (x.shape[0] * fine, x.shape[1] * fine))
        normals = fragments.interpolate(triangles, vertex_normals(view, triangles))
        normals /= np.linalg.norm(normals, axis=2, keepdims=True) + 1e-6
        lambert = 0.85 + 0.15 * np.clip(normals @ self.palette.light, 0, 1)
        part = model.part[inside][fragments.triangle]
        place = fragments.interpolate(triangles, model.vertices[used])
        color = self._tint(part, place) * lambert[..., None]
        # what lies farther back in the mouth gets less light
        front = turned[np.isin(used, np.unique(model.triangles[model.part == 3])), 2].min()
        depth = np.where(fragments.covered, fragments.depth * (step / fine), front)
        body = np.where(fragments.covered, 1 - 0.8 * _smooth(np.clip((depth - front) / reach, 0, 1)), 0.0)
        color = np.where(fragments.covered[..., None], color, self.palette.dark).astype(np.float32)
        body = body.astype(np.float32)
        if fine == 1:
            return color, body
        size = x.shape[1], x.shape[0]
        # a sample that shows nothing has no color of its own to mix in
        color = cv2.resize(color * body[..., None], size, interpolation=cv2.INTER_AREA)
        body = cv2.resize(body, size, interpolation=cv2.INTER_AREA)
        color = np.where(body[..., None] > 1e-4, color / np.maximum(body, 1e-4)[..., None], self.palette.dark)
        return color.astype(np.float32), body

    def _tint(self, part: np.ndarray, place: np.ndarray) -> np.ndarray:
        """Color of each fragment before light: teeth with their gaps, gums, tongue.
        place: model coordinates [h, w, 3]."""
        vertices, corners = self.model.vertices, self.model.triangles
        out = np.broadcast_to(self.palette.flesh, (*part.shape, 3)).copy()
        for index, sign in ((3, 1.0), (4, -1.0)):
            own = vertices[np.unique(corners[self.model.part == index])]
            edge = own[own[:, 2] < np.quantile(own[:, 2], 0.3), 1]
            edge = edge.max() if sign > 0 else edge.min()
            tall = sign * (edge - place[..., 1])
            gum = _smooth(np.clip((tall - (TOOTH if sign > 0 else 0.85 * TOOTH)) / 0.02, 0, 1))
            widths = GAPS if sign > 0 else GAPS * 0.72
            near = np.abs(np.abs(place[..., :1]) - widths).min(-1)
            gap = 0.80 + 0.20 * _smooth(np.clip(near / 0.014, 0, 1))
            tooth = self.palette.teeth * (gap * (1.0 if sign > 0 else 0.9))[..., None]
            color = tooth * (1 - gum[..., None]) + self.palette.flesh * gum[..., None]
            if sign < 0:  # the proxy's row ends in a flat face, which a turned head would show
                behind = (place[..., 2] - own[:, 2].min() - MOLARS[0]) / MOLARS[1]
                hidden = _smooth(np.clip(behind, 0, 1))[..., None]
                color = color * (1 - hidden) + self.palette.dark * hidden
            out = np.where((part == index)[..., None], color, out)
        return out

    def _grain(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Brushwork taken from the cheek, mirrored endlessly, fixed to the canvas."""
        height, width = self.grain.shape[:2]
        gx, gy = x % (2 * width), y % (2 * height)
        gx, gy = (
            np.where(gx >= width, 2 * width - 1 - gx, gx),
            np.where(gy >= height, 2 * height - 1 - gy, gy),
        )
        return cv2.remap(
            self.grain,
            gx.astype(np.float32),
            gy.astype(np.float32),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )


def take_mouth(picture: Crop, model: HeadModel, fit: HeadFit, points: np.ndarray, unit: float) -> Mouth:
    """Measure a portrait's mouth: the face cut out of the picture,
    landmarks [68, >=2] px, unit: eye distance in px."""
    outline = points[48:60, :2]
    painted = picture.cut(outline.min(0) - 0.15 * unit, outline.max(0) + 0.15 * unit)
    palette = _palette(picture, model, fit, points, unit)
    return Mouth(
        model, fit, palette, Slit.of(MOUTH, points), painted, _brushwork(picture, points, unit), unit
    )


def _region(points: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    mask = np.zeros(shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.rint(points).astype(np.int32)], 1)
    return mask > 0


def _palette(picture: Crop, model: HeadModel, fit: HeadFit, points: np.ndarray, unit: float) -> Palette:
    p = points[:, :2].astype(np.float64)
    face_crop = picture.cut(p.min(0), p.max(0))
    shrink = max(1, int(unit // 120))
    crop = np.ascontiguousarray(face_crop.pixels[::shrink, ::shrink])
    q = (p - face_crop.origin) / shrink
    lips = _region(ring(*OUTER_LIPS.curves(q)), crop.shape)
    face = _region(np.concatenate([q[2:15], q[[26, 24, 19, 17]]]), crop.shape) & ~lips
    skin, red = crop[face].reshape(-1, 3), crop[lips].reshape(-1, 3)
    bright = skin.mean(1)
    highlight = np.median(skin[bright >= np.quantile(bright, 0.93)], axis=0)
    flesh = np.median(red, axis=0)
    shadow = red[red.mean(1) <= np.quantile(red.mean(1), 0.06)].mean(0)
    grey = highlight.mean()
    teeth = 0.8 * highlight + 0.2 * grey * np.array([1.08, 1.0, 0.86])
    dark = 0.5 * shadow * np.array([1.0, 0.82, 0.8])
    return Palette(
        teeth.astype(np.float32),
        (flesh * np.array([0.88, 0.72, 0.72])).astype(np.float32),
        dark.astype(np.float32),
        _light(crop, face, model, fit, face_crop.origin, shrink),
    )


def _light(
    crop: np.ndarray, face: np.ndarray, model: HeadModel, fit: HeadFit, origin: np.ndarray, shrink: int
) -> np.ndarray:
    """Unit vector toward the light, from how the skin's brightness goes with the proxy's normals."""
    scale = float(fit.state.scale)
    turned = model.shape(fit.identity, fit.state.expression) @ to_matrix(fit.state.rotation).T
    view = np.column_stack(
        [(turned[:, :2] * scale + fit.state.translation[:2] - origin) / shrink, turned[:, 2] * scale / shrink]
    )
    fragments = rasterize(view, model.triangles, (crop.shape[0], crop.shape[1]), mask=model.part == 0)
    normals = fragments.interpolate(model.triangles, vertex_normals(view, model.triangles))
    use = face & fragments.covered
    if use.sum() < 100:
        return np.array([0.0, -0.5, -0.866], np.float32)
    grey = cv2.GaussianBlur(crop.mean(2), (0, 0), 2.0)
    matrix = np.column_stack([normals[use], np.ones(int(use.sum()))])
    direction = np.linalg.lstsq(matrix, grey[use], rcond=None)[0][:3] / max(float(grey[use].std()), 1e-3)
    direction = direction + np.array(
        [0.0, -0.3, -0.8]
    )  # where the picture says little, from above and in front
    return (direction / np.linalg.norm(direction)).astype(np.float32)


def _brushwork(picture: Crop, points: np.ndarray, unit: float) -> np.ndarray:
    """float32 [n, n, 3], the fine detail of the lighter cheek around zero."""
    spots = points[[31, 48, 3], :2].mean(0), points[[35, 54, 13], :2].mean(0)
    tiles = [picture.cut(spot - 0.16 * unit, spot + 0.16 * unit).pixels for spot in spots]
    tile = max(tiles, key=lambda pixels: float(pixels.mean()))
    return np.clip(tile - cv2.GaussianBlur(tile, (0, 0), max(1.0, 0.03 * unit)), -0.08, 0.08)


def _smooth(t: np.ndarray | float) -> np.ndarray:
    t = np.asarray(t, np.float32)
    return t * t * (3 - 2 * t)
