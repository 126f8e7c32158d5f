# SPDX-License-Identifier: GPL-3.0-or-later
"""The plate that the sitters of a group portrait share."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.errors import InputError
from core.group import write_group_plate
from core.job import BakeJob
from core.media.exr import load_exr
from core.media.picture import load_picture
from core.plan import Plan
from core.provenance import verify
from core.rendering import Rendering

from .bakes import make_job


def job_and_plates(folder: Path, **output: object) -> tuple[BakeJob, np.ndarray, list[Path]]:
    """A job, its picture as stored, and two plates: one paints over the upper left, one over the right."""
    job = replace(make_job(folder, 1, layers=True, **output), rendering=Rendering("flow"))
    plan = Plan(job)
    stored, paths = plan.files.stored(plan.picture.pixels), []
    for name, place in (("one", np.s_[10:60, 10:60]), ("two", np.s_[40:150, 100:200])):
        plate = stored.copy()
        plate[place] = plate[place] // 2 if stored.dtype == np.uint8 else plate[place] / 2
        paths.append(folder / f"{name}.{job.output.format}")
        plan.files.save(paths[-1], plate)
    return job, stored, paths


@pytest.mark.parametrize("output", [{}, {"format": "exr", "bits": 16, "size": 0.5}])
def test_nobody_is_on_the_plate_of_a_group(tmp_path: Path, output: dict[str, object]) -> None:
    job, stored, plates = job_and_plates(tmp_path, **output)
    made = tmp_path / f"group.{job.output.format}"
    write_group_plate(job, plates, made)
    merged = load_exr(made) if made.suffix == ".exr" else load_picture(made).pixels
    half = stored // 2 if stored.dtype == np.uint8 else stored / 2
    where = np.zeros(stored.shape[:2], bool)
    where[10:60, 10:60] = where[40:150, 100:200] = True
    assert np.array_equal(merged[where], half[where])
    assert np.array_equal(merged[~where], stored[~where])
    assert verify(made)["provenance"], "it tells where it comes from"


def test_plates_of_two_sizes_do_not_go_together(tmp_path: Path) -> None:
    job, _, plates = job_and_plates(tmp_path)
    smaller = replace(job, output=replace(job.output, size=0.5))
    with pytest.raises(InputError, match=r"one\.png: the sitters of a group need layers of one resolution"):
        write_group_plate(smaller, plates, tmp_path / "group.png")
    assert not (tmp_path / "group.png").exists()
