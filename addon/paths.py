# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the extension writes: beside the .blend, or in its own user
folder while the scene has no file yet."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path, PurePath
from typing import Any

import bpy

from . import ROOT, lookup
from .problems import Problem

UNSAVED, PLAIN = "unsaved", "tableau-vivant"
"""Folders: of work that has no .blend yet, and of the extension where it is not installed as one."""


def user_folder(name: str) -> Path:
    """A writable folder of the extension (never its own package folder), made where missing."""
    try:
        return Path(bpy.utils.extension_path_user(ROOT, path=name, create=True))
    except ValueError:  # not installed as an extension: imported from a working tree
        folder = Path(tempfile.gettempdir()) / PLAIN / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder


_unsaved: dict[int, str] = {}
"""The folders of other files' rigs while this file has none, by session id."""


def title(rig: Any) -> str:
    """A name for ``rig``'s files; another file's rig, which may be here more than once, has its object's."""
    return str(bpy.path.clean_name((rig.tableau.title if lookup.library_of(rig) is None else "") or rig.name))


def digest(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def temporary(folder: str) -> bool:
    """Whether ``folder`` is one of those that keep what is made before the .blend has a file."""
    path = PurePath(folder)
    return path.parent.name == UNSAVED and path.parent.parent.name in {ROOT.rpartition(".")[2], PLAIN}


def work_folder(rig: Any) -> Path:
    """The folder that holds ``rig``'s landmarks, takes, jobs and frames; kept on the rig once it is chosen
    for good: beside the .blend as soon as that has a file.

    What is made of another file's rig is this file's: it lies beside this file.
    """
    before = rig.tableau.folder
    folder = absolute(_folder(rig))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Problem(
            f"{folder}: cannot be made ({error.strerror}); choose another folder in the Bake panel"
        ) from error
    if before and before != rig.tableau.folder:
        _bring_takes(rig, Path(before) / "takes", folder / "takes")
    return folder


def _folder(rig: Any) -> str:
    name = title(rig)
    beside = f"//tableau/{Path(bpy.data.filepath).stem}/{name}" if bpy.data.filepath else ""
    if lookup.library_of(rig) is not None:
        uid = rig.session_uid
        if not beside and uid not in _unsaved:
            _unsaved[uid] = tempfile.mkdtemp(prefix=f"{name}-", dir=user_folder(UNSAVED))
        return beside or _unsaved[uid]
    settings = rig.tableau
    if not settings.folder or (beside and temporary(settings.folder)):
        settings.folder = beside or tempfile.mkdtemp(prefix=f"{name}-", dir=user_folder(UNSAVED))
    return str(settings.folder)


def _bring_takes(rig: Any, before: Path, after: Path) -> None:
    """Copy the takes of ``rig`` from one folder to another, and let its actions know."""
    for take in before.glob("*") if before.is_dir() else ():
        after.mkdir(exist_ok=True)
        if not (after / take.name).exists():
            shutil.copy2(take, after / take.name)
    for owner, name in ((rig.tableau, "take"), *((a.tableau_take, "path") for a in bpy.data.actions)):
        path = Path(getattr(owner, name))
        if path.parent == before and (after / path.name).is_file():
            setattr(owner, name, shown(after / path.name))


def absolute(path: str, owner: Any = None) -> Path:
    """A path as Blender stores it ("//" is the .blend's folder) as an absolute one.

    owner: the object that it is stored on, where that may be another file's: "//" is then that one's folder.
    """
    library = None if owner is None else lookup.library_of(owner)
    if path.startswith("//") and library is None and not bpy.data.filepath:
        raise Problem(
            f"{path} is relative to the .blend, which is not saved yet; save it or choose another folder"
        )
    return Path(bpy.path.abspath(path, library=library)).absolute()


def shown(path: str | Path) -> str:
    """The form to store in the .blend: relative to it where that is possible."""
    text = str(path)
    if not bpy.data.filepath or text.startswith("//"):
        return text
    try:
        return bpy.path.relpath(text)
    except ValueError:  # another drive on Windows
        return text
