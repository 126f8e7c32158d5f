# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender as a module in processes of their own, with the built extension installed as a user installs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

SCRIPTS = Path(__file__).parent / "scripts"
OTHER = "TABLEAU_BPY45_PYTHON"
INSTALL = """
import sys, bpy
install = bpy.ops.extensions.package_install_files
assert install(filepath=sys.argv[1], repo="user_default", enable_on_install=True) == {"FINISHED"}
bpy.ops.wm.save_userpref()
"""


@dataclass(frozen=True)
class Blender:
    """A Python with bpy and a user profile of its own in which the extension is installed and enabled."""

    python: Path
    profile: Path

    def run(self, script: str, folder: Path, **values: Any) -> dict[str, Any]:
        """Run scripts/``script`` with ``values`` in a fresh Blender; its answer (JSON) comes back."""
        answer = folder / f"{Path(script).stem}.answer.json"
        question = folder / f"{Path(script).stem}.question.json"
        question.write_text(json.dumps({**values, "folder": str(folder)}, default=str))
        done = self.call(str(SCRIPTS / script), str(question), str(answer))
        assert done.returncode == 0, f"{script}:\n{done.stdout[-2000:]}\n{done.stderr[-6000:]}"
        return {**json.loads(answer.read_text()), "stderr": done.stderr, "stdout": done.stdout}

    def call(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run this Blender's Python with its own profile, and this environment's Python as the engine."""
        env = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "BLENDER"))}
        env |= {"BLENDER_USER_RESOURCES": str(self.profile), "TABLEAU_ENGINE_PYTHON": sys.executable}
        return subprocess.run(
            [str(self.python), *arguments],
            env={**env, **environment},
            text=True,
            capture_output=True,
            timeout=900,
            check=False,
        )


def installed(version: str, built_zip: Path, tmp_path_factory: pytest.TempPathFactory) -> Blender:
    """The development environment's Blender, or ("4.5") the LTS whose interpreter is named in OTHER."""
    python = sys.executable
    if version == "4.5":
        python = os.environ.get(OTHER, "")
        if not python:
            pytest.skip(f"no Blender 4.5: name a Python with bpy 4.5 in {OTHER}")
    found = Blender(Path(python), tmp_path_factory.mktemp(f"blender-{version}"))
    done = found.call("-c", INSTALL, str(built_zip))
    assert done.returncode == 0, done.stderr[-4000:]
    return found


@pytest.fixture(scope="session", params=["5.0", "4.5"])
def blender(
    request: pytest.FixtureRequest, built_zip: Path, tmp_path_factory: pytest.TempPathFactory
) -> Blender:
    """The development environment's Blender, and a 4.5 LTS where an interpreter with one is named."""
    return installed(request.param, built_zip, tmp_path_factory)


@pytest.fixture(scope="session")
def old_and_new(built_zip: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Blender, Blender]:
    """A Blender 4.5 LTS and the development environment's Blender."""
    old = installed("4.5", built_zip, tmp_path_factory)
    return old, installed("5.0", built_zip, tmp_path_factory)
