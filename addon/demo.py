# SPDX-License-Identifier: GPL-3.0-or-later
"""Make a .blend that plays an animated portrait, with the extension's own
operators, in Blender as a Python module.

    python addon/demo.py PORTRAIT PERFORMANCE -o FOLDER [--name NAME]

Run it with the Python of the development environment (it holds bpy and the engine).
PERFORMANCE is the name of a preset, a video or a track file.  The bake in here is the only one: nothing has
to be animated beforehand.  FOLDER gets

    NAME.blend      its timeline plays the frames when it is opened; every path in it is relative
    NAME.mp4, sheet.png, frames/frame.0001.png ..., and what the bake was made from: the portrait, face.npz,
    target.npz, takes/, job.json

A second run bakes only what has changed.  Progress is printed on stderr,
the paths of what was made on stdout.
"""

from __future__ import annotations

import argparse
import importlib.machinery
import importlib.util
import os
import re
import shutil
import sys
import time
from pathlib import Path
from typing import Any

REPO = Path(__file__).resolve().parents[1]
PACKAGE = "tableau_dev"


def make_demo(portrait: Path, performance: str, folder: Path, name: str = "demo") -> Path:
    """Make ``folder``/``name``.blend and what it plays; returns its path.

    Raises RuntimeError with one line on bad input.
    """
    import bpy

    addon, jobs, presets = _enable()
    jobs.listeners.append(_print_progress)
    try:
        folder = folder.resolve()
        folder.mkdir(parents=True, exist_ok=True)
        picture = folder / f"portrait{portrait.suffix.lower()}"
        if portrait.is_file() and not (picture.is_file() and picture.samefile(portrait)):
            shutil.copyfile(portrait, picture)
        blend = folder / f"{name}.blend"
        _empty_scene(bpy, blend)
        _run("Loading the portrait", bpy.ops.tableau.load_portrait, filepath=str(picture), folder="//")
        bpy.context.object.tableau.title = name
        if Path(performance).is_file():
            _run(
                "Loading the performance",
                bpy.ops.tableau.load_performance,
                filepath=performance,
                set_rate=True,
            )
        else:
            if performance not in presets.names():
                raise RuntimeError(
                    f"{performance}: neither a file nor one of {', '.join(presets.names()) or 'no presets'}"
                )
            _run("Loading the preset", bpy.ops.tableau.load_preset, preset=performance, set_rate=True)
        bpy.ops.tableau.match_artwork_colors()
        bpy.ops.tableau.fit_camera()
        _run("Baking", bpy.ops.tableau.bake, version=0)  # one folder of frames, no versions
        _present(bpy)
        bpy.ops.wm.save_mainfile(compress=True)
    finally:
        jobs.listeners.remove(_print_progress)
        addon.unregister()
    return blend


def _enable() -> tuple[Any, Any, Any]:
    """The extension, registered from the working tree as if it were installed."""
    package = importlib.util.module_from_spec(importlib.machinery.ModuleSpec(PACKAGE, None, is_package=True))
    package.__path__ = [str(REPO)]
    sys.modules[PACKAGE] = package
    addon = importlib.import_module(f"{PACKAGE}.addon")
    addon.register()
    parts = [importlib.import_module(f"{PACKAGE}.addon.{name}") for name in ("jobs", "performance.presets")]
    return addon, parts[0], parts[1]


def _empty_scene(bpy: Any, blend: Path) -> None:
    """Blender's factory scene and screens without its objects,
    saved as ``blend`` so that paths can be relative."""
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    for item in list(bpy.data.objects):
        bpy.data.objects.remove(item)
    bpy.data.orphans_purge(do_recursive=True)
    bpy.context.preferences.filepaths.save_version = 0
    bpy.ops.wm.save_as_mainfile(filepath=str(blend), compress=True)


def _present(bpy: Any) -> None:
    """Let the file open on the animated picture: through the camera,
    in its own colors, at the first frame."""
    scene = bpy.context.scene
    scene.frame_set(scene.frame_start)
    for item in bpy.context.view_layer.objects:
        item.select_set(False)
    for screen in bpy.data.screens:
        for area in screen.areas:
            if area.type != "VIEW_3D":
                continue
            space = area.spaces.active
            if space.shading.type == "SOLID":
                space.shading.color_type, space.shading.light = "TEXTURE", "FLAT"
            space.region_3d.view_perspective = "CAMERA"
            space.overlay.show_relationship_lines = False
            space.overlay.show_bones = screen.name != "Layout"  # nothing in front of the picture there
    bpy.ops.file.make_paths_relative()


def _run(title: str, operator: Any, **options: Any) -> None:
    started = time.perf_counter()
    print(f"{title} ...", file=sys.stderr, flush=True)
    operator(**options)
    print(f"{title}: {time.perf_counter() - started:.1f} s", file=sys.stderr, flush=True)


_printed: set[tuple[str, int]] = set()


def _print_progress(title: str, done: int, total: int, text: str) -> None:
    """One line per kind of work and fifth of it."""
    fifth = 5 * done // total if total else 0
    work = re.sub(r" \d+$", "", text or title)  # "frame 12" is the work "frame"
    if (work, fifth) not in _printed:
        _printed.add((work, fifth))
        share = f"{20 * fifth:3} %  " if total else ""
        print(f"  {share}{work if fifth == 5 else text or title}", file=sys.stderr, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description="Make a .blend that plays an animated portrait.")
    parser.add_argument("portrait", type=Path, help="the picture")
    parser.add_argument("performance", help="name of a preset, a video or a track file")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER")
    parser.add_argument(
        "--name", default="demo", help="name of the .blend and the film (default: %(default)s)"
    )
    options = parser.parse_args()
    try:
        blend = make_demo(options.portrait, options.performance, options.output, options.name)
    except RuntimeError as error:  # what a Blender operator reports
        print(str(error).strip().removeprefix("Error: "), file=sys.stderr)
        return 2
    for made in (blend, blend.with_suffix(".mp4"), blend.parent / "sheet.png", blend.parent / "frames"):
        if made.exists():
            print(made)
    return 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # everything is written; Blender's own clean-up at exit is sometimes noisy
