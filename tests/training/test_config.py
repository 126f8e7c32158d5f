# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that say how to train."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import InputError
from core.training.config import AugmentConfig, TrainingConfig, load_configs


def test_presets_hold_the_same_networks_at_two_sizes() -> None:
    small, quick = load_configs(Path("small"))
    base, long = load_configs(Path("base"))
    assert (small.size, base.size) == (128, 256)
    assert replace(small, size=256) == base
    assert (quick.perceptual, long.perceptual) == ("alexnet", "vgg16")


def test_settings_survive_a_round_trip() -> None:
    config = TrainingConfig(batch=3, shots=(2, 5), augment=AugmentConfig(flip=0.25))
    assert TrainingConfig.from_dict(config.to_dict()) == config
    assert TrainingConfig.from_dict({}) == TrainingConfig()


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("[training]\nbatches = 3", "unknown setting batches"),
        ("[training]\nbatch = 0", "batch = 0 is out of its range"),
        ("[training]\nbatch = 'many'", "batch = 'many' is not like"),
        ("[training]\nkeep_state = 1", "keep_state = 1 is not like"),
        ("[training]\nshots = [3, 1]", "out of its range"),
        ("[training]\nshots = [1]", "is not like"),
        ("[training.augment]\nflop = 1.0", "unknown setting flop"),
        ("training = 3", "must be tables"),
        ("[training", "cannot be read as TOML"),
    ],
)
def test_what_is_wrong_is_named_with_its_file(tmp_path: Path, text: str, wrong: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"mine\.toml") as caught:
        load_configs(path)
    assert wrong in str(caught.value)


def test_an_unknown_name_lists_the_presets() -> None:
    with pytest.raises(InputError, match="one of: base, small"):
        load_configs(Path("huge"))
