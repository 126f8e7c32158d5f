# SPDX-License-Identifier: GPL-3.0-or-later
"""Raw takes: performances as they came, kept unchanged beside the rig's files and told by their hash."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import shutil
import stat
import struct
import zlib
from fractions import Fraction
from pathlib import Path
from typing import Any

import bpy

from .. import compat, fcurves, paths
from ..portrait import rig as rigs
from ..problems import Problem
from .properties import REGIONS


def keep(source: Path, folder: Path, name: str) -> Path:
    """A copy of ``source`` in ``folder`` that nobody writes to, named after its content;
    one that is there already is taken."""
    from ...core.atomic import atomic_path

    kept = folder / f"{name}-{paths.digest(source)[:8]}{source.suffix.lower()}"
    if not (kept.is_file() and paths.digest(kept) == paths.digest(source)):
        folder.mkdir(parents=True, exist_ok=True)
        with atomic_path(kept) as temporary:
            shutil.copyfile(source, temporary)
        protect(kept)
    return kept


def of_video(video: Path, folder: Path, name: str) -> Path:
    """Where the take of ``video``, as the file is now, is kept once it has been detected."""
    about = video.stat()
    key = hashlib.sha256(f"{video}|{about.st_size}|{about.st_mtime_ns}".encode()).hexdigest()
    return folder / f"{name}-{key[:8]}.npz"


def protect(path: Path) -> None:
    """Let nobody write to ``path`` by mistake, where the file system knows of that."""
    with contextlib.suppress(OSError):
        path.chmod(path.stat().st_mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))


def checked(action: Any) -> Path:
    """The file of ``action``'s take; Problem where it is gone or is not what was recorded."""
    take = action.tableau_take
    if not take.path:
        raise Problem(f"{action.name}: does not come from a performance; load one")
    path = paths.absolute(take.path)
    if not path.is_file():
        raise Problem(f"{path}: the take is not there; put it back, or load the performance again")
    if paths.digest(path) != take.sha256:
        raise Problem(f"{path}: the take was changed since it was recorded; load the performance again")
    return path


def mark(action: Any, rig: Any, source: str, path: Path, start: float, rate: Any) -> None:
    """Note on ``action`` where it comes from and what it was made for."""
    take = action.tableau_take
    take.source, take.path, take.sha256 = source, paths.shown(path), paths.digest(path)
    take.start, take.rate, take.keys = start, str(rate), _keys_mark(action)
    fit(action, rig)


def untouched(action: Any) -> bool:
    """Whether the keys of ``action`` are all as they were when its take was loaded."""
    return bool(action.tableau_take.keys) and action.tableau_take.keys == _keys_mark(action)


def _keys_mark(action: Any) -> str:
    """A short mark of where all keys of ``action`` are."""
    import numpy as np

    mark = 0
    for curve in compat.slot_curves(action):
        places = np.empty(2 * len(curve.keyframe_points), np.float32)
        curve.keyframe_points.foreach_get("co", places)
        mark = zlib.crc32(places.tobytes(), mark)
    return f"{mark:08x}"


def fit(action: Any, rig: Any) -> None:
    """Note on ``action`` that it goes with ``rig``'s rest and gains as they are now."""
    action.tableau_take.gains, action.tableau_take.rest = _gains_mark(action, rig), rest_mark(rig)


def gains(rig: Any, action: Any = None) -> dict[str, Any]:
    """Strength per region, as the engine takes it: a number or, where ``action`` or what is keyed over its
    strip has a curve of it, its values in seconds from the take's start."""
    import numpy as np

    found: dict[str, Any] = {region: round(getattr(rig.tableau_gains, region), 4) for region in REGIONS}
    if action is None:
        return found
    take = action.tableau_take
    for over in _keyed_over(rig, action):
        for region, curve in _gain_curves(over).items():
            places = _played(rig, action)
            found[region] = {
                "times": [(place - take.start) / float(Fraction(take.rate)) for place in places],
                "values": [min(10.0, max(0.0, curve.evaluate(frame))) for frame in places.values()],
            }
    for region, curve in _gain_curves(action).items():
        last = fcurves.read(curve)[0].max()
        steps = np.arange(max(1, math.ceil(last - take.start) + 1))
        found[region] = {
            "times": (steps / float(Fraction(take.rate))).tolist(),
            "values": np.clip(fcurves.reader(curve)(take.start + steps), 0.0, 10.0).tolist(),
        }
    return found


