# SPDX-License-Identifier: GPL-3.0-or-later
"""Packs the installable extension, checked by Blender's own tool.

A build-time tool: ``python build.py package`` runs ``python -m addon.package`` with the Python of the
development environment, whose Blender module brings that tool.  Standard library only.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from pathlib import Path

from .problems import Problem

REPO = Path(__file__).resolve().parents[1]

# What an installed extension consists of; bytecode, build-time tools and training data stay out.
FOLDERS = ("addon", "core", "presets")
SUFFIXES = {".csv", ".json", ".md", ".npz", ".png", ".py", ".safetensors", ".tflite", ".toml", ".txt"}
LEFT_OUT = {
    "addon/blender_manifest.toml",  # it has its place at the top
    "addon/demo.py",
    "addon/package.py",
    "addon/setup/pin.py",
    "core/head/build_model.py",
    "core/thumbnails.py",
}
ENTRY = """# SPDX-License-Identifier: GPL-3.0-or-later
from .addon import register, unregister  # noqa: F401
"""


def build_package(folder: Path = REPO / "dist") -> Path:
    """Make the extension zip in ``folder``, validated by Blender's own tool; returns its path.

    Raises Problem where that tool refuses it, or where the version is not the project's.
    """
    manifest = _toml("addon/blender_manifest.toml")
    stated, version = manifest["version"], _toml("pyproject.toml")["project"]["version"]
    if stated != version:
        raise Problem(f"addon/blender_manifest.toml says version {stated}, pyproject.toml {version}")
    target = folder / f"{manifest['id']}-{version}.zip"
    folder.mkdir(parents=True, exist_ok=True)
    (REPO / "build").mkdir(exist_ok=True)
    # its own folder, for tests that run side by side package side by side
    with tempfile.TemporaryDirectory(prefix="package-", dir=REPO / "build") as scratch:
        staged, raw, made = (Path(scratch) / name for name in ("stage", "raw.zip", target.name))
        _stage(staged)
        extension_tool("build", "--source-dir", staged, "--output-filepath", raw)
        _normalize(raw, made)
        validate(made)
        temporary = target.with_name(f".{target.name}-{os.getpid()}")
        try:
            shutil.copyfile(made, temporary)
            os.replace(temporary, target)
        finally:
            temporary.unlink(missing_ok=True)
    return target


def validate(package: Path) -> None:
    """Let Blender's own tool check a zip or a folder; raises Problem with what it finds."""
    tags = blender_scripts() / "modules/_bpy_internal/extensions/tags.py"
    extension_tool("validate", package, "--valid-tags", tags)


def extension_tool(*arguments: str | Path) -> None:
    tool = blender_scripts() / "addons_core/bl_pkg/cli/blender_ext.py"
    argv = [sys.executable, tool, *arguments]
    done = subprocess.run(argv, cwd=REPO, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode != 0:
        lines = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        # the last line of a traceback says what happened, the others where
        reason = "; ".join(lines[-1:] if "Traceback (most recent call last):" in lines else lines)
        raise Problem(f"Blender's extension tool refuses the package: {reason[:400]}")


def blender_scripts() -> Path:
    """Folder of Blender's own scripts in its Python module (found without importing that)."""
    module = importlib.util.find_spec("bpy")
    for folder in (module and module.submodule_search_locations) or ():
        for scripts in Path(folder).glob("*/scripts"):
            return scripts
    raise Problem("Blender's extension tool is not in .venv; remove .venv and run `python build.py setup`")


def _toml(name: str) -> dict:
    return tomllib.loads((REPO / name).read_text(encoding="utf-8"))


def _stage(folder: Path) -> None:
    """Copy what is packaged into ``folder``, as it lies there once it is installed."""
    for path in (path for part in FOLDERS for path in (REPO / part).rglob("*")):
        relative = path.relative_to(REPO)
        if path.is_file() and _is_packaged(relative):
            (folder / relative).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, folder / relative)
    shutil.copyfile(REPO / "LICENSE", folder / "LICENSE")
    shutil.copyfile(REPO / "addon/blender_manifest.toml", folder / "blender_manifest.toml")
    (folder / "__init__.py").write_text(ENTRY, encoding="utf-8")


def _is_packaged(path: Path) -> bool:
    """Whether a file, relative to the repository, belongs to the installed extension."""
    hidden = any(part.startswith(".") or part == "__pycache__" for part in path.parts)
    return path.suffix in SUFFIXES and not hidden and path.as_posix() not in LEFT_OUT


def _normalize(source: Path, target: Path) -> None:
    """Write the members of ``source`` sorted, with one time and mode: equal files give an equal zip."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in sorted(old.namelist()):
            member = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            member.compress_type = old.getinfo(name).compress_type
            member.external_attr = 0o644 << 16
            member.create_system = 3
            new.writestr(member, old.read(name), compresslevel=9)


def main() -> int:
    try:
        made = build_package()
    except Problem as problem:
        print(f"build.py package: error: {problem}", file=sys.stderr)
        return 2
    print(f"{made.relative_to(REPO)} is built and valid")
    return 0


if __name__ == "__main__":
    sys.exit(main())
