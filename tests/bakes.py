# SPDX-License-Identifier: GPL-3.0-or-later
"""Small real bakes for tests: the demo portrait made small, its landmarks, and a motion of them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from core.animate import face_track
from core.job import BakeJob, BakeOutput
from core.landmarks.detect import detect_portrait
from core.landmarks.face import Face
from core.landmarks.track import LandmarkTrack
from core.media.picture import Picture, load_picture, save_picture

REPO = Path(__file__).resolve().parents[1]
DEMO = REPO / "presets" / "portraits" / "demo" / "portrait.png"
WIDTH = 256


@cache
def small_portrait(width: int = WIDTH) -> tuple[Picture, Face]:
    """The demo portrait at ``width`` px and its face, detected once."""
    picture = load_picture(DEMO)
    height = round(width * picture.size[1] / picture.size[0])
    small = cv2.resize(picture.pixels, (width, height), interpolation=cv2.INTER_AREA)
    picture = replace(picture, pixels=small)
    return picture, detect_portrait(picture, backend="mediapipe")[0]


def motion(frames: int, width: int = WIDTH) -> LandmarkTrack:
    """The face opening its mouth and nodding a little, in the pixels
    of the small portrait; no two frames alike."""
    picture, face = small_portrait(width)
    eyes = float(np.linalg.norm(face.points[36, :2] - face.points[45, :2]))
    points = np.repeat(face.points[None], frames, axis=0)
    share = np.linspace(0.0, 1.0, frames, dtype=np.float32)
    points[:, [57, 66, 8, 7, 9, 56, 58, 65, 67], 1] += 0.12 * eyes * share[:, None]
    points[:, :, 1] += 0.04 * eyes * np.sin(3 * share)[:, None]
    irises = np.repeat(face.irises[None], frames, axis=0)
    irises[..., 1] += 0.04 * eyes * np.sin(3 * share)[:, None]
    return LandmarkTrack(
        points, irises, np.arange(frames) / 25, np.ones((frames, 68), np.float32), picture.size
    )


def make_job(folder: Path, frames: int = 4, **output: Any) -> BakeJob:
    """Write portrait, face, target and job.json into ``folder``;
    ``output`` changes fields of the BakeOutput."""
    picture, face = small_portrait()
    folder.mkdir(parents=True, exist_ok=True)
    save_picture(folder / "portrait.png", picture.pixels)
    face_track(face, picture.size, {}).save(folder / "face.npz")
    motion(frames).save(folder / "target.npz")
    places: dict[str, Any] = {"folder": folder / "frames", "manifest": folder / "manifest.json"}
    job = BakeJob(
        portrait=folder / "portrait.png",
        face=folder / "face.npz",
        target=folder / "target.npz",
        output=BakeOutput(**(places | output)),
    )
    job.save(folder / "job.json")
    return job


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """For child processes: few threads, nothing of the caller's Python."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    return clean | {"OMP_NUM_THREADS": "1"} | dict(extra or {})


def command_line(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run ``python -m core ...`` as a user does; stdout and stderr are text."""
    return subprocess.run(
        [sys.executable, "-m", "core", *map(str, arguments)],
        cwd=REPO,
        env=environment(),
        text=True,
        capture_output=True,
        timeout=300,
        **options,
    )


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below ``folder`` by its relative name, hidden ones too."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }
