# SPDX-License-Identifier: GPL-3.0-or-later
"""The repository as a whole: its one entry, its package and the rules that every file keeps."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import build
from addon import package
from addon.problems import Problem
from core.version import VERSION

HEAVY = {
    "torch",
    "mediapipe",
    "face_alignment",
    "cv2",
    "av",
    "numba",
    "scipy",
    "skimage",
    "PIL",
    "safetensors",
}


def run(repo: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, *arguments]
    return subprocess.run(argv, cwd=repo, capture_output=True, text=True, timeout=300, check=False)


def tracked(repo: Path) -> list[Path]:
    """Files under version control that are in the working tree; skips where this is no checkout."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=repo, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip("not a git checkout")
    return [repo / name for name in done.stdout.split("\0") if name and (repo / name).is_file()]


# ---------------------------------------------------------------- build.py


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("paint",), "invalid choice: 'paint'"),
        ((), "COMMAND"),
        (("package", "--colour"), "unknown arguments: --colour"),
    ],
)
def test_wrong_arguments_give_one_line(repo: Path, arguments: tuple[str, ...], words: str) -> None:
    done = run(repo, "build.py", *arguments)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and words in done.stderr
    assert done.stdout == ""


def test_environment_follows_requirements(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stamp with the current lists is trusted; any change of pyproject.toml's lists makes it stale."""
    pyproject = (build.ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text(pyproject, encoding="utf-8")
    monkeypatch.setattr(build, "ROOT", tmp_path)
    monkeypatch.setattr(build, "PYTHON", Path(sys.executable))
    monkeypatch.setattr(build, "STAMP", tmp_path / "stamp.json")
    assert not build.environment_is_current()
    (tmp_path / "stamp.json").write_text(json.dumps(build.requirements()), encoding="utf-8")
    assert build.environment_is_current()
    (tmp_path / "pyproject.toml").write_text(pyproject.replace('"scipy>=', '"scipy>=0'), encoding="utf-8")
    assert not build.environment_is_current()
    (tmp_path / "stamp.json").write_text("half", encoding="utf-8")
    assert not build.environment_is_current()


def test_every_list_reaches_the_environment() -> None:
    lists = build.requirements()
    assert lists["torch"] == ["torch==2.13.0"]
    joined = " ".join(lists["packages"])
    assert "bpy==" in joined and "pytest" in joined and "numpy" in joined and "torch" not in joined
    assert any(line.startswith("mediapipe==") for line in lists["without-dependencies"])


@pytest.mark.parametrize(
    ("uv", "gpu", "expected"),
    [
        (None, False, ["torch==2.13.0+cpu", "uv", "--torch-backend=cpu torch==2.13.0", "torch==2.13.0"]),
        (None, True, ["torch==2.13.0"]),
        ("uv", False, ["--torch-backend=cpu torch==2.13.0", "torch==2.13.0+cpu", "torch==2.13.0"]),
        ("uv", True, ["--torch-backend=auto torch==2.13.0", "torch==2.13.0"]),
    ],
)
def test_torch_is_sought_where_it_is_smallest(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    uv: str | None,
    gpu: bool,
    expected: list[str],
) -> None:
    """With every source failing, all are tried in this order; the first one that works ends it."""
    tried: list[str] = []
    works_at = len(expected) - 1

    def attempt(*argv: str) -> bool:
        after = " ".join(argv).partition(" install ")[2].replace("-q --disable-pip-version-check ", "")
        tried.append(re.sub(r"^--python \S+ ", "", after))
        return len(tried) - 1 == works_at

    monkeypatch.setattr(build, "PYTHON", tmp_path / "bin" / "python")
    monkeypatch.setattr(build, "try_logged", attempt)
    monkeypatch.setattr(build, "has_gpu", lambda: gpu)
    monkeypatch.setattr(build, "torch_is_installed", lambda requirement: False)
    monkeypatch.setattr(build.sys, "platform", "linux")
    build.install_torch(uv, "torch==2.13.0")
    assert tried == expected
    tried.clear()
    works_at = 0
    build.install_torch(uv, "torch==2.13.0")
    assert tried == expected[:1]


def test_missing_library_names_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build.sys, "platform", "linux")
    monkeypatch.setattr(build, "LIBRARIES", "Nowhere.so.9 X9.so.2")
    assert build.missing_libraries().endswith("apt-get install libnowhere9 libx9-2")
    monkeypatch.setattr(build.sys, "platform", "darwin")
    assert build.missing_libraries() == ""


def test_failed_import_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "PYTHON", Path(sys.executable))
    with pytest.raises(build.BuildError) as caught:
        build.check_imports(["json", "no_such_module"])
    assert "no_such_module" in str(caught.value) and "\n" not in str(caught.value)


