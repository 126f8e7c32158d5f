# SPDX-License-Identifier: GPL-3.0-or-later
"""The live preview shows what the compositor's flow says, follows the animation and leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.compose.compositor import Compositor
from core.landmarks.track import LandmarkTrack
from core.media.picture import load_picture
from core.plan import rest_face
from core.preview import Previewer

from .conftest import Blender

SIZE = (400, 500)


@pytest.mark.slow
def test_preview_follows_the_rig(blender: Blender, tmp_path: Path, demo_portrait: Path) -> None:
    path = tmp_path / "portrait.png"
    Image.open(demo_portrait).convert("RGB").resize(SIZE, Image.Resampling.LANCZOS).save(path)
    seen = blender.run("preview.py", tmp_path, picture=path, generator=True)
    print({key: seen[key] for key in ("vertices", "frame_ms", "handler_ms", "solved_moves_px")})
    assert "Switch the live preview on" in seen["fill_before"]
    assert seen["handlers_on"] == 7
    assert seen["render"] and seen["parent"]
    assert seen["unsolved_moves"] == 0, "the nearest solved pose is shown until its own is there"
    assert seen["solved_moves_px"] > 3
    assert seen["changed_px"] > 1 and seen["solved_more"] == 1
    assert seen["kept_pose"][0] == 0.02 and seen["kept_pose"][1] < 1e-6
    assert seen["asked_again"] == 0
    assert seen["left"] == [0, []]
    assert seen["disabled"] == [[], [], False]
    assert seen["back"] and seen["opened"] == [], "what only previews is not in the file"

    assert seen["painted"] == [True, False, "Painted, as at frame 12", True]
    assert seen["painted_later"] == [True, "Frame 12: another pose now, hidden", False]
    assert seen["painted_again"] == seen["painted"][1:]
    assert seen["rig_shown"] == [False, True, False, True], (
        "bones and curves are not drawn over a painted frame"
    )
    assert seen["frame_gone"] == [True, ["", False]]
    steps = [text for _, _, text in seen["progress"]]
    told = {
        "reading the portrait",
        "laying the picture on the relief",
        "beginning to paint",
        "painting the frame",
    }
    assert told & set(steps), "what is done meanwhile is said; a quick step may go by between two looks"

    picture = load_picture(path)
    data = np.load(tmp_path / "last.npz")
    rest = next(tmp_path.rglob("face.npz"), None)
    assert rest is not None
    compositor = Compositor(picture, rest_face(LandmarkTrack.load(rest)))
    pose = data["pose"].reshape(70, 2)
    compositor.render_patch(pose[:68], pose[68:])
    flow = compositor.last_flow
    assert flow is not None
    previewer = Previewer(picture, rest_face(LandmarkTrack.load(rest)))
    gave_up = previewer.still * (flow.vertices[:, :2] - previewer.rest[:, :2])  # beside the sitter
    expected = np.clip(flow.vertices[:, :2] - gave_up, 0, SIZE)
    shown = data["positions"][:-12, :2] / [data["pixel"], -data["pixel"]] + np.array(SIZE) / 2
    assert abs(shown - expected).max() < 0.02, "px"

    pose = np.load(tmp_path / "shown.npz")["pose"].reshape(70, 2)
    wanted = compositor.render(pose[:68], pose[68:]).astype(float)
    rendered = np.asarray(Image.open(tmp_path / "shown.png").convert("RGB")).astype(float)
    still = picture.pixels.astype(float)
    face = compositor.relief.landmarks
    (x0, y0), (x1, y1) = face.min(0).astype(int), face.max(0).astype(int)
    off, moved = (abs(one - wanted)[y0:y1, x0:x1, :3].mean() for one in (rendered, still))
    print(f"face: preview differs from the compositor by {off:.2f} of 255, the still picture by {moved:.2f}")
    assert off < 0.35 * moved
    corner = np.s_[:20, :20]
    apart = abs(rendered - still)[corner].mean()
    print(f"corner: {apart:.2f} of 255")
    assert apart < 2, "the picture's colors, but for less than a pixel of parallax before the plane"


@pytest.mark.slow
def test_previews_of_groups_and_scenes(blender: Blender, tmp_path: Path, demo_portrait: Path) -> None:
    demo = Image.open(demo_portrait).convert("RGB").resize(SIZE, Image.Resampling.LANCZOS)
    demo.save(tmp_path / "single.png")
    couple = Image.new("RGB", (2 * SIZE[0], SIZE[1]))
    couple.paste(demo, (0, 0))
    couple.paste(demo.transpose(Image.Transpose.FLIP_LEFT_RIGHT), (SIZE[0], 0))
    couple.save(tmp_path / "couple.png")
    files = {"picture": tmp_path / "single.png", "couple": tmp_path / "couple.png"}
    seen = blender.run("preview_scenes.py", tmp_path, **files)
    print({key: value for key, value in seen.items() if key not in ("stdout", "stderr")})
    assert "Traceback" not in seen["stderr"]
    assert seen["one_by_one"] == [True, True, True]
    left, right = seen["apart"]
    assert left < 15 and right > -15, "one face's mesh does not lie over the other's"

    own, beside, elsewhere = seen["one_moves"]
    assert own > 3 and beside == 0 and elsewhere == 0
    assert seen["other_scene"] == 0
    assert seen["other_moves"] > 3 and seen["left_stays"] == own

    assert seen["sliders_keep_it"] == [True, ""]
    assert seen["slider"] > 5
    keyed = seen["keyed"]
    assert keyed[0] < 0.1 and keyed[-1] > 5 and keyed == sorted(keyed)
    assert seen["nothing_asked"]

    assert seen["undone"] == 0
    assert seen["waits"] == [True, True, True]
    assert seen["clean"] == [], "Blender asks to save images that were changed"
    assert seen["no_stage"] == ["The preview object is gone; switch the preview on again", True, True]
    line, gone = seen["moved"]
    assert "single.png" in line and gone
    assert "the picture is not there; find it again in the Portrait panel" in seen["moved_start"]
    assert "deleted" in seen["deleted"][0] and seen["deleted"][1] == 0
    assert seen["left_over"] == [] and seen["handlers"] == 0
