# SPDX-License-Identifier: GPL-3.0-or-later
"""What a bake is told to make: frames, rates, files and planes, without rendering any of them."""

from pathlib import Path

import bpy
import numpy as np
from bpy_extras.object_utils import world_to_camera_view
from common import answer, finish, folder, module, problem
from mathutils import Vector
from retime_rig import loaded

prepare, settings, layers, sequence = (
    module(f"addon.bake.{name}") for name in ("prepare", "settings", "layers", "sequence")
)
lookup, planes = module("addon.lookup"), module("addon.portrait.plane")
tracks, jobs = module("core.landmarks.track"), module("core.job")
scene, context = bpy.context.scene, bpy.context
tableau = bpy.ops.tableau
bpy.ops.wm.save_as_mainfile(filepath=str(folder / "scene.blend"))
rig, _ = loaded(9, -5.5)  # a key at every half frame
chosen, portrait = rig.tableau_bake, rig.tableau.portrait

# rates with a base, frames before zero, sub-frames
scene.render.fps, scene.render.fps_base = 24, 1.001
chosen.use_range, chosen.frame_start, chosen.frame_end = True, -5, 2  # a scene begins at 0 or later
scene.frame_set(6, subframe=0.25)
made = prepare.prepare(context, rig)
answer["current"] = scene.frame_float
target = tracks.LandmarkTrack.load(made.job.target)
rest = module("addon.portrait.rig").rest_track(rig)
moved = (target.points[:, 30, 0] - rest.points[0, 30, 0]) * portrait.tableau.pixel * 100
answer["steps"] = [round(float(value), 3) for value in moved]
answer["times"] = [float(value) for value in target.times]
answer["job"] = [str(made.job.rate), made.job.start, [made.frames.start, made.frames[-1]]]
answer["loaded"] = jobs.BakeJob.load(made.file) == made.job

# the same portrait in another scene goes by that scene's frames and rate, and leaves the first one alone
beside = bpy.data.scenes.new("Beside")
for item in (portrait, rig):
    beside.collection.objects.link(item)
beside.render.fps, beside.render.fps_base = 30, 1.001
beside.frame_start, beside.frame_end = 2, 3
chosen.use_range = False
context.window.scene = beside
context.view_layer.objects.active = rig
other = prepare.prepare(context, rig)
there = tracks.LandmarkTrack.load(other.job.target)
context.window.scene = scene
answer["beside"] = [
    str(other.job.rate),
    list(other.frames),
    [
        round(float(x), 3)
        for x in (there.points[:, 30, 0] - rest.points[0, 30, 0]) * portrait.tableau.pixel * 100
    ],
    scene.frame_float,
    str(prepare.prepare(context, rig).job.rate),
]
bpy.data.scenes.remove(beside)

# choices
place = made.job.output.folder
answer["folder"] = place.relative_to(folder).as_posix()
answer["auto"] = [made.job.output.format, made.job.output.bits, made.job.output.size]
chosen.use_range, chosen.frame_start, chosen.frame_end = True, 7, 9
chosen.size, chosen.width, chosen.format, chosen.digits = "CUSTOM", 100, "PNG16", 6
chosen.video, chosen.output = False, "//out"
output = prepare.prepare(context, rig).job.output
answer["chosen"] = [
    output.frame_path(7).relative_to(folder).as_posix(),
    output.bits,
    output.size,
    output.video,
]
chosen.target, chosen.format, chosen.size = "LAYERS", "AUTO", "HALF"
output = prepare.prepare(context, rig).job.output
answer["layers"] = [output.format, output.bits, output.size, output.layers, output.folder.name]
chosen.size, chosen.width = "CUSTOM", 9000
answer["too_wide"] = problem(tableau.bake)
chosen.size, chosen.frame_end = "PICTURE", 3
answer["backwards"] = problem(tableau.bake)
answer["no_folder"] = problem(tableau.export_farm, chunk=2)
chosen.use_range, chosen.output, chosen.digits = False, "", 4
tableau.new_version()
(folder / "tableau/scene" / portrait.name / "frames/v007").mkdir(parents=True)
tableau.new_version()
answer["version"] = chosen.version
answer["counted"] = settings.choices(scene, rig) == settings.choices(scene, rig)
before = settings.choices(scene, rig)
chosen.version = 9
answer["recounted"] = settings.choices(scene, rig) != before
answer["crowded"] = [settings.crowded(rig)]
second = module("addon.portrait.rig").make_rig(context, portrait, rest)
second.tableau.face = 1
second.tableau_bake.target = "PLANE"
answer["crowded"].append(settings.crowded(second))

# planes that grow
size = tuple(portrait.tableau.size)


