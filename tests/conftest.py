# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures that every test folder shares."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from addon.package import build_package

REPO = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def repo() -> Path:
    """Root folder of the repository."""
    return REPO


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of test material that is not part of the repository;
    tests that need it are skipped without it."""
    folder = Path(os.environ.get("TABLEAU_SHARED") or REPO.parent / "shared")
    if not (folder / "data").is_dir():
        pytest.skip("test material is not here: set TABLEAU_SHARED to its folder")
    return folder


@pytest.fixture(scope="session")
def demo_portrait() -> Path:
    """The portrait that ships with the project: one painted face, found by every detector."""
    return REPO / "presets" / "portraits" / "demo" / "portrait.png"


@pytest.fixture(scope="session")
def built_zip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The extension zip, made from the working tree once per test run."""
    return build_package(tmp_path_factory.mktemp("dist"))
