# SPDX-License-Identifier: GPL-3.0-or-later
"""The compiled heart of the native-resolution sampler:
a coarse displacement grid and a Lanczos kernel, fused.

Against OpenCV's remap it needs no full-size maps, places samples to 1/1024 px instead of 1/32 px
(no stepping in slow motion) and does not ring at hard edges.
"""

from __future__ import annotations

import numpy as np
from numba import njit

LOBES = 3
TAPS = 2 * LOBES
PHASES = 512
_OVERSHOOT = 0.25  # of the local range that a result may go beyond its four neighbors


def lanczos_table() -> np.ndarray:
    """float32 [PHASES + 1, TAPS]: normalized weights for the fractions 0..1; exact at 0 and 1."""
    fraction = np.arange(PHASES + 1)[:, None] / PHASES
    x = fraction - np.arange(1 - LOBES, LOBES + 1)[None]
    table = np.sinc(x) * np.sinc(x / LOBES)
    table /= table.sum(axis=1, keepdims=True)
    table[0] = np.eye(TAPS)[LOBES - 1]
    table[-1] = np.eye(TAPS)[LOBES]
    return table.astype(np.float32)


def grid_weights(nodes: int, length: int) -> tuple[np.ndarray, np.ndarray]:
    """(first int32 [length], weight float32 [length, 4]) that interpolate
    ``nodes`` cell centers at ``length`` pixels.

    Catmull-Rom: smooth, meets the nodes, and keeps straight ramps straight.
    Index clamping is left to the user.
    """
    at = (np.arange(length) + 0.5) * (nodes / length) - 0.5
    first = np.floor(at)
    t = at - first
    weight = np.stack(
        [
            ((-0.5 * t + 1) * t - 0.5) * t,
            (1.5 * t - 2.5) * t * t + 1,
            ((-1.5 * t + 2) * t + 0.5) * t,
            (0.5 * t - 0.5) * t * t,
        ],
        axis=1,
    )
    return first.astype(np.int32) - 1, weight.astype(np.float32)


@njit(cache=True, fastmath=True, nogil=True)
def _clamp(value, low, high):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    return min(max(value, low), high)


