# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast Blender's own window plays: an empty scene, the portrait's still plane, its live preview.

    blender --window-geometry 0 0 640 400 -P tests/benchmarks/playback.py

The extension has to be installed and its engine set up.  Each picture that the view has drawn counts, one for
each frame played; numbers are medians.  Other programs make all of it slower: the load is told.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bpy

SOURCE = Path(__file__).resolve().parents[2] / "presets/portraits/demo/portrait.png"
SIZE = (1080, 1350)
FRAMES, COUNTED, ROUNDS, LEAD = 120, 130, 3, 10
drawn: list[float] = []


def view() -> Any:
    window = bpy.context.window_manager.windows[0]
    areas = [area for area in window.screen.areas if area.type == "VIEW_3D"]
    area = max(areas, key=lambda one: one.width * one.height)
    region = next(region for region in area.regions if region.type == "WINDOW")
    return bpy.context.temp_override(window=window, screen=window.screen, area=area, region=region)


def prepare() -> tuple[Any, Any]:
    """The portrait's plane and its rig, which talks, alone in a view without anything over it."""
    folder = Path(tempfile.mkdtemp(prefix="tableau-playback-"))
    picture = bpy.data.images.load(str(SOURCE))
    picture.scale(*SIZE)
    picture.save(filepath=str(folder / "portrait.png"))
    for item in list(bpy.data.objects):
        bpy.data.objects.remove(item)
    bpy.context.preferences.system.viewport_aa = "OFF"
    with view():
        bpy.ops.screen.screen_full_area(use_hide_panels=True)
    with view():
        bpy.ops.wm.save_as_mainfile(filepath=str(folder / "playback.blend"))
        bpy.ops.tableau.load_portrait(filepath=str(folder / "portrait.png"))
        plane, rig = (next(o for o in bpy.data.objects if o.tableau.kind == k) for k in ("PORTRAIT", "RIG"))
        bpy.context.view_layer.objects.active = rig
        bpy.ops.tableau.load_preset(preset="talk")
        space = bpy.context.space_data
        space.show_gizmo = space.overlay.show_overlays = False
        space.shading.type, space.shading.color_type, space.shading.light = "SOLID", "TEXTURE", "FLAT"
        space.region_3d.view_perspective, space.region_3d.view_rotation = (
            "ORTHO",
            plane.rotation_euler.to_quaternion(),
        )
        space.region_3d.view_location, space.region_3d.view_distance = (
            plane.location,
            1.3 * max(plane.dimensions),
        )
    bpy.types.SpaceView3D.draw_handler_add(
        lambda: drawn.append(time.perf_counter()), (), "WINDOW", "POST_PIXEL"
    )
    return plane, rig


def play(name: str, scene: Any) -> Iterator[float]:
    """Play ``scene`` and print how long a frame takes."""
    bpy.context.window_manager.windows[0].scene = scene
    scene.frame_start, scene.frame_end, scene.render.fps, scene.sync_mode = 1, FRAMES, 240, "NONE"
    scene.view_settings.view_transform = "Standard"
    scene.frame_set(1)
    yield 1.0
    drawn.clear()
    with view():
        bpy.ops.screen.animation_play()
    while len(drawn) < COUNTED + LEAD:
        yield 0.2
    with view():
        bpy.ops.screen.animation_cancel(restore_frame=False)
    steps = [b - a for a, b in zip(drawn[LEAD:], drawn[LEAD + 1 :], strict=False)]
    median, load = statistics.median(steps), os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    print(f"{name:24}{1e3 * median:6.1f} ms {1 / median:6.1f} fps   load {load:.1f}", flush=True)
    yield 0.5


def measure() -> Iterator[float]:
    yield 1.0
    plane, rig = prepare()
    full = bpy.context.scene
    empty, still = bpy.data.scenes.new("Empty"), bpy.data.scenes.new("Still")
    still.collection.objects.link(plane)
    window = bpy.context.window_manager.windows[0]
    print(
        f"Blender {bpy.app.version_string}, {window.width} x {window.height}, {os.cpu_count()} cores",
        flush=True,
    )
    for number in range(ROUNDS):
        yield from play("empty scene", empty)
        yield from play("still plane", still)
        yield from play("plane and rig", full)
        with view():
            bpy.context.view_layer.objects.active = rig
            bpy.ops.tableau.preview_start("EXEC_DEFAULT")
        if number == 0:
            yield from play("preview, first time", full)
        with view():
            bpy.ops.tableau.preview_fill("EXEC_DEFAULT")
        yield from play("preview", full)
        with view():
            bpy.ops.tableau.preview_stop()


def turn() -> float | None:
    """The next step of the measurement; Blender ends with the last one."""
    try:
        return next(steps)
    except StopIteration:
        code = 0
    except Exception:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    os._exit(code)  # nothing is to be asked or saved


steps = measure()
bpy.app.timers.register(turn, first_interval=1.0, persistent=True)
