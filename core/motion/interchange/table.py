# SPDX-License-Identifier: GPL-3.0-or-later
"""Text files and tables of numbers, read so that a damaged one gives one clear line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...errors import InputError

LONGEST = 1 << 30  # bytes; a performance is never larger


@dataclass(frozen=True, eq=False)
class Table:
    """A .csv file: column names without spaces around them, rows of text cells, their line numbers."""

    path: Path
    names: tuple[str, ...]
    rows: list[list[str]]
    lines: list[int]

    def numbers(self, names: list[str]) -> np.ndarray:
        """float64 [T, len(names)]: columns by name, NaN where a cell is empty or a row is too short.

        Raises InputError where a column is missing or a cell is no number.
        """
        place = {name: index for index, name in enumerate(self.names)}
        for name in names:
            if name not in place:
                raise InputError(f"{self.path}: has no column '{name}'; export it again with all columns")
        wanted = [place[name] for name in names]
        out = np.full((len(self.rows), len(names)), np.nan)
        for index, row in enumerate(self.rows):
            for column, where in enumerate(wanted):
                cell = row[where] if where < len(row) else ""
                if cell:
                    try:
                        out[index, column] = float(cell)
                    except ValueError:
                        raise InputError(
                            f"{self.path}: line {self.lines[index]}, column '{self.names[where]}': "
                            f"'{cell[:40]}' is no number; repair the cell or export the file again"
                        ) from None
        out[~np.isfinite(out)] = np.nan
        return out


def read_text(path: Path) -> str:
    """The text of a file; InputError where it is missing, too large or no UTF-8 text."""
    try:
        if path.stat().st_size > LONGEST:
            raise InputError(f"{path}: is larger than any performance; is it the right file?")
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (UnicodeDecodeError, OSError) as error:
        why = "it is no text in UTF-8" if isinstance(error, UnicodeDecodeError) else error.strerror or error
        raise InputError(f"{path}: cannot be read ({why})") from None


def parse_table(path: Path, text: str) -> Table:
    """Split a .csv file (commas, semicolons or tabs; lines that begin with # are remarks) into a table.

    Raises InputError where there are no column names or no rows.
    """
    kept = [
        (number, line)
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip(" ,;\t") and not line.startswith("#")
    ]
    if not kept:
        raise InputError(f"{path}: is empty")
    head = kept[0][1]
    mark = max(",;\t", key=head.count)
    names = tuple(cell.strip().strip('"') for cell in head.split(mark))
    rows = [[cell.strip().strip('"') for cell in line.split(mark)] for _, line in kept[1:]]
    if not rows:
        raise InputError(f"{path}: has column names but no frames; it was cut short, export it again")
    return Table(path, names, rows, [number for number, _ in kept[1:]])
