# SPDX-License-Identifier: GPL-3.0-or-later
"""Bake jobs: what one bake reads and writes, a small JSON file shared by people, Blender and render farms.

    {"schema": "tableau-vivant/bake-1",
     "portrait": "mona.jpg", "face": "face.npz", "target": "target.npz", "mask": null,
     "mode": "full", "sitter": null, "base": null, "shots": [], "rate": "25/1", "start": 1,
     "output": {"folder": "frames", "name": "frame", "format": "png", "bits": 8,
                "video": "loop.mp4", "sheet": "sheet.png", "manifest": "manifest.json"}}

Relative paths are relative to the job file.  Nothing is guessed: an unknown key or a wrong type is an error.
"""

from __future__ import annotations

import difflib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from .atomic import atomic_path
from .errors import InputError
from .motion.rates import parse_rate
from .rendering import MODES, Rendering

SCHEMA = "tableau-vivant/bake-1"
FORMATS = ("png",)
BITS = (8, 16)


@dataclass(frozen=True)
class BakeOutput:
    """Where the frames go (``folder``/``name``.%04d.png), and optionally a film and a contact sheet.

    ``bits`` per channel of the frames (8 or 16).  ``manifest`` is ``folder``/manifest.json where it is None.
    """

    folder: Path
    name: str = "frame"
    format: str = "png"
    bits: int = 8
    video: Path | None = None
    sheet: Path | None = None
    manifest: Path | None = None

    def frame_path(self, number: int) -> Path:
        return self.folder / f"{self.name}.{number:04d}.{self.format}"

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
        job = _Keys(data, source, "")
        schema = job.text("schema")
        if schema != SCHEMA:
            raise InputError(f'{source}: "schema" is "{schema}", this version reads "{SCHEMA}"')
        out = _Keys(job.mapping("output"), source, "output.")
        output = BakeOutput(
            folder=out.path("folder", base),
            name=_frame_name(out.text("name", "frame"), source),
            format=out.choice("format", FORMATS, "png"),
            bits=out.choice("bits", BITS, 8),
            video=out.optional_path("video", base),
            sheet=out.optional_path("sheet", base),
            manifest=out.optional_path("manifest", base),
        )
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
            "rate": f"{self.rate.numerator}/{self.rate.denominator}",
            "start": self.start,
            "output": {
                "folder": show(out.folder),
                "name": out.name,
                "format": out.format,
                "bits": out.bits,
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


def _rendering(job: _Keys, base: Path) -> Rendering:
    mode = job.choice("mode", MODES, "full")
    sitter, weights = job.optional_path("sitter", base), job.optional_path("base", base)
    try:
        return Rendering(mode, sitter, weights, job.paths("shots", base))
    except InputError as error:
        raise InputError(f"{job.source}: {error}") from None


def _frame_name(name: str, source: str) -> str:
    if not name or name.startswith(".") or re.search(r'[/\\:*?"<>|\x00-\x1f%]', name):
        raise InputError(f'{source}: "output.name" is "{name}", expected a plain file name like "frame"')
    return name


class _Keys:
    """Takes the keys of one JSON object one by one, checks their types and then that none is left over."""

    def __init__(self, data: Any, source: str, prefix: str) -> None:
        self.source, self.prefix = source, prefix
        if not isinstance(data, Mapping):
            where = f'"{prefix[:-1]}"' if prefix else "the file"
            raise InputError(f"{source}: {where} is {_kind(data)}, expected a JSON object")
        self.data = data
        self.known: list[str] = []

    def _take(self, key: str, kinds: tuple[type, ...], expected: str, default: Any = ...) -> Any:
        self.known.append(key)
        if key not in self.data:
            if default is ...:
                raise InputError(f'{self.source}: the key "{self.prefix}{key}" is missing')
            return default
        value = self.data[key]
        if not isinstance(value, kinds) or isinstance(value, bool):
            raise InputError(f'{self.source}: "{self.prefix}{key}" is {_kind(value)}, expected {expected}')
        return value

    def text(self, key: str, default: Any = ...) -> str:
        return self._take(key, (str,), "text", default)

    def integer(self, key: str, default: int) -> int:
        return self._take(key, (int,), "a whole number", default)

    def mapping(self, key: str) -> Any:
        return self._take(key, (Mapping,), "a JSON object")

    def path(self, key: str, base: Path) -> Path:
        return self._absolute(key, self._take(key, (str,), "a path"), base)

    def optional_path(self, key: str, base: Path) -> Path | None:
        value = self._take(key, (str, type(None)), "a path or null", None)
        return None if value is None else self._absolute(key, value, base)

    def paths(self, key: str, base: Path) -> tuple[Path, ...]:
        values = self._take(key, (list,), "a list of paths", [])
        if not all(isinstance(value, str) for value in values):
            raise InputError(f'{self.source}: "{self.prefix}{key}" holds what is no path')
        return tuple(self._absolute(key, value, base) for value in values)

    def choice(self, key: str, options: tuple[Any, ...], default: Any) -> Any:
        shown = ", ".join(str(option) for option in options)
        value = self._take(key, (type(options[0]),), f"one of: {shown}", default)
        if value not in options:
            raise InputError(f'{self.source}: "{self.prefix}{key}" is {value!r}, expected one of: {shown}')
        return value

    def finish(self) -> None:
        for key in self.data:
            if key not in self.known:
                close = difflib.get_close_matches(key, self.known, 1)
                hint = f'; did you mean "{close[0]}"?' if close else f"; known keys: {', '.join(self.known)}"
                raise InputError(f'{self.source}: unknown key "{self.prefix}{key}"{hint}')

    def _absolute(self, key: str, value: str, base: Path) -> Path:
        if not value or "\x00" in value:
            raise InputError(f'{self.source}: "{self.prefix}{key}" is empty, expected a path')
        return Path(os.path.normpath(base / value))


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")
