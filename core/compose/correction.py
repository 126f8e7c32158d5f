# SPDX-License-Identifier: GPL-3.0-or-later
"""A small extra displacement laid over a flow that is already there."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .paste import Box, node_positions


@dataclass(frozen=True, eq=False)
class Correction:
    """box: region of the picture that the grid covers.
    shift: float32 [h, w, 2] px at the grid's nodes: each place fetches what was (x, y) farther on.
    Beyond the box there is none, so its rim should be zero.
    """

    box: Box
    shift: np.ndarray

    def at(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(dx, dy) float32 px at picture coordinates [h, w]."""
        x0, y0, x1, y1 = self.box
        rows, columns = self.shift.shape[:2]
        u = ((x - x0) * (columns / (x1 - x0)) - 0.5).astype(np.float32)
        v = ((y - y0) * (rows / (y1 - y0)) - 0.5).astype(np.float32)
        found = cv2.remap(
            self.shift, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=(0, 0)
        )
        return found[..., 0], found[..., 1]

    def over(self, shift: np.ndarray, box: Box) -> np.ndarray:
        """The flow ``shift`` [h, w, 2] over ``box``, seen through this correction."""
        nodes = node_positions(box, shift.shape[:2])
        dx, dy = self.at(nodes[..., 0], nodes[..., 1])
        rows, columns = shift.shape[:2]
        u = ((nodes[..., 0] + dx - box[0]) * (columns / (box[2] - box[0])) - 0.5).astype(np.float32)
        v = ((nodes[..., 1] + dy - box[1]) * (rows / (box[3] - box[1])) - 0.5).astype(np.float32)
        moved = cv2.remap(shift, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        moved[..., 0] += dx
        moved[..., 1] += dy
        # where nothing is corrected the flow stays as it is, to the last bit
        return np.where(((dx != 0) | (dy != 0))[..., None], moved, shift)
