# SPDX-License-Identifier: GPL-3.0-or-later
"""Making the engine's environment: a Python, the pinned packages, the torch for this machine, a trial.

Online the lists of the recipe are installed by hash, and torch comes from PyTorch's own index where PyPI does
not have the right build (there its version is pinned, and the index states the hash).  Offline everything
comes from one folder.  Whatever goes wrong, and on cancel, the half-made folder goes away again.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from ..problems import Problem, Stopped
from . import bases, checking, environment, recipe
from .program import Program

if TYPE_CHECKING:
    from collections.abc import Generator

    from ..tasks import Task

    Steps = Generator[Task, dict[str, Any], Any]

Arguments = Sequence[str | Path]
OFFLINE = (
    "Blender may not go online (Preferences > System > Network > Allow Online Access); "
    "allow it, or name a folder of wheels"
)
PYTORCH_CPU = "https://download.pytorch.org/whl/cpu"
# steps of the progress bar that torch and the trial count as; every other package is one
_TORCH, _TRIAL = 15, 5


@dataclass(frozen=True)
class Order:
    """``wheels``: a folder that has everything, None to go online; ``python``: what to build on, or ""."""

    wheels: Path | None = None
    python: str = ""


def order(wheels: str, python: str) -> Order:
    """Check what the user asks for; raises Problem where it cannot be done."""
    if not wheels:
        if not bpy.app.online_access:
            raise Problem(OFFLINE)
        return Order(None, python)
    folder = Path(bpy.path.abspath(wheels))
    if not folder.is_dir():
        raise Problem(f"{folder}: there is no such folder of wheels; choose one")
    if not any(folder.glob("*.whl")):
        raise Problem(f"{folder}: holds no wheels (files that end in .whl); choose the folder that does")
    return Order(folder, python)


def set_up(wanted: Order) -> Generator[Task, dict[str, Any], tuple[Path, dict[str, Any]]]:
    """Make an environment; the interpreter and the report on it.  Older environments are deleted."""
    lists = recipe.load()
    for folder in environment.leftovers():
        yield environment.removal(folder)
    root = environment.claim()
    try:
        python, report = yield from _make(root, wanted, lists)
        environment.finish(
            root, {"digest": lists.digest, "python": report["python"], "packages": report["packages"]}
        )
    except Problem:
        yield environment.removal(root)
        raise
    except BaseException:  # the job is abandoned: there is nobody to wait any more
        environment.discard(root)
        raise
    return python, report


def _make(root: Path, wanted: Order, lists: recipe.Recipe) -> Steps:
    total = lists.packages + _TORCH + _TRIAL
    uv = bases.find_uv()
    base = yield from _base(wanted, lists, uv)
    python = environment.python_of(root)
    flags: dict[str, str | None] = {} if wanted.wheels is None else _isolation()
    if uv:
        # pip comes along where it can be fetched: it knows a company's own index and certificates
        offline = ["--seed"] if wanted.wheels is None else ["--offline", "--no-python-downloads"]
        making: list[str | Path] = [uv, "venv", "--no-project", "--allow-existing", *offline]
        making += ["--python", base, root]
    else:
        making = [base, "-I", "-m", "venv", root]
    yield Program(making, "Making the environment", extra=flags, steps=(0, 0, total))
    special = wanted.wheels is None and _torch_is_special()
    if special and not uv:
        uv = yield from _local_uv(python, lists, total)
    installer = _Installer(python, uv, wanted.wheels, flags)
    pins = installer.commands(["--no-deps", "--require-hashes", "-r", lists.requirements])
    yield from installer.run(pins, "Installing the packages", (0, lists.packages, total))
    attempts = _torch_attempts(lists, special, installer)
    yield from installer.run(attempts, "Installing PyTorch", (lists.packages, _TORCH, total))
    trial = (lists.packages + _TORCH, _TRIAL, total)
    report = yield from checking.ask(python, load=True, lists=lists, steps=trial)
    if not report["ok"]:
        raise Problem(f"The environment was made, but does not work: {report['problems'][0]}", str(report))
    return python, report


def _base(wanted: Order, lists: recipe.Recipe, uv: str | None) -> Generator[Task, dict[str, Any], str]:
    """The Python to build on: a path, or a version for uv to find or fetch."""
    versions = " or ".join(lists.pythons)
    if wanted.python:
        path = bpy.path.abspath(wanted.python)
        found = yield from bases.version_of(path, uv)
        if found not in lists.pythons:
            what = f"is Python {found}" if found else "is no Python that can make environments"
            raise Problem(f"{path}: {what}; the engine needs Python {versions}")
        return path
    base = yield from bases.find_python(lists.pythons, uv)
    if base is None and uv and wanted.wheels is None:
        return lists.pythons[0]
    base = base or bases.blenders_own(lists.pythons)
    if base is None:
        raise Problem(f"No Python {versions} was found; install one from python.org, or name its path")
    return base


def _torch_is_special() -> bool:
    """Whether PyPI's torch is not the one for this machine.

    PyPI has: for the Mac the one build; for Windows the processor's; for Linux one for a recent NVIDIA
    driver, with gigabytes of libraries that are no use without a GPU.
    """
    return sys.platform == "linux" or (sys.platform == "win32" and bases.has_nvidia())


def _torch_attempts(lists: recipe.Recipe, special: bool, installer: _Installer) -> list[Arguments]:
    """Commands of which one has to succeed, the best first."""
    pinned: Arguments = ["--no-deps", "--require-hashes", "-r", lists.torch_pins]
    if installer.wheels is not None:
        version = lists.torch.rpartition("==")[2]
        builds = sorted(path.name.split("-")[1] for path in installer.wheels.glob(f"torch-{version}+*.whl"))
        chosen = [["--no-deps", f"torch=={build}"] for build in builds] + [pinned]
        return [command for arguments in chosen for command in installer.commands(arguments)]
    attempts: list[Arguments] = []
    if special and installer.uv:
        attempts.append(installer.with_uv(["--torch-backend=auto", lists.torch]))
    if special and not bases.has_nvidia():
        build = f"{lists.torch}+cpu"
        attempts.append(installer.with_pip(["--no-deps", "--extra-index-url", PYTORCH_CPU, build]))
    return attempts + installer.commands(pinned)


def _local_uv(python: Path, lists: recipe.Recipe, total: int) -> Generator[Task, dict[str, Any], str | None]:
    """uv, by hash, in the new environment: it knows which torch this machine wants.  None if it is not to be
    had."""
    try:
        argv: Arguments = [
            python,
            "-I",
            "-m",
            "pip",
            "install",
            *_PIP,
            "--require-hashes",
            "-r",
            lists.uv_pin,
        ]
        yield Program(argv, "Fetching uv", steps=(0, 0, total))
    except Stopped:
        raise
    except Problem:
        return None
    return str(python.with_name("uv.exe" if sys.platform == "win32" else "uv"))


def _isolation() -> dict[str, str | None]:
    """Settings under which neither pip nor uv goes online, whatever the user's own say."""
    theirs = {name: None for name in os.environ if name.startswith(("PIP_", "UV_"))}
    return {**theirs, "PIP_CONFIG_FILE": os.devnull, "UV_NO_CONFIG": "1", "UV_OFFLINE": "1"}


