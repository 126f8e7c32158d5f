# SPDX-License-Identifier: GPL-3.0-or-later
"""Soft limits and ramps."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def soft_limit(x: ArrayLike, free: ArrayLike, most: ArrayLike) -> np.ndarray:
    """Leave |x| <= free alone, compress what is beyond so that |x| never
    reaches ``most``; smooth at the joint."""
    x, free = np.asarray(x, np.float64), np.asarray(free, np.float64)
    room = np.maximum(np.asarray(most, np.float64) - free, 1e-9)
    size = np.abs(x)
    return np.sign(x) * np.where(size <= free, size, free + room * np.tanh((size - free) / room))


def ramp(x: ArrayLike, low: ArrayLike, high: ArrayLike) -> np.ndarray:
    """0 below ``low``, 1 above ``high``, a smooth step between."""
    low = np.asarray(low, np.float64)
    u = np.clip(
        (np.asarray(x, np.float64) - low) / np.maximum(np.asarray(high, np.float64) - low, 1e-9), 0.0, 1.0
    )
    return u * u * (3.0 - 2.0 * u)
