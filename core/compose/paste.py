# SPDX-License-Identifier: GPL-3.0-or-later
"""Native-resolution paste: the picture's own pixels moved by a coarse flow, and laid over one another.

Coordinates are the project's: pixels with the origin at the top-left corner of the top-left pixel,
so the middle of pixel (i, j) is at x = j + 0.5, y = i + 0.5.  A grid [h, w] over a box has its nodes in the
middles of h x w equal cells.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from . import resample

Box = tuple[int, int, int, int]
_BAND = 64  # rows that one thread takes at a time
_MINIFIED = 1.3  # times that the flow may shrink the picture before one sample a pixel is not enough
_MOST_SAMPLES = 6
_STILL = 1e-3  # px: less than this is no motion
_table = resample.lanczos_table()


def node_positions(box: Box, shape: tuple[int, ...]) -> np.ndarray:
    """float32 [h, w, 2]: picture coordinates (x, y) of the nodes
    of a grid of ``shape`` (h, w) over ``box``."""
    x0, y0, x1, y1 = box
    xs = x0 + (np.arange(shape[1], dtype=np.float64) + 0.5) * ((x1 - x0) / shape[1])
    ys = y0 + (np.arange(shape[0], dtype=np.float64) + 0.5) * ((y1 - y0) / shape[0])
    return np.stack(np.broadcast_arrays(xs[None], ys[:, None]), axis=2).astype(np.float32)


def upsample_flow(grid_flow: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """float32 [H, W, 2]: a coarse displacement [h, w, 2] at the resolution
    ``shape`` (H, W); values stay as they are.

    Catmull-Rom: smooth, meets the nodes, keeps straight ramps straight; constant beyond the outermost nodes.
    """
    grid = np.ascontiguousarray(grid_flow, np.float32)
    out = np.empty((shape[0], shape[1], 2), np.float32)
    x_first, x_weight = resample.grid_weights(grid.shape[1], shape[1])
    y_first, y_weight = resample.grid_weights(grid.shape[0], shape[0])

    def work(start: int) -> None:
        stop = min(start + _BAND, shape[0])
        resample.upsample_rows(grid, x_first, x_weight, y_first, y_weight, start, stop, out)

    _each(work, range(0, shape[0], _BAND))
    return out


def warp_native(pixels: np.ndarray, box: Box, grid_map: np.ndarray) -> np.ndarray:
    """[bh, bw, C] like ``pixels``: what the picture shows in ``box`` when
    each place is fetched from ``grid_map``.

    ``pixels``: [H, W, 3 or 4] uint8 or uint16, straight alpha (sampled premultiplied).
    ``box``: (x0, y0, x1, y1) whole pixels inside the picture.
    ``grid_map``: float32 [h, w, 2] absolute source coordinates (x, y) at the grid's nodes.
    Places that map to themselves are bit-identical; beyond the picture its border goes on.
    """
    height, width = pixels.shape[:2]
    x0, y0, x1, y1 = box
    if not (0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height):
        raise ValueError(f"box {box} is not inside a picture of {width} x {height} pixels")
    if pixels.ndim != 3 or pixels.shape[2] not in (3, 4) or pixels.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"expected uint8 or uint16 [H, W, 3 or 4], got {pixels.dtype} {pixels.shape}")
    shift = np.ascontiguousarray(grid_map - node_positions(box, grid_map.shape[:2]), np.float32)
    # the difference of two large float32 coordinates carries their rounding: that is not motion
    shift[np.abs(shift).max(axis=2) < _STILL] = 0
    pixels = np.ascontiguousarray(pixels)
    out = np.empty((y1 - y0, x1 - x0, pixels.shape[2]), pixels.dtype)
    x_first, x_weight = resample.grid_weights(shift.shape[1], x1 - x0)
    y_first, y_weight = resample.grid_weights(shift.shape[0], y1 - y0)
    spread = _spread(shift, box)
    peak = 255.0 if pixels.dtype == np.uint8 else 65535.0

    def work(start: int) -> None:
        stop = min(start + _BAND, y1 - y0)
        resample.warp_rows(
            pixels,
            shift,
            spread,
            x_first,
            x_weight,
            y_first,
            y_weight,
            x0,
            y0,
            start,
            stop,
            _table,
            peak,
            out,
        )

    _each(work, range(0, y1 - y0, _BAND))
    return out


def _spread(shift: np.ndarray, box: Box) -> np.ndarray:
    """float32 [h, w, 5]: samples a side where the flow shrinks the picture (else 0), and how far they reach.

    The reach is the flow's Jacobian (dx/dx, dx/dy, dy/dx, dy/dy) times the half width of a tent filter,
    in pixels of the frame, that grows from nothing with the shrinking.
    """
    h, w = shift.shape[:2]
    out = np.zeros((h, w, 5), np.float32)
    if h < 2 or w < 2:
        return out
    cell_x, cell_y = (box[2] - box[0]) / w, (box[3] - box[1]) / h
    down, across = np.gradient(shift, cell_y, cell_x, axis=(0, 1))
    j = np.stack([across[..., 0] + 1, down[..., 0], across[..., 1], down[..., 1] + 1], axis=2)
    # the larger singular value of the 2 x 2 Jacobian
    e, f = (j[..., 0] + j[..., 3]) / 2, (j[..., 0] - j[..., 3]) / 2
    g, k = (j[..., 2] + j[..., 1]) / 2, (j[..., 2] - j[..., 1]) / 2
    largest = np.hypot(e, k) + np.hypot(f, g)
    out[..., 0] = np.where(largest > _MINIFIED, np.minimum(np.ceil(largest) + 1, _MOST_SAMPLES), 0)
    out[..., 1:] = j * np.clip(1.2 * (largest - 1), 0, 1)[..., None]
    return out


def composite(base: np.ndarray, patch: np.ndarray, alpha: np.ndarray, box: Box) -> np.ndarray:
    """A copy of ``base`` with ``patch`` laid over it in ``box``, by ``alpha``.

    ``base`` [H, W, C], ``patch`` [bh, bw, C]: one type, uint8 or uint16; ``alpha``: float32 0..1,
    [bh, bw] or coarser.  Where alpha is 0 the base, where it is 1 the patch is kept bit for bit;
    between, rounded to nearest.  A fourth channel is straight alpha and is blended premultiplied.
    """
    out = base.copy()
    x0, y0, x1, y1 = box
    if patch.shape != (y1 - y0, x1 - x0, base.shape[2]) or patch.dtype != base.dtype:
        raise ValueError(
            f"patch {patch.dtype} {patch.shape} does not fit box {box} of {base.dtype} {base.shape}"
        )
    view = out[y0:y1, x0:x1]
    peak = 255.0 if base.dtype == np.uint8 else 65535.0

    def work(start: int) -> None:
        stop = min(start + _BAND, y1 - y0)
        rows = np.ascontiguousarray(alpha_rows(alpha, view.shape[:2], start, stop), np.float32)
        resample.blend_rows(view[start:stop], patch[start:stop], rows, peak)

    _each(work, range(0, y1 - y0, _BAND))
    return out


def alpha_rows(alpha: np.ndarray, shape: tuple[int, ...], start: int, stop: int) -> np.ndarray:
    """float32 [stop - start, W]: rows of ``alpha`` [h, w] brought
    to the resolution ``shape`` (H, W), linear."""
    import cv2

    if alpha.shape == shape:
        return alpha[start:stop]
    height, width = shape
    step_x, step_y = alpha.shape[1] / width, alpha.shape[0] / height
    affine = np.array([[step_x, 0, step_x / 2 - 0.5], [0, step_y, (start + 0.5) * step_y - 0.5]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    size = (width, stop - start)
    return cv2.warpAffine(
        alpha.astype(np.float32), affine, size, flags=flags, borderMode=cv2.BORDER_REPLICATE
    )


def _each(work: Callable[[int], None], starts: range) -> None:
    threads = min(os.cpu_count() or 1, 8, len(starts))
    if threads <= 1:
        for start in starts:
            work(start)
        return
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, starts))
