# SPDX-License-Identifier: GPL-3.0-or-later
"""Ways in for a picture and back to a lost one; colors after asking; a camera on request."""

import shutil
from pathlib import Path

import bpy
import numpy as np
from common import answer, finish, folder, module, oval_face, problem, question

rigs, files, view = (module(f"addon.portrait.{name}") for name in ("rig", "files", "view"))
tableau = bpy.ops.tableau

handler = bpy.types.TABLEAU_FH_picture
answer["handler"] = [handler.bl_import_operator, handler.bl_file_extensions.split(";")]
answer["menu"] = [
    call.__module__.split(".")[-1]
    for call in bpy.types.TOPBAR_MT_file_import._dyn_ui_initialize()
    if "tableau" in call.__module__
]

picture = folder / "here" / "painting.png"
picture.parent.mkdir()
shutil.copy(question["picture"], picture)
bpy.ops.wm.save_as_mainfile(filepath=str(folder / "files.blend"))
# what a drop does: the handler's operator, invoked with the file
bpy.ops.tableau.load_portrait("INVOKE_DEFAULT", filepath=str(picture), detect=False, camera=True)
plane = bpy.context.object
answer["dropped"] = [plane.tableau.kind, plane.tableau.picture]
answer["camera"] = bpy.context.scene.camera is not None
answer["size"] = list(plane.tableau.size)
rig = rigs.make_rig(bpy.context, plane, oval_face(tuple(plane.tableau.size)))
rest = rigs.rest_track(rig).points[0]

answer["colors_before"] = view.colors_match(bpy.context.scene)
tableau.match_artwork_colors()
answer["colors_after"] = view.colors_match(bpy.context.scene)
answer["colors_again"] = problem(tableau.match_artwork_colors)  # a script may call it twice

answer["present"] = files.missing_picture(plane)
there = folder / "there" / "renamed.png"
there.parent.mkdir()
picture.rename(there)
answer["missing"] = files.missing_picture(plane)
answer["detect_missing"] = problem(tableau.detect_landmarks)
answer["no_file"] = problem(tableau.relink_picture, filepath=str(folder / "none.png"))
image = bpy.data.images.load(question["picture"])
wide = bpy.data.images.new("wide", 300, 100)
wide.file_format = "PNG"
wide.save(filepath=str(folder / "wide.png"))
answer["other"] = problem(tableau.relink_picture, filepath=str(folder / "wide.png"))
answer["unchanged"] = plane.tableau.picture
tableau.relink_picture(filepath=str(there))
answer["relinked"] = [plane.tableau.picture, files.missing_picture(plane)]
node = module("addon.portrait.plane").picture_node(plane)
answer["image"] = [node.image.filepath, list(node.image.size)]

# the same picture at half the resolution: everything stays where it is over the painting
small = image.copy()
small.scale(answer["size"][0] // 2, answer["size"][1] // 2)
small.file_format = "PNG"
small.save(filepath=str(folder / "small.png"))
before = plane.dimensions.copy()
tableau.relink_picture(filepath=str(folder / "small.png"))
answer["small"] = list(plane.tableau.size)
answer["same_plane"] = (plane.dimensions - before).length
answer["half"] = float(np.abs(rigs.rest_track(rig).points[0] - rest / 2).max())

# what Blender's own Find Missing Files mended is taken over without asking
picture.parent.mkdir(exist_ok=True)
Path(there).rename(picture)
plane.tableau.picture = "//gone.png"
node.image.filepath = str(picture)
tableau.relink_picture()
answer["nothing_mended"] = problem(tableau.relink_picture)
answer["mended"] = plane.tableau.picture
finish()
