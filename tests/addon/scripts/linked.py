# SPDX-License-Identifier: GPL-3.0-or-later
"""A portrait that is linked from another file, plainly and as a library override."""

import contextlib

import bpy
from common import answer, clear, finish, folder, module, problem, question

library = folder / "library.blend"
bpy.ops.wm.save_as_mainfile(filepath=str(library))
collection = bpy.data.collections.new("Painting")
bpy.context.scene.collection.children.link(collection)
layer = bpy.context.view_layer
layer.active_layer_collection = layer.layer_collection.children["Painting"]
bpy.ops.tableau.load_portrait(filepath=question["picture"])
bpy.ops.tableau.load_preset(preset="blink", place="STRIP")
bpy.ops.wm.save_mainfile()
tableau = bpy.ops.tableau
STEPS = {
    "preset": lambda: tableau.load_preset(preset="nod"),
    "retarget": tableau.retarget,
    "detect": tableau.detect_landmarks,
    "pose": tableau.pose_rig,
    "fix": tableau.fix_landmarks,
    "curve": tableau.retime_curve,
    "keys": tableau.retime_bake,
    "sliders": tableau.add_sliders,
    "personalize": tableau.personalize,
    "version": tableau.new_version,
}


def tried(override):
    bpy.ops.wm.read_homefile(use_factory_startup=False)
    clear()
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / f"uses-{override}.blend"))
    with bpy.data.libraries.load(str(library), link=True, relative=True) as (_, wanted):
        wanted.collections = ["Painting"]
    linked = bpy.data.collections["Painting"]
    bpy.context.scene.collection.children.link(linked)
    if override:
        linked.override_hierarchy_create(bpy.context.scene, bpy.context.view_layer)
    bpy.context.view_layer.update()
    rigs = [item for item in bpy.context.view_layer.objects if item.tableau.kind == "RIG"]
    rig = next(item for item in rigs if (item.override_library is not None) == override)
    bpy.context.view_layer.objects.active = rig
    said = {name: problem(step) for name, step in STEPS.items()}
    live, stage = module("addon.preview.live"), module("addon.preview.stage")
    said["preview"] = problem(tableau.preview_start)
    shown = stage.find(rig)
    said["shown"] = shown is not None and shown.name in bpy.context.scene.collection.objects
    moved = []
    for frame in (1, 12):
        bpy.context.scene.frame_set(frame)
        with contextlib.suppress(AttributeError):
            moved.append(live.session_of(rig).wanted.copy())
    said["follows"] = len(moved) == 2 and float(abs(moved[1] - moved[0]).max())
    said["stop"] = problem(tableau.preview_stop)
    return said


answer["linked"], answer["override"] = tried(False), tried(True)
finish()
