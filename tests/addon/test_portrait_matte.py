# SPDX-License-Identifier: GPL-3.0-or-later
"""The matte is shown, painted as an ordinary image, and what was painted is what the bake uses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from .conftest import Blender


@pytest.mark.slow
def test_painted_matte_is_the_bakes_mask(blender: Blender, tmp_path: Path, demo_portrait: Path) -> None:
    picture = tmp_path / "portrait.png"
    Image.open(demo_portrait).convert("RGB").resize((400, 500), Image.Resampling.LANCZOS).save(picture)
    seen = blender.run("matte.py", tmp_path, picture=picture)
    assert "Show the matte first" in seen["none"]
    assert seen["file"] == "//tableau/matte/portrait/matte.png"
    assert seen["mask_before"] == ""
    assert seen["hidden_in_render"]
    assert seen["object"]
    shown = np.asarray(Image.open(tmp_path / "with-matte.png").convert("RGB")).astype(int)
    assert abs(shown - np.asarray(Image.open(picture))).max() == 0, "the matte never renders"

    assert seen["painting"] == [True, "TEXTURE_PAINT", True]
    assert seen["nothing_painted"] == "", "what was not painted does not tie the bake to a file"
    assert seen["values"] == [0.0, 1.0]
    assert seen["dirty"]
    assert seen["mask"] == "//tableau/matte/portrait/matte.png"
    assert Path(seen["job_mask"]).name == "matte.png"
    assert seen["clean"]
    assert seen["kept"] < 1 / 255
    assert seen["unkept"], "what undo has taken back is still to be kept"
    assert seen["kept_again"] == [seen["mask"], False]
    assert seen["still"] == seen["mask"]
    assert seen["again"] == ""
    assert seen["found_again"] > 0.9
    assert not seen["found_is_not_painted"]
    assert seen["undo_finds"] < 1 / 255, "a matte that is removed is written, so that undo finds it"
    assert seen["removed"] == seen["images"] == seen["materials"] == []
