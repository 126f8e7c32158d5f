# SPDX-License-Identifier: GPL-3.0-or-later
"""The object that shows the moved portrait: the picture on a mesh just before its plane,
with three small tiles over eyes and mouth.  It is never rendered and may be deleted at any time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy

from .. import compat, lookup
from ..portrait import plane as planes
from ..portrait.orientation import corners, orientation_of
from ..portrait.space import PictureSpace

if TYPE_CHECKING:
    import numpy as np

    from .cache import Solved

LIFT = 5e-4
"""Of the plane's height: how far before the plane the mesh lies; its relief is as deep again."""


def find(rig: Any) -> Any:
    """The preview object of ``rig``, or None."""
    owned = (o for o in bpy.data.objects if lookup.kind_of(o) == "PREVIEW" and o.tableau.rig == rig)
    return next(owned, None)


def make(rig: Any, rest: np.ndarray, triangles: np.ndarray, tiles: np.ndarray, atlas: tuple[int, int]) -> Any:
    """A new preview object for ``rig``: ``rest`` [V, 3] px, ``triangles`` [F, 3], ``tiles`` [3, 4] px boxes
    in an atlas of (rows, columns)."""
    import numpy as np

    remove(rig)
    plane = rig.tableau.portrait
    width, height = plane.tableau.size
    name = f"{rig.tableau.title} Preview"
    within = np.clip(rest[:, :2], 0, [width, height])
    a, b, c = (within[triangles[:, i]] for i in range(3))
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    triangles = triangles[area > 1e-6][:, ::-1]  # y turns over between picture and plane
    count = len(rest)
    quads = count + np.arange(12).reshape(3, 4)
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(np.zeros((count + 12, 3)).tolist(), [], [*triangles.tolist(), *quads.tolist()])
    layer = mesh.uv_layers.new(name="Picture")
    uv = np.concatenate([_picture_uv(plane, rest[:, :2]), _tile_uv(tiles, atlas)])
    loops = np.concatenate([triangles.ravel(), quads.ravel()])
    layer.data.foreach_set("uv", uv[loops].astype(np.float32).ravel())
    for material in (*list(plane.data.materials)[:1], _tile_material(name, atlas)):
        mesh.materials.append(material)
    index = np.zeros(len(triangles) + 3, np.int32)
    index[len(triangles) :] = len(mesh.materials) - 1
    mesh.polygons.foreach_set("material_index", index)
    stage = bpy.data.objects.new(name, mesh)
    stage.parent, stage.hide_render, stage.hide_select = plane, True, True
    stage.tableau.kind, stage.tableau.rig = "PREVIEW", rig
    planes.put_beside(stage, plane)
    return stage


def show(stage: Any, solved: Solved, depth: tuple[float, float]) -> None:
    """Move the mesh to a solved pose and paint its tiles;
    ``depth``: nearest and farthest z of the mesh at rest, px."""
    mesh = stage.data
    # neither through the attribute nor with update(), which are quicker by themselves: both have the window's
    # panels and headers drawn again, at each frame that plays
    mesh.vertices.foreach_set("co", positions(stage.parent, solved, depth).ravel())
    mesh.update_tag()
    image = tile_image(stage)
    if image is not None:
        image.pixels.foreach_set(solved.atlas[::-1].ravel() / _peak())
        image.update()
    _redraw_views()


