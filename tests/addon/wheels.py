# SPDX-License-Identifier: GPL-3.0-or-later
"""Tiny wheels, and the lists that pin them: an engine's environment that is made in seconds."""

from __future__ import annotations

import base64
import hashlib
import json
import zipfile
from pathlib import Path

TORCH = """
from types import SimpleNamespace
version = SimpleNamespace(cuda=None)
cuda = SimpleNamespace(is_available=lambda: False)
"""


def make_wheel(folder: Path, name: str, version: str, code: str = "") -> Path:
    """A wheel of one module without dependencies."""
    folder.mkdir(parents=True, exist_ok=True)
    info = f"{name}-{version}.dist-info"
    members = {
        f"{name}.py": code,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = []
    for path, text in members.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        rows.append(f"{path},sha256={digest},{len(text.encode())}\n")
    members[f"{info}/RECORD"] = "".join(rows) + f"{info}/RECORD,,\n"
    target = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(target, "w") as archive:
        for path, text in members.items():
            archive.writestr(path, text)
    return target


def pin(wheel: Path) -> str:
    """The line of a requirements file that takes exactly this wheel."""
    name, version = wheel.name.split("-")[:2]
    return f"{name}=={version} \\\n    --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"


def make_recipe(folder: Path, wheels: Path) -> Path:
    """An engine that needs a tiny package and a tiny torch; both lie in ``wheels``."""
    folder.mkdir(parents=True, exist_ok=True)
    tiny = make_wheel(wheels, "tinybrush", "1.2", "STROKES = 7\n")
    torch = make_wheel(wheels, "torch", "2.13.0", TORCH)
    needs = {
        "pythons": ["3.11", "3.12"],
        "requirements": ["tinybrush>=1,<2", "torch>=2.6"],
        "torch": "torch==2.13.0",
        "uv": "uv==0.0.0",
    }
    (folder / "needs.json").write_text(json.dumps(needs))
    (folder / "requirements.txt").write_text("# pins\n" + pin(tiny))
    (folder / "torch.txt").write_text("# pins\n" + pin(torch))
    (folder / "uv.txt").write_text("# pins\n")
    return folder
