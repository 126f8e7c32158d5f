# SPDX-License-Identifier: GPL-3.0-or-later
"""A file that another Blender saved, with the extension or without it: it plays, and work goes on."""

import json

import bpy
from common import PACKAGE, addon_utils, answer, finish, folder, module, problem, question, render_png
from saved_rig import landmarks, mattes, played, time_keys

if not question["enabled"]:
    addon_utils.disable(PACKAGE)
bpy.ops.wm.open_mainfile(filepath=question["blend"])
scene, rig = bpy.context.scene, bpy.data.objects[question["rig"]]
answer["version"] = bpy.app.version_string
answer["current"] = scene.frame_current
answer["landmarks"] = landmarks(rig.name, question["bones"])
answer["keys"], answer["played"] = time_keys(rig.name), played()
answer["mattes"] = mattes()
for frame in (10, 12):
    scene.frame_set(frame)
    render_png(folder / f"{question['enabled']}-{frame}.png", *question["size"])
if question["enabled"]:
    tableau = bpy.ops.tableau
    bpy.context.view_layer.objects.active = rig
    own, strips = rig.tableau, module("addon.retime.strips")
    baked = module("addon.bake.sequence").sequence_of(rig)
    answer["own"] = [own.kind, own.performance, own.portrait.tableau.kind, baked.tableau.kind]
    answer["gain"] = rig.tableau_gains.mouth
    answer["sitter"] = [
        own.sitter.tuned,
        own.sitter.likeness,
        module("addon.sitter.store").usable(rig) is not None,
    ]
    answer["sliders"] = module("addon.expressions.sliders").present(rig)
    answer["take"] = strips.strip_of(rig).action.tableau_take.source
    scene.frame_set(10)
    answer["due_said"] = problem(tableau.count_due)
    answer["due"] = rig.tableau_bake.due
    steps = {
        "hold": lambda: tableau.retime_hold(frames=2),
        "retarget": tableau.retarget,
        "solve": tableau.solve_expressions,
        "preview": tableau.preview_start,
        "version": tableau.new_version,
        "bake": lambda: tableau.bake(video=False),
    }
    answer["steps"] = {name: problem(step) for name, step in steps.items()}
    answer["keys_after"] = len(time_keys(rig.name))
    paths, matte = module("addon.paths"), module("addon.portrait.matte")
    answer["mask"] = [own.mask, json.loads((paths.work_folder(rig) / "job.json").read_text())["mask"]]
    answer["matte"] = [matte.matte_of(rig) is not None, matte.painted(rig), problem(tableau.find_matte)]
    answer["mattes_after"] = mattes()
finish()