def _redraw_views() -> None:
    """Draw the 3D views again, without their sidebars and headers."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                for region in area.regions:
                    if region.type == "WINDOW":
                        region.tag_redraw()


def positions(plane: Any, solved: Solved, depth: tuple[float, float]) -> np.ndarray:
    """float32 [V + 12, 3] in the plane's own space: mesh and tiles, kept within the picture."""
    import numpy as np

    space = PictureSpace.of(plane)
    lift = LIFT * space.height * space.pixel
    boxes = solved.boxes
    out = np.empty((len(solved.vertices) + 12, 3), np.float32)
    out[:-12, :2] = solved.vertices[:, :2]
    out[-12:, 0] = boxes[:, [0, 2, 2, 0]].ravel()
    out[-12:, 1] = boxes[:, [3, 3, 1, 1]].ravel()
    np.clip(out[:-12, 0], 0, space.width, out=out[:-12, 0])
    np.clip(out[:-12, 1], 0, space.height, out=out[:-12, 1])
    out[:, 0] = (out[:, 0] - space.width / 2) * space.pixel
    out[:, 1] = (out[:, 1] - space.height / 2) * -space.pixel
    near, far = depth
    out[:-12, 2] = lift * (1 + np.clip((far - solved.vertices[:, 2]) / max(far - near, 1e-6), 0, 1))
    out[-12:, 2] = 2.2 * lift
    return out


def set_aside(item: Any, away: bool) -> None:
    """Take ``item`` out of all collections while the file is written, which leaves it out; or put it back."""
    if away:
        for collection in item.users_collection:
            collection.objects.unlink(item)
    elif not item.users_collection:
        planes.put_beside(item, item.parent)


def settle(stage: Any) -> None:
    """Pack the tiles' image: Blender asks before it closes over images that were changed."""
    image = tile_image(stage)
    if image is not None and image.is_dirty:
        image.pack()


def tile_image(stage: Any) -> Any:
    """The image of the tiles, or None where the artist removed it."""
    slots = stage.data.materials
    node = slots[-1].node_tree.nodes.get(planes.TEXTURE) if len(slots) and slots[-1] else None
    return None if node is None else node.image


def remove(rig: Any) -> None:
    """Take the preview object of ``rig`` out of the file, with what is only its own."""
    stage = find(rig)
    if stage is not None:
        _remove(stage)


def remove_lost() -> None:
    """Take away the preview objects whose rig is gone."""
    for item in list(bpy.data.objects):
        if lookup.kind_of(item) == "PREVIEW" and item.tableau.rig is None:
            _remove(item)


def _remove(stage: Any) -> None:
    mesh, image = stage.data, tile_image(stage)
    material = mesh.materials[-1] if len(mesh.materials) else None
    bpy.data.objects.remove(stage)
    if mesh.users == 0:
        bpy.data.meshes.remove(mesh)
    if material is not None and material.users == 0:
        bpy.data.materials.remove(material)
    if image is not None and image.users == 0:
        bpy.data.images.remove(image)


def _peak() -> Any:
    import numpy as np

    return np.float32(255)


def _picture_uv(plane: Any, points: np.ndarray) -> np.ndarray:
    """[N, 2] UV of picture points [N, 2] px, turned as the picture's file says."""
    import numpy as np

    width, height = plane.tableau.size
    origin, right, _, up = np.array(corners(orientation_of(planes.picture_of(plane))), float)
    x, y = points[:, :1] / width, 1 - points[:, 1:] / height
    return origin + x * (right - origin) + y * (up - origin)


def _tile_uv(tiles: np.ndarray, atlas: tuple[int, int]) -> np.ndarray:
    """[12, 2]: the corners of each tile as the mesh lists them, from bottom left on."""
    import numpy as np

    u, v = tiles[:, [0, 2, 2, 0]] / atlas[1], 1 - tiles[:, [3, 3, 1, 1]] / atlas[0]
    return np.stack([u, v], axis=2).reshape(-1, 2)


def _tile_material(name: str, atlas: tuple[int, int]) -> Any:
    image = bpy.data.images.new(f"{name} Openings", atlas[1], atlas[0], alpha=True)
    image.generated_color, image.alpha_mode = (0.0, 0.0, 0.0, 0.0), "STRAIGHT"
    material = planes.make_material(f"{name} Openings", image)
    planes_node = compat.node_tree(material).nodes[planes.TEXTURE]
    planes_node.interpolation = "Linear"
    return material
