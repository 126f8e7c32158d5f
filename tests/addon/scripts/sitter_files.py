# SPDX-License-Identifier: GPL-3.0-or-later
"""Shots and sitter files in the .blend: listed, linked, saved beside it, missing, found again; no engine."""

import shutil
from pathlib import Path

import bpy
from common import answer, finish, folder, module, oval_face, problem, question

store, use, strip, lookup, paths, rigs = (
    module(f"addon.{name}")
    for name in ("sitter.store", "sitter.use", "sitter.strip", "lookup", "paths", "portrait.rig")
)
tableau = bpy.ops.tableau
given = Path(question["sitters"])


def portrait(picture):
    """The rig of a picture, active."""
    tableau.load_portrait(filepath=str(picture), detect=False)
    plane = bpy.context.object
    return rigs.make_rig(bpy.context, plane, oval_face(tuple(plane.tableau.size)))


answer["no_portrait"] = problem(tableau.personalize)
rig = portrait(question["picture"])
settings = rig.tableau.sitter
answer["no_sitter"] = problem(tableau.preview_sitter)
answer["no_shots"] = problem(tableau.remove_shot)
answer["nothing_chosen"] = problem(tableau.add_shots)
answer["no_picture"] = problem(tableau.add_shots, filepath=str(folder / "none.png"))
(folder / "text.png").write_text("no picture")
answer["bad_picture"] = problem(tableau.add_shots, filepath=str(folder / "text.png"))
answer["no_video"] = problem(tableau.sample_shots, filepath=str(folder / "none.mp4"))

# shots: several at once, none twice, never the portrait itself
tableau.add_shots(
    directory=str(folder),
    files=[{"name": name} for name in ("other.png", "other.png", "portrait.png", "small.png")],
)
answer["shots"] = [[bpy.path.basename(shot.path), *shot.size] for shot in settings.shots]
tableau.remove_shot(index=1)
answer["left"] = [bpy.path.basename(shot.path) for shot in settings.shots]


def made(source):
    """A sitter's file where personalizing would have put it, and its preview."""
    path = store.free_name(rig, store.make_folder(rig))
    shutil.copy(given / source, path)
    store.link(rig, path)
    for name in ("preview", "preview-small"):
        shutil.copy(folder / "other.png", path.with_name(f"{name}.png"))
    strip.keep_strip(rig, path.with_name("preview.png"), path.with_name("preview-small.png"), 1.5)
    return path


# not saved yet: a temporary folder; saved: beside the .blend; a copy of the .blend moves nothing
first = made("tuned.sitter.safetensors")
answer["sitter"] = [settings.made_from, settings.tuned, settings.likeness]
answer["unsaved"] = first.parent.parent == paths.user_folder("sitters")
blend = folder / "scene.blend"
bpy.ops.wm.save_as_mainfile(filepath=str(blend), copy=True)
answer["after_copy"] = [store.find(rig) == first, first.is_file()]
bpy.ops.wm.save_as_mainfile(filepath=str(blend))
answer["saved"] = [settings.file, settings.strip, settings.thumbnail]
answer["moved"] = [first.exists(), first.parent.exists(), store.find(rig).is_file()]
answer["before_save"] = store.find(rig, str(first)) == store.find(rig)  # undo brings the old path back
answer["next_name"] = store.free_name(rig, store.make_folder(rig)).name

# how a bake would use it
settings.still_camera, settings.likeness = True, 0.25
for mode in ("FLOW", "FULL", "NEURAL"):
    rig.tableau.mode = mode
    how = use.rendering(rig)
    answer[mode] = [how.sitter and how.sitter.name, [path.name for path in how.shots], how.likeness]
rig.tableau.mode = "FULL"

# a second portrait in the scene has a sitter of its own
other = portrait(folder / "small.png")
answer["second"] = [other.tableau.sitter.file, len(other.tableau.sitter.shots)]
tableau.relink_sitter(filepath=str(given / "plain.sitter.safetensors"))
answer["two"] = [
    bpy.path.basename(item.tableau.sitter.file) + (" tuned" if item.tableau.sitter.tuned else "")
    for item in (rig, other)
]
answer["two_used"] = [use.rendering(item).sitter.name for item in (rig, other)]
answer["two_folders"] = store.make_folder(rig) != store.make_folder(other)
bpy.context.view_layer.objects.active = rig

# saved elsewhere: it goes along; moved as a whole: it is still found
there = folder / "there"
there.mkdir()
bpy.ops.wm.save_as_mainfile(filepath=str(there / "again.blend"))
answer["elsewhere"] = [settings.file, store.find(rig).is_relative_to(there)]
there.rename(folder / "moved")
bpy.ops.wm.open_mainfile(filepath=str(folder / "moved" / "again.blend"))
rig, other = (next(o for o in bpy.data.objects if o.tableau.title == name) for name in ("portrait", "small"))
settings = rig.tableau.sitter
bpy.context.view_layer.objects.active = rig
answer["reopened"] = [settings.made_from, settings.tuned, round(settings.likeness, 4), store.trouble(rig)]
answer["shot_found"] = store.find(rig, settings.shots[0].path) == folder / "other.png"

# gone: one line, everywhere; found again
path = store.find(rig)
lost = folder / "lost.sitter.safetensors"
shutil.move(path, lost)
answer["missing"] = store.trouble(rig)
answer["bake_missing"] = problem(tableau.bake)
answer["frame_missing"] = problem(tableau.preview_frame)
answer["preview_missing"] = problem(tableau.preview_sitter)
answer["other_fine"] = store.trouble(other)
cut = folder / "cut.sitter.safetensors"
cut.write_bytes(lost.read_bytes()[:-8])
(folder / "bad.sitter.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{}      ")
before = settings.file
for name, file in (
    ("none", folder / "none.sitter.safetensors"),
    ("bad", folder / "bad.sitter.safetensors"),
    ("cut", cut),
    ("foreign", given / "foreign.sitter.safetensors"),
):
    answer[f"relink_{name}"] = problem(tableau.relink_sitter, filepath=str(file))
answer["unchanged"] = settings.file == before
tableau.relink_sitter(filepath=str(lost))
answer["relinked"] = [settings.file, store.trouble(rig)]

# the file is exchanged for one of other weights behind Blender's back
shutil.copy(given / "foreign.sitter.safetensors", lost)
answer["foreign"] = store.trouble(rig)
answer["bake_foreign"] = problem(tableau.bake)

tableau.remove_sitter()
answer["removed"] = [settings.file, settings.made_from, settings.tuned, settings.likeness, settings.strip]
answer["other_keeps"] = bool(other.tableau.sitter.file)
finish()
