# SPDX-License-Identifier: GPL-3.0-or-later
"""The work behind the operators: a performance onto the rig, and the same take onto it again."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from .. import calls, lookup, paths
from ..portrait import plane as planes
from ..portrait import rig as rigs
from . import action as actions
from . import presets, strips, takes

if TYPE_CHECKING:
    from ..jobs import Steps

TRACKS = {".npz", ".csv", ".toml", ".json", ".txt", ".tsv"}
"""Suffixes of files that hold a performance; everything else is a video."""


def import_steps(
    context: Any, source: str, *, set_range: bool, set_rate: bool, as_strip: bool = False
) -> Steps:
    """Put ``source`` (preset name, video or file) on the rig in the portrait's proportions,
    as its action, or as a strip of its NLA that starts at the current frame."""
    rig = lookup.rig_of(context)
    rigs.check_own(rig)
    uid, start = rig.session_uid, context.scene.frame_current
    name = bpy.path.clean_name(Path(source).stem)
    folder = paths.work_folder(rig) / "takes"
    path = presets.FOLDER / f"{source}.toml" if source in presets.names() else Path(source)
    if path.suffix.lower() in TRACKS:
        take = takes.keep(path, folder, name)
    else:
        take = takes.of_video(path, folder, name)
        if not take.is_file():
            folder.mkdir(parents=True, exist_ok=True)
            yield from calls.track(path, take)
            takes.protect(take)
    track = yield from retargeted(rig, take)

    rig, scene = lookup.by_session(uid), bpy.context.scene
    if set_rate:
        actions.set_scene_rate(scene, track.rate)
    rate = actions.scene_rate(scene)
    frames = actions.frames_of(track.times, rate, start)
    if as_strip:
        strips.make_room(rig, start)
    first = not lookup.has_action(rig)
    action = actions.write_action(rig, track, f"{rig.tableau.title} {name}", frames)
    origin = source if path.suffix == ".toml" else paths.shown(path)
    takes.mark(action, rig, origin, take, frames[0], rate)
    rig.tableau.performance, rig.tableau.take = name, paths.shown(take)
    rig.tableau.show_rig = True
    last = max(start, int(frames[-1]))
    if set_range:
        actions.fit_range(scene, rig, start, last, widen=as_strip and not first)
    if as_strip:
        strips.lay_active(rig, name)
    if takes.keyed_gains(rig, action):  # what they are is known only now that it has a place
        laid = action.name
        track = yield from retargeted(rig, take, action)
        rig, action = lookup.by_session(uid), bpy.data.actions[laid]
        actions.rewrite_action(rig, action, track, frames)
        takes.mark(action, rig, origin, take, frames[0], rate)
    return f"{name}: {len(track)} samples on frames {start} to {last}"


def retarget_steps(context: Any, every: bool, overwrite: bool = False) -> Steps:
    """Apply the takes of the rig's actions again, to the rest and with the gains as they are now;
    slider curves that were edited by hand stay, unless ``overwrite``."""
    from ..expressions import solve
    from ..retime import filters

    rig = lookup.rig_of(context)
    rigs.check_own(rig)
    uid = rig.session_uid
    chosen = takes.actions_of(rig) if every else [takes.current(rig)]
    # found again by name: undo may replace them while the engine works
    work = [(action.name, takes.checked(action)) for action in chosen]
    kept: list[str] = []
    for name, take in work:
        track = yield from retargeted(lookup.by_session(uid), take, bpy.data.actions[name])
        rig, action = lookup.by_session(uid), bpy.data.actions[name]
        info = action.tableau_take
        frames = actions.frames_of(track.times, Fraction(info.rate), info.start)
        if info.solved:
            solved = yield from solve.solve_steps(uid, name, track, frames, overwrite)
            kept += solved.kept
            rig, action = lookup.by_session(uid), bpy.data.actions[name]
        else:
            actions.rewrite_action(rig, action, track, frames)
        filters.renew(bpy.context, rig, action)
        takes.fit(action, rig)
    return f"Re-targeted {', '.join(name for name, _ in work)}{solve.tell(kept)}"


def target_path(rig: Any, take: Path) -> Path:
    """Where the engine writes ``take`` in the portrait's proportions."""
    return paths.work_folder(rig) / "takes" / f"{take.stem}.retargeted.npz"


def retargeted(rig: Any, take: Path, action: Any = None) -> Any:
    """Steps: ``take`` in the proportions that the portrait has now, with the gains that the rig has now,
    and those that ``action`` animates."""
    face = paths.work_folder(rig) / "face.npz"
    rigs.rest_track(rig).save(face)
    picture = planes.picture_of(rig.tableau.portrait)
    gains = takes.gains(rig, action)
    return (yield from calls.retarget(str(take), picture, face, target_path(rig, take), gains))