# ---------------------------------------------------------------- package


def test_versions_agree(repo: Path) -> None:
    manifest = tomllib.loads((repo / "addon/blender_manifest.toml").read_text(encoding="utf-8"))
    assert manifest["version"] == build.project()["project"]["version"] == VERSION
    assert manifest["id"] == "tableau_vivant"
    assert manifest["license"] == ["SPDX:GPL-3.0-or-later"]  # Blender's own tool does not check the prefix
    assert manifest["blender_version_min"] == "4.5.0"


def test_zip_holds_the_extension_and_nothing_else(built_zip: Path, repo: Path) -> None:
    with zipfile.ZipFile(built_zip) as archive:
        names = archive.namelist()
        assert archive.testzip() is None
        root = archive.read("__init__.py").decode()
    assert names == sorted(names) and len(names) == len(set(names))
    top = {name.partition("/")[0] for name in names}
    assert top == {"__init__.py", "blender_manifest.toml", "LICENSE", "addon", "core", "presets"}
    assert "from .addon import register, unregister" in root
    stray = [
        name
        for name in names
        if "__pycache__" in name or "/." in name or name.endswith((".pyc", ".nbi", ".nbc"))
    ]
    assert not stray
    # each module of the two packages is in it, but for those that only this repository uses
    kept = {
        path.relative_to(repo).as_posix()
        for part in ("addon", "core")
        for path in (repo / part).rglob("*.py")
    }
    tools = {"addon/demo.py", "addon/package.py", "addon/setup/pin.py"}
    assert kept - set(names) == tools | {"core/head/build_model.py", "core/thumbnails.py"}


def test_zip_is_reproducible(built_zip: Path, tmp_path: Path) -> None:
    assert package.build_package(tmp_path).read_bytes() == built_zip.read_bytes()


def test_wrong_manifest_is_refused(built_zip: Path, tmp_path: Path) -> None:
    """The validation can fail: Blender's tool refuses an unknown tag."""
    with zipfile.ZipFile(built_zip) as archive:
        archive.extractall(tmp_path / "bad")
    manifest = tmp_path / "bad" / "blender_manifest.toml"
    text = re.sub(
        r"^tags = \[.*?\]", 'tags = ["Alchemy"]', manifest.read_text(), flags=re.MULTILINE | re.DOTALL
    )
    assert "Alchemy" in text
    manifest.write_text(text, encoding="utf-8")
    with pytest.raises(Problem, match="Alchemy"):
        package.validate(manifest.parent)


# ---------------------------------------------------------------- rules of the house


def modules(repo: Path, folder: str) -> list[str]:
    names = []
    for path in sorted((repo / folder).rglob("*.py")):
        parts = path.relative_to(repo).with_suffix("").parts
        if parts[-1] != "__main__":
            names.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return names


def test_core_never_imports_bpy(repo: Path) -> None:
    names = modules(repo, "core")
    code = "import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(name)\n"
    done = run(repo, "-c", code + "print('bpy' in sys.modules)", *names)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-1] == "False"


def imports(path: Path) -> set[str]:
    """Top-level names of everything that a source file imports absolutely, at any depth."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.partition(".")[0])
    return found


def test_addon_imports_only_what_blender_has(repo: Path) -> None:
    files = [path for path in (repo / "addon").rglob("*.py") if path.name != "demo.py"]
    wrong = {str(path.relative_to(repo)): imports(path) & HEAVY for path in files if imports(path) & HEAVY}
    assert not wrong


def test_source_files_name_their_license(repo: Path) -> None:
    names = {".py", ".sh", ".yaml", ".yml", ".toml"}
    without = [
        path.relative_to(repo).as_posix()
        for path in tracked(repo)
        if (path.suffix in names or path.name == "run")
        and "SPDX-License-Identifier: " not in path.read_text(encoding="utf-8")[:300]
    ]
    assert not without


def test_no_paths_of_one_machine(repo: Path) -> None:
    # spelled in pieces, so that this file does not find itself
    pattern = re.compile(
        "|".join(f"/{name}/" for name in ("work", "farm", "root", "home/[a-z]+")) + "|/" + "tmp/tv"
    )
    found = []
    for path in tracked(repo):
        data = path.read_bytes()
        if b"\0" in data[:8000]:
            continue
        for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
            if pattern.search(line):
                found.append(f"{path.relative_to(repo)}:{number}: {line.strip()[:80]}")
    assert not found
