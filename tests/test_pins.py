# SPDX-License-Identifier: GPL-3.0-or-later
"""The pinned environment of installed engines is what the project asks for now, and hashed."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from addon.setup.pin import engine_needs, is_for_engine
from core.checkup import fits

FILES = ("requirements.txt", "torch.txt", "uv.txt")


def pins(path: Path) -> dict[str, tuple[str, int]]:
    """Package name -> (version, number of hashes)."""
    found: dict[str, tuple[str, int]] = {}
    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    for line in filter(lambda line: line and not line.startswith("#"), text.splitlines()):
        name, _, rest = line.partition("==")
        found[name] = (rest.split()[0], len(re.findall(r"--hash=sha256:[0-9a-f]{64}", line)))
    return found


def test_pins_are_up_to_date(repo: Path) -> None:
    stated = json.loads((repo / "presets/engine/needs.json").read_text(encoding="utf-8"))
    assert stated == engine_needs(), "run: python build.py pin"


def test_all_that_is_needed_is_pinned(repo: Path) -> None:
    needs = engine_needs()
    pinned = pins(repo / "presets/engine/requirements.txt") | pins(repo / "presets/engine/torch.txt")
    for requirement in needs["requirements"]:
        name, specifiers = re.fullmatch(r"([\w.-]+?)([<>=].*)", requirement).groups()  # type: ignore[union-attr]
        assert fits(pinned[name][0], specifiers), f"{requirement}: run: python build.py pin"
    assert needs["torch"] == f"torch=={pinned['torch'][0]}"


@pytest.mark.parametrize("name", FILES)
def test_every_pin_is_hashed(repo: Path, name: str) -> None:
    found = pins(repo / "presets/engine" / name)
    assert found
    assert not [package for package, (_, hashes) in found.items() if hashes == 0]


def test_pins_are_in_the_zip(built_zip: Path) -> None:
    import zipfile

    with zipfile.ZipFile(built_zip) as archive:
        assert {f"presets/engine/{name}" for name in (*FILES, "needs.json")} <= set(archive.namelist())


@pytest.mark.parametrize(
    ("wheel", "ours"),
    [
        ("tiny-1.0-py3-none-any.whl", True),
        ("tiny-1.0-py2.py3-none-any.whl", True),
        ("tiny-1.0-cp311-cp311-manylinux_2_28_x86_64.whl", True),
        ("tiny-1.0-cp39-abi3-win_amd64.whl", True),
        ("tiny-1.0-cp312-cp312-macosx_11_0_arm64.whl", True),
        ("tiny-1.0-cp313-cp313-manylinux_2_28_x86_64.whl", False),
        ("tiny-1.0-cp314-cp314t-win_amd64.whl", False),
        ("tiny-1.0-cp311-cp311-musllinux_1_2_x86_64.whl", False),
        ("tiny-1.0-cp311-cp311-win32.whl", False),
    ],
)
def test_only_wheels_that_the_engine_can_use_count(wheel: str, ours: bool) -> None:
    assert is_for_engine(f"https://example.org/files/{wheel}") is ours
