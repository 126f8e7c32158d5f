# SPDX-License-Identifier: GPL-3.0-or-later
"""Personalizing in Blender: the file follows the .blend, the bake uses it, a lost one is found again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance

from core.compose.compositor import Compositor
from core.generator.identity import shipped
from core.generator.sitter import Sitter
from core.generator.weights import find_base, load_base
from core.media.picture import load_picture, save_picture
from tests.bakes import motion, small_portrait
from tests.landmarks.conftest import write_video
from tests.sitters import tuned_sitter

from .conftest import Blender

pytestmark = pytest.mark.slow
NAME = "portrait-001.sitter.safetensors"


@pytest.fixture(scope="module")
def sitters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """tuned and plain, of the weights that ship; foreign, of others."""
    folder = tmp_path_factory.mktemp("sitters")
    style, delta = torch.zeros(1, 8), {"painting.weight": torch.ones(2, 2).half()}
    for name, deltas, base in (
        ("tuned", delta, shipped()),
        ("plain", {}, shipped()),
        ("foreign", delta, "0" * 64),
    ):
        made = Sitter(style + 1, style, deltas, base, ("ab" * 32, "cd" * 32), {"method": "fine-tuned"})
        made.save(folder / f"{name}.sitter.safetensors")
    return folder


def test_a_sitters_file_follows_the_blend(
    blender: Blender, tmp_path: Path, demo_portrait: Path, sitters: Path
) -> None:
    picture = Image.open(demo_portrait).convert("RGB").resize((400, 500), Image.Resampling.LANCZOS)
    picture.save(tmp_path / "portrait.png")
    ImageEnhance.Brightness(picture).enhance(0.8).save(tmp_path / "other.png")
    picture.resize((320, 400)).save(tmp_path / "small.png")
    seen = blender.run("sitter_files.py", tmp_path, picture=tmp_path / "portrait.png", sitters=sitters)

    assert "Load a portrait first" in seen["no_portrait"]
    assert "Personalize first" in seen["no_sitter"]
    assert "Add shots first" in seen["no_shots"]
    assert "No picture was chosen" in seen["nothing_chosen"]
    assert "there is no such picture" in seen["no_picture"]
    assert "is not a picture that Blender reads" in seen["bad_picture"]
    assert "there is no such video" in seen["no_video"]
    assert seen["shots"] == [["other.png", 400, 500], ["small.png", 320, 400]]
    assert seen["left"] == ["other.png"]

    assert seen["sitter"] == [2, True, 1.0]
    assert seen["unsaved"]
    assert seen["after_copy"] == [True, True]
    beside = "//tableau/scene/portrait/sitter"
    assert seen["saved"] == [f"{beside}/{NAME}", f"{beside}/preview.png", f"{beside}/preview-small.png"]
    assert seen["moved"] == [False, False, True]
    assert seen["before_save"]
    assert seen["next_name"] == "portrait-002.sitter.safetensors"

    assert seen["FLOW"] == [None, [], 1.0]
    assert seen["FULL"] == [NAME, ["other.png"], 0.25]
    assert seen["NEURAL"] == [NAME, [], 0.25]

    assert seen["second"] == ["", 0]
    assert seen["two"] == [f"{NAME} tuned", "plain.sitter.safetensors"]
    assert seen["two_used"] == [NAME, "plain.sitter.safetensors"]
    assert seen["two_folders"]

    assert seen["elsewhere"] == [f"//tableau/again/portrait/sitter/{NAME}", True]
    assert seen["reopened"] == [2, True, 0.25, ""]
    assert seen["shot_found"]

    assert seen["missing"] == f"{NAME}: the sitter's file is not there; find it, or personalize again"
    for asked in ("bake_missing", "frame_missing", "preview_missing"):
        assert seen["missing"] in seen[asked]
        assert "\n" not in seen[asked]
    assert seen["other_fine"] == ""
    assert "there is no such sitter file" in seen["relink_none"]
    assert "is no sitter file" in seen["relink_bad"]
    assert "is cut short" in seen["relink_cut"]
    assert "was made with other base weights; personalize again" in seen["relink_foreign"]
    assert seen["unchanged"]
    assert seen["relinked"] == ["//../lost.sitter.safetensors", ""]
    assert seen["foreign"] == "lost.sitter.safetensors: was made with other base weights; personalize again"
    assert seen["foreign"] in seen["bake_foreign"]
    assert seen["removed"] == ["", 0, False, 1.0, ""]
    assert seen["other_keeps"]
    assert "Traceback" not in seen["stderr"]


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short take of the sitter, who opens her mouth."""
    (picture, face), track = small_portrait(), motion(8)
    compositor = Compositor(picture, face)
    height, width = (side // 2 * 2 for side in picture.pixels.shape[:2])
    frames = (compositor.render(track.points[n], track.irises[n])[:height, :width, :3] for n in range(8))
    path = tmp_path_factory.mktemp("video") / "take.mp4"
    write_video(path, ((n / 25, np.ascontiguousarray(frame)) for n, frame in enumerate(frames)))
    return path


def test_a_sitter_is_made_and_seen(blender: Blender, tmp_path: Path, video: Path) -> None:
    save_picture(tmp_path / "portrait.png", small_portrait()[0].pixels)
    sitter = tuned_sitter(load_base(find_base()), tmp_path / "strong.sitter.safetensors")
    seen = blender.run("sitter.py", tmp_path, picture=tmp_path / "portrait.png", video=video, sitter=sitter)

    assert seen["without"] == [None, 1.0]
    assert seen["with"] == [str(sitter), 1.0]
    names = ("without", "with", "preview", "preview-half")
    without, personal, preview, half = (
        load_picture(tmp_path / f"{name}.png").pixels.astype(int) for name in names
    )
    assert np.abs(personal - without).mean() > 0.1
    assert np.array_equal(preview, personal)
    assert np.abs(half - personal).mean() > 0.02
    assert np.abs(half - without).mean() > 0.02

    beside = "//tableau/scene/portrait/sitter"
    assert len(seen["sampled"]) == 2
    for path, *size in seen["sampled"]:
        assert path.startswith(f"{beside}/take-") and size == [256, 320]
    assert seen["sampling"]
    assert seen["many"] == [f"{beside}/{NAME}", 3, False]
    assert seen["strip"][0] == 1024 and seen["strip"][1] > 600
    assert seen["small"]
    assert seen["difference"] >= 0
    assert seen["personalizing"][-1] == "preview of the sitter"

    assert seen["tuned"] == ["fine-tuned", 1, 3, 1]
    assert seen["says_tuned"]
    assert {"loading the generator", "moving the shot", "tuning the generator"} <= set(seen["tuning"])
    assert seen["next"] == [f"{beside}/portrait-002.sitter.safetensors", f"{beside}/{NAME}"]

    assert seen["stopped"] == ["CANCELLED"]
    assert seen["left_behind"] == []
    assert seen["stays"]
    assert "Traceback" not in seen["stderr"]
