# SPDX-License-Identifier: GPL-3.0-or-later
"""What operators report when something is missing."""

import bpy
from common import PACKAGE, answer, clear, finish, folder, module, oval_face, problem, question

tableau = bpy.ops.tableau
answer["no_portrait"] = problem(tableau.bake)
answer["no_file"] = problem(tableau.load_portrait)
answer["missing_picture"] = problem(tableau.load_portrait, filepath=str(folder / "none.png"))
text = folder / "text.png"
text.write_text("no picture")
answer["not_a_picture"] = problem(tableau.load_portrait, filepath=str(text))
answer["images_left"] = [image.name for image in bpy.data.images if "text" in image.name]
answer["objects_left"] = [item.name for item in bpy.data.objects]

tableau.load_portrait(filepath=question["picture"], detect=False)
answer["no_rig"] = problem(tableau.load_performance, filepath=question["picture"])
preferences = bpy.context.preferences.addons[PACKAGE].preferences
preferences.engine_python = str(folder / "no-python")
answer["missing_engine"] = problem(tableau.detect_landmarks)
answer["missing_engine_check"] = problem(tableau.check_engine)
preferences.engine_python = ""
answer["no_face"] = problem(tableau.load_portrait, filepath=question["blank"])
answer["blank_stays"] = bpy.context.object.name

clear()
tableau.load_portrait(filepath=question["picture"], detect=False)
plane = bpy.context.object
module("addon.portrait.rig").make_rig(bpy.context, plane, oval_face(tuple(plane.tableau.size)))
answer["missing_performance"] = problem(tableau.load_performance, filepath=str(folder / "none.mp4"))
answer["not_a_performance"] = problem(tableau.load_performance, filepath=str(text))
plane.tableau.picture = str(folder / "moved.png")
answer["picture_moved"] = problem(tableau.bake)
other = folder / "other.npz"
oval_face((50, 50)).save(other)
rigs = module("addon.portrait.rig")
plane.tableau.picture = question["picture"]
answer["two_portraits"] = problem(tableau.load_portrait, filepath=question["picture"], detect=False)
for item in bpy.context.view_layer.objects.selected:
    item.select_set(False)
bpy.context.view_layer.objects.active = None
answer["which_portrait"] = problem(tableau.bake)
finish()
