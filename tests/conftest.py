# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures that every test folder shares."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

REPO = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def repo() -> Path:
    """Root folder of the repository."""
    return REPO


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of test material that is not part of the repository; tests that need it are skipped without it."""
    folder = Path(os.environ.get("TABLEAU_SHARED") or REPO.parent / "shared")
    if not (folder / "data").is_dir():
        pytest.skip("test material is not here: set TABLEAU_SHARED to its folder")
    return folder


@pytest.fixture(scope="session")
def demo_portrait() -> Path:
    """The portrait that ships with the project: one painted face, found by every detector."""
    return REPO / "presets" / "portraits" / "demo" / "portrait.png"


@pytest.fixture(scope="session")
def build_program() -> ModuleType:
    """build.py as a module."""
    spec = importlib.util.spec_from_file_location("tableau_build", REPO / "build.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def built_zip(build_program: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The extension zip, made from the working tree once per test run."""
    return build_program.build_package(tmp_path_factory.mktemp("dist"))
