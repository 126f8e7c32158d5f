# SPDX-License-Identifier: GPL-3.0-or-later
"""The live preview of one rig: what the engine is asked for, what it answered, what the stage shows.

Nothing here waits: a pose that is not solved yet is asked for, and the nearest solved one is shown meanwhile.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from .. import engine, lookup
from ..problems import Problem
from . import stage
from .cache import PoseCache, Solved, key_of

if TYPE_CHECKING:
    import numpy as np

    from ..worker_client import Request

SLOW = 1.0
"""Seconds after which an answer is late: the engine is busy with something else."""


@dataclass
class Session:
    """``files``: portrait, face and mask as the engine is asked with.
    ``rest``: the rest pose they stand for.
    ``mesh``: rest [V, 3] px, triangles [F, 3] and tiles [3, 4] px of the stage.
    """

    uid: int
    folder: Path
    files: dict[str, Any]
    rest: bytes
    mesh: dict[str, np.ndarray]
    cache: PoseCache = field(default_factory=PoseCache)
    wanted: np.ndarray | None = None
    shown: bytes = b""
    seen: bytes = b""
    """What was shown at the last ``resting``."""
    request: Request | None = None
    asked: np.ndarray | None = None
    asked_at: float = 0.0
    problem: str = ""
    undone: bool = False
    """Undo went back to before the rig was there: redo may bring it back."""
    number: int = 0

    @property
    def rig(self) -> Any:
        """The rig; Problem where it was deleted, or its plane."""
        rig = lookup.by_session(self.uid)
        plane = rig.tableau.portrait
        # what is deleted by hand lives on, without a scene, where one of our pointers holds it
        if plane is None or not rig.users_scene or not plane.users_scene:
            raise Problem("The portrait or its rig was deleted; its preview is over")
        return rig

    @property
    def late(self) -> bool:
        """Whether the engine has not answered for a while."""
        return self.request is not None and time.monotonic() - self.asked_at > SLOW

    def make_stage(self) -> None:
        """Put the mesh before the plane, without what is nearer to another face of a group."""
        tiles, rig = self.mesh["tiles"], self.rig
        atlas = int(tiles[:, 3].max()), int(tiles[:, 2].max())
        triangles = self.mesh["triangles"]
        triangles = triangles[own_part(rig, self.mesh["rest"][triangles, :2].mean(axis=1))]
        stage.make(rig, self.mesh["rest"], triangles, tiles, atlas)
        self.shown = b""

    def follow(self, graph: Any, undone: bool) -> None:
        """Show the pose of the moment, as ``graph`` has evaluated it."""
        from ..bake.sample import read_pose

        try:
            if undone:
                known = {item.session_uid for item in bpy.data.objects}
                self.undone, self.problem = self.uid not in known, ""  # undo may have mended it
            if self.undone:
                return
            rig = self.rig
            if undone:  # the stage went back with the rest, perhaps to before it was made
                self.shown = b""
                if stage.find(rig) is None:
                    self.make_stage()
            if not lookup.in_scene(rig, graph.scene):
                return  # another scene's frame has changed
            self.wanted = read_pose(rig, graph)
            self.show()
            self.ask()
        except Problem as problem:  # handlers have nobody to report to: the next tick ends the preview
            self.problem = str(problem)

    def show(self) -> None:
        """Show the pose that was last asked for, or the nearest that is solved."""
        points = self.wanted
        if points is None:
            return
        solved = self.cache.find(points) or self.cache.nearest(points)
        if solved is None:
            return
        key = key_of(solved.points)
        if key != self.shown:
            shown = stage.find(self.rig)
            if shown is not None:
                stage.show(shown, solved, self._depth())
                self.shown = key

    def receive(self) -> None:
        """Take the engine's answer, if it is there; raises its Problem."""
        if self.problem:
            raise Problem(self.problem)
        request = self.request
        if request is None:
            return
        request.pump()
        if request.problem is not None:
            self.request = None
            raise request.problem
        if request.result is not None:
            self.request = None
            assert self.asked is not None
            self.keep(self.asked, request.result)
            self.show()

    def ask(self) -> None:
        """Have the pose of the moment solved, unless it is or another one is under way."""
        if self.request is None and self.wanted is not None and self.cache.find(self.wanted) is None:
            self.asked, self.asked_at = self.wanted[None], time.monotonic()
            self.request = self.solve(self.asked)

    def solve(self, points: np.ndarray) -> Request:
        """Request poses [N, 140] px; ``keep`` takes the answer."""
        self.number += 1
        output = self.folder / f"poses-{self.number}.npz"
        return engine.request("preview", **self.files, poses=points.tolist(), output=str(output))

    def keep(self, points: np.ndarray, answer: dict[str, Any]) -> None:
        """Take the solved poses of an answer into the cache."""
        import numpy as np

        file = Path(answer["poses"])
        with np.load(file) as data:
            parts = [data[name] for name in ("vertices", "boxes", "atlas")]
        file.unlink(missing_ok=True)
        for solved in zip(points.astype(np.float32), *parts, strict=True):
            self.cache.add(Solved(*(np.array(part) for part in solved)))

    def resting(self) -> bool:
        """Whether nothing is awaited and the stage has shown the same pose since this was last asked."""
        before, self.seen = self.seen, self.shown
        return self.request is None and before == self.shown

    def away(self, leave: bool) -> None:
        """Take the stage out of all collections, or put it back."""
        try:
            shown = None if self.undone else stage.find(self.rig)
            if shown is not None:
                stage.set_aside(shown, leave)
        except Problem as problem:
            self.problem = str(problem)

    def end(self) -> None:
        """Ask for nothing more and delete the files."""
        if self.request is not None:
            self.request.cancel()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _depth(self) -> tuple[float, float]:
        """Nearest and farthest z that a pose may have, px: a turned head reaches out farther than at rest."""
        depth = self.mesh["rest"][:, 2]
        low, high = float(depth.min()), float(depth.max())
        return low - (high - low) / 4, high + (high - low) / 4


def own_part(rig: Any, points: np.ndarray) -> np.ndarray:
    """bool [N]: which of the picture's points [N, 2] px are nearer to ``rig``'s face than to another rig's
    on the same plane, each measured by its own size."""
    import numpy as np

    from ..portrait import rig as rigs

    def distance(other: Any) -> np.ndarray:
        face = rigs.rest_track(other).points[0, :, :2]
        apart = points - face[17:].mean(axis=0)
        return np.hypot(*apart.T) / max(float(np.hypot(*(face[45] - face[36]))), 1.0)

    own, out = distance(rig), np.ones(len(points), bool)
    for other in lookup.rigs_of(rig.tableau.portrait):
        if other != rig and other.users_scene:
            out &= own <= distance(other)
    return out


def new_folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="tableau-preview-", dir=bpy.app.tempdir or None))


def rest_key(rig: Any) -> bytes:
    """What tells a rest pose from another: where the landmarks' bones are at rest."""
    import numpy as np

    from ..portrait import rig as rigs

    bones = rig.data.bones
    try:
        heads = np.array([bones[name].head_local for name in rigs.bone_names()])
    except KeyError as error:
        raise Problem(f"{rig.name}: a bone was removed ({error.args[0]}); undo that") from None
    return np.rint(heads * 1e5).astype(np.int64).tobytes()
