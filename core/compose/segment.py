# SPDX-License-Identifier: GPL-3.0-or-later
"""Which pixels of a picture belong to the sitter: a network's guess at several scales,
mended with what a head looks like and with the picture's own colors and edges."""

from __future__ import annotations

from typing import Any

import numpy as np

# crops for the network, in face sizes: half side, shift down, weight
_CROPS = ((1.1, -0.1, 0.7), (1.7, 0.1, 1.3), (2.6, 0.5, 1.0))
_CUT = 448  # px, the longest side for the graph cut


def segment(image: np.ndarray, points: np.ndarray) -> np.ndarray:
    """float32 [h, w] 0..1 for ``image`` uint8 [h, w, 3] sRGB with the
    sitter's landmarks ``points`` [68, 2] px."""
    import cv2

    face = face_polygon(points)
    size = float(np.ptp(points, axis=0).max())
    prior = body_prior(image.shape[:2], points)
    guess = _network(image, points)
    sure = np.zeros(image.shape[:2], np.uint8)
    cv2.fillConvexPoly(sure, np.rint(face).astype(np.int32), 1)
    if guess is None or guess[sure > 0].mean() < 0.6 or guess.mean() > 0.97:
        guess = prior
        doubt = (prior > 0.02) & (prior < 0.98)
    else:
        guess = _lean(guess, prior)
        doubt = (guess > 0.06) & (guess < 0.94)
    cut = _graph_cut(image, guess, doubt, sure)
    mixed = np.where(doubt, 0.45 * guess + 0.55 * cut, guess).astype(np.float32)
    mixed = np.maximum(mixed, sure)
    soft = guided_filter(image, mixed, radius=max(3, round(size * 0.035)), floor=2e-4)
    alpha = _one_piece(np.clip((soft - 0.5) * 1.6 + 0.5, 0, 1), sure)
    return np.maximum(alpha, cv2.GaussianBlur(sure.astype(np.float32), (0, 0), max(1.0, size * 0.01)) * sure)


