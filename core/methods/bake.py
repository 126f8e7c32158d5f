# SPDX-License-Identifier: GPL-3.0-or-later
"""Bakes: what is due, the frames, the plate of a group, bundles for farms."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .signature import Cancelled, Progress, Result


def bake(*, job: str, frames: str | None = None, progress: Progress, cancelled: Cancelled) -> Result:
    """Bake a job file, or its ``frames`` "A-B"."""
    from ..bake import run_bake
    from ..job import BakeJob, parse_frames
    from ..outputs import check_folder, nothing_left

    chosen = None if frames is None else parse_frames(frames, "frames")
    loaded = BakeJob.load(job)
    folder = loaded.output.folder
    check_folder(folder)
    with nothing_left([folder], [], lambda: any(folder.glob(f"*.{loaded.output.format}"))):
        return run_bake(loaded, frames=chosen, progress=progress, cancelled=cancelled).to_dict()


def due(*, job: str) -> Result:
    """How many frames of a job file a bake would render now, and how many it would keep."""
    from ..job import BakeJob
    from ..ledger import Ledger
    from ..plan import Plan

    plan = Plan(BakeJob.load(job))
    output = plan.job.output
    frames = plan.due(Ledger(output.manifest_path, output.name).frames())
    return {"due": len(frames), "kept": len(plan.numbers) - len(frames)}


def group_plate(*, job: str, plates: Sequence[str], output: str) -> Result:
    """One plate without any of a group's sitters, from the ``plates`` of their bakes; ``job`` is one of
    them."""
    from ..group import write_group_plate
    from ..job import BakeJob

    write_group_plate(BakeJob.load(job), [Path(plate) for plate in plates], Path(output))
    return {"plate": output}


def farm(*, job: str, folder: str, chunk: int) -> Result:
    """A job file as a bundle for render farms in ``folder``, ``chunk`` frames to a task."""
    from ..farm import write_bundle
    from ..job import BakeJob

    return write_bundle(BakeJob.load(job), Path(folder), chunk).to_dict()
