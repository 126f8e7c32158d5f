# SPDX-License-Identifier: GPL-3.0-or-later
"""Sliders over a track, a track solved into them, takes applied again, strips: everything by ``execute``."""

import time
from pathlib import Path

import bpy
import numpy as np
from common import answer, finish, module, problem, question

tracks = module("core.landmarks.track")
rigs = module("addon.portrait.rig")
actions = module("addon.performance.action")
sample = module("addon.bake.sample")
takes = module("addon.performance.takes")
sliders = module("addon.expressions.sliders")
rests = module("addon.portrait.rest")
compat, paths = module("addon.compat"), module("addon.paths")
tableau = bpy.ops.tableau
scene = bpy.context.scene
scene.render.fps, scene.render.fps_base = 25, 1.0

answer["no_portrait"] = problem(tableau.retarget), problem(tableau.add_sliders)
tableau.load_portrait(filepath=question["picture"], detect=False)
plane = bpy.context.object
answer["no_rig"] = problem(tableau.solve_expressions)
rig = rigs.make_rig(bpy.context, plane, tracks.LandmarkTrack.load(question["face"]))
answer["no_performance"] = problem(tableau.retarget), problem(tableau.solve_expressions)
bpy.context.preferences.filepaths.use_scripts_auto_execute = False


def seen(frames):
    return sample.sample_rig(bpy.context, rig, frames, actions.scene_rate(scene)).points.astype(float)


# sliders on a rig at rest
tableau.add_sliders()
answer["sliders"] = sliders.names(rig)
drivers = [curve.driver for curve in rig.animation_data.drivers]
answer["simple"] = all(driver.is_simple_expression and driver.is_valid for driver in drivers)
answer["longest"] = max(len(driver.expression) for driver in drivers)
ui = rig.id_properties_ui("eyeBlinkLeft").as_dict()
answer["soft"] = ui["soft_min"], ui["soft_max"]
still = seen(range(1, 2))
basis = np.load(Path(bpy.path.abspath(rig.tableau.folder)) / "sliders.npz")["basis"]
worst = 0.0
for index, name in enumerate(answer["sliders"]):
    rig[name] = 1.0
    rig.update_tag()
    worst = max(worst, float(np.abs(seen(range(1, 2)) - still - basis[index, :68]).max()))
    if name == "eyeBlinkLeft":
        lids = (seen(range(1, 2)) - still)[0, :, 1]
        answer["closes"] = float(lids[42:48].max()), float(np.abs(lids[36:42]).max())
    rig[name] = 0.0
answer["effect_error"] = worst

# a preset over it
scene.frame_set(1)
tableau.load_preset(preset="wink", set_rate=True, place="ACTION")
action = takes.current(rig)
frames = range(scene.frame_start, scene.frame_end + 1)
take = Path(bpy.path.abspath(action.tableau_take.path))
answer["take"] = take.is_file(), take.parent.name, paths.digest(take) == action.tableau_take.sha256
answer["read_only"] = take.stat().st_mode & 0o222
before = seen(frames)
started = time.perf_counter()
tableau.solve_expressions()
answer["solve_seconds"] = time.perf_counter() - started
after = seen(frames)
_, told = module("addon.retime.channels").track_of(
    rig, action, rig.animation_data.action_slot, actions.scene_rate(scene)
)
answer["told_error"] = float(np.abs(told.points - after).max())
answer["solved_error"] = float(np.abs(after - before).max())
answer["frames"] = len(frames)
started = time.perf_counter()
for frame in frames:
    scene.frame_set(frame)
answer["frame_ms"] = 1000 * (time.perf_counter() - started) / len(frames)
curves = {c.data_path: c for c in compat.slot_curves(action) if c.data_path.startswith('["')}
answer["shown"] = sorted(path[2:-2] for path, curve in curves.items() if not curve.hide)
answer["blink_peak"] = max(p.co[1] for p in curves['["eyeBlinkLeft"]'].keyframe_points)
offsets = [c for c in compat.slot_curves(action) if ".location" in c.data_path and "eyelid" in c.data_path]
tableau.hide_faint(threshold=0.0)
answer["all_shown"] = sum(not c.hide for c in compat.slot_curves(action) if c.data_path.startswith('["'))
# a key on a slider moves that lid
middle = frames[0]
rig["eyeBlinkRight"] = 1.0
rig.keyframe_insert('["eyeBlinkRight"]', frame=middle)
moved = seen(range(middle, middle + 1)) - after[:1]
answer["keyed"] = float(moved[0, 36:42, 1].max()), float(np.abs(moved[0, 42:48, 1]).max())

