# SPDX-License-Identifier: GPL-3.0-or-later
"""The benchmarks of the worker process and of the Blender extension."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from typing import Any

import numpy as np

from tests.benchmarks.harness import Work, benchmark
from tests.benchmarks.speed import PORTRAIT, REPO, moving_landmarks


@benchmark("worker start")
def worker_start(stack: ExitStack) -> Work:
    variables = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}

    def run() -> float:
        argv = [sys.executable, "-u", "-m", "core.worker"]
        started = time.perf_counter()
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        with subprocess.Popen(argv, cwd=REPO, env=variables, text=True, **pipes) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            hello = json.loads(process.stdout.readline())
            seconds = time.perf_counter() - started
            assert hello["event"] == "hello"
            process.stdin.close()
            process.wait(timeout=30)
        return seconds

    def baseline() -> None:
        subprocess.run([sys.executable, "-c", "pass"], env=variables, check=True)

    return Work(run, baseline, "an empty Python")


# The repository as a package, the way Blender sees an installed extension; both are imported and registered.
ENABLE_EXTENSION = """
import sys, time, importlib.machinery, importlib.util
import bpy, addon_utils
started = time.perf_counter()
if sys.argv[1] == "own":
    spec = importlib.machinery.ModuleSpec("tableau_bench", None, is_package=True)
    package = importlib.util.module_from_spec(spec)
    package.__path__ = [sys.argv[2]]
    sys.modules["tableau_bench"] = package
    from tableau_bench import addon
else:
    import node_wrangler as addon
addon.register()
print(time.perf_counter() - started)
assert "torch" not in sys.modules
"""


@benchmark("extension import and registration", limit=0.05)
def extension_import(stack: ExitStack) -> Work:
    cache = stack.enter_context(tempfile.TemporaryDirectory())
    user = stack.enter_context(tempfile.TemporaryDirectory())
    variables = {**os.environ, "PYTHONPYCACHEPREFIX": cache, "BLENDER_USER_RESOURCES": user}

    def enable(which: str) -> float:
        argv = [sys.executable, "-c", ENABLE_EXTENSION, which, str(REPO)]
        done = subprocess.run(argv, env=variables, capture_output=True, text=True, check=True)
        return float(done.stdout.strip().splitlines()[-1])

    return Work(lambda: enable("own"), lambda: enable("other"), "Blender's own Node Wrangler")


def extension() -> Any:
    """The repository as a registered extension in this process; returns its package."""
    import addon_utils  # noqa: F401 - a module of bpy that the extension counts on
    import bpy  # noqa: F401

    spec = importlib.machinery.ModuleSpec("tableau_bench", None, is_package=True)
    package = importlib.util.module_from_spec(spec)
    package.__path__ = [str(REPO)]
    sys.modules["tableau_bench"] = package
    addon = importlib.import_module("tableau_bench.addon")
    addon.register()
    return addon


@benchmark("1500-frame performance to an Action", limit=1.0)
def action_import(stack: ExitStack) -> Work:
    import bpy

    os.environ["BLENDER_USER_RESOURCES"] = stack.enter_context(tempfile.TemporaryDirectory())
    stack.callback(extension().unregister)
    action = importlib.import_module("tableau_bench.addon.performance.action")
    plane = importlib.import_module("tableau_bench.addon.portrait.plane")
    rigs = importlib.import_module("tableau_bench.addon.portrait.rig")
    track_type = importlib.import_module("tableau_bench.core.landmarks.track").LandmarkTrack

    count = 1500
    points, irises = moving_landmarks(count)
    confidence = np.ones((count, 68), np.float32)
    track = track_type(points, irises, np.arange(count) / 25, confidence, (1024, 1280), {})
    rig = rigs.make_rig(bpy.context, plane.make_portrait(bpy.context, PORTRAIT), track.at(0))
    frames = np.arange(1, count + 1, dtype=np.float64)
    curves = 9 + 3 * 70

    def remove_actions() -> None:
        for item in list(bpy.data.actions):
            bpy.data.actions.remove(item)

    def run() -> float:
        started = time.perf_counter()
        action.write_action(rig, track, "bench", frames)
        seconds = time.perf_counter() - started
        remove_actions()
        return seconds

    empty = bpy.data.objects.new("bare", None)
    keys = np.column_stack([frames, np.sin(frames)]).astype(np.float32).ravel()

    def baseline() -> float:
        started = time.perf_counter()
        empty.animation_data_create().action = bare = bpy.data.actions.new("bare")
        for index in range(curves):
            curve = bare.fcurve_ensure_for_datablock(empty, f'["v{index}"]')
            curve.keyframe_points.add(count)
            curve.keyframe_points.foreach_set("co", keys)
            curve.update()
        seconds = time.perf_counter() - started
        remove_actions()
        return seconds

    return Work(run, baseline, f"{curves} bare curves of as many keys")