def picture(path, alpha):
    image = bpy.data.images.new("made", *(side // 8 for side in size), alpha=alpha)
    image.filepath_raw, image.file_format = str(path), "PNG"
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save()
    bpy.data.images.remove(image)


output = jobs.BakeOutput(folder / "frames", layers=True)
clip = sequence.Clip(output, range(-2, 1), 0, True)
answer["ready"] = [clip.ready()]
picture(output.plate_path, False)
for number in (0, 1, 2):
    for name in layers.MOVING:
        picture(output.layer_path(name, number), True)
    picture(output.frame_path(number), False)
answer["ready"].append(clip.ready())
camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
scene.collection.objects.link(camera)
scene.camera = camera
camera.location = portrait.location + Vector((0.7, -5.0, 0.4))
camera.rotation_euler = (1.5, 0.1, 0.2)
context.view_layer.update()


def users(item):
    node = planes.picture_node(item)
    user = node.image_user
    offset = sequence.offset_at(node, user.frame_start)
    return [user.frame_start, user.frame_duration, offset, user.use_cyclic]


layers.show_layers(context, rig, sequence.Clip(output, range(20, 23), 0, True), 1, output.plate_path)
answer["grown_late"] = users(layers.layer_of(rig, "sitter"))
node = planes.picture_node(layers.layer_of(rig, "sitter"))
answer["held"] = [sequence.offset_at(node, frame) for frame in (19, 20)]
answer["grown"] = []
for length in (1, 3):
    layers.show_layers(context, rig, clip, length, output.plate_path)
    answer["grown"].append(users(layers.layer_of(rig, "sitter")))
made = {name: layers.layer_of(rig, name) for name in ("plate", *layers.MOVING)}
drivers = node.id_data.animation_data.drivers
answer["free"] = [drivers[0].driver.expression if drivers else None]
once = sequence.Clip(output, clip.frames, 0, False)
node.image_user.frame_offset = 7
node.image_user.keyframe_insert("frame_offset", frame=1)
sequence.play(node, once, "keyed", 3, "sitter")
scene.frame_set(1)
answer["free"].append(None if node.id_data.animation_data.drivers else node.image_user.frame_offset)
node.id_data.animation_data_clear()
node.image_user.driver_add("frame_offset").driver.expression = "frame // 2"
sequence.play(node, once, "driven", 3, "sitter")
answer["free"].append(node.id_data.animation_data.drivers[0].driver.expression)
node.id_data.animation_data_clear()


def off():
    """How far from the picture's corners the layers' are, in the camera's view, as a share of the view."""
    context.view_layer.update()
    worst = 0.0
    for item in made.values():
        for mine, other in zip(item.data.vertices, portrait.data.vertices, strict=True):
            seen = world_to_camera_view(scene, camera, item.matrix_world @ mine.co)
            there = world_to_camera_view(scene, camera, portrait.matrix_world @ other.co)
            worst = max(worst, abs(seen.x - there.x), abs(seen.y - there.y))
    return worst


answer["matched"] = [off()]
chosen.spacing = 0.6
answer["matched"].append(off())
camera.data.type = "ORTHO"
layers.respace(context, rig)
answer["matched"].append(off())
chosen.match_camera = False
answer["unmatched"] = off()
answer["depths"] = [round(made[name].location.z, 4) for name in made]
chosen.spacing = 0.2
answer["respaced"] = round(made["sitter"].location.z, 4)
materials = [item.data.materials[0] for item in made.values()]
answer["through"] = [any(n.type == "BSDF_TRANSPARENT" for n in m.node_tree.nodes) for m in materials]
answer["blended"] = [m.surface_render_method for m in materials]
answer["hidden"] = [portrait.hide_render, *(item.hide_render for item in made.values())]

# another sitter of the same picture stands before the same plate
layers.show_layers(context, second, clip, 3, output.plate_path)
answer["shared"] = layers.layer_of(second, "plate") == made["plate"]
other = layers.layer_of(second, "sitter")
answer["apart"] = other != made["sitter"] and abs(other.location.z - made["sitter"].location.z) > 0.005
layers.hide_layers(second)
answer["stays"] = [made["plate"].hide_render, made["sitter"].hide_render, other.hide_render]
layers.hide_layers(rig)
answer["gone"] = made["plate"].hide_render

# on the portrait's own plane, and back
plain = sequence.Clip(jobs.BakeOutput(folder / "frames"), range(-2, 1), 0, False)
still = planes.picture_node(portrait).image
sequence.show_on_portrait(rig, plain, 3)
answer["plays"] = [
    sequence.plays(portrait),
    planes.picture_node(portrait).image == still,
    portrait.hide_render,
]
sequence.show_still(portrait)
answer["plays_not"] = sequence.plays(portrait)
answer["spare"] = sorted(p.name for p in Path(folder / "frames").iterdir() if "sitter" in p.name)
answer["finite"] = bool(np.isfinite(moved).all())
finish()
