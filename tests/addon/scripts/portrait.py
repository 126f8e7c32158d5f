# SPDX-License-Identifier: GPL-3.0-or-later
"""Load pictures, fit the camera, match the colors, render."""

import bpy
from common import answer, clear, finish, folder, question, render_png

answer["sizes"], answer["heights"] = [], []
for number, picture in enumerate(question["pictures"]):
    clear()
    bpy.ops.tableau.load_portrait(filepath=picture, detect=False)
    plane = bpy.context.object
    width, height = plane.tableau.size
    answer["sizes"].append([width, height])
    answer["heights"].append(plane.dimensions.y)
    bpy.ops.tableau.match_artwork_colors()
    plane.location, plane.rotation_euler = (0.7, -3.0, 1.3), (1.2, 0.1, 0.4)  # the camera finds it anywhere
    bpy.ops.tableau.fit_camera()
    render_png(folder / f"render-{number}.png", width, height, question["alpha"])
finish()
