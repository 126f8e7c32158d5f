# SPDX-License-Identifier: GPL-3.0-or-later
"""Between the picture's pixels and the plane's own space (x right, y up,
z toward the viewer, origin in its middle)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class PictureSpace:
    """``width`` and ``height`` in px, ``pixel`` = size of one px in the plane's units."""

    width: int
    height: int
    pixel: float

    @classmethod
    def of(cls, plane: Any) -> PictureSpace:
        """The space of a portrait plane."""
        settings = plane.tableau
        return cls(settings.size[0], settings.size[1], settings.pixel)

    def to_local(self, points: np.ndarray) -> np.ndarray:
        """float64 [..., 3] in the plane's units, of points [..., 3] in px
        (x right, y down, z smaller = nearer)."""
        import numpy as np

        points = np.asarray(points, np.float64)
        middle = np.array([self.width / 2, self.height / 2, 0.0])
        return (points - middle) * np.array([self.pixel, -self.pixel, -self.pixel])

    def to_pixels(self, local: np.ndarray) -> np.ndarray:
        """float64 [..., 3] in px, the inverse of ``to_local``."""
        import numpy as np

        middle = np.array([self.width / 2, self.height / 2, 0.0])
        return np.asarray(local, np.float64) / np.array([self.pixel, -self.pixel, -self.pixel]) + middle
