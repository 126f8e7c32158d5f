# SPDX-License-Identifier: GPL-3.0-or-later
"""Solved poses, found by the pose itself.

A pose is known by its landmarks, not by its frame: whatever changes the animation (keys, strips, drivers,
undo) asks for landmarks that are not here yet.  So nothing outdated is ever shown, and going back costs
nothing.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

SAME = 0.05
"""Pixels of the picture: poses whose landmarks are all nearer than this are the same."""
MEMORY = 256 * 2**20
"""Bytes of solved poses that are kept; those not seen for longest go first."""


@dataclass(frozen=True, eq=False)
class Solved:
    """points: float32 [140] px, the pose.  vertices: float32 [V, 3] px.  boxes: float32 [3, 4] px.
    atlas: uint8 [h, w, 4] (see the engine's preview)."""

    points: np.ndarray
    vertices: np.ndarray
    boxes: np.ndarray
    atlas: np.ndarray

    @property
    def size(self) -> int:
        return self.vertices.nbytes + self.boxes.nbytes + self.atlas.nbytes


def same(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two poses (float [140] px) are the same, but for the rounding of their evaluation."""
    return bool(abs(one - other).max() < SAME)


def key_of(points: np.ndarray) -> bytes:
    """The step that a pose (float [140] px) falls into; one on the edge may fall to either side."""
    import numpy as np

    return np.rint(points / SAME).astype(np.int32).tobytes()


class PoseCache:
    """At most ``memory`` bytes of solved poses."""

    def __init__(self, memory: int = MEMORY) -> None:
        self.memory, self.size = memory, 0
        self._solved: OrderedDict[bytes, Solved] = OrderedDict()

    def __len__(self) -> int:
        return len(self._solved)

    def add(self, solved: Solved) -> None:
        key = key_of(solved.points)
        self.size += solved.size - (self._solved[key].size if key in self._solved else 0)
        self._solved[key] = solved
        self._solved.move_to_end(key)
        while self.size > self.memory and len(self._solved) > 1:
            self.size -= self._solved.popitem(last=False)[1].size

    def find(self, points: np.ndarray) -> Solved | None:
        """What is solved of a pose (float [140] px); None where it is not."""
        key = key_of(points)
        found = self._solved.get(key)
        if found is None:
            found = self._same(points)
            if found is None:
                return None
            key = key_of(found.points)
        self._solved.move_to_end(key)
        return found

    def nearest(self, points: np.ndarray) -> Solved | None:
        """The solved pose whose landmarks are closest; None where nothing is solved."""
        import numpy as np

        return self._least(points, lambda apart: np.square(apart).sum(axis=1))

    def _same(self, points: np.ndarray) -> Solved | None:
        """The solved pose that counts as the same; the nearest on the whole may not."""
        near = self._least(points, lambda apart: abs(apart).max(axis=1))
        return near if near is not None and same(near.points, points) else None

    def _least(self, points: np.ndarray, measure: Callable[[np.ndarray], np.ndarray]) -> Solved | None:
        """The solved pose whose difference from ``points`` measures least; None where nothing is solved."""
        import numpy as np

        if not self._solved:
            return None
        known = list(self._solved.values())
        return known[int(measure(np.stack([one.points for one in known]) - points).argmin())]
