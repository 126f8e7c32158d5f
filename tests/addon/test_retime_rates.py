# SPDX-License-Identifier: GPL-3.0-or-later
"""Frame rates with a base of 1.001, negative frames and instants between frames."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Blender


def test_conforming_keeps_every_instant(blender: Blender, tmp_path: Path, demo_portrait: Path) -> None:
    seen = blender.run("retime_rates.py", tmp_path, picture=demo_portrait)
    keys = seen["keys"]
    assert [key[0] for key in keys] == pytest.approx([-37, -27.5, -21.5, 8])
    assert seen["truth"][0] == pytest.approx(0, abs=1e-3)
    assert [row[0] for row in seen["rows"][:8]] == [
        "24", "25", "30000/1001", "30", "48", "50", "60000/1001", "60",
    ]  # fmt: skip
    length, start = 45 * 1001 / 24000, -37 * 1001 / 24000
    for rate, off, seconds, begins, *apart in seen["rows"]:
        assert off < 5e-3, f"what shows at an instant is the same at {rate}"
        assert seconds == pytest.approx(length, abs=1e-5)
        assert begins == pytest.approx(start, abs=1e-5)
        assert max(apart) < 1e-4
    for before, after in zip(keys, seen["back"], strict=True):
        assert after == pytest.approx(before, abs=1e-3), "seventeen rates later nothing has drifted"
    assert seen["renamed"] == pytest.approx(length, abs=1e-5)
