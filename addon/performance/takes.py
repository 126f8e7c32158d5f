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
from typing import Any, NamedTuple

import bpy

from .. import compat, fcurves, paths
from ..portrait import rig as rigs
from ..problems import Problem
from .properties import REGIONS

_LOOKS = 24
"""Steps of a performance at which keyed gains are looked at to tell whether they have changed."""


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
    action.tableau_take.gains = _gains_mark(action, rig, _layers(rig))
    action.tableau_take.rest = rest_mark(rig)


def gains(rig: Any, action: Any = None) -> dict[str, Any]:
    """Strength per region, as the engine takes it: a number or, where ``action``, or what else plays on
    ``rig``, has a curve of it, its values in seconds from the take's start."""
    import numpy as np

    found: dict[str, Any] = {region: round(getattr(rig.tableau_gains, region), 4) for region in REGIONS}
    if action is None:
        return found
    take = action.tableau_take
    layers = _layers(rig)
    places = _played(rig, action) if layers else {}
    for region in _animated(layers) if places else ():
        found[region] = {
            "times": [(place - take.start) / float(Fraction(take.rate)) for place in places],
            "values": [_heard(layers, region, frame)[0] for frame in places.values()],
        }
    for region, curve in _gain_curves(action).items():
        last = fcurves.read(curve)[0].max()
        steps = np.arange(max(1, math.ceil(last - take.start) + 1))
        found[region] = {
            "times": (steps / float(Fraction(take.rate))).tolist(),
            "values": np.clip(fcurves.reader(curve)(take.start + steps), 0.0, 10.0).tolist(),
        }
    return found


def keyed_gains(rig: Any, action: Any) -> bool:
    """Whether some gain has keys, so that it depends on where ``action`` plays."""
    return bool(_animated(_layers(rig)) or _gain_curves(action))


class _Layer(NamedTuple):
    """What of a rig's animation says something of gains: the active action, or the strips of a track.

    ``curves``: of each strip (None for the active action) the curves of the gains, by region."""

    curves: list[tuple[Any, dict[str, Any]]]

    def curve_at(self, region: str, frame: float) -> tuple[Any, float] | None:
        """The curve of a gain that plays at scene frame ``frame``, and the frame of it."""
        said = self._speaks(frame)
        if said is None or region not in said[1]:
            return None
        strip, curves = said
        return curves[region], frame if strip is None else _source(strip, frame)

    def _speaks(self, frame: float) -> tuple[Any, dict[str, Any]] | None:
        """One strip of a track plays at a time; before and after, what its extrapolation holds."""
        last = None
        for strip, curves in self.curves:
            if strip is None or strip.frame_start <= frame <= strip.frame_end:
                return strip, curves
            if strip.frame_start > frame:
                early = last is None and strip is self.curves[0][0] and strip.extrapolation == "HOLD"
                return (strip, curves) if early else last
            last = (strip, curves) if strip.extrapolation != "NOTHING" else None
        return last


def _layers(rig: Any) -> list[_Layer]:
    """All that plays on ``rig``, what lies over all else first; empty where no gain has keys."""
    data = rig.animation_data
    if data is None:
        return []
    over = None if data.use_tweak_mode else data.action  # in tweak mode it is that of a strip
    found = [] if over is None else [_Layer([(None, _gain_curves(over))])]
    for track in reversed(data.nla_tracks) if data.use_nla else ():
        strips = [strip for strip in track.strips if not strip.mute] if not track.mute else []
        found.append(_Layer([(strip, _gain_curves(strip.action)) for strip in strips]))
    return found if any(curves for layer in found for _, curves in layer.curves) else []


def _animated(layers: list[_Layer]) -> list[str]:
    """The regions whose gain has keys in some layer."""
    keyed = {region for layer in layers for _, curves in layer.curves for region in curves}
    return [region for region in REGIONS if region in keyed]


def _heard(layers: list[_Layer], region: str, frame: float) -> tuple[float, Any]:
    """The gain of a region at scene frame ``frame``, and the curve that says so: Blender gives what has keys
    somewhere its default where none of them plays."""
    for layer in layers:
        said = layer.curve_at(region, frame)
        if said is not None:
            return min(10.0, max(0.0, said[0].evaluate(said[1]))), said[0]
    return 1.0, None


def _strip_of(rig: Any, action: Any) -> Any:
    """The uppermost strip of ``rig`` that plays ``action``, or None."""
    strips = [s for track in rig.animation_data.nla_tracks for s in track.strips if s.action == action]
    return strips[-1] if strips else None


def _span(rig: Any, action: Any) -> tuple[int, int]:
    """The first and the last scene frame at which ``rig`` plays ``action``."""
    strip = _strip_of(rig, action)
    start, end = action.frame_range if strip is None else (strip.frame_start, strip.frame_end)
    return math.ceil(start), math.floor(end)


def _played(rig: Any, action: Any) -> dict[float, float]:
    """The scene frame at which ``rig`` plays each frame of ``action``, in order."""
    strip = _strip_of(rig, action)
    first, last = _span(rig, action)
    frames = [float(frame) for frame in range(first, last + 1)]
    return dict(sorted((frame if strip is None else _source(strip, frame), frame) for frame in frames))


def _source(strip: Any, frame: float) -> float:
    """The frame of its action that ``strip`` plays, or holds, at scene frame ``frame``."""
    frame = min(max(frame, strip.frame_start), strip.frame_end)
    curve = strip.fcurves.find("strip_time") if strip.use_animated_time else None
    if curve is not None:
        return float(curve.evaluate(frame))
    done = (frame - strip.frame_start) / strip.scale
    return float(strip.action_frame_end - done if strip.use_reverse else strip.action_frame_start + done)


def _gain_curves(action: Any) -> dict[str, Any]:
    """The curves of the gains in ``action``, by region."""
    if action is None or not action.slots:
        return {}
    curves = compat.slot_curves(action)
    found = {region: curves.find(f"tableau_gains.{region}") for region in REGIONS}
    return {
        region: curve for region, curve in found.items() if curve is not None and len(curve.keyframe_points)
    }


def _gains_mark(action: Any, rig: Any, layers: list[_Layer]) -> str:
    """The strengths that ``action`` goes with, the same at whatever frame one asks; panels do so at each
    redraw.  Of what has keys: the curves that play with it, and what they come to here and there."""
    found: dict[str, Any] = {region: round(getattr(rig.tableau_gains, region), 4) for region in REGIONS}
    own = _gain_curves(action)
    for region in _animated(layers):
        if region not in own:
            first, last = _span(rig, action)
            places = {first + (last - first) * step // _LOOKS for step in range(_LOOKS + 1)}
            heard = [_heard(layers, region, frame) for frame in sorted(places)]
            marks = sorted({fcurves.mark(curve) for _, curve in heard if curve is not None})
            found[region] = [*marks, *(round(value, 4) for value, _ in heard)]
    found |= {region: fcurves.mark(curve) for region, curve in own.items()}
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
    layers = _layers(rig)
    changed = any(action.tableau_take.gains != _gains_mark(action, rig, layers) for action in made)
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
