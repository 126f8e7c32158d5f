# SPDX-License-Identifier: GPL-3.0-or-later
"""Pins what *Set Up Engine* installs: writes the lists that ``recipe`` reads.

A build-time tool: ``python build.py pin`` runs ``python -m addon.setup.pin`` with the Python of the
development environment.  Versions are those of that environment, that is, those that the tests ran with;
what only other systems need is the newest that fits.  Standard library only.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..problems import Problem
from .recipe import FOLDER

REPO = Path(__file__).resolve().parents[2]
SCRATCH = REPO / "build"
HEAD = "# Made by `python build.py pin`: exact versions, and hashes of the wheels that count as them.\n"


def engine_needs() -> dict[str, Any]:
    """What an engine's environment has to have; the installed extension knows it from needs.json."""
    data = _project()
    ours = data["tool"]["tableau"]
    return {
        "pythons": ours["engine-pythons"],
        "requirements": data["project"]["dependencies"] + ours["without-dependencies"],
        "torch": ours["torch"],
        "uv": ours["uv"],
    }


def pin_engine() -> None:
    """Write what is needed, and exact versions and hashes of the wheels that give it.

    Raises Problem where they cannot be found.
    """
    needs, alone = engine_needs(), _project()["tool"]["tableau"]["without-dependencies"]
    normal = [line for line in needs["requirements"] if line not in alone and not line.startswith("torch>")]
    uv = _find_uv(needs["uv"])
    blocks = _lock(uv, [*normal, needs["torch"]]) | _lock(uv, alone, "--no-deps")
    torch = {name for name in blocks if re.match(r"torch$|triton|nvidia-|cuda-", name)}
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "needs.json").write_text(json.dumps(needs, indent=1) + "\n", encoding="utf-8")
    _write("requirements.txt", [blocks[name] for name in sorted(blocks) if name not in torch])
    _write("torch.txt", [blocks[name] for name in sorted(torch)])
    _write("uv.txt", list(_lock(uv, [needs["uv"]]).values()))


def is_for_engine(url: str) -> bool:
    """Whether a wheel fits one of the engine's Pythons on a system that all of its packages are made for."""
    python, abi, system = url.rpartition("/")[2].removesuffix(".whl").split("-")[-3:]
    ours = {f"cp{version.replace('.', '')}" for version in engine_needs()["pythons"]}
    stable = abi == "abi3" and int(python.removeprefix("cp3")) <= 12
    fits = abi in ours or stable or (abi == "none" and (python in ours or "py3" in python.split(".")))
    systems = r"^any$|manylinux.*_x86_64|macosx_\d+_\d+_(arm64|universal2)|win_amd64"
    return fits and re.search(systems, system) is not None


def _project() -> dict[str, Any]:
    return tomllib.loads((REPO / "pyproject.toml").read_text(encoding="utf-8"))


def _run(*argv: str | Path, what: str) -> str:
    """What a program says on stdout; Problem where it fails."""
    done = subprocess.run(argv, cwd=REPO, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode != 0:
        raise Problem(f"{what}: {' '.join(done.stderr.split())[:400]}")
    return done.stdout


def _find_uv(requirement: str) -> str | Path:
    if found := shutil.which("uv"):
        return found
    folder = SCRATCH / "uv"
    local = folder / ("bin/uv.exe" if os.name == "nt" else "bin/uv")
    if not local.exists():
        pip = (sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check")
        _run(*pip, "--target", folder, requirement, what=f"{requirement} cannot be installed")
    return local


def _lock(uv: str | Path, wanted: Sequence[str], *options: str) -> dict[str, str]:
    """Resolve ``wanted`` for all systems: package name -> its lines of a requirements file with hashes."""
    folder = SCRATCH / "pins"
    folder.mkdir(parents=True, exist_ok=True)
    source, tested, target = folder / "wanted.txt", folder / "tested.txt", folder / "pylock.toml"
    source.write_text("\n".join(wanted) + "\n", encoding="utf-8")
    tested.write_text("\n".join(_tested()) + "\n", encoding="utf-8")
    argv: list[str | Path] = [uv, "pip", "compile", "--universal"]
    argv += ["--python-version", engine_needs()["pythons"][0], "--no-build", "--generate-hashes"]
    argv += ["--format", "pylock.toml", "-q", "-c", tested, *options, "-o", target, source]
    _run(*argv, what="the engine's packages cannot be pinned")
    blocks: dict[str, str] = {}
    for package in tomllib.loads(target.read_text(encoding="utf-8"))["packages"]:
        wheels = [wheel for wheel in package["wheels"] if is_for_engine(wheel["url"])]
        if not wheels:
            continue  # there only for Pythons or systems that the engine does not run on
        marker = f" ; {package['marker']}" if "marker" in package else ""
        hashes = sorted(f"    --hash=sha256:{wheel['hashes']['sha256']}" for wheel in wheels)
        lines = [f"{package['name']}=={package['version']}{marker}", *hashes]
        blocks[package["name"]] = blocks.get(package["name"], "") + " \\\n".join(lines) + "\n"
    return blocks


def _tested() -> list[str]:
    """Requirements of exactly the packages that this environment holds."""
    pip = (sys.executable, "-m", "pip", "list", "--format", "freeze")
    listed = _run(*pip, what="the packages of .venv cannot be listed").split()
    # pip and setuptools make environments, and belong to none; +cpu is one of a version's builds
    return [line.partition("+")[0] for line in listed if line.partition("=")[0] not in ("pip", "setuptools")]


def _write(name: str, blocks: Sequence[str]) -> None:
    temporary = FOLDER / f".{name}"
    temporary.write_text(HEAD + "".join(blocks), encoding="utf-8", newline="\n")
    os.replace(temporary, FOLDER / name)


def main() -> int:
    try:
        pin_engine()
    except Problem as problem:
        print(f"build.py pin: error: {problem}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