@njit(cache=True, fastmath=True, nogil=True)
def warp_rows(
    pixels: np.ndarray,
    grid: np.ndarray,
    spread: np.ndarray,
    x_first: np.ndarray,
    x_weight: np.ndarray,
    y_first: np.ndarray,
    y_weight: np.ndarray,
    left: int,
    top: int,
    row0: int,
    row1: int,
    table: np.ndarray,
    peak: float,
    out: np.ndarray,
) -> None:  # pragma: no cover - compiled
    """Fill rows ``row0:row1`` of ``out`` [bh, bw, C] with ``pixels`` [H, W, C], C = 3 or 4, as ``grid`` says.

    ``grid`` f32 [gh, gw, 2]: where a pixel comes from minus where it is, px (x, y).
    ``spread`` f32 [gh, gw, 5]: how many samples a side (0 or 1: one), and how far they reach (dx/dx, dx/dy,
    dy/dx, dy/dy).  ``x_first`` etc. come from ``grid_weights``.
    (``left``, ``top``): picture pixel of out[0, 0].
    """
    height, width, channels = pixels.shape
    gh, gw = grid.shape[0], grid.shape[1]
    columns = out.shape[1]
    flat, out_flat = pixels.reshape(-1), out.reshape(-1)
    line3 = width * 3
    top_value = np.float32(peak)
    window = np.empty(18, np.float32)
    line = np.empty((gw, 2), np.float32)
    busy = np.empty(gw, np.bool_)
    total = np.empty(4, np.float32)
    low = np.empty(4, np.float32)
    high = np.empty(4, np.float32)
    for row in range(row0, row1):
        for j in range(gw):
            dx = np.float32(0)
            dy = np.float32(0)
            for k in range(4):
                i = _clamp(y_first[row] + k, 0, gh - 1)
                dx += y_weight[row, k] * grid[i, j, 0]
                dy += y_weight[row, k] * grid[i, j, 1]
            line[j, 0] = dx
            line[j, 1] = dy
            busy[j] = dx != 0 or dy != 0
        node_y = _clamp(y_first[row] + (1 if y_weight[row, 1] > y_weight[row, 2] else 2), 0, gh - 1)
        for column in range(columns):
            f = x_first[column]
            j0, j1 = _clamp(f, 0, gw - 1), _clamp(f + 1, 0, gw - 1)
            j2, j3 = _clamp(f + 2, 0, gw - 1), _clamp(f + 3, 0, gw - 1)
            if not (busy[j0] or busy[j1] or busy[j2] or busy[j3]):
                for c in range(channels):
                    out[row, column, c] = pixels[top + row, left + column, c]
                continue
            w0, w1, w2, w3 = (
                x_weight[column, 0],
                x_weight[column, 1],
                x_weight[column, 2],
                x_weight[column, 3],
            )
            px = np.float32(left + column) + (
                w0 * line[j0, 0] + w1 * line[j1, 0] + w2 * line[j2, 0] + w3 * line[j3, 0]
            )
            py = np.float32(top + row) + (
                w0 * line[j0, 1] + w1 * line[j1, 1] + w2 * line[j2, 1] + w3 * line[j3, 1]
            )
            node_x = j1 if w1 > w2 else j2
            count = int(spread[node_y, node_x, 0])
            ix, iy = np.int64(np.floor(px)), np.int64(np.floor(py))
            if (
                channels == 3
                and count <= 1
                and ix >= 2
                and iy >= 2
                and ix + LOBES < width
                and iy + LOBES < height
            ):
                tx = np.int64((px - np.float32(ix)) * np.float32(PHASES) + np.float32(0.5))
                ty = np.int64((py - np.float32(iy)) * np.float32(PHASES) + np.float32(0.5))
                at = ((iy - 2) * width + ix - 2) * 3
                # six rows weighted over all columns and channels
                # of the window at once: this loop is vectorized
                t0, t1, t2 = (
                    flat[at : at + 18],
                    flat[at + line3 : at + line3 + 18],
                    flat[at + 2 * line3 : at + 2 * line3 + 18],
                )
                t3 = flat[at + 3 * line3 : at + 3 * line3 + 18]
                t4 = flat[at + 4 * line3 : at + 4 * line3 + 18]
                t5 = flat[at + 5 * line3 : at + 5 * line3 + 18]
                h0, h1, h2 = table[ty, 0], table[ty, 1], table[ty, 2]
                h3, h4, h5 = table[ty, 3], table[ty, 4], table[ty, 5]
                for i in range(18):
                    window[i] = (
                        h0 * np.float32(t0[i])
                        + h1 * np.float32(t1[i])
                        + h2 * np.float32(t2[i])
                        + h3 * np.float32(t3[i])
                        + h4 * np.float32(t4[i])
                        + h5 * np.float32(t5[i])
                    )
                h0, h1, h2 = table[tx, 0], table[tx, 1], table[tx, 2]
                h3, h4, h5 = table[tx, 3], table[tx, 4], table[tx, 5]
                o = (row * columns + column) * 3
                for c in range(3):
                    value = (
                        h0 * window[c]
                        + h1 * window[3 + c]
                        + h2 * window[6 + c]
                        + h3 * window[9 + c]
                        + h4 * window[12 + c]
                        + h5 * window[15 + c]
                    )
                    p00, p01 = np.float32(t2[6 + c]), np.float32(t2[9 + c])
                    p10, p11 = np.float32(t3[6 + c]), np.float32(t3[9 + c])
                    least, most = min(min(p00, p01), min(p10, p11)), max(max(p00, p01), max(p10, p11))
                    slack = np.float32(_OVERSHOOT) * (most - least)
                    value = min(max(value, least - slack), most + slack)
                    out_flat[o + c] = min(max(value, np.float32(0)), top_value) + np.float32(0.5)
                continue
            if count <= 1:
                _sample(pixels, px, py, table, height, width, channels, total, low, high)
                for c in range(channels):
                    slack = np.float32(_OVERSHOOT) * (high[c] - low[c])
                    total[c] = _clamp(total[c], low[c] - slack, high[c] + slack)
            else:
                acc0 = acc1 = acc2 = acc3 = norm = np.float32(0)
                for b in range(count):
                    v = np.float32((2 * b + 1) / count - 1)
                    for a in range(count):
                        u = np.float32((2 * a + 1) / count - 1)
                        sx = px + spread[node_y, node_x, 1] * u + spread[node_y, node_x, 2] * v
                        sy = py + spread[node_y, node_x, 3] * u + spread[node_y, node_x, 4] * v
                        _sample(pixels, sx, sy, table, height, width, channels, total, low, high)
                        w = (np.float32(1) - abs(u)) * (np.float32(1) - abs(v))
                        acc0 += w * total[0]
                        acc1 += w * total[1]
                        acc2 += w * total[2]
                        acc3 += w * total[3]
                        norm += w
                n = np.float32(1) / norm
                total[0], total[1], total[2], total[3] = acc0 * n, acc1 * n, acc2 * n, acc3 * n
            if channels == 4:
                alpha = _clamp(total[3], 0.0, peak)
                scale = peak / alpha if alpha > 0 else 0.0
                for c in range(3):
                    out[row, column, c] = int(_clamp(total[c] * scale, 0.0, peak) + 0.5)
                out[row, column, 3] = int(alpha + 0.5)
            else:
                for c in range(3):
                    out[row, column, c] = int(_clamp(total[c], 0.0, peak) + 0.5)


