# SPDX-License-Identifier: GPL-3.0-or-later
"""Load a picture, fit the camera, match the colors, render."""

import bpy
from common import answer, finish, folder, question, render_png

bpy.ops.tableau.load_portrait(filepath=question["picture"], detect=False)
plane = bpy.context.object
width, height = plane.tableau.size
answer["size"] = [width, height]
bpy.ops.tableau.match_artwork_colors()
plane.location, plane.rotation_euler = (0.7, -3.0, 1.3), (1.2, 0.1, 0.4)  # the camera finds it wherever it is
bpy.ops.tableau.fit_camera()
render_png(folder / "render.png", width, height, question["alpha"])
answer["dimensions"] = list(plane.dimensions)
finish()
