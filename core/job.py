# SPDX-License-Identifier: GPL-3.0-or-later
"""Bake jobs: what one bake reads and writes, a small JSON file shared by people, Blender and render farms.

    {"schema": "tableau-vivant/bake-1",
     "portrait": "mona.jpg", "face": "face.npz", "target": "target.npz", "mask": null,
     "mode": "full", "sitter": null, "base": null, "shots": [], "likeness": 1.0, "rate": "25/1",
     "start": 1,
     "output": {"folder": "frames", "name": "frame", "format": "png", "bits": 8, "size": null,
                "digits": 4, "layers": false, "video": "loop.mp4", "sheet": "sheet.png",
                "manifest": "manifest.json"}}

Relative paths are relative to the job file.  Nothing is guessed: an unknown key or a wrong type is an error.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from .atomic import atomic_path
from .errors import InputError
from .keys import Keys
from .motion.rates import parse_rate
from .rendering import MODES, Rendering

SCHEMA = "tableau-vivant/bake-1"
FORMATS = ("png", "exr")
BITS = (8, 16)


@dataclass(frozen=True)
class BakeOutput:
    """Where the frames go (``folder``/``name``.NUMBER.``format``), and optionally a film and a contact sheet.

    ``format``: "png", in the picture's own numbers, or "exr", half floats in linear Rec. 709.
    ``bits`` per channel that frames are computed with and PNG stores: 8 or 16, for EXR always 16.
    ``size``: of the frames: None for the picture's, a scale above 0 up to 1, or a width in px.
    ``digits``: of a frame's number, 1 to 8, filled up with zeros; a longer number keeps all of its own.
    ``layers``: write beside each frame ``name``.sitter and ``name``.painted.NUMBER, and once ``name``.plate;
    laid over one another, plate below and painted on top, they give the frame.
    ``manifest`` is ``folder``/manifest.json where it is None.  Raises InputError where these do not agree.
    """

    folder: Path
    name: str = "frame"
    format: str = "png"
    bits: int = 8
    size: int | float | None = None
    digits: int = 4
    layers: bool = False
    video: Path | None = None
    sheet: Path | None = None
    manifest: Path | None = None

    def __post_init__(self) -> None:
        if self.format == "exr" and self.bits != 16:
            raise InputError(
                f'"output.bits" is {self.bits}, but EXR frames are computed with 16; leave it out'
            )
        size = self.size
        if size is not None and not (0 < size <= 1 or (size > 1 and size == int(size))):
            raise InputError(
                f'"output.size" is {size}, expected a scale like 0.5, a width in whole pixels or null'
            )
        if not 1 <= self.digits <= 8:
            raise InputError(f'"output.digits" is {self.digits}, expected 1 to 8')

    def frame_path(self, number: int) -> Path:
        return self.folder / f"{self.name}.{self._number(number)}.{self.format}"

    def layer_path(self, layer: str, number: int) -> Path:
        return self.folder / f"{self.name}.{layer}.{self._number(number)}.{self.format}"

    def _number(self, number: int) -> str:
        return f"{number:0{self.digits}d}"

    @property
    def plate_path(self) -> Path:
        return self.folder / f"{self.name}.plate.{self.format}"

    def into(self, folder: Path) -> BakeOutput:
        """The same files below ``folder``: frames in a folder of their own, the rest beside it."""

        def moved(path: Path | None) -> Path | None:
            return None if path is None else folder / path.name

        return replace(
            self,
            folder=folder / self.folder.name,
            video=moved(self.video),
            sheet=moved(self.sheet),
            manifest=folder / "manifest.json",
        )

    @property
    def manifest_path(self) -> Path:
        return self.manifest or self.folder / "manifest.json"


@dataclass(frozen=True)
class BakeJob:
    """One bake; every path is absolute.

    ``face`` is a one-frame track with the portrait's rest landmarks, ``target`` a track in the portrait's
    pixels, one frame per output frame; ``rate`` in frames per second; ``start`` numbers the first frame.
    """

    portrait: Path
    face: Path
    target: Path
    output: BakeOutput
    mask: Path | None = None
    rendering: Rendering = field(default_factory=Rendering)
    rate: Fraction = Fraction(25)
    start: int = 1

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> BakeJob:
        """Read a job file; InputError names the file and the key that is wrong."""
        file = Path(path)
        try:
            data = json.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise InputError(f"{file}: no such file; give the job.json of a bake") from None
        except OSError as error:
            raise InputError(f"{file}: cannot be read ({error.strerror})") from error
        except UnicodeDecodeError as error:
            raise InputError(f"{file}: not a bake job (it is not text)") from error
        except json.JSONDecodeError as error:
            raise InputError(
                f"{file}: not valid JSON (line {error.lineno}, column {error.colno}: {error.msg})"
            ) from error
        return cls.from_dict(data, base=file.absolute().parent, source=str(file))

    @classmethod
    def from_dict(cls, data: Any, *, base: Path, source: str = "job") -> BakeJob:
        """Check ``data``, make relative paths absolute from ``base``; ``source`` starts each error line."""
        job = Keys(data, source, "")
        schema = job.text("schema")
        if schema != SCHEMA:
            raise InputError(f'{source}: "schema" is "{schema}", this version reads "{SCHEMA}"')
        out = Keys(job.mapping("output"), source, "output.")
        output = _output(out, base)
        out.finish()
        result = cls(
            portrait=job.path("portrait", base),
            face=job.path("face", base),
            target=job.path("target", base),
            output=output,
            mask=job.optional_path("mask", base),
            rendering=_rendering(job, base),
            rate=parse_rate(job.text("rate", "25/1"), f'{source}: "rate"'),
            start=job.integer("start", 1),
        )
        job.finish()
        if output.layers and result.rendering.mode == "neural":
            raise InputError(
                f'{source}: "output.layers" is true, but mode neural has no plate; use mode full or flow'
            )
        if result.start < 0:
            raise InputError(f'{source}: "start" is {result.start}, frame numbers begin at 0 or later')
        return result

    def to_dict(self, base: Path | None = None) -> dict[str, Any]:
        """The JSON form; paths inside ``base`` become relative to it, so that its folder can be moved."""

        def show(path: Path | None) -> str | None:
            if path is None:
                return None
            if base is not None and path.is_relative_to(base):
                return path.relative_to(base).as_posix()
            return str(path)

        out = self.output
        return {
            "schema": SCHEMA,
            "portrait": show(self.portrait),
            "face": show(self.face),
            "target": show(self.target),
            "mask": show(self.mask),
            "mode": self.rendering.mode,
            "sitter": show(self.rendering.sitter),
            "base": show(self.rendering.base),
            "shots": [show(shot) for shot in self.rendering.shots],
            "likeness": self.rendering.likeness,
            "rate": f"{self.rate.numerator}/{self.rate.denominator}",
            "start": self.start,
            "output": {
                "folder": show(out.folder),
                "name": out.name,
                "format": out.format,
                "bits": out.bits,
                "size": out.size,
                "digits": out.digits,
                "layers": out.layers,
                "video": show(out.video),
                "sheet": show(out.sheet),
                "manifest": show(out.manifest),
            },
        }

    def save(self, path: str | os.PathLike[str]) -> None:
        file = Path(path).absolute()
        with atomic_path(file) as temporary:
            temporary.write_text(json.dumps(self.to_dict(file.parent), indent=1) + "\n", encoding="utf-8")


def parse_frames(text: str, what: str = "--frames") -> range:
    """ "5" or "5-20" (both ends included) as a range of frame numbers."""
    match = re.fullmatch(r"\s*(\d+)\s*(?:-\s*(\d+)\s*)?", text)
    if not match:
        raise InputError(f'{what} is "{text}", expected one frame like 12 or a range like 1-48')
    first, last = int(match[1]), int(match[2] or match[1])
    if last < first:
        raise InputError(f"{what} is {text}, but {last} comes before {first}; write {last}-{first}")
    return range(first, last + 1)


def _rendering(job: Keys, base: Path) -> Rendering:
    mode = job.choice("mode", MODES, "full")
    sitter, weights = job.optional_path("sitter", base), job.optional_path("base", base)
    likeness = job.number("likeness", 1.0)
    try:
        return Rendering(mode, sitter, weights, job.paths("shots", base), likeness)
    except InputError as error:
        raise InputError(f"{job.source}: {error}") from None


def _output(out: Keys, base: Path) -> BakeOutput:
    kind = out.choice("format", FORMATS, "png")
    try:
        return BakeOutput(
            folder=out.path("folder", base),
            name=_frame_name(out.text("name", "frame"), out.source),
            format=kind,
            bits=out.choice("bits", BITS, 16 if kind == "exr" else 8),
            size=out.optional_number("size"),
            digits=out.integer("digits", 4),
            layers=out.switch("layers", False),
            video=out.optional_path("video", base),
            sheet=out.optional_path("sheet", base),
            manifest=out.optional_path("manifest", base),
        )
    except InputError as error:
        raise InputError(_from(out.source, error)) from None


def _from(source: str, error: InputError) -> str:
    return str(error) if str(error).startswith(source) else f"{source}: {error}"


def _frame_name(name: str, source: str) -> str:
    if not name or name.startswith(".") or re.search(r'[/\\:*?"<>|\x00-\x1f%]', name):
        raise InputError(f'{source}: "output.name" is "{name}", expected a plain file name like "frame"')
    return name
