# SPDX-License-Identifier: GPL-3.0-or-later
"""What a moved frame does to the picture, measured from outside:
folds, missed landmarks, a background that moves.

The map that a renderer applies is read by rendering a *chart*, a picture whose red and green are each
pixel's own x and y: wherever a frame of it shows moved picture, the colors say where that pixel came from,
at full resolution and after everything that the renderer does.  Where it paints (eyes, an opened mouth),
there is no map to be read.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Protocol

import cv2
import numpy as np

from core.landmarks.face import Face
from core.media.picture import Picture
from core.training.evaluation.metrics import EYES, LIPS, convex_mask, eye_distance
from core.training.evaluation.texture import energy_ratio, original_share

FULL = 65535
# brows and nose: skin that is moved, never painted
MET = slice(17, 36)


class Renderer(Protocol):
    """What is measured: core.compose.compositor.Compositor, or anything with these two."""

    @property
    def region(self) -> tuple[int, int, int, int]:
        """(x0, y0, x1, y1) outside which no pixel ever changes."""
        ...

    def render(self, points: np.ndarray, irises: np.ndarray) -> np.ndarray:
        """The picture with its face at ``points`` [68, 3] and ``irises`` [2, 2] px."""
        ...


@dataclass(frozen=True)
class Measures:
    """One frame.  Lengths are in shares of the eye distance; ``None`` where nothing could be measured.

    changed_outside_region   pixels that differ outside the renderer's region: has to be 0
    background_difference    largest difference (0..1) of a pixel that neither the sitter nor its shadow of
    possible
                             movement covers: has to be 0
    background_changed       share of such pixels that differ
    least_determinant        smallest Jacobian determinant of the map inside the face; below 0 is a fold
    folded                   share of the face's pixels with a determinant below 0
    landmarks_missed         mean distance of brows and nose from where their landmarks should be
    texture                  high-frequency energy of the moved skin over that of the places it came from
    canvas                   share of the moved skin that is the picture's own paint
    """

    changed_outside_region: int
    background_difference: float
    background_changed: float
    least_determinant: float | None
    folded: float | None
    landmarks_missed: float | None
    texture: float | None = None
    canvas: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return asdict(self)


def chart(size: tuple[int, int]) -> Picture:
    """uint16 RGB picture of ``size`` (w, h): red is (x + 0.5) / w, green (y + 0.5) / h, blue half."""
    width, height = size
    pixels = np.full((height, width, 3), FULL // 2, np.uint16)
    pixels[..., 0] = np.round((np.arange(width) + 0.5) / width * FULL).astype(np.uint16)[None]
    pixels[..., 1] = np.round((np.arange(height) + 0.5) / height * FULL).astype(np.uint16)[:, None]
    return Picture(pixels=pixels)


def read_chart(frame: np.ndarray) -> np.ndarray:
    """float32 [H, W, 2]: where each pixel of a rendered chart came from, px with the origin at the corner."""
    height, width = frame.shape[:2]
    return frame[..., :2].astype(np.float32) / FULL * np.array([width, height], np.float32)


def determinants(source: np.ndarray, reach: int) -> np.ndarray:
    """float32 [H, W]: Jacobian determinant of a backward map [H, W, 2], differences over 2 ``reach`` px."""
    smooth = cv2.copyMakeBorder(source, reach, reach, reach, reach, cv2.BORDER_REPLICATE)
    along_x = (smooth[reach:-reach, 2 * reach :] - smooth[reach:-reach, : -2 * reach]) / (2 * reach)
    along_y = (smooth[2 * reach :, reach:-reach] - smooth[: -2 * reach, reach:-reach]) / (2 * reach)
    return along_x[..., 0] * along_y[..., 1] - along_x[..., 1] * along_y[..., 0]


def skin_mask(rest: np.ndarray, points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """bool [H, W]: inside of the moved face ``points`` [68, 2 or 3], a little away from its outline and from
    what a renderer may paint (eyes and mouth, where they are and where they were)."""
    unit = eye_distance(points)
    face = convex_mask([points[:, :2]], size, -0.08 * unit)
    painted = [part[each, :2] for part in (points, rest) for each in (*EYES, LIPS)]
    return (face > 0) & (convex_mask(painted, size, 0.12 * unit) == 0)


def fetched_from(source: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """float64 [H, W]: how many pixels of ``mask`` [H, W] a map [H, W, 2] fetches from each pixel."""
    height, width = mask.shape
    x, y = np.floor(source[mask]).astype(int).T
    counts = np.zeros((height, width))
    np.add.at(counts, (np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)), 1)
    return counts


def background_mask(matte: np.ndarray, rest: np.ndarray, points: np.ndarray) -> np.ndarray:
    """bool [H, W]: what cannot belong to the sitter, neither at rest nor moved.

    The matte [H, W] in 0..1 is grown by the farthest that a landmark moves and a tenth of the eye distance.
    """
    farthest = float(np.linalg.norm(points[:, :2] - rest[:, :2], axis=1).max())
    reach = max(2, round(farthest + 0.1 * eye_distance(rest)))
    outside = np.where(matte > 0.02, 0, 255).astype(np.uint8)
    return cv2.distanceTransform(outside, cv2.DIST_L2, 5) > reach


def measure(
    picture: Picture,
    face: Face,
    matte: np.ndarray,
    region: tuple[int, int, int, int],
    frame: np.ndarray,
    source: np.ndarray | None,
    points: np.ndarray,
) -> Measures:
    """Measures of ``frame``, the picture with its face moved to ``points`` [68, 3].

    ``matte`` float [H, W] in 0..1 is the sitter at rest, ``source`` [H, W, 2] where the frame's pixels
    came from, as :func:`read_chart` gives it.
    """
    full = 255 if frame.dtype == np.uint8 else FULL
    difference = np.abs(frame.astype(np.int32) - picture.pixels.astype(np.int32)).max(2)
    x0, y0, x1, y1 = region
    outside = difference.copy()
    outside[y0:y1, x0:x1] = 0
    still = difference[background_mask(matte, face.points, points)]
    least = folded = missed = texture = canvas = None
    skin = skin_mask(face.points, points, picture.size)
    if skin.any():
        canvas = original_share(frame, picture.pixels, skin)["canvas"]
    if source is not None:
        unit = eye_distance(face.points)
        if skin.any():
            # a hundredth of the eye distance: finer than any feature, coarser than the chart's rounding
            values = determinants(source, max(1, round(0.01 * unit)))[skin]
            least, folded = float(values.min()), float((values < 0).mean())
            texture = energy_ratio(frame, picture.pixels, skin, fetched_from(source, skin))
        places = (points[MET, :2] - 0.5).astype(np.float32)[None]
        found = cv2.remap(source, places[..., 0], places[..., 1], cv2.INTER_LINEAR)[0]
        missed = float(np.linalg.norm(found - face.points[MET, :2], axis=1).mean() / unit)
    return Measures(
        changed_outside_region=int((outside > 0).sum()),
        background_difference=float(still.max(initial=0)) / full,
        background_changed=float((still > 0).mean()) if still.size else 0.0,
        least_determinant=least,
        folded=folded,
        landmarks_missed=missed,
        texture=texture,
        canvas=canvas,
    )
