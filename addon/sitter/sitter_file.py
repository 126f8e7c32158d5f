# SPDX-License-Identifier: GPL-3.0-or-later
"""A sitter's file as Blender can read it, without the engine: its header says what it was made from."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ..problems import Problem

SUFFIX = ".sitter.safetensors"
SCHEMA = "tableau-vivant/sitter-1"
_HEADER_MOST = 4 * 2**20  # bytes


@dataclass(frozen=True)
class SitterFacts:
    """``shots``: SHA-256 of each picture it was made from; ``tuned``: its generator was trained;
    ``base``: identity of the weights it was made with."""

    shots: tuple[str, ...]
    tuned: bool
    base: str


def read_facts(path: Path) -> SitterFacts:
    """The facts in the header of a ``.sitter.safetensors`` file; Problem for anything else."""
    if not path.is_file():
        raise Problem(f"{path}: there is no such sitter file; choose another, or personalize again")
    again = "choose another file, or personalize again"
    try:
        with path.open("rb") as file:
            (size,) = struct.unpack("<Q", file.read(8))
            if not 2 <= size <= _HEADER_MOST:
                raise ValueError("its header has an impossible size")
            header = json.loads(file.read(size))
        about = header.pop("__metadata__")
        if about["schema"] != SCHEMA:
            raise Problem(f"{path}: is no sitter file of this version; {again}")
        facts = json.loads(about["facts"])
        last = max(entry["data_offsets"][1] for entry in header.values())
        shots, base = tuple(str(shot) for shot in facts["shots"]), str(facts["base"])
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, struct.error):
        raise Problem(f"{path}: is no sitter file; {again}") from None
    except OSError as error:
        raise Problem(f"{path}: cannot be read ({error.strerror}); {again}") from error
    if path.stat().st_size < 8 + size + last:
        raise Problem(f"{path}: is cut short; {again}")
    return SitterFacts(shots, any(name.startswith("delta.") for name in header), base)


def trouble(path: Path) -> str:
    """Why the sitter file at ``path``, which is there, cannot be used, in one line; empty where it can."""
    status = path.stat()
    return _trouble(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=64)
def _trouble(path: Path, _time: int, _size: int) -> str:
    from ...core.generator.identity import shipped

    try:
        facts = read_facts(path)
    except Problem as problem:
        return str(problem)
    if facts.base != shipped():
        return f"{path.name}: was made with other base weights; personalize again"
    return ""
