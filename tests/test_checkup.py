# SPDX-License-Identifier: GPL-3.0-or-later
"""The check of an environment, in a Python that has what the engine needs, and in one that has nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from core import checkup
from core.errors import Cancelled

from .bakes import REPO, command_line
from .test_worker import Host


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment in which nothing is installed."""
    folder = tmp_path_factory.mktemp("bare")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    return folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def needs(folder: Path, *requirements: str) -> Path:
    path = folder / "needs.json"
    path.write_text(json.dumps({"pythons": ["3.11", "3.12"], "requirements": requirements}))
    return path


def package(folder: Path, name: str, version: str, code: str = "") -> None:
    """Something that counts as installed where ``folder`` is on the path."""
    (folder / f"{name}.py").write_text(code)
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


def test_this_environment_is_fit() -> None:
    done = command_line("check", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["ok"] and report["problems"] == []
    assert report["python"] == ".".join(map(str, sys.version_info[:3]))
    assert set(report["packages"]) >= {"torch", "numpy", "mediapipe"}
    assert "threads" in report["device"] or "GiB" in report["device"]


def test_a_bare_python_is_told_what_is_missing(bare: Path) -> None:
    done = subprocess.run([bare, "-m", "core", "check"], cwd=REPO, text=True, capture_output=True)
    assert done.returncode == 2
    assert "Missing: av, numba, numpy" in done.stdout and "Set Up Engine" in done.stdout
    assert done.stderr.startswith("error: ") and "Traceback" not in done.stderr


def test_the_worker_of_a_bare_python_answers(bare: Path) -> None:
    with Host(str(bare), "-I", "-u", str(REPO / "core" / "worker.py")) as host:
        host.next("hello")
        answer = host.answer(1, "check")
    assert answer["event"] == "result", answer
    assert not answer["result"]["ok"]
    assert answer["result"]["packages"]["torch"] is None
    assert any("Missing" in line for line in answer["result"]["lines"])


def test_versions_are_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    package(tmp_path, "tiny", "2.0.1")
    assert checkup.check(needs(tmp_path, "tiny>=2,<3"))["ok"]
    report = checkup.check(needs(tmp_path, "tiny>=2.1"))
    assert not report["ok"]
    assert "tiny is 2.0.1, needed is >=2.1" in report["problems"][0]


def test_loading_finds_what_is_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    package(tmp_path, "broken_tiny", "1.0", "raise OSError('a library is missing')")
    path = needs(tmp_path, "broken_tiny")
    assert checkup.check(path)["ok"]
    report = checkup.check(path, load=True)
    assert "does not load (a library is missing)" in report["problems"][0]


@pytest.mark.parametrize(
    ("available", "device"), [(True, "Tiny GPU, 8 GiB (CUDA 13.0)"), (False, "the processor, ")]
)
def test_the_device_is_torchs(tmp_path: Path, available: bool, device: str) -> None:
    code = f"""
from types import SimpleNamespace as Space
version = Space(cuda="13.0")
cuda = Space(is_available=lambda: {available}, get_device_name=lambda index: "Tiny GPU",
             get_device_properties=lambda index: Space(total_memory=8 * 2**30))
"""
    package(tmp_path, "torch", "2.13.0", code)
    report = run(tmp_path, needs(tmp_path, "torch>=2.6"))
    assert report["device"].startswith(device)
    assert report["lines"][0].endswith("PyTorch 2.13.0")


def test_a_torch_that_does_not_load(tmp_path: Path) -> None:
    package(tmp_path, "torch", "2.13.0", "raise OSError('libcudart.so: not found')")
    report = run(tmp_path, needs(tmp_path, "torch>=2.6"))
    assert not report["ok"]
    assert "libcudart.so" in report["problems"][0]


def run(folder: Path, path: Path) -> dict[str, Any]:
    """The report of a process in which the packages in ``folder`` come first."""
    code = "import sys; sys.path.insert(0, sys.argv[1]); from core import checkup; checkup.main(sys.argv[2:])"
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder), str(path)],
        cwd=REPO,
        text=True,
        capture_output=True,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("version", "specifiers", "met"),
    [
        ("2.13.0+cpu", ">=2.6", True),
        ("1.26.4", ">=1.26,<2", True),
        ("2.0.0", ">=1.26,<2", False),
        ("4.25.9", ">=4.25.3,<5", True),
        ("1.5", "==1.5.0", True),
        ("1.5.1", "==1.5.0", False),
        ("0.10", ">=0.9", True),
        ("3", "", True),
    ],
)
def test_specifiers(version: str, specifiers: str, met: bool) -> None:
    assert checkup.fits(version, specifiers) is met


def test_can_be_stopped(tmp_path: Path) -> None:
    with pytest.raises(Cancelled):
        checkup.check(needs(tmp_path, "tiny"), cancelled=lambda: True)
