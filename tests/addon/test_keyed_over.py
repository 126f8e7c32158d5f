# SPDX-License-Identifier: GPL-3.0-or-later
"""What is keyed by hand over strips moves the face and the gains, also when more performances come."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from .conftest import Blender


@pytest.mark.slow
def test_keys_over_strips(blender: Blender, tmp_path: Path, demo_portrait: Path) -> None:
    picture = tmp_path / "portrait.png"
    Image.open(demo_portrait).convert("RGB").resize((400, 500), Image.Resampling.LANCZOS).save(picture)
    seen = blender.run("keyed_over.py", tmp_path, picture=picture)
    print({key: value for key, value in seen.items() if key not in ("stdout", "stderr")})
    assert seen["laid_over"]
    assert seen["right"][1] < 0.1 < 3 < seen["right"][0], "px: the key closes the lid, whatever was solved"
    assert seen["left"] < 1e-3 and seen["retargeted"] < 0.1

    assert "Gains were changed" in seen["due"] and seen["keyed"] == [""]
    assert max(seen["said"]) < 1e-5, "strips hold and end as Blender has it"
    assert seen["tracks"] == [
        [["wink"], ["portrait RigAction", "nod"]],
        [["wink"], ["portrait RigAction", "nod"], ["nod.001"]],
    ]
    assert seen["loaded_after"] == seen["loaded_over"] == [""], "a frame is no change, nor is another take"
    assert max(seen["again"]) < 1e-3, "px: what was loaded has the gains of its place already"
    alone, faded = seen["turned"]
    assert faded[0] < 0.8 * alone[0] and faded[1] < 0.5 * alone[1]
    assert "Gains were changed: re-target" in seen["edited"]
