# SPDX-License-Identifier: GPL-3.0-or-later
"""Time left: promised once it is known, counted down, and begun anew with another work."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def pace(repo: Path) -> ModuleType:
    """The module by its file: the package around it needs Blender."""
    spec = importlib.util.spec_from_file_location("pace", repo / "addon" / "pace.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_time_left_is_of_the_recent_speed(pace: ModuleType) -> None:
    clock = pace.Pace()
    assert clock.left(0.0) is None
    clock.note(0, 100, 0.0)
    clock.note(1, 100, 1.0)
    assert clock.left(1.0) is None  # too early to promise
    for done in range(2, 11):
        clock.note(done, 100, float(done))
    assert clock.left(10.0) == pytest.approx(90.0)
    assert clock.left(12.5) == pytest.approx(87.5)  # it goes on between two reports
    for done in range(11, 61):
        clock.note(done, 100, 10.0 + (done - 10) / 10)
    assert clock.left(15.0) == pytest.approx(4.0)  # ten times as fast by now
    assert clock.left(1000.0) == 0.0


def test_another_work_begins_anew(pace: ModuleType) -> None:
    clock = pace.Pace()
    for done in range(10):
        clock.note(done, 20, float(done))
    clock.note(1, 8, 10.0)
    assert clock.left(10.0) is None
    for done in range(2, 6):
        clock.note(done, 8, 10.0 + done)
    assert clock.left(15.0) is not None
    clock.note(0, 8, 16.0)  # the same number of pieces, from the start
    assert clock.left(16.0) is None
    clock.note(0, 0, 17.0)  # nothing is known of what runs now
    assert clock.left(17.0) is None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, ""),
        (1.0, "a moment left"),
        (33.0, "about 35 s left"),
        (61.0, "about 1 min left"),
        (700.0, "about 12 min left"),
        (5400.0, "about 1.5 h left"),
    ],
)
def test_words_are_no_more_exact_than_the_guess(pace: ModuleType, seconds: float | None, text: str) -> None:
    assert pace.words(seconds) == text
