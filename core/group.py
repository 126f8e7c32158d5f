# SPDX-License-Identifier: GPL-3.0-or-later
"""Group portraits: each sitter is baked by herself, and all share one plate that shows none of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .errors import InputError
from .job import BakeJob
from .plan import Plan


def write_group_plate(job: BakeJob, plates: list[Path], output: Path) -> None:
    """Write to ``output`` the picture of ``job`` without any of its sitters.

    ``plates``: those of the sitters' bakes, all of ``job``'s size, format and bits.  Outside its own sitter a
    plate is the picture itself, so where one differs it shows what is behind her.
    Raises InputError where a plate cannot be read or does not go with the job.
    """
    plan = Plan(job)
    picture = plan.files.stored(plan.picture.pixels)
    merged = picture.copy()
    for path in plates:
        plate = _read(path, picture)
        behind = (plate != picture).any(axis=2)
        merged[behind] = plate[behind]
    plan.files.save(output, merged)


def _read(path: Path, picture: np.ndarray) -> np.ndarray:
    """A stored plate, of the shape and type of ``picture``."""
    if path.suffix == ".exr":
        from .media.exr import load_exr

        plate = load_exr(path).astype(np.float16)  # it was stored as halves
    else:
        from .media.picture import load_picture

        plate = load_picture(path).pixels
    if plate.shape != picture.shape or plate.dtype != picture.dtype:
        raise InputError(
            f"{path}: the sitters of a group need layers of one resolution and format; bake this sitter again"
        )
    return plate