def _keyed_over(rig: Any, action: Any) -> list[Any]:
    """What was keyed by hand over the strip of ``action``, if it is in one: the actions, uppermost last."""
    data = rig.animation_data
    tracks = [] if data is None else list(data.nla_tracks)
    under = [n for n, track in enumerate(tracks) if any(strip.action == action for strip in track.strips)]
    if not under:
        return []
    above = [*(strip.action for track in tracks[under[-1] + 1 :] for strip in track.strips), data.action]
    return [over for over in above if over is not None and not over.tableau_take.path]


def _played(rig: Any, action: Any) -> dict[float, float]:
    """The scene frame at which ``rig``'s strip of ``action`` plays each frame of it, in order."""
    strips = [s for track in rig.animation_data.nla_tracks for s in track.strips if s.action == action]
    if not strips:
        return {}
    strip, places = strips[-1], {}
    first, last = strip.action_frame_start, strip.action_frame_end
    curve = strip.fcurves.find("strip_time") if strip.use_animated_time else None
    for frame in range(math.ceil(strip.frame_start), math.floor(strip.frame_end) + 1):
        done = (frame - strip.frame_start) / strip.scale
        plain = last - done if strip.use_reverse else first + done
        places[float(plain if curve is None else curve.evaluate(frame))] = float(frame)
    return dict(sorted(places.items()))


def _gain_curves(action: Any) -> dict[str, Any]:
    """The curves of the gains in ``action``, by region."""
    if action is None or not action.slots:
        return {}
    curves = compat.slot_curves(action)
    found = {region: curves.find(f"tableau_gains.{region}") for region in REGIONS}
    return {
        region: curve for region, curve in found.items() if curve is not None and len(curve.keyframe_points)
    }


def _gains_mark(action: Any, rig: Any) -> str:
    """The strengths that ``action`` goes with, curves by what is in them; panels ask at each redraw."""
    found: dict[str, Any] = {region: round(getattr(rig.tableau_gains, region), 4) for region in REGIONS}
    for made in (*_keyed_over(rig, action), action):
        found |= {region: fcurves.mark(curve) for region, curve in _gain_curves(made).items()}
    return json.dumps(found)


def rest_mark(rig: Any) -> str:
    """A short mark of where the landmarks rest; panels ask for it at each redraw."""
    bones = rig.data.bones
    places = [tuple(bones[name].head_local) for name in rigs.bone_names() if name in bones]
    return f"{zlib.crc32(b''.join(struct.pack('3f', *place) for place in places)):08x}"


def actions_of(rig: Any) -> list[Any]:
    """The actions with a take on ``rig``: the active one first, then those of its strips, each once."""
    data = rig.animation_data
    if data is None:
        return []
    found = [data.action, *(strip.action for track in data.nla_tracks for strip in track.strips)]
    return list(dict.fromkeys(action for action in found if action is not None and action.tableau_take.path))


def due(rig: Any) -> str:
    """Why a re-target is due, as one line; empty where it is not."""
    made = actions_of(rig)
    rest = rest_mark(rig)
    if any(action.tableau_take.rest != rest for action in made):
        return "Landmarks were fixed: re-target"
    changed = any(action.tableau_take.gains != _gains_mark(action, rig) for action in made)
    return "Gains were changed: re-target" if changed else ""


def current(rig: Any) -> Any:
    """The action with a take that is meant: the active one, else that of the strip at hand, or None."""
    found = actions_of(rig)
    data = rig.animation_data
    if not found or found[0] == data.action:
        return found[0] if found else None
    frame = bpy.context.scene.frame_current
    # what was keyed by hand over the strips, the active action then, is no take
    strips = [s for track in data.nla_tracks for s in track.strips if s.action in found]
    under = [s for s in strips if s.frame_start <= frame <= s.frame_end]
    return (under or strips)[-1].action
