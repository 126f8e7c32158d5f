# SPDX-License-Identifier: GPL-3.0-or-later
"""Care for what a command leaves on disk: found unwritable before the work
begins, cleared away after an error."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import OutputError


def check_folder(folder: Path) -> None:
    """Raise OutputError unless ``folder``, or the nearest folder above it that exists, can be written in."""
    folder = folder.absolute()
    nearest = folder
    while not os.path.lexists(nearest) and nearest != nearest.parent:
        nearest = nearest.parent
    if not nearest.is_dir():
        what = "is a file" if nearest.exists() else "is a link to nowhere"
        raise OutputError(f"{folder}: cannot be made because {nearest} {what}; choose another folder")
    try:
        with tempfile.TemporaryFile(dir=nearest):
            pass
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written ({error.strerror}); choose another folder") from error


@contextmanager
def nothing_left(folders: list[Path], files: list[Path], worth_keeping: Callable[[], bool]) -> Iterator[None]:
    """On an error inside, remove the ``files`` and ``folders`` that
    were not there before, unless worth keeping.

    A folder, and those above it that were made for it, goes only where it is empty.
    """
    new_files = [file for file in files if not file.exists()]
    new_folders = {
        path
        for folder in folders
        for path in (folder.absolute(), *folder.absolute().parents)
        if not path.exists()
    }
    try:
        yield
    except BaseException:
        if not worth_keeping():
            for file in new_files:
                with suppress(OSError):
                    file.unlink()
            for path in sorted(new_folders, key=lambda path: len(path.parts), reverse=True):
                with suppress(OSError):
                    path.rmdir()
        raise
