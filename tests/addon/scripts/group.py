# SPDX-License-Identifier: GPL-3.0-or-later
"""A picture of two: its faces are listed, each may have a rig; finding again keeps what was animated."""

from pathlib import Path

import bpy
from common import answer, finish, folder, module, question

lookup, rigs, rest = (module(f"addon.{name}") for name in ("lookup", "portrait.rig", "portrait.rest"))
tableau = bpy.ops.tableau
bpy.ops.wm.save_as_mainfile(filepath=str(folder / "group.blend"))
tableau.load_portrait(filepath=question["picture"])
plane = lookup.portrait_of(bpy.context)
first = bpy.context.object
settings = plane.tableau
answer["boxes"] = [[round(value) for value in face.box] for face in settings.faces]
answer["thumbnails"] = [Path(bpy.path.abspath(face.thumbnail)).is_file() for face in settings.faces]
answer["first"] = [first.tableau.face, settings.face_index, settings.rig == first]

tableau.detect_landmarks(face=1, add=True)
second = bpy.context.object
answer["rigs"] = [rig.tableau.title for rig in lookup.rigs_of(plane)]
answer["planes"] = sum(item.tableau.kind == "PORTRAIT" for item in bpy.data.objects)
answer["folders"] = len({rig.tableau.folder for rig in (first, second)})
middles = [rigs.rest_track(rig).points[0, :, 0].mean() for rig in (first, second)]
answer["beside"] = [float(value) for value in middles]
answer["sure"] = [float(rest.confidence(rig)[:68].mean()) for rig in (first, second)]
boxes = module("addon.portrait.overlay").shown_boxes(bpy.context)
answer["drawn"] = [[number, chosen] for _, _, number, chosen in boxes]

# choosing in the list chooses the rig
settings.face_index = 0
answer["chosen"] = [settings.rig == first, bpy.context.object == first, lookup.rig_of(bpy.context) == first]
bpy.context.view_layer.objects.active = second
answer["active_wins"] = lookup.rig_of(bpy.context) == second

# finding the landmarks again leaves the action, and undoes what was set by hand
lip = second.pose.bones["lips_outer_9"]
lip.location.y = 0.05
lip.keyframe_insert("location", frame=3)
action = second.animation_data.action.name
found = rest.rest_local(second)
tableau.fix_landmarks()
answer["fixes"] = second.tableau.fixing is not None
points = second.tableau.fixing
bpy.ops.object.mode_set(mode="OBJECT")
points.data.vertices[8].co.x += 0.1
tableau.redetect_landmarks()
tableau.finish_landmarks()
answer["redetected"] = float(abs(rest.rest_local(second) - found).max() / settings.pixel)
answer["face_stays"] = second.tableau.face
tableau.fix_landmarks()
bpy.ops.object.mode_set(mode="OBJECT")
second.tableau.fixing.data.vertices[8].co.x += 0.1
tableau.finish_landmarks()
answer["by_hand"] = second.tableau.fixed
tableau.detect_landmarks(face=1)
answer["detected_again"] = [
    second.tableau.fixed,
    float(abs(rest.rest_local(second) - found).max() / settings.pixel),
    second.animation_data.action.name == action,
    len(lookup.rigs_of(plane)),
]

# using another face instead: the rig of that one gives way
bpy.data.objects.remove(first)
bpy.context.view_layer.objects.active = second
tableau.detect_landmarks(face=0)
answer["instead"] = [rig.tableau.face for rig in lookup.rigs_of(plane)]
finish()
