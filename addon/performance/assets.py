# SPDX-License-Identifier: GPL-3.0-or-later
"""The presets as assets: a library of Actions with slider and head curves, for Blender's Asset Browser."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from .. import ROOT, compat, fcurves
from ..portrait import rig as rigs
from . import action as actions
from . import presets

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from ...core.motion.curves import ExpressionCurves

LIBRARY = "Tableau Vivant"
CATALOG = "5d0f7d3e-58a5-4c53-9f0b-2f6b1c7a9e41"
CATALOG_PATH = "Tableau Vivant/Performances"
TAG = "tableau:"
"""An asset's tag with the name of its preset."""
START = 1


def library_file() -> Path | None:
    """Where the library is, or would be; None where the extension has no folder of its own."""
    try:
        return Path(bpy.utils.extension_path_user(ROOT, path="assets")) / "performances.blend"
    except ValueError:
        return None


def write_library(path: Path, performances: Mapping[str, ExpressionCurves]) -> None:
    """Write ``performances``, by preset name, as Actions marked as assets to ``path``,
    with the catalog file beside it.  The open file stays as it was."""
    from ...core.atomic import atomic_path

    path.parent.mkdir(parents=True, exist_ok=True)
    made: set[Any] = set()
    try:
        for name, curves in performances.items():
            made.add(_make(name, curves))
        with atomic_path(path) as temporary:
            bpy.data.libraries.write(str(temporary), made, fake_user=True, compress=True)
    finally:
        for action in made:
            bpy.data.actions.remove(action)
    with atomic_path(path.with_name("blender_assets.cats.txt")) as temporary:
        simple = CATALOG_PATH.replace("/", "-")
        temporary.write_text(f"VERSION 1\n\n{CATALOG}:{CATALOG_PATH}:{simple}\n", encoding="utf-8")


def preset_of(tags: Any) -> str:
    """The preset that an asset with ``tags`` stands for; empty for another asset."""
    named = [tag.name.removeprefix(TAG) for tag in tags if tag.name.startswith(TAG)]
    return next((name for name in named if name in presets.names()), "")


def offer() -> None:
    """Let the preferences list the library, where it was made."""
    path = library_file()
    if path is not None and path.is_file() and _listed() is None:
        bpy.context.preferences.filepaths.asset_libraries.new(name=LIBRARY, directory=str(path.parent))


def withdraw() -> None:
    """Take the library off the preferences."""
    listed = _listed()
    if listed is not None:
        bpy.context.preferences.filepaths.asset_libraries.remove(listed)


def _listed() -> Any:
    path = library_file()
    libraries = bpy.context.preferences.filepaths.asset_libraries
    return next((one for one in libraries if path is not None and Path(one.path) == path.parent), None)


def _make(name: str, curves: ExpressionCurves) -> Any:
    """A preset as an Action: its coefficients on the sliders, its head on the head bone."""
    import numpy as np

    from ...core.head.arkit import ARKIT
    from ...core.head.rotation import to_matrix
    from .decompose import euler_zxy

    action = bpy.data.actions.new(presets.label(name))
    action.slots.new(id_type="OBJECT", name="Portrait")
    action.layers.new("Layer").strips.new(type="KEYFRAME").channelbag(action.slots[0], ensure=True)
    frames = START + (curves.times - curves.times[0]) * float(curves.rate)
    moved = np.ptp(curves.expression, axis=0) > 0
    used = [index for index in range(len(ARKIT)) if moved[index]]
    actions.write_sliders(action, [ARKIT[index] for index in used], frames, curves.expression[:, used])
    flip = np.outer([1.0, -1.0, -1.0], [1.0, -1.0, -1.0])
    angles = euler_zxy(flip * to_matrix(curves.rotation.astype(np.float64)))
    for axis in range(3):
        path = f'pose.bones["{rigs.HEAD}"].rotation_euler'
        fcurves.write_moving(compat.slot_curve(action, path, axis, rigs.HEAD), frames, angles[:, axis])
    action.asset_mark()
    data = action.asset_data
    data.catalog_id = CATALOG
    data.description = "A performance on the expression sliders; Load Asset puts it on the portrait"
    data.tags.new(TAG + name)
    _picture(action, presets.FOLDER / f"{name}.png")
    return action


def _picture(action: Any, path: Path) -> None:
    """Let ``action`` have the picture at ``path`` as its preview."""
    import numpy as np

    image = bpy.data.images.load(str(path))
    try:
        pixels: np.ndarray = np.empty(4 * image.size[0] * image.size[1], np.float32)
        image.pixels.foreach_get(pixels)
        preview = action.preview_ensure()
        preview.image_size = image.size
        preview.image_pixels_float.foreach_set(pixels)
    finally:
        bpy.data.images.remove(image)
