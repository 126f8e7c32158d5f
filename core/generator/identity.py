# SPDX-License-Identifier: GPL-3.0-or-later
"""Which base weights are meant: a hash of all that decides what the networks compute.  Needs no torch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from .config import PRESETS

INDEX = "base.json"


def identity(index: Mapping[str, Any]) -> str:
    """SHA-256 of configuration, raster and weights, as ``base.json`` lists them; what its meta notes about
    them may change.  KeyError or TypeError where it does not list them."""
    facts = [index["raster"], index["config"], [shard["sha256"] for shard in index["shards"]]]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


@lru_cache(maxsize=1)
def shipped() -> str:
    """The identity of the base weights that come with the program; empty where they are not there."""
    try:
        return identity(json.loads((PRESETS / "base" / INDEX).read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError):
        return ""
