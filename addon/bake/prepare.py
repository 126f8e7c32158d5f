# SPDX-License-Identifier: GPL-3.0-or-later
"""A rig and its choices as a bake job: what the engine reads is written, where its frames go is decided."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

import bpy

from .. import lookup, paths
from ..paths import temporary
from ..performance.action import scene_rate
from ..portrait import plane as planes
from ..portrait import rig as rigs
from ..portrait.matte import keep_painting
from ..problems import Problem
from . import sample, settings

if TYPE_CHECKING:
    from collections.abc import Generator
    from fractions import Fraction

    from ...core.job import BakeJob
    from ...core.landmarks.track import LandmarkTrack


@dataclass(frozen=True)
class Prepared:
    """A bake that can begin: the job, its file, and the scene frames that its files stand for."""

    job: BakeJob
    file: Path
    frames: range


def prepare(context: Any, rig: Any, name: str = "job") -> Prepared:
    """``prepare_steps`` at one go."""
    frames, rate = _checked(context, rig), scene_rate(context.scene)
    return _written(rig, name, frames, rate, sample.sample_rig(context, rig, frames, rate))


def prepare_steps(context: Any, rig: Any, name: str = "job") -> Generator[Any, dict[str, Any], Prepared]:
    """Sample ``rig`` over its frames and write all that a bake reads; the job is ``name``.json.

    Raises Problem where something is missing or cannot be.
    """
    frames, rate, uid = _checked(context, rig), scene_rate(context.scene), rig.session_uid
    sampled = yield sample.Sampling(context, rig, frames, rate)
    return _written(lookup.by_session(uid), name, frames, rate, sampled["track"])


def _checked(context: Any, rig: Any) -> range:
    """The frames to bake; Problem where they cannot be."""
    if rig.tableau_bake.target == "PORTRAIT" and lookup.linked(rig.tableau.portrait):
        raise Problem(f"{rig.tableau.portrait.name}: is linked from another file; choose another target")
    frames = settings.frame_range(context.scene, rig.tableau_bake)
    if not frames:
        raise Problem("The last frame to bake comes before the first; change the range in the Bake panel")
    planes.picture_of(rig.tableau.portrait)
    _output(rig, paths.work_folder(rig))
    return frames


def _written(rig: Any, name: str, frames: range, rate: Fraction, target: LandmarkTrack) -> Prepared:
    from ...core.job import BakeJob
    from ..sitter.use import rendering

    own, folder = rig.tableau, paths.work_folder(rig)
    rigs.rest_track(rig).save(folder / "face.npz")
    keep_painting(rig)
    target.save(folder / "target.npz")
    job = BakeJob(
        portrait=planes.picture_of(rig.tableau.portrait),
        face=folder / "face.npz",
        target=folder / "target.npz",
        mask=paths.absolute(own.mask, rig) if own.mask else None,
        rendering=rendering(rig),
        rate=rate,
        start=max(frames.start, 0),  # files have no negative numbers: they begin at 0
        output=_output(rig, folder),
    )
    job.save(folder / f"{name}.json")
    return Prepared(job, folder / f"{name}.json", frames)


def _output(rig: Any, folder: Path) -> Any:
    from ...core.job import BakeOutput

    chosen, title = rig.tableau_bake, paths.title(rig)
    root, version = output_root(rig, folder), version_name(chosen.version)
    kind, bits = _format(rig)
    width = rig.tableau.portrait.tableau.size[0]
    if chosen.size == "CUSTOM" and chosen.width > width:
        raise Problem(
            f"Frames cannot be {chosen.width} px wide, the picture has {width}; choose that or less"
        )
    tail = f"_{version}" if version else ""
    layers = chosen.target == "LAYERS"
    if layers:
        tail += "_layers"
    return BakeOutput(
        folder=frames_folder(rig, root),
        format=kind,
        bits=bits,
        size={"PICTURE": None, "HALF": 0.5, "CUSTOM": chosen.width}[chosen.size],
        digits=chosen.digits,
        layers=layers,
        video=root / f"{title}{tail}.mp4" if chosen.video else None,
        sheet=root / f"sheet{tail}.png" if chosen.video else None,
    )


def output_root(rig: Any, folder: Path) -> Path:
    """The folder above all versions: ``folder``, or one of this sitter's own in the chosen output folder."""
    chosen = rig.tableau_bake.output
    if not chosen:
        return folder
    name = paths.title(rig)
    if any(paths.title(other) == name for other in lookup.rigs_of(rig.tableau.portrait) if other != rig):
        name = f"{name}_{rig.tableau.face + 1}"
    return paths.absolute(chosen) / name


def place(rig: Any) -> str:
    """In plain words, where the frames of the next bake go; for panels, which make no folder."""
    own, chosen = rig.tableau.folder, rig.tableau_bake.output
    if chosen or (own and not temporary(own) and not own.startswith("//tableau/")):
        return f"Frames go into {PurePath((chosen or own).rstrip('/')).name or chosen or own}"
    blend = bpy.data.filepath
    return f"Frames go beside {PurePath(blend).name}" if blend else ""


def latest(rig: Any) -> Path | None:
    """The folder of the frames as the settings are now, or the nearest above it that is there."""
    own = rig.tableau.folder
    if not own:
        return None
    folder = frames_folder(rig, output_root(rig, paths.absolute(own)))
    return next((path for path in (folder, *folder.parents) if path.is_dir()), None)


def frames_folder(rig: Any, root: Path) -> Path:
    """Layers have a folder of their own, so that going back and forth renders nothing again."""
    chosen = rig.tableau_bake
    folder = root / "frames" / version_name(chosen.version)
    return folder / "layers" if chosen.target == "LAYERS" else folder


def version_name(version: int) -> str:
    return f"v{version:03d}" if version else ""


def next_version(rig: Any) -> int:
    """One more than the highest version that has frames or is chosen."""
    folder = output_root(rig, paths.work_folder(rig)) / "frames"
    found = [int(path.name[1:]) for path in folder.glob("v*") if path.name[1:].isdigit()]
    return max([rig.tableau_bake.version, *found]) + 1


def _format(rig: Any) -> tuple[str, int]:
    chosen = rig.tableau_bake
    if chosen.format == "EXR" or (chosen.format == "AUTO" and chosen.target == "LAYERS"):
        return "exr", 16
    if chosen.format == "AUTO":
        node = planes.picture_node(rig.tableau.portrait)
        deep = node is not None and node.image is not None and node.image.is_float
        return "png", 16 if deep else 8
    return "png", 16 if chosen.format == "PNG16" else 8
