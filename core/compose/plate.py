# SPDX-License-Identifier: GPL-3.0-or-later
"""The clean plate: the painting as it would be behind the sitter, as far as a moving head uncovers it.

Found at working resolution by copying patches of the background into the hole (from coarse to fine);
at the picture's own resolution the copied places then give their real pixels, so brush work,
weave and grain are as sharp as around.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from . import patchmatch

WORKING = 1024  # px, longest side at which patches are sought
_COARSEST = 48
_DEPTH = (
    0.09  # of the longest side: how far inside the silhouette patches are sought at full working resolution
)
_GROW = 0.009  # of the longest side: edges are mixed with the sitter's colors, so the hole reaches over them
_CARRY = 0.05  # of the longest side: how far the tones beside the silhouette are carried into the hole
_TILE = 1024


class _Fill(NamedTuple):
    """What working resolution finds: ``low`` f32 [h, w, 3] filled, smoothed;
    ``base`` f32 [h, w, 3] the picture, smoothed over its background alone; ``source`` i32 [h, w, 2] (y, x)
    each is copied from; ``hole`` bool [h, w]."""

    low: np.ndarray
    base: np.ndarray
    source: np.ndarray
    hole: np.ndarray


def clean_plate(region: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Fill the sitter with background.

    ``region``: [H, W, 3 or 4] uint8, uint16 or float32 0..1, the picture around the sitter (straight alpha).
    ``alpha``: float32 [h, w] 0..1, the sitter's matte over the same region, at any resolution.
    Returns the same shape and type; pixels farther from the sitter than a few working
    pixels are bit-identical.  Deterministic; a few seconds at most.  Where (almost)
    no background is left to copy, a smooth fill is made.
    """
    import cv2

    height, width = region.shape[:2]
    shrink = min(1.0, WORKING / max(height, width))
    size = max(1, round(width * shrink)), max(1, round(height * shrink))
    peak = {np.dtype(np.uint8): 255.0, np.dtype(np.uint16): 65535.0}.get(region.dtype, 1.0)
    small = cv2.resize(region[..., :3], size, interpolation=cv2.INTER_AREA).astype(np.float32) * np.float32(
        255 / peak
    )
    matte = cv2.resize(
        alpha, size, interpolation=cv2.INTER_AREA if alpha.shape[0] > size[1] else cv2.INTER_LINEAR
    )
    grow = 1 + round(_GROW * max(size))
    hole = cv2.dilate((matte > 0.04).astype(np.uint8), _disk(grow)) > 0
    if not hole.any():
        return region.copy()
    return _at_full_size(region, _fill(small, hole), peak)


def _disk(radius: int) -> np.ndarray:
    import cv2

    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))


