# SPDX-License-Identifier: GPL-3.0-or-later
"""The rig as it is seen at each frame: pose, constraints,
drivers and modifiers evaluated, in the picture's pixels."""

from __future__ import annotations

import math
import time
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import bpy

from .. import lookup
from ..portrait import rig as rigs
from ..portrait.space import PictureSpace
from ..preview import handlers
from ..problems import Problem, Stopped
from ..tasks import TURN, Task

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np

    from ...core.landmarks.track import LandmarkTrack


def sample_rig(context: Any, rig: Any, frames: range, rate: Fraction) -> LandmarkTrack:
    """The landmarks at each scene frame of ``frames``, ``rate`` frames per second, all at one go;
    the current frame is put back."""
    return _track(rig, _read(context, rig, frames), rate)


class Sampling(Task):
    """``sample_rig`` a few frames at every turn, so that the window stays alive; the result's "track".

    The current frame is put back after each turn.
    """

    def __init__(self, context: Any, rig: Any, frames: range, rate: Fraction) -> None:
        super().__init__()
        self._scene, self._uid, self._frames, self._rate = context.scene.name, rig.session_uid, frames, rate
        self._parts: list[np.ndarray] = []
        self.total, self.text = len(frames), "reading the pose of each frame"

    def pump(self) -> None:
        import numpy as np

        if self.done:
            return
        try:
            if bpy.context.scene.name != self._scene:
                raise Problem(
                    f"The window shows another scene than {self._scene}; go back to it and try again"
                )
            rig = lookup.by_session(self._uid)
            self._parts.append(self.read(rig, self._frames[self.finished :]))
            self.finished += len(self._parts[-1])
            if self.finished == self.total:
                self.result = self.told(rig, np.concatenate(self._parts))
        except Problem as problem:
            self.problem = problem

    def read(self, rig: Any, frames: range) -> np.ndarray:
        """[N, ...]: what is read at ``frames``, or at as many of them as a turn allows (one at least)."""
        return _read(bpy.context, rig, frames, TURN)

    def told(self, rig: Any, parts: np.ndarray) -> dict[str, Any]:
        """The result, of what was read at all frames."""
        return {"track": _track(rig, parts, self._rate)}

    def cancel(self) -> None:
        self.problem = self.problem or Stopped("stopped while the poses were read")


def _read(context: Any, rig: Any, frames: range, turn: float = math.inf) -> np.ndarray:
    """float64 [N, 70, 3] in the plane's space: the points at ``frames``, as ``seen_at`` has it."""
    order = _bone_order(rig)
    return seen_at(context, frames, lambda graph: _points(rig, graph, order), turn)


def seen_at(
    context: Any, frames: range, look: Callable[[Any], np.ndarray | list[float]], turn: float = TURN
) -> np.ndarray:
    """float64 [N, ...]: what ``look`` makes of the evaluated dependency graph at ``frames``, or at as many of
    them as ``turn`` seconds allow (one at least).

    The current frame is put back.  What follows the rig is not bothered.
    """
    import numpy as np

    scene, seen = context.scene, []
    before, begun = (scene.frame_current, scene.frame_subframe), time.monotonic()
    with handlers.paused():
        try:
            for frame in frames:
                scene.frame_set(frame)
                seen.append(look(context.evaluated_depsgraph_get()))
                if time.monotonic() - begun > turn:
                    break
        finally:
            scene.frame_set(before[0], subframe=before[1])
    return np.array(seen, np.float64)


def _points(rig: Any, graph: Any, order: Sequence[int]) -> np.ndarray:
    """float64 [70, 3] in the plane's space: the points as ``graph`` has evaluated them."""
    import numpy as np

    posed, shown = rig.evaluated_get(graph), rig.tableau.portrait.evaluated_get(graph)
    heads = np.empty(3 * len(rig.pose.bones), np.float32)
    posed.pose.bones.foreach_get("head", heads)
    return _in_plane(shown, posed, heads.reshape(-1, 3)[order].astype(np.float64))


def _track(rig: Any, local: np.ndarray, rate: Fraction) -> LandmarkTrack:
    """Points [T, 70, 3] in the plane's space as a track in the picture's pixels."""
    import numpy as np

    from ...core.landmarks.track import LandmarkTrack

    plane = rig.tableau.portrait
    pixels = PictureSpace.of(plane).to_pixels(local).astype(np.float32)
    if not np.isfinite(pixels).all():
        raise Problem(
            f"{rig.name}: its pose is not finite at some frame; look for a constraint or driver gone wrong"
        )
    return LandmarkTrack(
        points=pixels[:, :68],
        irises=pixels[:, 68:, :2],
        times=np.arange(len(local)) / float(rate),
        confidence=np.ones((len(local), 68), np.float32),
        size=(plane.tableau.size[0], plane.tableau.size[1]),
        meta={"backend": "blender", "source": bpy.path.basename(bpy.data.filepath), "rate": str(rate)},
    )


def _bone_order(rig: Any) -> list[int]:
    try:
        return _places(tuple(bone.name for bone in rig.pose.bones))
    except KeyError as error:
        raise Problem(
            f"{rig.name}: the bone {error.args[0]} was removed; undo that, or detect again"
        ) from None


@lru_cache(maxsize=8)
def _places(names: tuple[str, ...]) -> list[int]:
    """Where the landmarks' bones are among ``names``; KeyError where one is not."""
    index = {name: i for i, name in enumerate(names)}
    return [index[name] for name in rigs.bone_names()]


def _in_plane(plane: Any, rig: Any, points: np.ndarray) -> np.ndarray:
    """Points of the rig's space in the plane's, also where the rig was moved against the plane."""
    import numpy as np

    between = np.array(plane.matrix_world.inverted_safe() @ rig.matrix_world, np.float64)
    if np.allclose(between, np.eye(4), atol=1e-5):  # only the rounding of the two world matrices
        return points
    return points @ between[:3, :3].T + between[:3, 3]


def read_pose(rig: Any, graph: Any) -> np.ndarray:
    """float64 [140] px: x and y of the 70 points as ``graph`` has evaluated them; changes nothing."""
    import numpy as np

    local = _points(rig, graph, _bone_order(rig))
    pixels = PictureSpace.of(rig.tableau.portrait).to_pixels(local)[:, :2].ravel()
    if not np.isfinite(pixels).all():
        raise Problem(f"{rig.name}: its pose is not finite; look for a constraint or driver gone wrong")
    return pixels
