# SPDX-License-Identifier: GPL-3.0-or-later
"""Stored numbers as light, through profiles of several kinds."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from core.errors import InputError
from core.media.color import srgb_profile
from core.media.linear import Linear, light_to_srgb, shrink, srgb_to_light

# colorants of Adobe RGB (1998), adapted to D50
ADOBE = {
    b"rXYZ": (0.60974, 0.31111, 0.01947),
    b"gXYZ": (0.20528, 0.62567, 0.06087),
    b"bXYZ": (0.14919, 0.06322, 0.74457),
}
SRGB = {
    b"rXYZ": (0.4361, 0.2225, 0.0139),
    b"gXYZ": (0.3851, 0.7169, 0.0971),
    b"bXYZ": (0.1431, 0.0606, 0.7141),
}


def gamma(value: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH2x", 1, round(value * 256))


def parametric(kind: int, *values: float) -> bytes:
    return b"para\0\0\0\0" + struct.pack(f">HH{len(values)}i", kind, 0, *(round(v * 65536) for v in values))


def profile(primaries: dict[bytes, tuple[float, ...]], curve: bytes) -> bytes:
    """The parts of an ICC profile that say what its numbers mean."""
    tags = {
        name: b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(v * 65536) for v in xyz))
        for name, xyz in primaries.items()
    }
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    table, body = b"", b""
    start = 132 + 12 * len(tags)
    for name, data in tags.items():
        table += struct.pack(">4sII", name, start + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    return bytes(128) + struct.pack(">I", len(tags)) + table + body


def ramp(bits: int = 8) -> np.ndarray:
    values = np.arange(256, dtype=np.uint16) * (1 if bits == 8 else 257)
    return np.repeat(values.astype(np.uint8 if bits == 8 else np.uint16)[None, :, None], 3, axis=2)


@pytest.mark.parametrize("bits", [8, 16])
def test_no_profile_is_srgb(bits: int) -> None:
    light = Linear(None, bits)(ramp(bits))
    assert light.dtype == np.float32
    assert np.array_equal(light, np.repeat(srgb_to_light(np.arange(256) / 255)[None, :, None], 3, axis=2))
    assert np.abs(light_to_srgb(light) * 255 - ramp()).max() < 1e-3


def test_an_srgb_profile_says_the_same() -> None:
    assert np.abs(Linear(srgb_profile(), 8)(ramp()) - Linear(None, 8)(ramp())).max() < 2e-4


@pytest.mark.parametrize(
    ("curve", "at_half"),
    [
        (gamma(2.2), 0.5**2.2),
        (gamma(1.0), 0.5),
        (b"curv\0\0\0\0" + struct.pack(">I", 0), 0.5),
        (b"curv\0\0\0\0" + struct.pack(">I3H2x", 3, 0, 13107, 65535), 0.2),
        (parametric(0, 1.8), 0.5**1.8),
        (parametric(1, 2.0, 1.2, -0.2), (1.2 * 0.5 - 0.2) ** 2),
        (parametric(2, 2.0, 1.0, -0.1, 0.05), 0.4**2 + 0.05),
        (
            parametric(3, 2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045),
            float(srgb_to_light(np.array(0.5))),
        ),
        (parametric(4, 2.0, 0.9, 0.0, 0.1, 0.6, 0.1, 0.02), 0.1 * 0.5 + 0.02),
    ],
)
def test_curves(curve: bytes, at_half: float) -> None:
    pixels = np.full((1, 1, 3), 32768, np.uint16)
    assert np.allclose(Linear(profile(SRGB, curve), 16)(pixels), at_half, atol=2e-3)


def test_wide_colors_are_not_cut() -> None:
    linear = Linear(profile(ADOBE, gamma(2.19921875)), 8)
    green, grey = np.array([[[0, 255, 0]]], np.uint8), np.array([[[118, 118, 118]]], np.uint8)
    # the green of Adobe RGB lies beyond Rec. 709: red is negative there (Lindbloom's matrices)
    assert np.allclose(linear(green)[0, 0], [-0.3984, 1.0, -0.0429], atol=4e-3)
    assert np.allclose(linear(grey)[0, 0], (118 / 255) ** 2.2, atol=1e-3)


@pytest.mark.parametrize(
    "icc", [b"", bytes(200), profile(SRGB, b"mft1" + bytes(40)), profile({}, gamma(2.2))]
)
def test_profiles_without_curves_are_told(icc: bytes) -> None:
    with pytest.raises(InputError, match="convert the picture to sRGB first"):
        Linear(icc, 8)


def test_averages_are_of_light() -> None:
    """Fine black and white lines are as bright from afar as half the light, 188 of 255, not 128."""
    lines = np.zeros((64, 64, 3), np.uint8)
    lines[::2] = 255
    assert (shrink(lines, (32, 32)) == 188).all()
    assert (
        shrink(lines.astype(np.uint16) * 257, (32, 32)) == round(float(light_to_srgb(np.array(0.5))) * 65535)
    ).all()


def test_what_cannot_be_seen_does_not_bleed() -> None:
    picture = np.zeros((64, 64, 4), np.uint8)
    picture[::2] = (200, 100, 50, 255)
    assert (shrink(picture, (32, 32)) == (200, 100, 50, 128)).all()
