# SPDX-License-Identifier: GPL-3.0-or-later
"""The beat of a sound: onsets by spectral flux, tempo by autocorrelation, beats by dynamic programming."""

from __future__ import annotations

import numpy as np

_RATE = 100  # values of the onset curve a second


def find_beats(samples: np.ndarray, rate: float) -> np.ndarray:
    """float64 [N]: times in seconds of the beats in mono ``samples`` [T] at ``rate`` Hz.

    Empty where there is no sound, or less than two seconds of it.  Tempi from 50 to 200 a minute; where
    several fit, the one nearest to 120.
    """
    if len(samples) < 2 * rate:
        return np.zeros(0)
    onsets = _onsets(samples, rate)
    if not onsets.any():
        return np.zeros(0)
    period = _period(onsets)
    return _track(onsets, period) / _RATE


def _onsets(samples: np.ndarray, rate: float) -> np.ndarray:
    """Rise of the logarithmic spectrum, [T], its mean removed and its deviation 1."""
    size = 1 << round(np.log2(rate * 0.03))
    starts = np.round(np.arange(int(len(samples) / rate * _RATE)) * rate / _RATE).astype(int)
    # each window ends where its place on the time line is centered: what begins there is just coming in
    padded = np.concatenate([np.zeros(size // 2), samples, np.zeros(size)])
    window = np.hanning(size)
    spectra = np.array([np.abs(np.fft.rfft(padded[s : s + size] * window)) for s in starts])
    if not spectra.any():
        return np.zeros(len(starts))
    level = np.log1p(100.0 * spectra / spectra.max())
    flux = np.maximum(np.diff(level, axis=0, prepend=level[:1]), 0.0).sum(axis=1)
    flux -= flux.mean()
    return flux / max(float(flux.std()), 1e-9)


def _period(onsets: np.ndarray) -> float:
    """Steps from beat to beat."""
    lags = np.arange(round(_RATE * 60 / 200), min(round(_RATE * 60 / 50), len(onsets) // 2) + 1)
    own = np.array([float(onsets[lag:] @ onsets[:-lag]) / (len(onsets) - lag) for lag in lags])
    return float(lags[np.argmax(own * np.exp(-0.5 * np.log2(lags / (_RATE / 2)) ** 2))])


def _track(onsets: np.ndarray, period: float) -> np.ndarray:
    """Places of beats about ``period`` apart that lie on the strongest onsets (Ellis, 2007)."""
    gaps = np.arange(round(period / 2), round(2 * period) + 1)
    price = 100.0 * np.log(gaps / period) ** 2
    score, before = onsets.copy(), np.full(len(onsets), -1)
    for place in range(gaps[0], len(onsets)):
        reach = gaps[gaps <= place]
        ways = score[place - reach] - price[: len(reach)]
        best = int(np.argmax(ways))
        if ways[best] > 0:
            score[place] += ways[best]
            before[place] = place - reach[best]
    tail = max(0, len(score) - int(2 * period))
    place = tail + int(np.argmax(score[tail:]))
    beats = []
    while place >= 0:
        beats.append(place)
        place = int(before[place])
    return np.array(beats[::-1], np.float64)
