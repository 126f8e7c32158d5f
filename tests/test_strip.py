# SPDX-License-Identifier: GPL-3.0-or-later
"""Before and after: the strip tells what a sitter changes, and nothing where it changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core import methods
from core.animate import face_track
from core.errors import Cancelled, InputError, WeightsError
from core.generator.weights import Base
from core.media.picture import load_picture, save_picture
from core.strip import CELL, POSES
from tests.bakes import small_portrait
from tests.generator.test_render import make_base
from tests.sitters import tuned_sitter

pytestmark = pytest.mark.slow  # each prepares a portrait


@dataclass(frozen=True)
class Files:
    """``folder`` holds portrait.png, face.npz, tuned.sitter.safetensors and plain.sitter.safetensors."""

    folder: Path
    base: Base

    def ask(self, sitter: str, output: Path, stop: int = 99, **more: Any) -> dict[str, Any]:
        told: list[int] = []
        options: dict[str, Any] = {
            "image": str(self.folder / "portrait.png"),
            "face": str(self.folder / "face.npz"),
            "sitter": str(self.folder / f"{sitter}.sitter.safetensors"),
            "output": str(output),
            "base": str(self.folder / "base"),
        }
        told_of = lambda done, total, text: told.append(done)  # noqa: E731
        return methods.run("preview_strip", options | more, told_of, lambda: len(told) >= stop)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    folder = tmp_path_factory.mktemp("strip")
    picture, face = small_portrait()
    save_picture(folder / "portrait.png", picture.pixels)
    face_track(face, picture.size, {}).save(folder / "face.npz")
    base = make_base(folder / "base", 0.3)
    tuned_sitter(base, folder / "tuned.sitter.safetensors")
    made = methods.run(
        "personalize",
        {
            "shots": [str(folder / "portrait.png")],
            "face": str(folder / "face.npz"),
            "output": str(folder / "plain.sitter.safetensors"),
            "base": str(folder / "base"),
        },
        lambda done, total, text: None,
        lambda: False,
    )
    assert made["method"] == "feed-forward" and len(made["shots"]) == 1
    return Files(folder, base)


def test_a_tuned_sitter_is_seen_and_likeness_fades_it(files: Files, tmp_path: Path) -> None:
    whole = files.ask("tuned", tmp_path / "new" / "whole.png")
    half = files.ask("tuned", tmp_path / "half.png", likeness=0.5)
    assert 0 < half["difference"] != whole["difference"] > 1
    sheet = load_picture(Path(whole["strip"])).pixels
    assert list(sheet.shape[1::-1]) == whole["size"] and whole["poses"] == [name for name, _, _ in POSES]
    # the row of changes is bright where the two rows above it differ
    row = (sheet.shape[0] - 6) // 3
    before, after, change = (sheet[index * row : (index + 1) * row - 40] for index in range(3))
    apart = np.abs(after.astype(int) - before).max(axis=2)
    assert change[apart > 16].mean() > 150 > 60 > change[apart == 0].mean()
    small = load_picture(Path(whole["thumbnail"])).pixels
    assert small.shape[1] <= 2 * CELL and small.shape[0] <= 2 * CELL
    left, right = np.split(small.astype(int), 2, axis=1)
    assert np.abs(left - right).mean() > 1


def test_one_shot_says_what_the_picture_says(files: Files, tmp_path: Path) -> None:
    assert files.ask("plain", tmp_path / "plain.png")["difference"] < 0.005


def test_a_stop_writes_nothing(files: Files, tmp_path: Path) -> None:
    with pytest.raises(Cancelled, match="preview was stopped"):
        files.ask("tuned", tmp_path / "sub" / "strip.png", stop=3)
    assert not list(tmp_path.iterdir())


def test_wrong_files_are_named_in_one_line(files: Files, tmp_path: Path) -> None:
    picture, face = small_portrait()
    face_track(face, (picture.size[0] + 1, picture.size[1]), {}).save(tmp_path / "other.npz")
    with pytest.raises(InputError, match=r"other\.npz.*portrait\.png.*detect them again"):
        files.ask("tuned", tmp_path / "strip.png", face=str(tmp_path / "other.npz"))
    with pytest.raises(WeightsError, match=r"gone\.sitter.*no such sitter"):
        files.ask("gone", tmp_path / "strip.png")
    with pytest.raises(InputError, match="likeness"):
        files.ask("tuned", tmp_path / "strip.png", likeness=2.0)
    make_base(tmp_path / "base", 0.7)
    with pytest.raises(WeightsError, match="other base weights"):
        files.ask("tuned", tmp_path / "strip.png", base=str(tmp_path / "base"))
    assert not (tmp_path / "strip.png").exists()
