# SPDX-License-Identifier: GPL-3.0-or-later
"""Blinks of a performance become markers, and time bends until they fall on markers or on a beat."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from addon.retime import beats

from .conftest import Blender


def test_events_are_marked_and_snapped(blender: Blender, tmp_path: Path, demo_portrait: Path) -> None:
    seen = blender.run("retime_events.py", tmp_path, picture=demo_portrait)
    assert "mark its events" in seen["unmarked"]
    assert seen["events"] == [["Blink", 30], ["Blink", 61], ["Blink", 95]]
    assert seen["again"] == 3, "a second search replaces the first"
    assert "timeline markers" in seen["no_markers"]
    assert seen["snapped"] == pytest.approx([1, 30, 61, 120], abs=1e-3)
    assert seen["monotone"] >= 0
    assert "sequencer" in seen["no_sound"]
    assert seen["beats"] == pytest.approx([12.5 * n for n in range(1, len(seen["beats"]) + 1)], abs=0.5)
    assert len(seen["beats"]) == 16
    assert seen["on_beat"] == pytest.approx([1, 37.5, 50, 75, 120], abs=0.5)


def test_silence_has_no_beat() -> None:
    assert len(beats.find_beats(np.zeros(22050 * 4), 22050)) == 0
    assert len(beats.find_beats(np.ones(22050), 22050)) == 0
