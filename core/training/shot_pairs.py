# SPDX-License-Identifier: GPL-3.0-or-later
"""What a sitter's few shots teach: pairs of a moved picture and what it should look like.

* Between shots: one shot is moved to the landmarks of another, which is the answer.
* Within one shot, which its own warp would reproduce trivially: the shot is moved by some motion first, and
  the moved picture is then asked for the true shot.
* A shot moved by some motion has no answer; how it looks is compared before and after tuning.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import TypeVar

import cv2
import numpy as np

from ..compose.compositor import Compositor
from ..errors import Cancelled
from ..generator.inputs import Shot, View, Viewer
from ..motion.authored import load_authored
from ..motion.retarget import retarget
from .rooms import Room, chain, laid, onto, opaque

# beside core/ in the repository and in the extension's zip alike
PERFORMANCES = Path(__file__).resolve().parents[2] / "presets" / "performances"
# never trained on: open mouths, smiles, shut eyes and turns for judging a tuned generator
HELD_OUT = ("greeting", "surprised", "wink")

T = TypeVar("T")
Progress = Callable[[int, int, str], None]
Stop = Callable[[], bool]


@dataclass(frozen=True, eq=False)
class Pair:
    """shot: the picture that moves, at rest.  view: it, at the target's landmarks (of the shot's crop).

    target: uint8 RGB [S, S, 3], how it should look, or None where nobody knows.
    sure: uint8 [S, S], 255 where the target is seen.
    """

    shot: Shot
    view: View
    target: np.ndarray | None = None
    sure: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Motions:
    """Landmarks of a face under motions: points float32 [N, 68, 3], irises [N, 2, 2] px."""

    points: np.ndarray
    irises: np.ndarray

    def __len__(self) -> int:
        return len(self.points)

    def after_rest(self, room: Room) -> Motions:
        """The room's face at rest, then these."""
        face = room.face
        return Motions(
            np.concatenate([face.points[None], self.points]), np.concatenate([face.irises[None], self.irises])
        )

    def first(self, count: int) -> Motions:
        """The first ``count`` of them, the ones that differ most."""
        return Motions(self.points[:count], self.irises[:count])


def sample_motions(room: Room, count: int, *, held_out: bool, random: np.random.Generator) -> Motions:
    """``count`` motions of a room's face from the shipped performances, as different as can be.

    Farthest points first, from a random one on: few samples cover turns, mouths and lids.
    """
    names = sorted(path.stem for path in PERFORMANCES.glob("*.toml") if (path.stem in HELD_OUT) == held_out)
    tracks = [
        retarget(load_authored(PERFORMANCES / f"{name}.toml").sample(None), room.face, size=room.picture.size)
        for name in names
    ]
    points = np.concatenate([track.points for track in tracks])
    irises = np.concatenate([track.irises for track in tracks])
    # lids and lips count more than the outline, which moves farther
    shape = points[..., :2] - room.face.points[:, :2]
    shape[:, 36:] *= 2.0
    flat = shape.reshape(len(shape), -1)
    far = np.linalg.norm(flat, axis=1)
    far *= random.uniform(0.8, 1.0, len(far)).astype(far.dtype)  # another seed, another selection
    chosen: list[int] = []
    for _ in range(min(count, len(flat))):
        chosen.append(int(far.argmax()))
        far = np.minimum(far, np.linalg.norm(flat - flat[chosen[-1]], axis=1))
    return Motions(points[chosen], irises[chosen])


class Maker:
    """Makes pairs on a few threads, telling progress; ``stop`` says whether to raise Cancelled."""

    def __init__(self, size: int, progress: Progress, stop: Stop, total: int) -> None:
        self.size, self.done, self._total = size, 0, total
        self._progress, self._stop = progress, stop
        self._workers = max(1, min(8, os.cpu_count() or 1))

    def tick(self, text: str) -> None:
        """One piece of the total is done."""
        if self._stop():
            raise Cancelled("personalization was cancelled; nothing was written")
        self.done += 1
        self._progress(self.done, self._total, text)

    def viewers(self, rooms: Sequence[Room]) -> list[Viewer]:
        """A viewer of each room."""
        work = [lambda room=room: Viewer(room.picture, room.face, self.size) for room in rooms]
        return list(self._parallel(work, "preparing the shots"))

    def restored(self, room: Room, motions: Motions) -> list[Pair]:
        """The room's picture from itself moved by each motion."""
        if not len(motions):
            return []
        mover, lock = Compositor(room.picture, room.face), Lock()
        rest = room.face

        def make(index: int) -> Pair:
            points, irises = motions.points[index], motions.irises[index]
            with lock:
                pixels = mover.render(points, irises)
                mask = _moved_matte(mover)
            face = replace(rest, points=points, irises=irises.astype(np.float32))
            viewer = Viewer(replace(room.picture, pixels=pixels), face, self.size, mask=mask)
            target = opaque(viewer.crop.cut(room.picture.pixels, self.size))
            return Pair(viewer.shot, viewer.view(rest.points, rest.irises), target)

        work = [lambda index=index: make(index) for index in range(len(motions))]
        return list(self._parallel(work, "moving the shot"))

    def moved(self, viewer: Viewer, motions: Motions) -> list[Pair]:
        """The viewer's picture moved by each motion; nobody knows the answers."""
        return [
            Pair(viewer.shot, viewer.view(motions.points[index], motions.irises[index]))
            for index in range(len(motions))
        ]

    def between(
        self, rooms: Sequence[Room], viewers: Sequence[Viewer], pairs: Sequence[tuple[int, int]]
    ) -> list[Pair]:
        """For each (i, j): room i moved to the landmarks of room j, which is the answer."""
        locks = [Lock() for _ in viewers]

        def make(i: int, j: int) -> Pair:
            matrix, crop = onto(rooms[j], rooms[i]), viewers[i].crop
            face = rooms[j].face.moved(matrix)
            with locks[i]:
                view = viewers[i].view(face.points, face.irises)
            cut = np.array([[1, 0, -crop.x], [0, 1, -crop.y]]) * (self.size / crop.side)
            target, sure = laid(rooms[j].picture.pixels, chain(cut, matrix), self.size)
            return Pair(viewers[i].shot, view, target, sure)

        work = [lambda i=i, j=j: make(i, j) for i, j in pairs]
        return list(self._parallel(work, "pairing the shots"))

    def _parallel(self, work: Sequence[Callable[[], T]], text: str) -> Iterator[T]:
        with ThreadPoolExecutor(self._workers) as pool:
            waiting = [pool.submit(one) for one in work]
            try:
                for one in waiting:
                    result = one.result()
                    self.tick(text)
                    yield result
            finally:
                for one in waiting:
                    one.cancel()


def _moved_matte(mover: Compositor) -> np.ndarray:
    """uint8 [H, W]: where the sitter of a compositor is in the frame that it rendered last."""
    flow = mover.last_flow
    assert flow is not None
    x0, y0, x1, y1 = flow.box
    alpha = mover.matte.at(mover.picture.pixels.shape)
    shift = cv2.resize(flow.shift, (x1 - x0, y1 - y0), interpolation=cv2.INTER_LINEAR)
    y, x = np.mgrid[y0:y1, x0:x1].astype(np.float32)
    out = alpha.copy()
    out[y0:y1, x0:x1] = cv2.remap(
        alpha, x + shift[..., 0], y + shift[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.rint(out * 255).astype(np.uint8)
