# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a JSON object key by key, so that what is wrong in it is told in one line."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .errors import InputError


class Keys:
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
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise InputError(f'{self.source}: "{self.prefix}{key}" is {_kind(value)}, expected {expected}')
        return value

    def text(self, key: str, default: Any = ...) -> str:
        return self._take(key, (str,), "text", default)

    def integer(self, key: str, default: int) -> int:
        return self._take(key, (int,), "a whole number", default)

    def switch(self, key: str, default: bool) -> bool:
        return self._take(key, (bool,), "true or false", default)

    def number(self, key: str, default: float) -> float:
        return float(self._take(key, (int, float), "a number", default))

    def optional_number(self, key: str) -> int | float | None:
        return self._take(key, (int, float, type(None)), "a number or null", None)

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