_PIP = ("--no-input", "--disable-pip-version-check", "--progress-bar", "off", "--only-binary", ":all:")


@dataclass(frozen=True)
class _Installer:
    """Installs into ``python``'s environment: with uv where there is one and it works, else with pip."""

    python: Path
    uv: str | None
    wheels: Path | None
    extra: dict[str, str | None]

    def run(self, commands: Iterable[Arguments], title: str, steps: tuple[int, int, int]) -> Steps:
        """Run the commands until one succeeds; raises the last one's Problem, with what all of them said."""
        failed: Problem | None = None
        for command in commands:
            try:
                return (yield Program(command, title, extra=self.extra, steps=steps))
            except Stopped:
                raise
            except Problem as problem:
                earlier = "" if failed is None else f"{failed.details}\n\n"
                failed = Problem(str(problem), earlier + problem.details)
        assert failed is not None
        raise failed

    def commands(self, arguments: Arguments) -> list[Arguments]:
        """The ways to install something, the best first."""
        if not self.uv:
            return [self.with_pip(arguments)]
        if self.wheels is not None:  # an environment that uv made offline has no pip
            return [self.with_uv(arguments)]
        return [self.with_uv(arguments), self.with_pip(arguments)]

    def with_uv(self, arguments: Arguments) -> Arguments:
        assert self.uv is not None
        start: list[str | Path] = [
            self.uv,
            "pip",
            "install",
            "--python",
            self.python,
            "--only-binary",
            ":all:",
        ]
        return [*start, *self._source(), *arguments]

    def with_pip(self, arguments: Arguments) -> Arguments:
        return [self.python, "-I", "-m", "pip", "install", *_PIP, *self._source(), *arguments]

    def _source(self) -> Arguments:
        return [] if self.wheels is None else ["--no-index", "--find-links", self.wheels]