def _fill(image: np.ndarray, hole: np.ndarray) -> _Fill:
    """The filling at working resolution of ``image`` f32 [h, w, 3] 0..255 in ``hole`` bool [h, w]."""
    import cv2

    filled = smooth = push_pull(image, ~hole)
    identity = _identity(hole.shape)
    if _usable(hole).sum() < 200:
        return _Fill(filled, filled, identity, hole)
    pyramid = [(image, hole)]
    while max(pyramid[-1][1].shape) > 2 * _COARSEST:
        above_image, above_hole = pyramid[-1]
        size = ((above_hole.shape[1] + 1) // 2, (above_hole.shape[0] + 1) // 2)
        known = cv2.resize((~above_hole).astype(np.float32), size, interpolation=cv2.INTER_AREA)
        color = cv2.resize(above_image * ~above_hole[..., None], size, interpolation=cv2.INTER_AREA)
        small_hole = known < 0.5
        if _usable(small_hole).sum() < 60:
            break
        pyramid.append((color / np.maximum(known, 1e-3)[..., None], small_hole))
    source: np.ndarray | None = None
    for level in range(len(pyramid) - 1, -1, -1):
        source, filled = _solve_level(*pyramid[level], source, level, filled)
    assert source is not None
    sigma = 2.5
    close = cv2.dilate(hole.astype(np.uint8), _disk(patchmatch.RADIUS)) > 0
    source = np.where(close[..., None], source, identity)
    base = push_pull(image, ~hole, sigma)
    low = cv2.GaussianBlur(np.where(hole[..., None], filled, image), (0, 0), sigma)
    # by the silhouette the broad tones go on from the background beside it: a shadow on the wall stays one;
    # deeper in, where nothing is next to it, they are those of the copied places
    depth = cv2.distanceTransform(hole.astype(np.uint8), cv2.DIST_L2, 5)
    near = np.exp(-depth / (_CARRY * max(hole.shape)))[..., None] * hole[..., None]
    low = near * cv2.GaussianBlur(smooth, (0, 0), sigma) + (1 - near) * low
    return _Fill(low, base, source, hole)


def _identity(shape: tuple[int, ...]) -> np.ndarray:
    """i32 [h, w, 2]: each pixel's own (y, x)."""
    return np.ascontiguousarray(np.moveaxis(np.indices(shape, np.int32), 0, 2))


def _usable(hole: np.ndarray) -> np.ndarray:
    """bool [h, w]: centers of patches that lie wholly in the background and in the picture."""
    import cv2

    side = 2 * patchmatch.RADIUS + 1
    known = cv2.erode((~hole).astype(np.uint8), np.ones((side, side), np.uint8)) > 0
    r = patchmatch.RADIUS
    known[:r], known[-r:], known[:, :r], known[:, -r:] = False, False, False, False
    return known


def _solve_level(
    image: np.ndarray, hole: np.ndarray, coarse: np.ndarray | None, level: int, smooth: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(sources, filled image) of one pyramid level, from the sources
    of the coarser one (None at the coarsest)."""
    import cv2

    height, width = hole.shape
    usable = _usable(hole)
    nearest = _nearest(usable)
    targets = cv2.dilate(hole.astype(np.uint8), _disk(patchmatch.RADIUS)) > 0
    depth = cv2.distanceTransform(hole.astype(np.uint8), cv2.DIST_L2, 5)
    identity = _identity(hole.shape)
    if coarse is None:
        source = nearest
        current = push_pull(image, ~hole)
    else:
        up = coarse.repeat(2, axis=0).repeat(2, axis=1)[:height, :width] * 2 + (identity & 1)
        up = np.minimum(up, np.array([height - 1, width - 1], np.int32))
        source = np.where(usable[up[..., 0], up[..., 1]][..., None], up, nearest).astype(np.int32)
        current = np.where(hole[..., None], image[source[..., 0], source[..., 1]], image)
    current = np.ascontiguousarray(current, np.float32)
    reachable = targets & (depth <= max(12.0, _DEPTH * max(height, width) * (1 if level == 0 else 2)))
    if level > 1:
        reachable = targets
    ys, xs = (a.astype(np.int32) for a in np.nonzero(reachable))
    trust = np.where(hole, np.maximum(0.97**depth * 0.6, 0.02), 1).astype(np.float32)
    cost = np.zeros((height, width), np.float32)
    reach = max(4, max(height, width) // 6)
    for turn in range({0: 2, 1: 3}.get(level, 6)):
        patchmatch.improve(current, trust, usable, ys, xs, source, cost, reach, 2, 7 * level + turn + 1)
        sigma = max(float(np.percentile(cost[reachable], 60)), 4.0)
        current = patchmatch.vote(current, trust, hole, ys, xs, source, cost, sigma)
    return source, current


def _nearest(usable: np.ndarray) -> np.ndarray:
    """i32 [h, w, 2]: (y, x) of the nearest usable center."""
    from scipy.ndimage import distance_transform_edt

    at = distance_transform_edt(~usable, return_distances=False, return_indices=True)
    return np.ascontiguousarray(np.moveaxis(at, 0, 2), np.int32)


def push_pull(image: np.ndarray, known: np.ndarray, sigma: float = 0.0) -> np.ndarray:
    """f32 [h, w, C]: ``image`` with its unknown pixels interpolated
    smoothly from the ``known`` (bool [h, w]) ones.

    With ``sigma`` (px) also the known ones are smoothed, by their known neighbors alone.
    """
    import cv2

    weight = known.astype(np.float32)
    color = image.astype(np.float32) * weight[..., None]
    if sigma:
        weight, color = cv2.GaussianBlur(weight, (0, 0), sigma), cv2.GaussianBlur(color, (0, 0), sigma)
    levels = [(color, weight)]
    while max(levels[-1][1].shape) > 2 and levels[-1][1].min() < 1e-3:
        levels.append((cv2.pyrDown(levels[-1][0]), cv2.pyrDown(levels[-1][1])))
    color, weight = levels[-1]
    out = color / np.maximum(weight, 1e-6)[..., None]
    for color, weight in reversed(levels[:-1]):
        up = cv2.pyrUp(out, dstsize=(weight.shape[1], weight.shape[0]))
        sure = np.clip(weight * 4, 0, 1)[..., None]
        out = sure * (color / np.maximum(weight, 1e-6)[..., None]) + (1 - sure) * up
    return out


def _at_full_size(region: np.ndarray, fill: _Fill, peak: float) -> np.ndarray:
    """``region`` with the hole filled: each pixel's own resolution comes from the place it is copied from."""
    import cv2

    height, width = region.shape[:2]
    small_height, small_width = fill.hole.shape
    sx, sy = width / small_width, height / small_height
    out = region.copy()
    rows, columns = np.nonzero(fill.hole)
    top, bottom = int(rows.min() * sy), min(height, int(np.ceil((rows.max() + 1) * sy)))
    left, right = int(columns.min() * sx), min(width, int(np.ceil((columns.max() + 1) * sx)))
    scale = np.float32(peak / 255)
    for y0 in range(top, bottom, _TILE):
        for x0 in range(left, right, _TILE):
            ys = np.arange(y0, min(y0 + _TILE, bottom))
            xs = np.arange(x0, min(x0 + _TILE, right))
            cell_y = np.minimum((ys / sy).astype(np.int32), small_height - 1)
            cell_x = np.minimum((xs / sx).astype(np.int32), small_width - 1)
            inside = fill.hole[np.ix_(cell_y, cell_x)]
            if not inside.any():
                continue
            source = fill.source[np.ix_(cell_y, cell_x)]
            # whole native pixels are copied, so nothing is softened by sampling between them
            from_y = ys[:, None] + np.rint((source[..., 0] - cell_y[:, None]) * sy).astype(np.int32)
            from_x = xs[None] + np.rint((source[..., 1] - cell_x[None]) * sx).astype(np.int32)
            from_y, from_x = np.clip(from_y, 0, height - 1), np.clip(from_x, 0, width - 1)
            copied = region[from_y, from_x]
            map_y = ((from_y + 0.5) / sy - 0.5).astype(np.float32)
            map_x = ((from_x + 0.5) / sx - 0.5).astype(np.float32)
            base = cv2.remap(fill.base, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            here_y = np.repeat(((ys + 0.5) / sy - 0.5).astype(np.float32)[:, None], len(xs), axis=1)
            here_x = np.repeat(((xs + 0.5) / sx - 0.5).astype(np.float32)[None], len(ys), axis=0)
            low = cv2.remap(fill.low, here_x, here_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            color = copied[..., :3].astype(np.float32) + (low - base) * scale
            if region.dtype != np.float32:
                color = np.rint(np.clip(color, 0, peak))
            copied[..., :3] = np.clip(color, 0, peak)
            tile = out[y0 : y0 + len(ys), x0 : x0 + len(xs)]
            tile[inside] = copied[inside]
    return out
