# SPDX-License-Identifier: GPL-3.0-or-later
"""Fix Landmarks from beginning to end, posing beside it, and what the overlay would draw."""

import importlib
import types
from dataclasses import replace

import bpy
import numpy as np
from common import answer, finish, folder, module, oval_face, problem, question

bmesh = importlib.import_module("bmesh")  # there once bpy is
rigs, rest, fix = (module(f"addon.portrait.{name}") for name in ("rig", "rest", "fix"))
overlay, curves, symmetry = (module(f"addon.portrait.{name}") for name in ("overlay", "curves", "symmetry"))
tracks, schema = module("core.landmarks.track"), module("core.landmarks.schema")
tableau = bpy.ops.tableau

bpy.ops.wm.save_as_mainfile(filepath=str(folder / "fix.blend"))
answer["no_rig"] = problem(tableau.fix_landmarks)
tableau.load_portrait(filepath=question["picture"], detect=False)
plane = bpy.context.object
plane_name = plane.name
plane.location, plane.rotation_euler = (0.4, -2, 1.5), (1.2, 0.1, 0.3)
size = tuple(plane.tableau.size)
face = oval_face(size)
face = replace(face, confidence=np.linspace(0.1, 0.9, 68, dtype=np.float32)[None])
rig = rigs.make_rig(bpy.context, plane, face)
answer["collections"] = {c.name: len(c.bones) for c in rig.data.collections}
head = rig.pose.bones["head"]
head.rotation_euler.y = 0.3
head.keyframe_insert("rotation_euler", frame=1)
action = rig.animation_data.action.name
answer["not_fixing"] = problem(tableau.symmetrize_landmarks)


def edit(index, shift, select=True):
    """Move the vertex of a landmark in edit mode, as dragging does."""
    points = rig.tableau.fixing
    shape = bmesh.from_edit_mesh(points.data)
    layer = shape.verts.layers.int[fix.ID]
    for vertex in shape.verts:
        if vertex[layer] == index + 1:
            vertex.co.x += shift[0] * plane.tableau.pixel
            vertex.co.y -= shift[1] * plane.tableau.pixel
            vertex.co.z += 0.1
            vertex.select_set(select)
    bmesh.update_edit_mesh(points.data)


def resting():
    track = rigs.rest_track(rig)
    return np.concatenate([track.points[0], np.pad(track.irises[0], ((0, 0), (0, 1)))])


tableau.fix_landmarks()
points = bpy.context.object
answer["kind"], answer["mode"] = points.tableau.kind, points.mode
answer["rig_hidden"], answer["renders"] = rig.hide_get(), not points.hide_render
answer["flat"] = max(abs(vertex.co.z) for vertex in bmesh.from_edit_mesh(points.data).verts)
answer["twice"] = problem(tableau.fix_landmarks)
answer["pose_while_fixing"] = problem(tableau.pose_rig)
answer["bake_while_fixing"] = problem(tableau.bake)
answer["nothing_selected"] = problem(tableau.reset_landmarks, only_selected=True)
before = resting()
edit(40, (7, -3))
edit(57, (0, 5))
drawn = overlay.posed_points(rig)
tableau.finish_landmarks()
moved = resting() - before
answer["moved"] = {int(i): moved[i].round(2).tolist() for i in np.flatnonzero(abs(moved).max(axis=1) > 0.01)}
answer["after"] = [bpy.context.object == rig, bpy.context.object.mode, rig.hide_get(), rig.tableau.fixed]
answer["left"] = [item.name for item in bpy.data.objects if item.tableau.kind == "FIX"]
answer["action_stays"] = rig.animation_data.action.name == action
saved = tracks.LandmarkTrack.load(module("addon.paths").work_folder(rig) / "face.npz")
answer["saved"] = float(abs(saved.points[0] - resting()[:68]).max())
sure = rest.confidence(rig)
answer["sure"] = [float(sure[40]), float(sure[57]), round(float(sure[41]), 3)]

# points over the picture were drawn where they were dragged to, flat on it
local = np.array(plane.matrix_world.inverted() @ rig.matrix_world)  # one space
answer["same_space"] = float(abs(local - np.eye(4)).max())
world = np.array(plane.matrix_world, float)
there = (np.linalg.inv(world) @ np.append(drawn[40], 1.0))[:3]
aim = module("addon.portrait.space").PictureSpace.of(plane).to_local(resting()[40])
answer["drawn"] = [float(abs(there[:2] - aim[:2]).max()), float(abs(there[2]))]

# discard leaves everything, also after the artist left edit mode
tableau.fix_landmarks()
edit(30, (50, 50))
bpy.ops.object.mode_set(mode="OBJECT")
kept = resting()
tableau.finish_landmarks(discard=True)
answer["discarded"] = float(abs(resting() - kept).max())

# a deleted point stays where it was, a copied one counts once
tableau.fix_landmarks()
edit(20, (4, 4))
bpy.ops.mesh.select_all(action="DESELECT")
edit(8, (9, 9))
bpy.ops.mesh.delete(type="VERT")
bpy.ops.mesh.select_all(action="SELECT")
bpy.ops.mesh.duplicate()
kept = resting()
bpy.ops.object.mode_set(mode="OBJECT")
tableau.finish_landmarks()
change = abs(resting() - kept).max(axis=1)
answer["with_deleted"] = [int(i) for i in np.flatnonzero(change > 0.01)]

