# SPDX-License-Identifier: GPL-3.0-or-later
"""What an engine's environment is made of: the pinned and hashed lists that come with the extension."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "presets" / "engine"
FILES = ("needs.json", "requirements.txt", "torch.txt", "uv.txt")


@dataclass(frozen=True)
class Recipe:
    """``pythons`` like "3.11", the best first; ``torch`` like "torch==2.13.0"; ``packages`` to be installed
    beside it; ``digest`` changes with every change of the lists."""

    folder: Path
    pythons: tuple[str, ...]
    torch: str
    packages: int
    digest: str

    @property
    def needs(self) -> Path:
        return self.folder / "needs.json"

    @property
    def requirements(self) -> Path:
        return self.folder / "requirements.txt"

    @property
    def torch_pins(self) -> Path:
        """torch as PyPI has it, with what it brings along on Linux."""
        return self.folder / "torch.txt"

    @property
    def uv_pin(self) -> Path:
        return self.folder / "uv.txt"


def load(folder: Path | None = None) -> Recipe:
    """The lists in ``folder``; those of the extension by default."""
    folder = folder or FOLDER
    texts = [(folder / name).read_bytes() for name in FILES]
    needs = json.loads(texts[0])
    return Recipe(
        folder=folder,
        pythons=tuple(needs["pythons"]),
        torch=needs["torch"],
        packages=len(re.findall(rb"^[^\s#]+==", texts[1], re.MULTILINE)),
        digest=hashlib.sha256(b"\0".join(texts)).hexdigest()[:16],
    )