@njit(cache=True, fastmath=True, nogil=True)
def _sample(pixels, px, py, table, height, width, channels, total, low, high):  # type: ignore[no-untyped-def]
    """One Lanczos sample into ``total`` (colors times alpha / peak where
    there is alpha), its neighbors' range."""
    px = _clamp(px, -1.0, width + 0.0)
    py = _clamp(py, -1.0, height + 0.0)
    ix, iy = int(np.floor(px)), int(np.floor(py))
    wx = table[int((px - ix) * PHASES + 0.5)]
    wy = table[int((py - iy) * PHASES + 0.5)]
    r0 = r1 = r2 = r3 = np.float32(0)
    inner = ix >= LOBES - 1 and iy >= LOBES - 1 and ix + LOBES < width and iy + LOBES < height
    if channels == 3 and inner:
        for k in range(TAPS):
            s0 = s1 = s2 = np.float32(0)
            y = iy + k - (LOBES - 1)
            for m in range(TAPS):
                w = wx[m]
                x = ix + m - (LOBES - 1)
                s0 += w * np.float32(pixels[y, x, 0])
                s1 += w * np.float32(pixels[y, x, 1])
                s2 += w * np.float32(pixels[y, x, 2])
            r0 += wy[k] * s0
            r1 += wy[k] * s1
            r2 += wy[k] * s2
        for c in range(3):
            p00, p01 = np.float32(pixels[iy, ix, c]), np.float32(pixels[iy, ix + 1, c])
            p10, p11 = np.float32(pixels[iy + 1, ix, c]), np.float32(pixels[iy + 1, ix + 1, c])
            low[c] = min(min(p00, p01), min(p10, p11))
            high[c] = max(max(p00, p01), max(p10, p11))
    else:
        inverse = np.float32(1.0 / 255) if pixels.itemsize == 1 else np.float32(1.0 / 65535)
        for c in range(4):
            low[c] = np.float32(1e9)
            high[c] = np.float32(-1e9)
        for k in range(TAPS):
            y = _clamp(iy + k - (LOBES - 1), 0, height - 1)
            for m in range(TAPS):
                x = _clamp(ix + m - (LOBES - 1), 0, width - 1)
                w = wx[m] * wy[k]
                a = np.float32(1)
                if channels == 4:
                    a = np.float32(pixels[y, x, 3]) * inverse
                    r3 += w * np.float32(pixels[y, x, 3])
                v0 = a * np.float32(pixels[y, x, 0])
                v1 = a * np.float32(pixels[y, x, 1])
                v2 = a * np.float32(pixels[y, x, 2])
                r0 += w * v0
                r1 += w * v1
                r2 += w * v2
                if LOBES - 1 <= k <= LOBES and LOBES - 1 <= m <= LOBES:
                    low[0], high[0] = min(low[0], v0), max(high[0], v0)
                    low[1], high[1] = min(low[1], v1), max(high[1], v1)
                    low[2], high[2] = min(low[2], v2), max(high[2], v2)
                    if channels == 4:
                        v3 = np.float32(pixels[y, x, 3])
                        low[3], high[3] = min(low[3], v3), max(high[3], v3)
    total[0], total[1], total[2], total[3] = r0, r1, r2, r3


