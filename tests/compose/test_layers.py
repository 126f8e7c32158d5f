# SPDX-License-Identifier: GPL-3.0-or-later
"""A layer over what lies below it gives the picture, whatever its matte says."""

from __future__ import annotations

import numpy as np
import pytest

from core.compose import layers
from core.compose.layers import as_float, peel


def scene(kind: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(picture, what lies below it, matte): noise, hard edges, black and white against one another."""
    random = np.random.default_rng(3)
    picture, below = random.random((2, 90, 70, 3))
    below[20:] = picture[20:]
    picture[40:60, 20:40], below[40:60, 20:40] = 0, 1
    picture[60:80, 20:40], below[60:80, 20:40] = 1, 0
    matte = np.zeros((90, 70), np.float32)
    matte[:, :35] = np.linspace(0, 1, 35)
    if kind == "float16":
        return picture.astype(np.float16), below.astype(np.float16), matte
    peak = np.iinfo(kind).max
    return (picture * peak).astype(kind), (below * peak).astype(kind), matte


@pytest.mark.parametrize("kind", ["uint8", "uint16", "float16"])
def test_over_gives_the_picture_back(kind: str) -> None:
    picture, below, matte = scene(kind)
    layer, result = peel(picture, as_float(below), matte)
    stored = as_float(layer)
    color = stored[..., :3] if kind == "float16" else stored[..., :3] * stored[..., 3:]
    laid = color + (1 - stored[..., 3:]) * as_float(below)
    assert np.abs(laid - result).max() < 1e-6
    allowed = {"uint8": 1.5 / 255, "uint16": 2.5 / 65535, "float16": 2**-10}[kind]
    assert np.abs(laid - as_float(picture)).max() <= allowed
    assert (stored[..., 3] >= matte - 2**-10).all()
    assert np.array_equal(
        picture[40:80, 20:40], layer[40:80, 20:40, :3]
    )  # nothing of what lies below shines through


def test_nothing_is_laid_where_nothing_differs() -> None:
    picture, below, matte = scene("uint8")
    far = np.s_[85:, 50:]
    assert not peel(picture, as_float(below), matte)[0][far].any()
    whole = np.ones_like(matte)
    assert (peel(picture, as_float(below), whole)[0][..., 3] == 255).all()
    assert not peel(picture, as_float(below), whole, changed_only=True)[0][far].any()


def test_the_raised_matte_is_smooth() -> None:
    below = np.full((400, 400, 3), 128, np.uint8)
    picture = below.copy()
    picture[200:, 200:] = 200
    alpha = peel(picture, as_float(below), np.zeros((400, 400), np.float32))[0][..., 3].astype(int)
    assert alpha[300, 300] == alpha.max() > 100 and alpha[100, 100] == 0
    assert np.abs(np.diff(alpha, axis=1)).max() < 0.7 * alpha.max()


def test_bands_leave_no_seams(monkeypatch: pytest.MonkeyPatch) -> None:
    picture, below, matte = scene("uint8")
    whole = peel(picture, as_float(below), matte)
    monkeypatch.setattr(layers, "_BAND", 16)
    for one, other in zip(whole, peel(picture, as_float(below), matte), strict=True):
        assert np.abs(one.astype(float) - other).max() < 1e-6
