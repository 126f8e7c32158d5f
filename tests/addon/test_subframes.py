# SPDX-License-Identifier: GPL-3.0-or-later
"""Between two frames the rig and its preview stand between two poses; a baked plane shows the frame begun."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from .conftest import Blender


@pytest.mark.slow
def test_between_two_frames(blender: Blender, tmp_path: Path, demo_portrait: Path) -> None:
    picture = tmp_path / "portrait.png"
    Image.open(demo_portrait).convert("RGB").resize((240, 300), Image.Resampling.LANCZOS).save(picture)
    seen = blender.run("subframes.py", tmp_path, picture=picture)
    assert seen["pose"] < 0.01 < 1 < seen["step"], "px: a linear key is half way at half a frame"
    print({name: seen[name] for name in ("before", "between", "apart")})
    assert 0.3 < seen["before"] / seen["apart"] < 0.7, "the preview is not that of the frame before"
    assert seen["between"] < 0.3 * seen["apart"]
    assert seen["wanted"] < 0.01

    shown, said = zip(*seen["numbers"], strict=True)
    assert shown == said and set(said) == {3, 4, 5}

    gray = {}
    for name in ("on", "half", "late", "blur"):
        values = np.unique(np.asarray(Image.open(tmp_path / f"{name}.png").convert("RGB")))
        assert len(values) == 1, f"{name}: one frame, not two blended"
        gray[name] = int(values[0])
    files = [
        np.asarray(Image.open(path).convert("RGB"))[0, 0, 0] for path in sorted(tmp_path.glob("frames/*"))
    ]
    assert gray == {"on": files[0], "half": files[0], "late": files[1], "blur": files[1]}
