# SPDX-License-Identifier: GPL-3.0-or-later
"""What ships with the project under presets/: performances, retime recipes, the demo portrait."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from .errors import InputError
from .motion.authored import load_authored
from .motion.curves import ExpressionCurves
from .motion.retime import Retime

# beside core/ in the repository and in the extension's zip alike
FOLDER = Path(__file__).resolve().parents[1] / "presets"
PERFORMANCES = FOLDER / "performances"
RETIMES = FOLDER / "retimes"


@dataclass(frozen=True)
class PresetInfo:
    """One performance as a list shows it.  duration in seconds; frames at its own fps."""

    name: str
    label: str
    description: str
    path: Path
    fps: Fraction
    duration: float
    frames: int
    loop: bool
    license: str


@dataclass(frozen=True)
class RetimeInfo:
    """One retime recipe as a list shows it."""

    name: str
    label: str
    description: str
    path: Path


def preset_names() -> list[str]:
    """Names of the performances, sorted."""
    return sorted(path.stem for path in PERFORMANCES.glob("*.toml"))


def list_presets() -> list[PresetInfo]:
    """The performances, sorted by name."""
    return [preset_info(name) for name in preset_names()]


def preset_info(name: str) -> PresetInfo:
    """What is known about one performance; raises InputError, with the nearest names, where there is none."""
    path = _find(PERFORMANCES, name, "performance")
    it = load_authored(path)
    return PresetInfo(
        path.stem, it.label, it.description, path, it.fps, it.duration, it.frames, it.loop, it.license
    )


def load_performance(name: str, rate: Fraction | None = None) -> ExpressionCurves:
    """One pass of a performance at ``rate`` frames per second (its own where None).

    Raises InputError, with the nearest names, where there is none.
    """
    return load_authored(_find(PERFORMANCES, name, "performance")).sample(rate)


def list_retimes() -> list[RetimeInfo]:
    """The retime recipes, sorted by name."""
    paths = sorted(RETIMES.glob("*.toml"))
    recipes = [(path, Retime.load(path)) for path in paths]
    return [RetimeInfo(path.stem, it.label, it.description, path) for path, it in recipes]


def find_retime(name: str) -> Path:
    """Path of a retime recipe: ``name`` is one of the shipped recipes or a file.

    Raises InputError, with the nearest names, where it is neither.
    """
    path = Path(name)
    if path.suffix or path.name != name:
        if not path.is_file():
            raise InputError(f"{name}: no such file")
        return path
    return _find(RETIMES, name, "retime")


def demo_portrait() -> Path:
    """The portrait that ships with the project."""
    path = FOLDER / "portraits" / "demo" / "portrait.png"
    if not path.is_file():
        raise InputError(f"{path}: the demo portrait is missing; install again")
    return path


def _find(folder: Path, name: str, kind: str) -> Path:
    names = sorted(path.stem for path in folder.glob("*.toml"))
    if name in names:
        return folder / f"{name}.toml"
    close = difflib.get_close_matches(name, names, 3, 0.5)
    hint = f"did you mean {', '.join(close)}?" if close else f"there are {', '.join(names) or 'none'}"
    raise InputError(f"{name}: no such {kind} preset; {hint}")
