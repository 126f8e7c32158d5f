# SPDX-License-Identifier: GPL-3.0-or-later
"""The environment `.venv`: made from the lists in pyproject.toml, remade when they change."""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from .terminal import BUILD, PYTHON, ROOT, VENV, BuildError, project, say, stage

STAMP = VENV / "tableau-requirements.json"
SETUP_LOG = BUILD / "setup.log"

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
    if not is_usable():
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


def is_usable() -> bool:
    """Whether `.venv` is an environment to install into: the right Python, and not left half-made."""
    probe = "import pip, sys; sys.exit(sys.version_info[:2] != (3, 11))"
    return (
        PYTHON.exists()
        and subprocess.run([PYTHON, "-c", probe], capture_output=True, check=False).returncode == 0
    )


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
