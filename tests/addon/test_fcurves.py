# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole F-curves as arrays: they say what Blender says, and their marks tell every edit."""

from __future__ import annotations

from pathlib import Path

from .conftest import Blender


def test_curves_as_arrays_are_blenders_own(blender: Blender, tmp_path: Path) -> None:
    seen = blender.run("fcurves.py", tmp_path)
    assert seen["back"] == 0
    kinds = {"linear", "constant", "bezier", "extrapolation", "modifier", "slopes"}
    assert set(seen["apart"]) == kinds
    # Blender keeps frames in single precision, and the keys lie close together
    assert all(apart < 1e-4 for apart in seen["apart"].values()), seen["apart"]
    assert seen["still"][0] == 1 and seen["still"][1] == 0, "what does not move has one key"
    first, again, *edited = seen["marks"]
    assert first == again
    assert len({first, *edited}) == 5, "interpolation, handles and values count"
