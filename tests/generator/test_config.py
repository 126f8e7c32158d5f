# SPDX-License-Identifier: GPL-3.0-or-later
"""The shapes of the networks as settings and as files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import InputError
from core.generator.config import PRESETS, GeneratorConfig, load_config


def test_dict_round_trip() -> None:
    config = GeneratorConfig(size=128, middle=1, generator=(8, 8, 8, 8, 16))
    assert GeneratorConfig.from_dict(config.to_dict()) == config
    assert GeneratorConfig.from_dict({}) == GeneratorConfig()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"sise": 256}, "unknown setting 'sise'"),
        ({"size": 250}, "multiple of 32"),
        ({"size": 32}, "from 64"),
        ({"size": 1024}, "to 512"),
        ({"size": True}, "whole number"),
        ({"size": "256"}, "whole number"),
        ({"reach": "far"}, "must be a number"),
        ({"reach": 0}, "above 0"),
        ({"generator": [1, 2]}, "five widths"),
        ({"embedder": []}, "list of widths"),
        ({"embedder": [4, 0.5]}, "list of whole numbers"),
        ({"middle": -1}, "0 or more"),
    ],
)
def test_wrong_values_are_refused_with_their_place(data: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=r"^here\.toml: ") as caught:
        GeneratorConfig.from_dict(data, "here.toml")
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_small_goes_on_as_base() -> None:
    small, base = load_config("small"), load_config("base")
    assert (small.size, base.size) == (128, 256)
    assert replace(small, size=256) == base == GeneratorConfig()


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("[networks]\nsize = 96\n", encoding="utf-8")
    assert load_config(path) == load_config(str(path)) == GeneratorConfig(size=96)


@pytest.mark.parametrize("text", ["", "networks = 3", "[networks", "[networks]\nsize = 7"])
def test_bad_files_are_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"mine\.toml: "):
        load_config(path)


def test_a_missing_preset_names_those_there_are() -> None:
    with pytest.raises(InputError, match="base, small"):
        load_config("huge")
    assert PRESETS.is_dir()
