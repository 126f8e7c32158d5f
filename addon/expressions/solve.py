# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's sliders on the rig, and a track told in them: sliders and head pose, the rest on the bones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import bpy

from .. import calls, compat, fcurves, lookup, paths
from ..performance import action as actions
from ..performance import takes
from ..portrait import rig as rigs
from ..portrait.space import PictureSpace
from . import sliders

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    import numpy as np

    from ...core.landmarks.track import LandmarkTrack
    from ..jobs import Steps
    from ..tasks import Task

REST = "tableau_sliders_rest"
"""Key on the rig: the mark of the rest landmarks that its sliders were made for."""


class Solved(NamedTuple):
    """explained: the share of the face's motion that the sliders make; kept: sliders left as edited."""

    explained: float
    kept: list[str]


def stale(rig: Any) -> bool:
    """Whether the sliders were made for other rest landmarks."""
    return sliders.present(rig) and rig.get(REST) != takes.rest_mark(rig)


def add_steps(context: Any) -> Steps:
    """Give the rig its sliders, or fit them to landmarks that were fixed."""
    rig = lookup.rig_of(context)
    rigs.check_own(rig)
    uid = rig.session_uid
    output = files(rig)[1]
    yield from calls.sliders(files(rig)[0], output)
    rig = lookup.by_session(uid)
    order, _, _ = put(bpy.context, rig, output)
    return f"{len(order)} expression sliders"


def solve_steps(
    uid: int, name: str, track: LandmarkTrack, frames: np.ndarray, overwrite: bool = False
) -> Generator[Task, dict[str, Any], Solved]:
    """Let action ``name`` play ``track`` (in the portrait's pixels, its samples at ``frames``) as slider
    curves and head pose, with what they leave on the landmark bones.

    Slider curves that were edited since they were last solved stay as they are, unless ``overwrite``: the
    edit then lies over the track as it is now.
    """
    import numpy as np

    rig = lookup.by_session(uid)
    face, output = files(rig)
    target = output.with_name("solve.npz")
    track.save(target)
    answer = yield from calls.sliders(face, output, target)
    rig, action = lookup.by_session(uid), bpy.data.actions[name]
    order, basis, values = put(bpy.context, rig, output)
    found = track.valid
    # what reaches the curves is what the bones are measured against
    values = values[found].astype(np.float64)
    actions.rewrite_action(rig, action, track, frames, np.einsum("te,epk->tpk", values, basis))
    kept = [] if overwrite else edited(action)
    chosen = [index for index, slider in enumerate(order) if slider not in kept]
    actions.write_sliders(action, [order[index] for index in chosen], frames[found], values[:, chosen])
    info = action.tableau_take
    before = json.loads(info.written or "{}")
    # an edited curve stays an edited one: it keeps the mark that it no longer has
    info.written = json.dumps(_marks(action) | {slider: before.get(slider, "") for slider in kept})
    info.solved = True
    return Solved(answer["explained"], kept)


def edited(action: Any) -> list[str]:
    """The sliders whose curves in ``action`` are not as they were solved, in the order of their names."""
    if not action.tableau_take.solved:
        return []
    written = json.loads(action.tableau_take.written or "{}")
    return sorted(name for name, mark in _marks(action).items() if written.get(name) != mark)


def tell(kept: Sequence[str]) -> str:
    """The end of a report: which edited sliders were kept; empty for none."""
    if not kept:
        return ""
    names = ", ".join(kept[:4]) + (f" and {len(kept) - 4} more" if len(kept) > 4 else "")
    return f"; your edits of {names} were kept"


def _marks(action: Any) -> dict[str, str]:
    """A mark of each slider's curve in ``action``."""
    curves = [c for c in compat.slot_curves(action) if c.data_path.startswith('["')]
    return {curve.data_path[2:-2]: fcurves.mark(curve) for curve in curves}


def hide_faint(action: Any, least: float) -> int:
    """Hide the slider curves of ``action`` that never reach ``least``, show the others; how many are."""
    shown = 0
    for curve in compat.slot_curves(action):
        if not curve.data_path.startswith('["'):
            continue
        curve.hide = bool(abs(fcurves.read(curve)[1]).max(initial=0.0) < least)
        shown += not curve.hide
    return shown


def files(rig: Any) -> tuple[Path, Path]:
    """The rig's rest landmarks, written for the engine, and where it writes what the sliders do."""
    folder = paths.work_folder(rig)
    rigs.rest_track(rig).save(folder / "face.npz")
    return folder / "face.npz", folder / "sliders.npz"


def put(context: Any, rig: Any, path: Any) -> tuple[list[str], np.ndarray, Any]:
    """The sliders in the file at ``path`` on ``rig``: their names, their effects [N, 70, 3]
    in the rig's space, and values [T, N] where the file has some."""
    import numpy as np

    with np.load(path, allow_pickle=False) as data:
        order = [str(name) for name in data["names"]]
        pixels = data["basis"].astype(np.float64)
        values = data.get("values")
    pixel = PictureSpace.of(rig.tableau.portrait).pixel
    basis = pixels * np.array([pixel, -pixel, -pixel])
    sliders.add(context, rig, order, basis)
    rig[REST] = takes.rest_mark(rig)
    return order, basis, values
