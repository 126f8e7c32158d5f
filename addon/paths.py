# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the extension writes: beside the .blend, or in its own user
folder while the scene has no file yet."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import bpy

from . import ROOT
from .problems import Problem


def user_folder(name: str) -> Path:
    """A writable folder of the extension (never its own package folder), made where missing."""
    try:
        return Path(bpy.utils.extension_path_user(ROOT, path=name, create=True))
    except ValueError:  # not installed as an extension: imported from a working tree
        folder = Path(tempfile.gettempdir()) / "tableau-vivant" / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder


def work_folder(rig: Any) -> Path:
    """The folder that holds ``rig``'s landmarks, takes, jobs and frames; chosen once and kept on the rig."""
    settings = rig.tableau
    if not settings.folder:
        name = bpy.path.clean_name(rig.tableau.title or rig.name)
        if bpy.data.filepath:
            settings.folder = f"//tableau/{Path(bpy.data.filepath).stem}/{name}"
        else:
            settings.folder = tempfile.mkdtemp(prefix=f"{name}-", dir=user_folder("unsaved"))
    folder = absolute(settings.folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Problem(
            f"{folder}: cannot be made ({error.strerror}); choose another folder in the Bake panel"
        ) from error
    return folder


def absolute(path: str) -> Path:
    """A path as Blender stores it ("//" is the .blend's folder) as an absolute one."""
    if path.startswith("//") and not bpy.data.filepath:
        raise Problem(
            f"{path} is relative to the .blend, which is not saved yet; save it or choose another folder"
        )
    return Path(bpy.path.abspath(path)).absolute()


def shown(path: str | Path) -> str:
    """The form to store in the .blend: relative to it where that is possible."""
    text = str(path)
    if not bpy.data.filepath or text.startswith("//"):
        return text
    try:
        return bpy.path.relpath(text)
    except ValueError:  # another drive on Windows
        return text
