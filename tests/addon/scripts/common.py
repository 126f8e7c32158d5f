# SPDX-License-Identifier: GPL-3.0-or-later
"""What every script starts with: Blender up, the profile's extension enabled,
an empty scene, question and answer."""

import contextlib
import importlib
import json
import sys
from pathlib import Path

import bpy

PACKAGE = "bl_ext.user_default.tableau_vivant"

addon_utils = importlib.import_module("addon_utils")  # there once bpy is
question = json.loads(Path(sys.argv[1]).read_text())
folder = Path(question["folder"])
answer = {}


def module(name):
    """A module of the installed extension, for instance ``addon.jobs``."""
    return importlib.import_module(f"{PACKAGE}.{name}")


def enable():
    """Enable the extension, as its preference says, where a Python
    module's Blender has not done so itself."""
    addon_utils.enable(PACKAGE, default_set=True)


def clear():
    """A scene without objects."""
    for item in list(bpy.data.objects):
        bpy.data.objects.remove(item)


def problem(operator, **options):
    """The line that an operator reports when it fails; empty where it did not."""
    try:
        operator(**options)
    except RuntimeError as error:
        return str(error).strip()
    return ""


@contextlib.contextmanager
def exact_render(width, height):
    """Scene settings under which Cycles gives back a texture's own numbers."""
    render, cycles = bpy.context.scene.render, bpy.context.scene.cycles
    render.engine, render.use_persistent_data = "CYCLES", True
    assert (render.resolution_x, render.resolution_y) == (width, height)
    cycles.samples, cycles.max_bounces, cycles.filter_width = 1, 0, 0.01
    cycles.use_denoising = cycles.use_adaptive_sampling = False
    yield render


def render_png(path, width, height, alpha=False):
    with exact_render(width, height) as render:
        render.film_transparent = alpha
        render.image_settings.file_format = "PNG"
        render.image_settings.color_mode = "RGBA" if alpha else "RGB"
        render.filepath = str(path)
        bpy.ops.render.render(write_still=True)


def oval_face(size, seed=0):
    """A made-up one-frame track of the right shape for a picture of ``size``: points on rings, with depth."""
    import numpy as np

    track = module("core.landmarks.track")
    width, height = size
    noise = np.random.default_rng(seed)
    angles = np.linspace(0, 2 * np.pi, 68, endpoint=False)
    points = np.empty((1, 68, 3), np.float32)
    points[0, :, 0] = width * (0.5 + 0.2 * np.cos(angles)) + noise.normal(0, 0.01 * width, 68)
    points[0, :, 1] = height * (0.45 + 0.2 * np.sin(angles)) + noise.normal(0, 0.01 * width, 68)
    points[0, :, 2] = noise.normal(0, 0.06 * width, 68)
    irises = np.array([[[0.42 * width, 0.4 * height], [0.58 * width, 0.4 * height]]], np.float32)
    return track.LandmarkTrack(points, irises, np.zeros(1), np.ones((1, 68)), size, {"backend": "test"})


def finish():
    Path(sys.argv[2]).write_text(json.dumps(answer, default=str))


enable()
clear()
