# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a sitter is kept: a folder beside the .blend, a temporary one until that is saved; moved on save.

Paths in the .blend are relative.  When the .blend is saved elsewhere, what belongs to its sitters goes along.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import bpy

from .. import lookup, paths
from ..problems import Problem
from . import sitter_file

_moved: list[tuple[Any, str, Path, str]] = []
"""Since save_pre: the item that holds a path, its property, the file that was copied, the old path."""


def make_folder(rig: Any) -> Path:
    """The folder that holds ``rig``'s sitter files, preview and sampled frames, made where missing."""
    name = bpy.path.clean_name(rig.tableau.title or rig.name)
    if bpy.data.filepath:
        folder = Path(bpy.data.filepath).parent / _tail(rig, Path(bpy.data.filepath))
    else:
        folder = _unsaved(rig) or Path(tempfile.mkdtemp(prefix=f"{name}-", dir=paths.user_folder("sitters")))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Problem(f"{folder}: cannot be made ({error.strerror}); save the .blend elsewhere") from error
    return folder


def free_name(rig: Any, folder: Path) -> Path:
    """A file for a new sitter that is not there yet: undo may come back to the ones before."""
    stem = bpy.path.clean_name(rig.tableau.title or rig.name)
    number = 1
    while (folder / f"{stem}-{number:03d}{sitter_file.SUFFIX}").exists():
        number += 1
    return folder / f"{stem}-{number:03d}{sitter_file.SUFFIX}"


def clear_away(folder: Path) -> None:
    """Remove ``folder`` where it is empty, and those above it that were made for it."""
    made = (folder, *folder.parents[:3]) if folder.name == "sitter" else (folder,)
    for empty in made:
        try:
            empty.rmdir()
        except OSError:
            return


def find(rig: Any, stored: str | None = None) -> Path | None:
    """The file of a stored path (the sitter's own unless given), or where it is now if a save moved it."""
    stored = rig.tableau.sitter.file if stored is None else stored
    if not stored:
        return None
    with suppress(Problem):
        path = paths.absolute(stored, rig)
        if path.is_file():
            return path
    if bpy.data.filepath:  # undo brings back the path of before the first save
        tail = _tail(rig, Path(bpy.data.filepath))
        beside = Path(bpy.data.filepath).parent / tail / Path(stored.replace("\\", "/")).name
        if beside.is_file():
            return beside
    return None


def trouble(rig: Any) -> str:
    """One line about a sitter that is not where it was or cannot be used; empty where all is well or there
    is none."""
    stored = rig.tableau.sitter.file
    if not stored:
        return ""
    path = find(rig)
    if path is None:
        return f"{bpy.path.basename(stored)}: the sitter's file is not there; find it, or personalize again"
    return sitter_file.trouble(path)


def usable(rig: Any) -> Path | None:
    """The file of ``rig``'s sitter, None where it has none; Problem where there should be one to use."""
    if line := trouble(rig):
        raise Problem(line)
    return find(rig)


def link(rig: Any, path: Path) -> sitter_file.SitterFacts:
    """Let ``rig`` use the sitter file at ``path``; Problem where it is none, or one of other base weights."""
    facts = sitter_file.read_facts(path)
    if line := sitter_file.trouble(path):
        raise Problem(line)
    settings = rig.tableau.sitter
    settings.file = paths.shown(path)
    settings.tuned, settings.made_from = facts.tuned, len(facts.shots)
    return facts


def _tail(rig: Any, blend: Path) -> Path:
    """The sitter folder's path from that of the .blend file ``blend``."""
    return Path("tableau") / blend.stem / bpy.path.clean_name(rig.tableau.title or rig.name) / "sitter"


def _unsaved(rig: Any) -> Path | None:
    """The temporary folder that ``rig`` has already, as its paths tell."""
    root = paths.user_folder("sitters")
    for _, _, stored in _stored(rig):
        folder = Path(stored).parent
        if folder.parent == root and folder.is_dir():
            return folder
    return None


def _stored(rig: Any) -> Iterator[tuple[Any, str, str]]:
    """(item, property, path) of all paths that a rig's sitter stores."""
    settings = rig.tableau.sitter
    own = ((settings, name) for name in ("file", "strip", "thumbnail"))
    for item, name in (*own, *((shot, "path") for shot in settings.shots)):
        if value := getattr(item, name):
            yield item, name, value


@bpy.app.handlers.persistent
def before_save(filepath: str = "", *_: Any) -> None:
    """Copy what belongs to sitters beside the .blend that is about to be written, and point to it there.

    Pictures of the artist's own stay where they are; their paths are told from the new place."""
    _moved.clear()
    target = Path(filepath or bpy.data.filepath)
    if not target.name:
        return
    root = paths.user_folder("sitters")
    for rig in [item for item in bpy.data.objects if lookup.kind_of(item) == "RIG"]:
        if lookup.library_of(rig) is not None:  # its files lie beside the file that it comes from
            continue
        for item, name, stored in list(_stored(rig)):
            path = find(rig, stored)
            if path is None:
                continue
            own = path.parent.parent == root
            follows = stored.startswith("//") and target.parent != Path(bpy.data.filepath).parent
            if not own and not follows:
                continue
            goal = path
            if own or path.is_relative_to(Path(bpy.data.filepath).parent / "tableau"):
                goal = target.parent / _tail(rig, target) / path.name
                try:
                    _copy(path, goal)
                except OSError as error:
                    print(f"{goal}: cannot be written ({error.strerror}); the sitter stays at {path}")
                    continue
            _moved.append((item, name, path, stored))
            setattr(item, name, _relative(goal, target.parent))


@bpy.app.handlers.persistent
def after_save(*_: Any) -> None:
    """Remove the temporary files whose copies the .blend uses now; a mere copy of it leaves them."""
    root = paths.user_folder("sitters")
    for item, name, path, stored in _moved:
        now = bpy.path.abspath(getattr(item, name)) if bpy.data.filepath else ""
        if not now or not Path(now).is_file():
            setattr(item, name, stored)
        elif path.parent.parent == root:
            with suppress(OSError):
                path.unlink()
            with suppress(OSError):
                path.parent.rmdir()
    _moved.clear()


@bpy.app.handlers.persistent
def after_failed_save(*_: Any) -> None:
    """The .blend was not written: everything is where it was."""
    for item, name, _path, stored in _moved:
        setattr(item, name, stored)
    _moved.clear()


def _relative(path: Path, start: Path) -> str:
    try:
        return bpy.path.relpath(str(path), start=str(start))
    except ValueError:  # another drive on Windows
        return str(path)


def _copy(path: Path, goal: Path) -> None:
    """Whole or not at all; nothing where the same file is there already."""
    if (
        goal.is_file()
        and goal.stat().st_size == path.stat().st_size
        and goal.read_bytes() == path.read_bytes()
    ):
        return
    goal.parent.mkdir(parents=True, exist_ok=True)
    from ...core.atomic import atomic_path

    with atomic_path(goal) as temporary:
        shutil.copyfile(path, temporary)


CLASSES = ()
HANDLERS = (("save_pre", before_save), ("save_post", after_save), ("save_post_fail", after_failed_save))


def attach() -> None:
    for name, handler in HANDLERS:
        getattr(bpy.app.handlers, name).append(handler)


def detach() -> None:
    for name, handler in HANDLERS:
        with suppress(ValueError):
            getattr(bpy.app.handlers, name).remove(handler)
