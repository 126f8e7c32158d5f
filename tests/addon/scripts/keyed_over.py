# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys by hand beside strips: a slider that was solved from a track, and gains, then another performance."""

import bpy
import numpy as np
from common import answer, finish, folder, module, question

tableau, scene = bpy.ops.tableau, bpy.context.scene
actions, sample = module("addon.performance.action"), module("addon.bake.sample")
takes = module("addon.performance.takes")
bpy.ops.wm.save_as_mainfile(filepath=str(folder / "keyed.blend"))
tableau.load_portrait(filepath=question["picture"])
rig = bpy.context.object
scene.frame_set(1)
tableau.load_preset(preset="wink", set_rate=True)
wink = takes.current(rig)
LAST = scene.frame_end


def seen(first=1, last=LAST):
    frames = range(first, last + 1)
    return sample.sample_rig(bpy.context, rig, frames, actions.scene_rate(scene)).points.astype(float)


def opening(points):
    """How far the lids of the right eye are apart, and those of the left, px [2, T]."""
    return np.stack([abs(points[:, a, 1] - points[:, b, 1]) for a, b in ((38, 40), (43, 47))])


# a key on a slider that a strip moves
tableau.solve_expressions()
before = opening(seen())
scene.frame_set(5)
rig["eyeBlinkRight"] = 1.0
rig.keyframe_insert('["eyeBlinkRight"]', frame=5)
rig.update_tag()  # Blender's own tools do that
answer["laid_over"] = rig.animation_data.action != wink and rig.animation_data.action is not None
after = opening(seen())
answer["right"] = [float(before[0, 4]), float(after[0, 4])]
answer["left"] = float(abs(after[1] - before[1]).max())
tableau.retarget()
answer["retargeted"] = float(opening(seen())[0, 4])
for curve in list(module("addon.compat").action_curves(rig).fcurves):
    module("addon.compat").action_curves(rig).fcurves.remove(curve)

# gains with keys over the strip; then another performance
for frame, strength in ((1, 1.0), (LAST, 0.0)):
    rig.tableau_gains.rotation = strength
    rig.tableau_gains.keyframe_insert("rotation", frame=frame)
scene.frame_set(1)
answer["due"] = takes.due(rig)
tableau.retarget()


def said():
    """How far from what Blender makes of the keyed gain is what a re-target takes it for."""
    layers, apart = takes._layers(rig), []
    for frame in range(1, LAST + 60, 3):
        scene.frame_set(frame)
        apart.append(abs(takes._heard(layers, "rotation", frame)[0] - rig.tableau_gains.rotation))
    return max(apart)


def due_all_over():
    found = set()
    for frame in (1, LAST // 2, LAST, LAST + 10, LAST + 40):
        scene.frame_set(frame)
        found.add(takes.due(rig))
    return sorted(found)


answer["keyed"], answer["said"] = due_all_over(), [said()]
tracks = rig.animation_data.nla_tracks
answer["tracks"], answer["again"], answer["turned"] = [], [], []


def turned(action):
    """How far the head turns in the first and in the second half of a performance, rad."""
    curves = module("addon.compat").slot_curves(action)
    curve = curves.find('pose.bones["head"].rotation_euler', index=0)
    values = abs(module("addon.fcurves").read(curve)[1])
    return [float(values[: len(values) // 2].max()), float(values[len(values) // 2 :].max())]


for start in (LAST + 5, 8):
    scene.frame_set(start)
    tableau.load_preset(preset="nod")
    answer["tracks"].append([[s.name for s in track.strips] for track in tracks])
    answer[f"loaded_{'after' if start > LAST else 'over'}"] = due_all_over()
    answer["said"].append(said())
    nod = tracks[-1].strips[-1].action
    loaded = seen(1, LAST + 40)
    tableau.retarget()
    answer["again"].append(float(abs(seen(1, LAST + 40) - loaded).max()))
    answer["turned"].append(turned(nod))
over = next(s.action for track in tracks for s in track.strips if not s.action.tableau_take.path)
for curve in module("addon.compat").slot_curves(over):
    curve.keyframe_points[1].co.y = 1.0
    curve.update()
answer["edited"] = due_all_over()
finish()
