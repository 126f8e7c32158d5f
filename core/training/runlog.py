# SPDX-License-Identifier: GPL-3.0-or-later
"""A run's figures as CSV: one line every few steps, and one for each validation."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

from ..atomic import atomic_path
from ..errors import OutputError

TERMS = (
    "loss",
    "perceptual",
    "pixel",
    "gradient",
    "sparsity",
    "alignment",
    "smoothness",
    "neural",
    "adversarial",
    "feature",
    "match",
    "discriminator",
)
NORMED = ("perceptual", "pixel", "gradient", "neural", "adversarial", "feature")
TRAINING = (
    "step",
    "seconds",
    "samples",
    "samples_per_second",
    *TERMS,
    *(f"norm_{name}" for name in NORMED),
    *(f"weight_{name}" for name in NORMED),
)
VALIDATION = (
    "step",
    "seconds",
    "warp_l1",
    "output_l1",
    "warp_features_l1",
    "output_features_l1",
    "warp_lpips",
    "output_lpips",
    "neural_lpips",
    "neural_other_lpips",
    "opacity",
)


class RunLog:
    """RUN/log.csv and RUN/validation.csv.  A resumed run first drops the lines of steps it will do again."""

    def __init__(self, run: Path, step: int = 0) -> None:
        self._files = {run / "log.csv": TRAINING, run / "validation.csv": VALIDATION}
        for path, columns in self._files.items():
            kept = []
            if step and path.is_file():
                with path.open(newline="", encoding="utf-8") as file:
                    kept = [row for row in csv.DictReader(file) if int(row["step"]) <= step]
            with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, columns, restval="", extrasaction="ignore")
                writer.writeheader()
                writer.writerows(kept)

    def training(self, row: Mapping[str, float]) -> None:
        """Append a line to log.csv; what is not given stays empty."""
        self._append(0, row)

    def validation(self, row: Mapping[str, float]) -> None:
        """Append a line to validation.csv."""
        self._append(1, row)

    def _append(self, number: int, row: Mapping[str, float]) -> None:
        path, columns = list(self._files.items())[number]
        unknown = set(row) - set(columns)
        if unknown:
            raise ValueError(f"no column for {sorted(unknown)}")
        shown = {name: f"{value:.6g}" if isinstance(value, float) else value for name, value in row.items()}
        try:
            with path.open("a", newline="", encoding="utf-8") as file:
                csv.DictWriter(file, columns, restval="").writerow(shown)
        except OSError as error:
            raise OutputError(
                f"{path}: cannot be written ({error.strerror or error}); free some space"
            ) from error
