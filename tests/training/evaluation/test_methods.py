# SPDX-License-Identifier: GPL-3.0-or-later
"""Specs of methods."""

from __future__ import annotations

import pytest

from core.errors import InputError

pytest.importorskip("torch")

from core.training.evaluation.methods import parse_spec, split_specs


def test_method_specs() -> None:
    assert split_specs("static,tps:anchors=none,smoothing=0.1,flow") == [
        "static",
        "tps:anchors=none,smoothing=0.1",
        "flow",
    ]
    assert parse_spec("tps:anchors=none,smoothing=0.1")[1] == {"anchors": "none", "smoothing": "0.1"}
    with pytest.raises(InputError, match="nonsense"):
        parse_spec("nonsense")
