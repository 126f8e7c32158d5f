# SPDX-License-Identifier: GPL-3.0-or-later
"""How the pixels of a frame are made: the flow alone, or the flow and the generator."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from .errors import InputError
from .ledger import file_sha256
from .review import Progress

if TYPE_CHECKING:
    from .compose.layers import FrameParts
    from .landmarks.face import Face
    from .media.picture import Picture

# full: flow, corrected and completed by the generator; flow: the picture's own pixels alone;
# neural: the generator alone
MODES = ("full", "flow", "neural")


class FrameMaker(Protocol):
    """One portrait, prepared: what compositor and renderer have in common."""

    def render(self, points: np.ndarray, irises: np.ndarray) -> np.ndarray:
        """The picture with its landmarks at ``points`` [68, >= 2] and ``irises`` [2, 2] px."""
        ...

    def render_parts(self, points: np.ndarray, irises: np.ndarray) -> FrameParts:
        """The same, with what it consists of; InputError where the picture has no plate."""
        ...

    @property
    def plate(self) -> np.ndarray:
        """The picture [H, W, 3] without its sitter; InputError where there is none."""
        ...


@dataclass(frozen=True)
class Rendering:
    """``mode``: one of MODES.  ``sitter``: what personalization made of the generator for this portrait.
    ``base``: folder of the generator's weights (None: those that come with the program).
    ``shots``: further pictures of the sitter, taken by the same still camera; head, eyes and mouth of a frame
    come from those that show them best.
    ``likeness``: from 0 (expression: the sitter as if it were not tuned) to 1 (likeness: all that was tuned).
    """

    mode: str = "full"
    sitter: Path | None = None
    base: Path | None = None
    shots: tuple[Path, ...] = ()
    likeness: float = 1.0

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise InputError(f"mode: '{self.mode}' is unknown; use {', '.join(MODES)}")
        if self.mode == "flow" and self.sitter is not None:
            raise InputError(f"{self.sitter}: a sitter needs the generator; use mode full or neural")
        if self.mode != "full" and self.shots:
            raise InputError(f"{self.shots[0]}: frames are made from several shots in mode full only")
        if not 0.0 <= self.likeness <= 1.0:
            raise InputError(f"likeness: {self.likeness} is no share; give 0 (expression) to 1 (likeness)")

    def inputs(self) -> dict[str, str | None]:
        """What decides pixels besides the portrait, as hashes.  InputError where a file is missing."""
        if self.mode == "flow":
            return {"mode": self.mode}
        from .generator.weights import find_base

        base = find_base(self.base) / "base.json"  # it lists the hashes of the weights
        sitter = None if self.sitter is None else input_sha256(self.sitter)
        facts: dict[str, str | None] = {"mode": self.mode, "base": input_sha256(base), "sitter": sitter}
        if sitter is not None and self.likeness != 1.0:
            facts["likeness"] = repr(self.likeness)
        return facts | {f"shot {n}": input_sha256(shot) for n, shot in enumerate(self.shots, 1)}

    def prepare(
        self, picture: Picture, face: Face, mask: Path | None = None, progress: Progress | None = None
    ) -> FrameMaker:
        """The frame maker of one portrait; ``mask`` as in :func:`read_mask`."""
        matte = None if mask is None else read_mask(mask, picture.size)
        if self.mode == "flow":
            from .compose.compositor import Compositor

            return Compositor(picture, face, mask=matte, progress=progress)
        from .generator.render import Renderer
        from .generator.sitter import Sitter
        from .generator.weights import find_base, load_base

        base = load_base(find_base(self.base))
        sitter = None if self.sitter is None else Sitter.load(self.sitter).at(self.likeness)
        return Renderer(
            picture,
            face,
            base,
            mode=self.mode,
            shots=[read_shot(path, picture.size) for path in self.shots],
            sitter=sitter,
            nearest=bool(self.shots),
            mask=matte,
            progress=progress,
        )


def read_shot(path: Path, size: tuple[int, int]) -> tuple[Picture, Face]:
    """A further picture of the sitter, of the portrait's ``size``, and the face in it."""
    from .landmarks.detect import detect_portrait
    from .media.picture import load_picture

    picture = load_picture(path)
    if picture.size != size:
        given, wanted = (f"{width} x {height}" for width, height in (picture.size, size))
        raise InputError(
            f"{path}: has {given} pixels, the portrait {wanted}; shots are frames of one still camera"
        )
    return picture, detect_portrait(picture)[0]


def read_mask(path: Path, size: tuple[int, int]) -> np.ndarray:
    """The sitter's matte, float32 [H, W] 0..1, from a picture
    of the portrait's ``size``, white where she is."""
    from .media.picture import load_picture

    image = load_picture(path)
    if image.size != size:
        given, wanted = (f"{width} x {height}" for width, height in (image.size, size))
        raise InputError(f"{path}: the mask has {given} pixels, the portrait {wanted}")
    return image.rgb_float().mean(axis=2, dtype=np.float32)


def input_sha256(path: Path) -> str:
    """The hash of a file that a bake reads; InputError where it cannot be read."""
    try:
        return file_sha256(path)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