@njit(cache=True, fastmath=True, nogil=True)
def upsample_rows(
    grid: np.ndarray,
    x_first: np.ndarray,
    x_weight: np.ndarray,
    y_first: np.ndarray,
    y_weight: np.ndarray,
    row0: int,
    row1: int,
    out: np.ndarray,
) -> None:  # pragma: no cover - compiled
    """Rows ``row0:row1`` of ``out`` f32 [H, W, 2] interpolated from ``grid``
    f32 [h, w, 2] (see ``grid_weights``)."""
    gh, gw = grid.shape[0], grid.shape[1]
    line = np.empty((gw + 6, 2), np.float32)  # three more nodes at each end, so that no index needs a check
    for row in range(row0, row1):
        for j in range(gw + 6):
            node = _clamp(j - 3, 0, gw - 1)
            for c in range(2):
                value = np.float32(0)
                for k in range(4):
                    value += y_weight[row, k] * grid[_clamp(y_first[row] + k, 0, gh - 1), node, c]
                line[j, c] = value
        for column in range(out.shape[1]):
            f = x_first[column] + 3
            for c in range(2):
                out[row, column, c] = (
                    x_weight[column, 0] * line[f, c]
                    + x_weight[column, 1] * line[f + 1, c]
                    + x_weight[column, 2] * line[f + 2, c]
                    + x_weight[column, 3] * line[f + 3, c]
                )


@njit(cache=True, nogil=True)
def blend_rows(
    under: np.ndarray, over: np.ndarray, alpha: np.ndarray, peak: float
) -> None:  # pragma: no cover - compiled
    """``over`` laid over ``under`` (uint8 or uint16 [h, w, 3 or 4])
    by ``alpha`` f32 [h, w], in place, rounded."""
    height, width, channels = under.shape
    half = np.float32(0.5)
    for y in range(height):
        for x in range(width):
            a = alpha[y, x]
            if a <= 0:
                continue
            if a >= 1:
                for c in range(channels):
                    under[y, x, c] = over[y, x, c]
            elif channels == 3:
                for c in range(3):
                    u = np.float32(under[y, x, c])
                    under[y, x, c] = u + (np.float32(over[y, x, c]) - u) * a + half
            else:
                mine = np.float32(over[y, x, 3]) * a
                theirs = np.float32(under[y, x, 3]) * (np.float32(1) - a)
                total = mine + theirs
                if total <= 0:
                    under[y, x, 3] = 0
                    continue
                for c in range(3):
                    value = (np.float32(over[y, x, c]) * mine + np.float32(under[y, x, c]) * theirs) / total
                    under[y, x, c] = min(value, np.float32(peak)) + half
                under[y, x, 3] = min(total, np.float32(peak)) + half
