# SPDX-License-Identifier: GPL-3.0-or-later
"""Live previews of two faces of one picture and of a portrait in another scene; sliders, files, losses."""

import time
from pathlib import Path

import bpy
import numpy as np
from common import PACKAGE, answer, finish, folder, module, problem, question

live, stage, hooks = (module(f"addon.preview.{name}") for name in ("live", "stage", "handlers"))
lookup = module("addon.lookup")
tableau = bpy.ops.tableau
bpy.ops.wm.save_as_mainfile(filepath=str(folder / "scenes.blend"))
first_scene = bpy.context.scene
tableau.load_portrait(filepath=question["couple"])
plane = lookup.portrait_of(bpy.context)
tableau.detect_landmarks(face=1, add=True)
left, right = sorted(lookup.rigs_of(plane), key=lambda rig: rig.pose.bones["head"].head.x)
second_scene = bpy.data.scenes.new("Second")
bpy.context.window.scene = second_scene
tableau.load_portrait(filepath=question["picture"])
other = bpy.context.object
bpy.context.window.scene = first_scene


def settle():
    deadline = time.monotonic() + 300
    while live.tick() == live.BUSY and time.monotonic() < deadline:
        time.sleep(0.01)


def seen(rig):
    mesh = stage.find(rig).data
    values = np.empty(3 * len(mesh.vertices), np.float32)
    mesh.vertices.foreach_get("co", values)
    return values.reshape(-1, 3)[:-12, :2] / rig.tableau.portrait.tableau.pixel


def activate(rig, scene):
    bpy.context.window.scene = scene
    bpy.context.view_layer.objects.active = rig


def faces(rig):
    """Middles of the mesh's triangles, px right of the picture's middle."""
    mesh = stage.find(rig).data
    at = np.array([mesh.vertices[v].co.x for p in mesh.polygons for v in p.vertices[:3]])
    return at.reshape(-1, 3).mean(axis=1)[:-3] / rig.tableau.portrait.tableau.pixel


answer["one_by_one"] = []
for rig, scene in ((left, first_scene), (right, first_scene), (other, second_scene)):
    activate(rig, scene)
    tableau.preview_start()
    answer["one_by_one"].append(live.session_of(rig) is not None)
answer["apart"] = [float(faces(left).max()), float(faces(right).min())]

# each follows its own rig, in its own scene
activate(left, first_scene)
still = {rig.name: seen(rig) for rig in (left, right, other)}
left.pose.bones["head"].rotation_euler.z = 0.1
other.pose.bones["head"].rotation_euler.z = 0.1
bpy.context.view_layer.update()
settle()
answer["one_moves"] = [float(abs(seen(rig) - still[rig.name]).max()) for rig in (left, right, other)]
first_scene.frame_set(7)
settle()
answer["other_scene"] = float(abs(seen(other) - still[other.name]).max())
activate(other, second_scene)
second_scene.frame_set(2)
settle()
answer["other_moves"] = float(abs(seen(other) - still[other.name]).max())
answer["left_stays"] = float(abs(seen(left) - still[left.name]).max())

# expression sliders, while the preview is on; keyed ones over frames
tableau.add_sliders()
settle()
answer["sliders_keep_it"] = [live.session_of(other) is not None, live.problem_of(other)]
other.pose.bones["head"].rotation_euler.z = 0.0
bpy.context.view_layer.update()
settle()
before = seen(other)
other["jawOpen"] = 1.0
other.update_tag()
bpy.context.view_layer.update()
settle()
answer["slider"] = float(abs(seen(other) - before).max())
second_scene.frame_start, second_scene.frame_end = 1, 6
for frame, value in ((1, 0.0), (6, 1.0)):
    other["jawOpen"] = value
    other.keyframe_insert('["jawOpen"]', frame=frame)
tableau.preview_fill()
moved = []
for frame in range(1, 7):
    second_scene.frame_set(frame)
    moved.append(float(abs(seen(other) - before).max()))
answer["keyed"] = moved
answer["nothing_asked"] = live.session_of(other).request is None

# undo may go back to before the stage was made
shown = seen(other)
stage.remove(other)
hooks._on_undo(second_scene)
answer["undone"] = float(abs(seen(other) - shown).max())
settle()
live.tick()  # the second look finds it at rest
answer["clean"] = [image.name for image in bpy.data.images if image.is_dirty]

# undo may go back to before the rig was there, and redo bring it back
session, uid = live.session_of(other), other.session_uid
session.uid = -1
hooks._on_undo(second_scene)
settle()
waits = session in live._sessions.values() and session.undone
session.uid = uid
hooks._on_undo(second_scene)
settle()
answer["waits"] = [waits, not session.undone, live.session_of(other) is session]

# the artist takes things away: one line each, and the others go on
bpy.data.objects.remove(stage.find(left))
settle()
answer["no_stage"] = [
    live.problem_of(left),
    live.session_of(left) is None,
    live.session_of(right) is not None,
]
Path(question["picture"]).rename(folder / "elsewhere.png")
second_scene.frame_set(30)
other["jawOpen"] = 0.37
other.update_tag()
bpy.context.view_layer.update()
settle()
answer["moved"] = [live.problem_of(other), stage.find(other) is None]
answer["moved_start"] = problem(tableau.preview_start)
activate(right, first_scene)
uid = right.session_uid
with bpy.context.temp_override(selected_objects=[right], object=right, active_object=right):
    bpy.ops.object.delete()
settle()
answer["deleted"] = [live._problems.get(uid, ""), len(live._sessions)]
answer["left_over"] = [item.name for item in bpy.data.objects if "Preview" in item.name]
answer["handlers"] = sum(
    (getattr(function, "__module__", None) or "").startswith(f"{PACKAGE}.addon.preview")
    for name in dir(bpy.app.handlers)
    if isinstance(getattr(bpy.app.handlers, name), list)
    for function in getattr(bpy.app.handlers, name)
)
finish()