# again, with other gains: nothing else is asked for, and the edit stays
solve = module("addon.expressions.solve")
answer["edited"] = solve.edited(action)
rig.tableau_gains.mouth = 0.0
rig.tableau_gains.rotation = 0.0
answer["due_gains"] = takes.due(rig)
tableau.retarget()
answer["not_due"] = takes.due(rig)
answer["still_edited"] = solve.edited(action)
quiet = seen(frames)
spread = lambda p: float(np.ptp(p[:, 48] - p[:, 30], axis=0).max())  # noqa: E731
answer["mouth"] = spread(before), spread(quiet)
opening = lambda p: float(np.abs(p[38] - p[40]).max())  # noqa: E731
answer["kept"] = opening(quiet[0]), opening(before[0])
rig.tableau_gains.mouth = rig.tableau_gains.rotation = 1.0
tableau.retarget(overwrite=True)
answer["overwritten"] = solve.edited(action)
answer["back"] = float(np.abs(seen(frames) - before).max())

# gains with keys: the mouth moves in the first half alone
rig.tableau_gains.mouth = 0.0
tableau.retarget()
muted = seen(frames)
half = len(frames) // 2
for index, strength in ((0, 1.0), (half, 1.0), (half + 1, 0.0), (len(frames) - 1, 0.0)):
    rig.tableau_gains.mouth = strength
    rig.tableau_gains.keyframe_insert("mouth", frame=frames[index])
answer["due_keys"] = takes.due(rig)
tableau.retarget()
answer["not_due_keys"] = takes.due(rig)
faded = seen(frames)
answer["first_half"] = float(np.abs(faded - before)[:half].max())
answer["second_half"] = [float(np.abs(faded - p)[half + 1 :].max()) for p in (muted, before)]
for curve in [c for c in compat.slot_curves(action) if c.data_path.startswith("tableau_gains")]:
    compat.slot_curves(action).remove(curve)
rig.tableau_gains.mouth = 1.0
tableau.retarget()

# fixed landmarks
local = rests.rest_local(rig)
local[48:68, 1] -= 4 * plane.tableau.pixel
rests.set_rest(bpy.context, rig, local)
answer["due_fixed"] = takes.due(rig)
tableau.retarget()
answer["fixed"] = float((seen(frames) - before)[:, 48:68, 1].mean())

# strips
tableau.remove_sliders()
answer["removed"] = len(rig.data.bones), len(sliders.names(rig))
scene.frame_set(301)
tableau.load_preset(preset="nod", place="STRIP")
strips = [
    (t.name, s.name, s.frame_start, s.frame_end, s.action.name)
    for t in rig.animation_data.nla_tracks
    for s in t.strips
]
answer["strips"], answer["active"] = strips, rig.animation_data.action is None
nod = rig.animation_data.nla_tracks[-1].strips[-1].action
track = tracks.LandmarkTrack.load(
    Path(bpy.path.abspath(rig.tableau.folder))
    / "takes"
    / (Path(nod.tableau_take.path).stem + ".retargeted.npz")
)
where = actions.frames_of(track.times, actions.scene_rate(scene), 301)
whole = where == np.round(where)
got = np.stack([seen(range(int(f), int(f) + 1))[0] for f in where[whole]])
answer["strip_error"] = float(np.abs(got - track.points[whole]).max())
rig.tableau_gains.rotation = 0.0
tableau.retarget()
answer["strip_retargeted"] = float(
    np.abs(np.stack([seen(range(int(f), int(f) + 1))[0] for f in where[whole]]) - got).max()
)
answer["same_strips"] = [
    (t.name, s.name, s.frame_start, s.frame_end, s.action.name)
    for t in rig.animation_data.nla_tracks
    for s in t.strips
] == strips

# a take that was changed
take.chmod(0o644)
take.write_text(take.read_text() + "\n")
answer["changed"] = problem(tableau.retarget)
take.unlink()
answer["lost"] = problem(tableau.retarget)
answer["handler"] = module("addon.performance.operators").TABLEAU_FH_performance.bl_file_extensions
finish()
