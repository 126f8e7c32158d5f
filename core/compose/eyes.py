# SPDX-License-Identifier: GPL-3.0-or-later
"""The painted eye, taken apart once: the white without its iris, and the iris that moves over it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .crop import Crop
from .features import Opening, Slit

IRIS_RADIUS = (
    0.205  # of the distance between the eye's corners: what anatomy says before the picture is looked at
)
RADII = np.linspace(0.16, 0.25, 10)
FADE = 0.6  # of the iris's radius: so far it must move until nothing of its old place is left
LID_TONE = 0.95  # how far a closed lid takes on the tone of the skin around the eye
DARK = 0.15  # of that tone: paint darker by this much is the drawn-out line of lashes or a fold, no lid
LASH, LASH_DEPTH = (
    0.022,
    0.6,
)  # of the eye's width: half the thickness of the line of lashes; how dark it is drawn
MARGIN = 0.42  # of the eye's width, kept around it


@dataclass(frozen=True, eq=False)
class Eye:
    """One eye of a portrait.

    crop: the painted eye.  white: float32 [h, w, 3], the eye without iris, also behind the lids.
    light: float32 [h, w], how bright the white is there, smoothed.
    iris: float32 [h, w, 4], the iris completed where a lid hides it, and its own alpha.
    rest_error: float32 [h, w, 3], the painted eye minus white and iris: at rest it makes the painting whole.
    rest: the opening at rest.  landmark: [2] px, the iris landmark at rest.
    radius: px, of the iris.
    lid: float32 [h, w, 3], the tone of the skin around the eye.
    lid_share: float32 [h, w] 0..1, where a closed lid lies.
    lash: float32 [3], the color of the lashes.
    """

    opening: Opening
    crop: Crop
    white: np.ndarray
    light: np.ndarray
    iris: np.ndarray
    rest_error: np.ndarray
    rest: Slit
    landmark: np.ndarray
    radius: float
    lid: np.ndarray
    lid_share: np.ndarray
    lash: np.ndarray

    def render(self, slit: Slit, iris: np.ndarray, scale: float, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Color of the eyeball at target pixels ``x``, ``y`` [h, w], float32 [h, w, 3].

        slit: the opening in the target frame.  iris: [2] px, where the iris is wanted (NaN: carried along).
        scale: how much larger the head is than at rest.
        """
        along, across, _, _ = slit.coordinates(x, y)
        stretch = self.rest.width / max(slit.width, 1e-3)
        rest_along, rest_across = along * stretch, across / scale
        source = self._to_box(rest_along, rest_across)
        moved = np.zeros(2)
        if np.isfinite(iris).all():
            dx, dy = iris - slit.corner
            want = np.array(
                [
                    (dx * slit.axis[0] + dy * slit.axis[1]) * stretch,
                    (dy * slit.axis[0] - dx * slit.axis[1]) / scale,
                ]
            )
            moved = want - self._place(self.landmark)
        carried = self._to_box(rest_along - moved[0], rest_across - moved[1])
        white, light = self._sample(self.white, *source), self._sample(self.light, *source)
        iris_layer = self._sample(self.iris, *carried)
        alpha = np.clip(iris_layer[..., 3:], 0, 1)
        # an iris that moves into the shadow of a lid or a corner is shaded with the white there
        shade = np.clip((light + 0.03) / (self._sample(self.light, *carried) + 0.03), 0.6, 1.15)[..., None]
        drawn = white + alpha * (iris_layer[..., :3] * shade - white)
        faded = 1 - _smooth(np.hypot(*moved) / (FADE * self.radius))
        return drawn + np.float32(faded) * self._sample(self.rest_error, *source)

    def close(self, skin: np.ndarray, slit: Slit, x: np.ndarray, y: np.ndarray, scale: float) -> np.ndarray:
        """Paint a closing lid: ``skin`` float32 [h, w, 3] 0..1 is the warped picture around the eye.

        A lid drawn over the eye stretches the little of it that was painted, often only its shadowed
        fold and the edge of the iris.  So its broad tones are those of the skin around the eye,
        the fine strokes stay, and where the lids meet lies the line of the lashes.  A lid that has come
        halfway has drawn out little but that line already: what is too dark for a lid goes first.
        """
        openness = slit.gap / scale / max(self.rest.gap, 1e-3)
        closed, drawn = _smooth((0.9 - openness) / 0.75), _smooth((0.9 - openness) / 0.35)
        if closed <= 0:
            return skin
        along, across, top, bottom = slit.coordinates(x, y)
        width = max(slit.width, 1e-3)
        source = self._to_box(along * self.rest.width / width, across / scale)
        share = cv2.remap(self.lid_share, *source, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
        lid = cv2.remap(self.lid, *source, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        step = float(x[0, 1] - x[0, 0]) if x.shape[1] > 1 else 1.0
        broad = cv2.GaussianBlur(skin, (0, 0), max(0.6, 0.05 * width / step), borderType=cv2.BORDER_REPLICATE)
        strokes = np.clip(skin - broad, -0.05, 0.05) * 0.5
        # a lid bulges: lighter in its middle, turning into shadow toward the lashes
        above, below = (top - across) / width, (across - bottom) / width
        from_edge = np.maximum(np.maximum(above, below), 0)
        shade = 1.0 - 0.16 * np.exp(-((from_edge / 0.07) ** 2))
        painted = lid * shade[..., None].astype(np.float32) + strokes
        tone = painted.mean(2)
        dark = _smooth((tone - broad.mean(2)) / (DARK * np.maximum(tone, 0.02))) * (above > below)
        weight = (LID_TONE * share * np.maximum(closed, drawn * dark))[..., None]
        out = skin + weight * (painted - skin)
        ends = np.clip(np.minimum(along, width - along) / (0.16 * width), 0, 1)
        line = np.maximum(_smooth((closed - 0.55) / 0.45), drawn * dark)
        lashes = np.exp(-((from_edge / LASH) ** 2)) * _smooth(ends) * LASH_DEPTH * line
        return out + lashes[..., None].astype(np.float32) * (self.lash - out)

    def _place(self, point: np.ndarray) -> np.ndarray:
        dx, dy = point - self.rest.corner
        axis = self.rest.axis
        return np.array([dx * axis[0] + dy * axis[1], dy * axis[0] - dx * axis[1]])

    def _to_box(self, along: np.ndarray, across: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        axis = self.rest.axis
        x = self.rest.corner[0] + along * axis[0] - across * axis[1]
        y = self.rest.corner[1] + along * axis[1] + across * axis[0]
        return self.crop.index(x, y)

    @staticmethod
    def _sample(
        image: np.ndarray, x: np.ndarray, y: np.ndarray, border: int = cv2.BORDER_REPLICATE
    ) -> np.ndarray:
        return cv2.remap(image, x, y, cv2.INTER_CUBIC, borderMode=border)


def take_eye(picture: Crop, opening: Opening, points: np.ndarray, iris: np.ndarray) -> Eye:
    """Take one painted eye apart: landmarks ``points`` [68, >=2] px,
    ``iris`` [2] px (NaN: the middle of the eye)."""
    slit = Slit.of(opening, points)
    outline = np.concatenate(opening.curves(points))
    margin = MARGIN * slit.width
    crop = picture.cut(outline.min(0) - margin, outline.max(0) + margin)
    pixels = crop.pixels
    x, y = crop.centers()
    inside = slit.coverage(x, y)
    landmark = np.asarray(iris, np.float64) if np.isfinite(iris).all() else outline.mean(0)
    center, radius = _measure_iris(crop, inside, landmark, slit.width)
    distance = np.hypot(x - center[0], y - center[1])
    disk = np.clip((1.18 * radius - distance) / (0.12 * radius) + 0.5, 0, 1).astype(np.float32)
    white = _white(pixels, inside, disk, slit.width)
    # the iris where it is clearly seen, completed where a lid hides or shades it
    clear = slit.coverage(x, y, grow=-0.03 * slit.width)
    clear = cv2.GaussianBlur(clear, (0, 0), max(0.4, 0.008 * slit.width)) * clear * (disk > 0.02)
    completed = _mirrored(pixels, clear, x, y, center, slit)
    iris_color = pixels * clear[..., None] + completed * (1 - clear[..., None])
    # what is painted in the opening and is not iris stays with the white, lashes and shadows too
    kept = slit.coverage(x, y, grow=0.05 * slit.width)
    kept = (cv2.GaussianBlur(kept, (0, 0), max(0.4, 0.012 * slit.width)) * (1 - disk))[..., None]
    white = _shaded(white, slit, x, y) * (1 - kept) + pixels * kept
    layered = white + disk[..., None] * (iris_color - white)
    inside_all = slit.coverage(x, y, grow=0.06 * slit.width)
    rest_error = (pixels - layered) * cv2.GaussianBlur(inside_all, (0, 0), max(0.4, 0.012 * slit.width))[
        ..., None
    ]
    light = cv2.GaussianBlur(white.mean(2), (0, 0), max(0.6, 0.06 * slit.width))
    return Eye(
        opening,
        crop,
        white.astype(np.float32),
        light.astype(np.float32),
        np.dstack([iris_color, disk]).astype(np.float32),
        rest_error.astype(np.float32),
        slit,
        landmark,
        radius,
        *_lid(crop, slit),
    )


def _shaded(white: np.ndarray, slit: Slit, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A guessed white [h, w, 3] with the shadow that lids and corners lay on a ball."""
    along, across, top, _ = slit.coordinates(x, y)
    ends = np.clip(np.minimum(along, slit.width - along) / (0.3 * slit.width), 0, 1)
    under = np.clip((across - top) / (0.12 * slit.width), 0, 1)
    return white * ((0.72 + 0.28 * _smooth(ends)) * (0.75 + 0.25 * _smooth(under)))[..., None]


def _measure_iris(
    crop: Crop, inside: np.ndarray, center: np.ndarray, width: float
) -> tuple[np.ndarray, float]:
    """(center [2], radius) px: the disk, moved a little to where the picture
    turns from dark to light at its sides."""
    grey = cv2.GaussianBlur(crop.pixels.mean(2), (0, 0), max(0.5, 0.02 * width))
    angles = np.radians(np.concatenate([np.linspace(-40, 40, 17), np.linspace(140, 220, 17)]))

    def ring(image: np.ndarray, middle: np.ndarray, radius: float) -> np.ndarray:
        x, y = crop.index(middle[0] + radius * np.cos(angles), middle[1] + radius * np.sin(angles))
        return cv2.remap(image, x[None], y[None], cv2.INTER_LINEAR)[0]

    best, found = -np.inf, (center, IRIS_RADIUS * width)
    for radius in RADII * width:
        for shift in np.linspace(-0.05, 0.05, 9) * width:
            middle = center + [shift, 0]
            seen = ring(inside, middle, radius)
            if seen.sum() < 3:
                continue
            edge = (
                (ring(grey, middle, 1.15 * radius) - ring(grey, middle, 0.85 * radius)) * seen
            ).sum() / seen.sum()
            doubt = 0.012 * (abs(radius / width - IRIS_RADIUS) / 0.03 + abs(shift) / (0.04 * width))
            if edge - doubt > best:
                best, found = edge - doubt, (middle, float(radius))
    return found


def _white(crop: np.ndarray, inside: np.ndarray, disk: np.ndarray, width: float) -> np.ndarray:
    """The white of the eye everywhere in the box: known beside the iris, carried over smoothly elsewhere."""
    firm: np.ndarray = np.clip(inside * 2 - 1, 0, 1) * (disk < 0.01)
    # lashes and shadows at the lid's edge are not the white: the lighter half of what is known counts
    luminance = crop.mean(2)
    if firm.sum() < 12:
        firm = (
            inside * (luminance >= np.quantile(luminance[inside > 0.5], 0.8))
            if (inside > 0.5).any()
            else inside + 1e-3
        )
    else:
        firm = firm * (luminance >= np.quantile(luminance[firm > 0.5], 0.2)) if (firm > 0.5).any() else firm
    out, total = np.zeros_like(crop), np.zeros(crop.shape[:2], np.float32)
    for sigma, share in ((0.04, 1.0), (0.12, 0.05), (0.4, 0.002)):
        blur = max(0.6, sigma * width)
        weight = cv2.GaussianBlur(firm.astype(np.float32), (0, 0), blur)
        out += share * cv2.GaussianBlur(crop * firm[..., None].astype(np.float32), (0, 0), blur)
        total += share * weight
    return out / (total[..., None] + 1e-7)


def _lid(crop: Crop, slit: Slit) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(tone of the skin around the eye carried over it [h, w, 3],
    where a closed lid lies [h, w], color of the lashes [3])."""
    x, y = crop.centers()
    width = slit.width
    grey = crop.pixels.mean(2)
    edge = slit.coverage(x, y, grow=0.05 * width) > 0.5
    ring = slit.coverage(x, y, grow=0.34 * width) - slit.coverage(x, y, grow=0.13 * width) > 0.5
    if ring.sum() < 20 or edge.sum() < 4:
        return crop.pixels, np.zeros(grey.shape, np.float32), crop.pixels.min((0, 1))
    # brows, lashes and deep folds are not skin tone
    firm = (ring & (grey >= np.quantile(grey[ring], 0.35))).astype(np.float32)
    blur = 0.22 * width
    weight = cv2.GaussianBlur(firm, (0, 0), blur) + 1e-5
    tone = cv2.GaussianBlur(crop.pixels * firm[..., None], (0, 0), blur) / weight[..., None]
    share = cv2.GaussianBlur(slit.coverage(x, y, grow=0.11 * width), (0, 0), max(0.6, 0.055 * width))
    dark = crop.pixels[edge & (grey <= np.quantile(grey[edge], 0.12))].mean(0)
    return (tone * 0.96).astype(np.float32), share.astype(np.float32), dark.astype(np.float32)


def _smooth(t: np.ndarray | float) -> np.ndarray:
    t = np.clip(t, 0, 1)
    return t * t * (3 - 2 * t)


def _mirrored(
    drawn: np.ndarray, seen: np.ndarray, x: np.ndarray, y: np.ndarray, center: np.ndarray, slit: Slit
) -> np.ndarray:
    """The drawn iris turned over the line through its center along the eye: fills what a lid hides."""
    axis = slit.axis
    across = (y - center[1]) * axis[0] - (x - center[0]) * axis[1]
    mirror_x = x + 2 * across * axis[1]
    mirror_y = y - 2 * across * axis[0]
    x0, y0 = x[0, 0], y[0, 0]
    mx, my = (mirror_x - x0).astype(np.float32), (mirror_y - y0).astype(np.float32)
    value = cv2.remap(drawn * seen[..., None], mx, my, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    weight = cv2.remap(seen, mx, my, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)[..., None]
    # where neither the point nor its mirror image is seen: the mean of the iris at that distance
    radius = np.hypot(x - center[0], y - center[1]).astype(np.float32)
    rings = np.clip(radius / max(radius.max(), 1e-6) * 48, 0, 47).astype(int)
    totals = np.bincount(rings.ravel(), seen.ravel(), 48) + 1e-4
    means = np.stack(
        [np.bincount(rings.ravel(), (drawn[..., k] * seen).ravel(), 48) / totals for k in range(3)], 1
    )
    ring_mean = means[rings].astype(np.float32)
    return value + ring_mean * (1 - weight)
