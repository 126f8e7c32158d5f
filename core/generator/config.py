# SPDX-License-Identifier: GPL-3.0-or-later
"""What decides the shapes of the networks, and the preset files that hold it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from ..errors import InputError

PRESETS = Path(__file__).resolve().parents[2] / "presets" / "generators"

# the coarsest map of the generator is size / 32
SIZE_STEP = 32
SMALLEST = 64
# the canvas of the landmark rasters
LARGEST = 512


@dataclass(frozen=True)
class GeneratorConfig:
    """Shapes of the embedder, the projection, the generator and the discriminator.

    size           work size S in px, a multiple of 32, from 64 to 512; the weights do not depend on it
    embedding      length of an embedding e, and of a discriminator's row
    generator      widths of the generator at S/2, S/4, ... S/32
    middle         adaptive residual blocks at S/32
    embedder       widths of the embedder at S/4, S/8, ... (each half the resolution of the one before)
    discriminator  widths of the discriminator at S/2, S/4, ...
    reach          largest correction of the flow, as a fraction of S

    A wrong value raises InputError.
    """

    size: int = 256
    embedding: int = 512
    generator: tuple[int, ...] = (32, 64, 128, 256, 384)
    middle: int = 2
    embedder: tuple[int, ...] = (48, 96, 192, 320, 448)
    discriminator: tuple[int, ...] = (32, 64, 128, 256, 288, 288)
    reach: float = 0.06

    def __post_init__(self) -> None:
        if not SMALLEST <= self.size <= LARGEST or self.size % SIZE_STEP:
            raise InputError(
                f"size = {self.size}: must be a multiple of {SIZE_STEP}, from {SMALLEST} to {LARGEST}"
            )
        if self.embedding < 1 or self.middle < 0:
            raise InputError(
                f"embedding = {self.embedding}, middle = {self.middle}: must be 1 or more, 0 or more"
            )
        if len(self.generator) != 5:
            raise InputError(f"generator = {list(self.generator)}: must be five widths (S/2 to S/32)")
        for name in ("generator", "embedder", "discriminator"):
            widths = getattr(self, name)
            if not widths or min(widths) < 1:
                raise InputError(f"{name} = {list(widths)}: must be a list of widths of 1 or more")
        if not 0.0 < self.reach <= 0.5:
            raise InputError(f"reach = {self.reach}: must be above 0 and at most 0.5")

    @property
    def style_channels(self) -> tuple[int, ...]:
        """Channels of the generator's adaptive norms, in the order in which a style holds them."""
        middle = [self.generator[-1]] * (2 * self.middle)
        rising = [width for width in self.generator[-2::-1] for _ in range(2)]
        return (*middle, *rising, self.generator[0])

    @property
    def style_dim(self) -> int:
        """Length of a style vector: a scale and a bias for each channel of each adaptive norm."""
        return 2 * sum(self.style_channels)

    def to_dict(self) -> dict[str, Any]:
        """Plain values (lists for widths) as ``from_dict`` takes them."""
        return {
            name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], origin: str = "generator configuration") -> GeneratorConfig:
        """The configuration in ``data``; what is not given keeps its default.

        Raises InputError, with ``origin`` in front, on an unknown name or a value of the wrong kind.
        """
        known = {field.name: field for field in fields(cls)}
        values: dict[str, Any] = {}
        for name, value in data.items():
            if name not in known:
                raise InputError(f"{origin}: unknown setting '{name}'; known are {', '.join(known)}")
            kind = type(known[name].default)
            if (
                kind is tuple
                and isinstance(value, list | tuple)
                and all(type(width) is int for width in value)
            ):
                values[name] = tuple(value)
            elif kind is float and type(value) in (int, float):
                values[name] = float(value)
            elif kind is int and type(value) is int:
                values[name] = value
            else:
                wanted = {tuple: "a list of whole numbers", float: "a number", int: "a whole number"}[kind]
                raise InputError(f"{origin}: {name} = {value!r} must be {wanted}")
        try:
            return cls(**values)
        except InputError as error:
            raise InputError(f"{origin}: {error}") from None


def load_config(given: str | Path) -> GeneratorConfig:
    """The [networks] table of a TOML file, or of the preset of that name ("base", "small").

    Raises InputError, naming the file, when it cannot be read or holds something else.
    """
    path = (
        PRESETS / f"{given}.toml" if isinstance(given, str) and not given.endswith(".toml") else Path(given)
    )
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        names = ", ".join(sorted(file.stem for file in PRESETS.glob("*.toml")))
        raise InputError(
            f"{path}: no such generator configuration; give a .toml file or one of: {names}"
        ) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{path}: cannot be read as TOML ({error})") from error
    networks = data.get("networks")
    if not isinstance(networks, dict):
        raise InputError(f"{path}: no [networks] table; it holds size and the widths of the networks")
    return GeneratorConfig.from_dict(networks, str(path))