def _lean(guess: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """The network's ``guess`` moved a little towards ``prior``,
    which decides only where the network is in doubt."""

    def odds(p: np.ndarray, low: float, high: float) -> np.ndarray:
        p = np.clip(p, low, high)
        return np.log(p / (1 - p))

    mixed = 1.15 * odds(guess, 1e-4, 1 - 1e-4) + 0.5 * odds(prior, 0.12, 0.88)
    return (1 / (1 + np.exp(-mixed))).astype(np.float32)


def face_polygon(points: np.ndarray) -> np.ndarray:
    """float32 [n, 2]: convex outline of the face's skin: jaw, brows and a low forehead."""
    import cv2

    up = points[27] - points[8]
    forehead = points[17:27] + 0.22 * up
    outline = np.concatenate([points[:17], points[17:27], forehead]).astype(np.float32)
    hull = cv2.convexHull(outline)[:, 0]
    middle = hull.mean(axis=0)
    return middle + (hull - middle) * 0.94


def body_prior(shape: tuple[int, ...], points: np.ndarray) -> np.ndarray:
    """float32 [h, w] 0..1: how likely a pixel is head, hair, neck or shoulders,
    judged from the landmarks alone."""
    import cv2

    size = float(np.ptp(points, axis=0).max())
    up = points[27] - points[8]
    length = float(np.linalg.norm(up))
    up = up / max(length, 1e-6)
    length = max(length, 0.55 * size)
    chin, nasion = points[8], points[27]
    width = max(float(np.linalg.norm(points[16] - points[0])), 0.75 * length)
    across = np.array([-up[1], up[0]])
    angle = float(np.degrees(np.arctan2(across[1], across[0])))
    head = (points[0] + points[16]) / 2 * 0.5 + nasion * 0.5 + up * 0.25 * length
    body = np.zeros(shape, np.uint8)
    axes = (int(0.72 * width), int(1.15 * length))
    cv2.ellipse(body, (int(head[0]), int(head[1])), axes, angle, 0, 360, 1, -1)
    drop = np.array([0.0, 1.0])  # a body hangs down, however the head is held
    neck = chin - up * 0.2 * length
    side = np.array([1.0, 0.0])
    outline = [
        neck - side * 0.42 * width,
        chin + drop * 0.45 * length - side * 0.55 * width,
        chin + drop * 0.95 * length - side * 1.45 * width,
        chin + drop * 6 * length - side * 2.1 * width,
        chin + drop * 6 * length + side * 2.1 * width,
        chin + drop * 0.95 * length + side * 1.45 * width,
        chin + drop * 0.45 * length + side * 0.55 * width,
        neck + side * 0.42 * width,
    ]
    cv2.fillPoly(body, [np.rint(np.array(outline)).astype(np.int32)], 1)
    inside = cv2.distanceTransform(body, cv2.DIST_L2, 5)
    outside = cv2.distanceTransform(1 - body, cv2.DIST_L2, 5)
    with np.errstate(over="ignore"):
        return (1 / (1 + np.exp((outside - inside) / (0.13 * size)))).astype(np.float32)


def _network(image: np.ndarray, points: np.ndarray) -> np.ndarray | None:
    """The selfie network's probability, averaged over crops and their
    mirror images; None where it cannot run."""
    import cv2

    try:
        net = _selfie_network()
    except (ImportError, OSError, RuntimeError):
        return None
    height, width = image.shape[:2]
    middle, size = (points.min(axis=0) + points.max(axis=0)) / 2, float(np.ptp(points, axis=0).max())
    total = np.zeros((height, width), np.float32)
    weights = np.full((height, width), 1e-6, np.float32)
    with net:
        for half, shift, weight in _CROPS:
            x, y = middle[0], middle[1] + shift * size
            x0, y0 = max(0, int(x - half * size)), max(0, int(y - half * size))
            x1, y1 = min(width, int(x + half * size)), min(height, int(y + half * size))
            if x1 - x0 < 8 or y1 - y0 < 8:
                continue
            crop = np.ascontiguousarray(image[y0:y1, x0:x1])
            plain = net.process(crop).segmentation_mask
            mirrored = net.process(np.ascontiguousarray(crop[:, ::-1])).segmentation_mask[:, ::-1]
            window = weight * _window(crop.shape[:2], (x0 > 0, y0 > 0, x1 < width, y1 < height))
            total[y0:y1, x0:x1] += window * (plain + mirrored) / 2
            weights[y0:y1, x0:x1] += window
    covered = cv2.GaussianBlur(weights, (0, 0), 1) > 0.05
    return np.where(covered, total / weights, 0).astype(np.float32)


def _selfie_network() -> Any:
    from mediapipe.python.solutions.selfie_segmentation import SelfieSegmentation

    return SelfieSegmentation(model_selection=0)


def _window(shape: tuple[int, ...], fade: tuple[bool, bool, bool, bool]) -> np.ndarray:
    """float32 [h, w]: 1 in the middle, falling to little at the borders
    (left, top, right, bottom) that ``fade``."""

    def ramp(length: int, start: bool, end: bool) -> np.ndarray:
        at = (np.arange(length) + 0.5) / length
        low = np.clip(at / 0.15, 0.02, 1) if start else np.ones(length)
        high = np.clip((1 - at) / 0.15, 0.02, 1) if end else np.ones(length)
        return low * high

    left, top, right, bottom = fade
    return np.outer(ramp(shape[0], top, bottom), ramp(shape[1], left, right)).astype(np.float32)


def _graph_cut(image: np.ndarray, guess: np.ndarray, doubt: np.ndarray, sure: np.ndarray) -> np.ndarray:
    """float32 [h, w]: GrabCut's answer in the doubtful pixels
    (the others seed it), smoothed to this resolution."""
    import cv2

    height, width = guess.shape
    shrink = min(1.0, _CUT / max(height, width))
    size = max(8, round(width * shrink)), max(8, round(height * shrink))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    chance = cv2.resize(guess, size, interpolation=cv2.INTER_AREA)
    open_ = cv2.resize(doubt.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    skin = cv2.resize(sure, size, interpolation=cv2.INTER_NEAREST) > 0
    labels = np.where(chance > 0.5, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    labels[~open_] = np.where(chance > 0.5, cv2.GC_FGD, cv2.GC_BGD)[~open_]
    labels[skin] = cv2.GC_FGD
    if not (labels == cv2.GC_BGD).any() or not open_.any():
        return guess
    cv2.setRNGSeed(1)  # its color clusters start at random
    bgr = cv2.cvtColor(small, cv2.COLOR_RGB2BGR)
    cv2.grabCut(bgr, labels, None, np.zeros((1, 65)), np.zeros((1, 65)), 3, cv2.GC_INIT_WITH_MASK)
    answer = ((labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)).astype(np.float32)
    return cv2.resize(cv2.GaussianBlur(answer, (0, 0), 0.8), (width, height), interpolation=cv2.INTER_LINEAR)


def _one_piece(alpha: np.ndarray, sure: np.ndarray) -> np.ndarray:
    """``alpha`` without islands that do not hang together with the face,
    and without holes inside the sitter."""
    import cv2

    height, width = alpha.shape
    _, labels = cv2.connectedComponents((alpha > 0.3).astype(np.uint8))
    kept = np.unique(labels[sure > 0])
    mine = np.isin(labels, kept[kept > 0])
    near = cv2.dilate(mine.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    alpha = np.where(near, alpha, 0)
    # background seen through a gap reaches the picture's border or is large; smaller holes are the sitter's
    count, labels, stats, _ = cv2.connectedComponentsWithStats((alpha < 0.5).astype(np.uint8))
    for i in range(1, count):
        x, y, w, h, area = stats[i]
        inner = x > 0 and y > 0 and x + w < width and y + h < height
        if inner and area < 0.01 * alpha.size:
            hole = cv2.dilate((labels == i).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
            alpha[hole] = 1
    return alpha.astype(np.float32)


def guided_filter(image: np.ndarray, values: np.ndarray, *, radius: int, floor: float) -> np.ndarray:
    """``values`` float32 [h, w] smoothed along the edges of ``image`` uint8 [h, w, 3] (color guided filter).

    ``radius`` px of the windows; ``floor``: variance (0..1 squared) below which image detail counts as noise.
    """
    import cv2

    guide = image.astype(np.float32) / 255
    window = (2 * radius + 1, 2 * radius + 1)

    def mean(a: np.ndarray) -> np.ndarray:
        return cv2.boxFilter(a, cv2.CV_32F, window, borderType=cv2.BORDER_REFLECT)

    mean_guide, mean_values = mean(guide), mean(values)
    covariance = mean(guide * values[..., None]) - mean_guide * mean_values[..., None]
    pairs = [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)]
    rr, rg, rb, gg, gb, bb = (
        mean(guide[..., i] * guide[..., j])
        - mean_guide[..., i] * mean_guide[..., j]
        + (floor if i == j else 0)
        for i, j in pairs
    )
    # inverse of the symmetric 3x3 matrices by cofactors
    c00, c01, c02 = gg * bb - gb * gb, gb * rb - rg * bb, rg * gb - gg * rb
    c11, c12, c22 = rr * bb - rb * rb, rb * rg - rr * gb, rr * gg - rg * rg
    det = rr * c00 + rg * c01 + rb * c02
    x, y, z = covariance[..., 0], covariance[..., 1], covariance[..., 2]
    slope = np.stack(
        [c00 * x + c01 * y + c02 * z, c01 * x + c11 * y + c12 * z, c02 * x + c12 * y + c22 * z], axis=2
    )
    slope /= det[..., None]
    offset = mean_values - (slope * mean_guide).sum(axis=2)
    return (mean(slope) * guide).sum(axis=2) + mean(offset)
