# SPDX-License-Identifier: GPL-3.0-or-later
"""The installable extension: staged, zipped and validated by Blender's own tool, the same bytes every time."""

from __future__ import annotations

import os
import shutil
import subprocess
import tomllib
import zipfile
from pathlib import Path

from .terminal import BUILD, PYTHON, ROOT, VENV, BuildError, project

DIST = ROOT / "dist"
EXTENSION = "tableau_vivant"

# What an installed extension consists of; bytecode, build-time tools and training data stay out.
PACKAGED_FOLDERS = ("addon", "core", "presets")
PACKAGED_SUFFIXES = (
    ".csv",
    ".json",
    ".md",
    ".npz",
    ".png",
    ".py",
    ".safetensors",
    ".tflite",
    ".toml",
    ".txt",
)
NOT_PACKAGED = {"addon/blender_manifest.toml", "addon/demo.py", "core/head/build_model.py"}


def version() -> str:
    return str(project()["project"]["version"])


def blender_scripts() -> Path:
    """Folder of Blender's own scripts in the bpy wheel (found without importing it)."""
    for pattern in ("lib/python3.11/site-packages/bpy/*/scripts", "Lib/site-packages/bpy/*/scripts"):
        for folder in VENV.glob(pattern):
            return folder
    raise BuildError("Blender's extension tool is not in .venv; remove .venv and run `python build.py setup`")


def extension_tool(*arguments: str | os.PathLike[str]) -> None:
    tool = blender_scripts() / "addons_core/bl_pkg/cli/blender_ext.py"
    argv = [os.fspath(part) for part in (PYTHON, tool, *arguments)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        raise BuildError("Blender's extension tool refuses the package: " + " ".join(lines)[:400])


def packaged_files() -> list[Path]:
    """What goes into the extension, relative to the repository, sorted."""
    found = []
    for folder in PACKAGED_FOLDERS:
        for path in (ROOT / folder).rglob("*"):
            relative = path.relative_to(ROOT)
            hidden = any(part.startswith(".") or part == "__pycache__" for part in relative.parts)
            wanted = path.suffix in PACKAGED_SUFFIXES and relative.as_posix() not in NOT_PACKAGED
            if path.is_file() and wanted and not hidden:
                found.append(relative)
    return sorted(found)


def stage_extension(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    for relative in packaged_files():
        (folder / relative).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / relative, folder / relative)
    shutil.copyfile(ROOT / "LICENSE", folder / "LICENSE")
    shutil.copyfile(ROOT / "addon/blender_manifest.toml", folder / "blender_manifest.toml")
    lines = [
        "# SPDX-License-Identifier: GPL-3.0-or-later",
        "from .addon import register, unregister  # noqa: F401",
        "",
    ]
    (folder / "__init__.py").write_text("\n".join(lines), encoding="utf-8")


def normalize_zip(source: Path, target: Path) -> None:
    """Write the members of ``source`` sorted, with one time and mode: equal files give an equal zip."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in sorted(old.namelist()):
            member = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            member.compress_type = old.getinfo(name).compress_type
            member.external_attr = 0o644 << 16
            member.create_system = 3
            new.writestr(member, old.read(name), compresslevel=9)


def build_package(folder: Path = DIST) -> Path:
    """Make and validate the extension zip in ``folder``; returns its path."""
    manifest = tomllib.loads((ROOT / "addon/blender_manifest.toml").read_text(encoding="utf-8"))
    if manifest["version"] != version():
        raise BuildError(
            f"addon/blender_manifest.toml says version {manifest['version']}, pyproject.toml {version()}"
        )
    staged = BUILD / "stage"
    stage_extension(staged)
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{EXTENSION}-{version()}.zip"
    raw, temporary = BUILD / "raw.zip", target.with_name(f".{target.name}")
    try:
        extension_tool("build", "--source-dir", staged, "--output-filepath", raw)
        normalize_zip(raw, temporary)
        tags = blender_scripts() / "modules/_bpy_internal/extensions/tags.py"
        extension_tool("validate", temporary, "--valid-tags", tags)
        os.replace(temporary, target)
    finally:
        raw.unlink(missing_ok=True)
        temporary.unlink(missing_ok=True)
    return target
