# SPDX-License-Identifier: GPL-3.0-or-later
"""The packages of the engine lie in layers: each imports only what lies below it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

LAYERS = ("media", "landmarks", "head", "motion", "compose", "generator", "training")
# what the worker can be asked: stands on all of them and on the modules beside them, and nothing on it
TOP = "methods"
# small modules without a layer, on which every package may build
GROUND = {"errors", "atomic", "threads", "version"}


def imported(path: Path, core: Path) -> set[str]:
    """First names below ``core`` of everything that a source file imports from it, at any depth."""
    package = ("core", *path.relative_to(core).parent.parts)
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            stem = [*base, *([node.module] if node.module else [])]
            names = [".".join([*stem, alias.name]) for alias in node.names]
        else:
            continue
        found |= {name.split(".")[1] for name in names if name.startswith("core.")}
    return found


@pytest.mark.parametrize("layer", LAYERS)
def test_no_package_imports_what_lies_above_it(repo: Path, layer: str) -> None:
    core = repo / "core"
    allowed = {*LAYERS[: LAYERS.index(layer) + 1], *GROUND}
    files = sorted((core / layer).rglob("*.py"))
    assert len(files) > 1
    wrong = {file.name: imported(file, core) - allowed for file in files if imported(file, core) - allowed}
    assert not wrong


def test_every_package_has_its_layer(repo: Path) -> None:
    assert {path.parent.name for path in (repo / "core").glob("*/__init__.py")} == {*LAYERS, TOP}


def test_only_the_worker_stands_on_the_top(repo: Path) -> None:
    core = repo / "core"
    files = [path for path in core.rglob("*.py") if (core / TOP) not in path.parents]
    assert {path.stem for path in files if TOP in imported(path, core)} == {"worker"}


def test_ground_modules_build_on_no_package(repo: Path) -> None:
    for name in GROUND:
        assert imported(repo / f"core/{name}.py", repo / "core") <= GROUND


def test_all_ways_to_import_are_seen(tmp_path: Path) -> None:
    file = tmp_path / "core" / "media" / "one.py"
    file.parent.mkdir(parents=True)
    file.write_text(
        "import core.head.fit\nimport numpy.core.top\nfrom core.motion import rates\nfrom .. import bake\n"
        "def f():\n    from ..landmarks import face\n    from ..compose import mesh\n    from . import png\n",
        encoding="utf-8",
    )
    expected = {"head", "motion", "bake", "compose", "landmarks", "media"}
    assert imported(file, tmp_path / "core") == expected
