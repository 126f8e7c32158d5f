# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing files so that a reader never sees half of one."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import OutputError


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary name beside ``path`` (same suffix);
    on success it replaces ``path``, on any error it is removed.

    Missing parent folders are made.  Raises OutputError where the folder or the file cannot be written.
    """
    target = Path(path)
    temporary: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{target.stem}.", suffix=target.suffix, dir=target.parent)
        os.close(handle)
        temporary = Path(name)
        # mkstemp makes private files; a finished one gets the permissions that an ordinary open() would give
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        yield temporary
        os.replace(temporary, target)
        temporary = None
    except OSError as error:
        reason = f"cannot be written ({error.strerror or error})"
        raise OutputError(f"{target}: {reason}; choose another folder or free some space") from error
    finally:
        if temporary is not None:
            with suppress(OSError):
                temporary.unlink()
