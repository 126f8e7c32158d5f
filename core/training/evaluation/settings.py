# SPDX-License-Identifier: GPL-3.0-or-later
"""What an evaluation measures, and how."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ...errors import InputError

DEFAULT_METHODS = "static,aligned,tps,nearest,nearest-tps,flow,nearest-flow,neural,full,personalized"


@dataclass(frozen=True)
class Settings:
    """See the command's help."""

    clips: Path
    shots: tuple[int, ...] = (1,)
    methods: str = DEFAULT_METHODS
    frames: int = 12
    pairs: int = 4
    only: tuple[str, ...] = ()
    backend: str = "mediapipe"
    weights: Path | None = None
    judges: Path | None = None
    base: Path | None = None
    device: str = "auto"
    steps: int | None = None
    controls: bool = False
    cache: Path | None = None
    renew: bool = False
    threads: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.shots or min(self.shots) < 1 or len(set(self.shots)) != len(self.shots):
            raise InputError("--shots: give different whole numbers from 1 on, such as 1,8,32")
        if self.frames < 1 or self.pairs < 0 or self.threads < 1:
            raise InputError("--frames and --threads are at least 1, --pairs at least 0")