# the points were deleted as an object: one can start again
tableau.fix_landmarks()
bpy.ops.object.mode_set(mode="OBJECT")
bpy.ops.object.delete()
bpy.context.view_layer.objects.active = plane
answer["points_gone"] = problem(tableau.reset_landmarks)
tableau.fix_landmarks()
answer["again"] = bpy.context.object.tableau.kind

# reset, and reset of the selected
edit(45, (3, 3), select=False)
bpy.ops.mesh.select_all(action="DESELECT")
edit(46, (3, 3))
tableau.reset_landmarks(only_selected=True)
now = fix.read_points(rig.tableau.fixing).local
found = rest.detected_local(rig)
pixel = plane.tableau.pixel
answer["reset_selected"] = [float(abs(now[k] - found[k]).max() / pixel) for k in (45, 46)]
tableau.reset_landmarks()
now = fix.read_points(rig.tableau.fixing).local
answer["reset"] = float(abs(now - found).max() / pixel)

# symmetrize, in edit mode
tableau.symmetrize_landmarks(side="RIGHT")
now = fix.read_points(rig.tableau.fixing).local
answer["right_kept"] = float(abs(now[schema.REGIONS["eye_right"][0]] - found[36]).max() / pixel)
answer["left_changed"] = float(abs(now[45] - found[45]).max() / pixel)
tableau.finish_landmarks()

# a symmetric face, turned: symmetrize leaves it; one that was pulled out of shape is mended
noise = np.random.default_rng(2)
half = noise.normal(0, 1, (70, 3))
partner = np.concatenate([schema.MIRROR, [69, 68]])
side = np.where(np.arange(70) < partner, -1.0, 1.0) * (partner != np.arange(70))
even = (half + half[partner] * (-1, 1, 1)) / 2
even[list(schema.REGIONS["eye_left"]), 0] = 1.5 + 0.1 * np.arange(6)
even[schema.MIRROR[list(schema.REGIONS["eye_left"])]] = even[list(schema.REGIONS["eye_left"])] * (-1, 1, 1)
c, s = np.cos(0.7), np.sin(0.7)
turned = even @ np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]).T + (3, 4, 5)
answer["turned_error"] = float(abs(symmetry.symmetrize(turned, "BOTH") - turned).max())
pulled = turned.copy()
pulled[54] += (0.2, 0.1, 0.0)  # a corner of the mouth, on the sitter's left
mended = symmetry.symmetrize(pulled, "RIGHT")
answer["pulled"], answer["mended"] = float(abs(pulled - turned).max()), float(abs(mended - turned).max())

# the still picture is what the points are laid on, also where a bake plays in front of it
baked = bpy.data.objects.new("baked", None)
bpy.context.collection.objects.link(baked)
baked.tableau.kind, baked.tableau.rig = "SEQUENCE", rig
plane.hide_set(True)
tableau.fix_landmarks()
answer["while_fixing"] = [plane.hide_get(), baked.hide_get()]
tableau.finish_landmarks(discard=True)
answer["fixed"] = [plane.hide_get(), baked.hide_get()]
plane.hide_set(False)

# posing is another thing
tableau.pose_rig()
answer["pose"] = [bpy.context.object == rig, rig.mode]
tableau.pose_rig()
answer["pose_off"] = rig.mode

# the overlay: where and in which colors
scene = bpy.context.scene
scene.frame_set(1)
bpy.context.view_layer.update()
seen = overlay.posed_points(rig)
ends, tints = curves.landmark_lines(seen, rest.confidence(rig))
answer["segments"] = len(ends) // 2
answer["through"] = max(float(np.linalg.norm(ends - point, axis=1).min()) for point in seen[:68])
answer["colors"] = curves.colors(np.array([0.0, 0.5, 1.0])).round(2).tolist()
lost = seen.copy()
lost[5] = np.nan
ends, _ = curves.landmark_lines(lost, np.ones(70, np.float32))
answer["with_gap"] = [len(ends) // 2, bool(np.isfinite(ends).all())]
answer["shown"] = [item.name for item in overlay.shown_rigs(bpy.context)] == [rig.name]
plane.tableau.show_landmarks = False
answer["off"] = overlay.shown_rigs(bpy.context)
answer["no_handlers_headless"] = len(overlay._handlers)

# with a window there would be handlers, and disabling takes each of them away
held = []
space = types.SimpleNamespace(
    draw_handler_add=lambda call, *rest_: held.append(call) or call,
    draw_handler_remove=lambda call, region: held.remove(call),
)
overlay.bpy = types.SimpleNamespace(
    app=types.SimpleNamespace(background=False), types=types.SimpleNamespace(SpaceView3D=space)
)
overlay.attach()
answer["handlers"] = len(held)
overlay.detach()
answer["handlers_after"] = [len(held), len(overlay._handlers)]
overlay.bpy = bpy

# what is linked from another file is not changed here, and says so
bpy.ops.wm.save_mainfile()
bpy.ops.wm.read_homefile(use_factory_startup=False, use_empty=True)
with bpy.data.libraries.load(str(folder / "fix.blend"), link=True) as (there, here):
    here.objects = [name for name in there.objects if name.startswith(plane_name)]
for item in here.objects:
    bpy.context.scene.collection.objects.link(item)
bpy.context.view_layer.objects.active = next(o for o in here.objects if o.tableau.kind == "RIG")
answer["linked"] = [
    problem(tableau.fix_landmarks),
    problem(tableau.detect_landmarks),
    problem(tableau.find_matte),
    problem(tableau.relink_picture, filepath=question["picture"]),
]
finish()
