# SPDX-License-Identifier: GPL-3.0-or-later
"""The live preview on a real rig: what the handler does to the mesh, when, how fast, and what stays."""

import time

import bpy
import numpy as np
from common import PACKAGE, addon_utils, answer, finish, folder, module, problem, question, render_png

scene = bpy.context.scene
bpy.ops.wm.save_as_mainfile(filepath=str(folder / "scene.blend"))
bpy.ops.tableau.load_portrait(filepath=question["picture"])
rig = bpy.context.object
plane = rig.tableau.portrait
live, stage, hooks, painted = (
    module(f"addon.preview.{name}") for name in ("live", "stage", "handlers", "painted")
)
panel = module("addon.preview.panel")
handlers = bpy.app.handlers


def counted():
    names = [name for name in dir(handlers) if isinstance(getattr(handlers, name), list)]
    return sum(len(getattr(handlers, name)) for name in names)


def ours():
    """Handlers of the extension that are still in Blender, whatever hung them there."""
    names = [name for name in dir(handlers) if isinstance(getattr(handlers, name), list)]
    return sorted(
        f"{name}: {function.__name__}"
        for name in names
        for function in getattr(handlers, name)
        if (getattr(function, "__module__", None) or "").startswith(PACKAGE)
    )


def data_names():
    kinds = (bpy.data.objects, bpy.data.meshes, bpy.data.materials, bpy.data.images)
    return sorted(item.name for kind in kinds for item in kind)


def settle():
    """Let the timer's work happen, which a Blender without windows does not do."""
    deadline = time.monotonic() + 300
    session = live.session_of(rig)
    while live.tick() == live.BUSY and time.monotonic() < deadline:
        time.sleep(0.01)
    return session


def seen():
    mesh = stage.find(rig).data
    values = np.empty(3 * len(mesh.vertices), np.float32)
    mesh.vertices.foreach_get("co", values)
    return values.reshape(-1, 3)


scene.frame_start, scene.frame_end = 1, 12
head, lip = rig.pose.bones["head"], rig.pose.bones["lips_outer_9"]
for frame, angle, down in ((1, 0.0, 0.0), (12, 0.15, -0.03)):
    head.rotation_euler.z, lip.location.y = angle, down
    head.keyframe_insert("rotation_euler", frame=frame)
    lip.keyframe_insert("location", frame=frame)
scene.frame_set(1)
for name in ("match_artwork_colors", "fit_camera"):
    getattr(bpy.ops.tableau, name)()
before = counted(), data_names()
answer["fill_before"] = problem(bpy.ops.tableau.preview_fill)
bpy.ops.tableau.preview_start()
answer["handlers_on"] = counted() - before[0]
item = stage.find(rig)
answer["render"] = item.hide_render
answer["parent"] = item.parent.name == plane.name
still = seen()

# a frame that nobody has solved: the nearest one stays, then its own comes
scene.frame_set(12)
answer["unsolved_moves"] = float(abs(seen() - still).max())
session = settle()
last = seen()
answer["solved_moves_px"] = float(abs(last - still)[:-12, :2].max() / plane.tableau.pixel)
np.savez(folder / "last.npz", positions=last, pose=session.wanted, pixel=plane.tableau.pixel)
solved = len(session.cache)

# the animation changes: the same frame is asked for anew
head.rotation_euler.z = 0.05
head.keyframe_insert("rotation_euler", frame=12)
scene.frame_set(12)
settle()
answer["changed_px"] = float(abs(seen() - last)[:-12, :2].max() / plane.tableau.pixel)
answer["solved_more"] = len(session.cache) - solved

# a pose without a key is kept while all frames are prepared
lip.location.x = 0.02
bpy.context.view_layer.update()
settle()
posed = seen()
bpy.ops.tableau.preview_fill()
answer["kept_pose"] = [round(float(lip.location.x), 6), float(abs(seen() - posed).max())]
count = len(session.cache)
seconds = []
for _ in range(4):
    for frame in range(1, 13):
        started = time.perf_counter()
        scene.frame_set(frame)
        seconds.append(time.perf_counter() - started)
answer["asked_again"] = len(session.cache) - count
answer["frame_ms"] = 1000 * sorted(seconds)[len(seconds) // 2]
seconds = []
graph = bpy.context.evaluated_depsgraph_get()
for _ in range(40):
    session.shown = b""
    started = time.perf_counter()
    hooks._on_frame(scene, graph)
    seconds.append(time.perf_counter() - started)
answer["handler_ms"] = 1000 * sorted(seconds)[len(seconds) // 2]
answer["vertices"] = len(item.data.vertices)

# the stage as it is seen, and a frame by the generator until the pose changes
scene.frame_set(12)
settle()
item.hide_render, rig.hide_render = False, True
render_png(folder / "shown.png", *plane.tableau.size)
item.hide_render = True
np.savez(folder / "shown.npz", pose=session.wanted)
if question["generator"]:
    said = []
    module("addon.jobs").listeners.append(lambda *told: said.append(told[1:]))
    seconds = []
    for _ in range(2):
        started = time.perf_counter()
        bpy.ops.tableau.preview_frame()
        seconds.append(time.perf_counter() - started)
    answer["generator_seconds"] = seconds
    answer["progress"] = said
    item = painted.find(rig)
    answer["painted"] = [item.hide_render, item.hide_viewport, *panel.frame_line(rig)]
    answer["rig_shown"] = [rig.tableau.show_rig]
    scene.frame_set(3)
    answer["painted_later"] = [item.hide_viewport, *panel.frame_line(rig)]
    answer["rig_shown"].append(rig.tableau.show_rig)
    scene.frame_set(12)
    answer["painted_again"] = [item.hide_viewport, *panel.frame_line(rig)]
    answer["rig_shown"].append(rig.tableau.show_rig)
    bpy.ops.tableau.preview_frame_remove()
    answer["rig_shown"].append(rig.tableau.show_rig)
    answer["frame_gone"] = [painted.find(rig) is None, panel.frame_line(rig)]
    bpy.data.orphans_purge()

bpy.ops.tableau.preview_stop()
answer["left"] = [counted() - before[0], sorted(set(data_names()) - set(before[1]))]

# switched off with a preview running, nothing stays; and a file with a preview opens without us
bpy.ops.tableau.preview_start()
bpy.ops.wm.save_as_mainfile(filepath=str(folder / "with.blend"), copy=True)
made = session.folder
answer["back"] = stage.find(rig).visible_get()
addon_utils.disable(PACKAGE)
answer["disabled"] = [ours(), sorted(set(data_names()) - set(before[1])), made.exists()]
bpy.ops.wm.open_mainfile(filepath=str(folder / "with.blend"))
answer["opened"] = [o.name for o in bpy.data.objects if "Preview" in o.name]
finish()
