# SPDX-License-Identifier: GPL-3.0-or-later
"""Moved brushwork keeps its strength, and nothing else changes."""

import cv2
import numpy as np
import pytest

from core.compose.brushwork import Brushwork
from core.training.evaluation.texture import energy_ratio

SIZE = 240


def painting(dtype: type = np.uint8) -> np.ndarray:
    """[SIZE, SIZE, 3]: grain that is strong on the left and weak on the right."""
    grain = np.random.default_rng(0).normal(0, 1, (SIZE, SIZE))
    light = 120 + grain * np.linspace(14, 3, SIZE)[None]
    full = np.repeat(np.clip(light, 0, 255)[..., None], 3, 2)
    return np.rint(full * (1 if dtype is np.uint8 else 257)).astype(dtype)


def moved(pixels: np.ndarray, dx: float) -> tuple[np.ndarray, np.ndarray]:
    """The middle of a picture fetched from ``dx`` px farther right, as soft as samples between pixels are;
    and the flow [SIZE / 4, SIZE / 4, 2]."""
    shift = np.zeros((SIZE // 4, SIZE // 4, 2), np.float32)
    shift[10:50, 10:50, 0] = dx
    matrix = np.array([[1, 0, -dx], [0, 1, 0]], np.float32)
    warped = cv2.warpAffine(
        pixels, matrix, (SIZE, SIZE), flags=cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REFLECT
    )
    frame = pixels.copy()
    frame[40:200, 40:200] = warped[40:200, 40:200]
    return frame, shift


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_samples_between_pixels_get_their_strength_back(dtype: type) -> None:
    pixels = painting(dtype)
    frame, shift = moved(pixels, 2.4)
    middle = np.zeros((SIZE, SIZE))
    middle[70:170, 70:170] = 1
    before = energy_ratio(frame, pixels, middle)
    Brushwork(pixels, np.ones((SIZE, SIZE), np.float32)).restore(frame, shift)
    after = energy_ratio(frame, pixels, middle)
    assert before < 0.85
    assert after == pytest.approx(1, abs=0.06)


def test_what_is_still_or_not_the_sitter_stays_bit_for_bit() -> None:
    pixels = painting()
    sitter = np.zeros((SIZE, SIZE), np.float32)
    sitter[:, :120] = 1
    frame, shift = moved(pixels, 2.5)
    before = frame.copy()
    Brushwork(pixels, sitter).restore(frame, shift)
    changed = (frame != before).any(2)
    assert changed[70:170, 60:100].mean() > 0.3
    assert not changed[:, 120:].any()
    assert not changed[:36].any() and not changed[:, :36].any()
    again = pixels.copy()
    Brushwork(pixels, sitter).restore(again, np.zeros_like(shift))
    assert np.array_equal(again, pixels)


def test_sharp_samples_are_not_sharpened() -> None:
    pixels = painting()
    frame, shift = moved(pixels, 3.0)  # whole pixels lose nothing
    before = frame.astype(int)
    Brushwork(pixels, np.ones((SIZE, SIZE), np.float32)).restore(frame, shift)
    inner = np.s_[70:170, 70:170]
    assert np.abs(frame[inner] - before[inner]).mean() < 0.6


@pytest.mark.parametrize(("wide", "apart", "light"), [(3, 40, 60), (2, 31, 40)])
def test_single_strokes_keep_their_strength_wherever_they_come_to_lie(
    wide: int, apart: int, light: int
) -> None:
    picture = 120 + np.random.default_rng(1).normal(0, 3, (SIZE, SIZE))
    for x in range(6, SIZE - wide, apart):
        picture[:, x : x + wide] += light
    pixels = np.repeat(np.clip(np.rint(picture), 0, 255).astype(np.uint8)[..., None], 3, 2)
    brushwork = Brushwork(pixels, np.ones((SIZE, SIZE), np.float32))
    middle = np.zeros((SIZE, SIZE))
    middle[70:170, 70:160] = 1
    found = []
    for dx in (2.4, 3.5, 5.5, 6.4, 8.5, 9.5, 10.6, 13.3, 15.5):
        frame, shift = moved(pixels, dx)
        brushwork.restore(frame, shift)
        found.append(energy_ratio(frame, pixels, middle, np.roll(middle, round(dx), 1)))
    assert np.mean(found) == pytest.approx(1, abs=0.05), found
