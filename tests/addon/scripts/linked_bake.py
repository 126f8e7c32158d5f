# SPDX-License-Identifier: GPL-3.0-or-later
"""A portrait that is linked from a file in another folder, plainly and as a library override, is baked."""

import hashlib
import shutil
from pathlib import Path

import bpy
from common import answer, clear, finish, folder, module, problem, question

tableau = bpy.ops.tableau
sequences, planes = module("addon.bake.sequence"), module("addon.portrait.plane")
lookup = module("addon.lookup")
library = folder / "library" / "paintings.blend"
library.parent.mkdir()
picture = shutil.copy(question["picture"], library.parent)
FRAMES = {"frame_start": 26, "frame_end": 27, "video": False, "format": "PNG16"}


def rig_here(override):
    layer = bpy.context.view_layer
    layer.update()
    rigs = [item for item in layer.objects if item.tableau.kind == "RIG"]
    rig = next(item for item in rigs if (item.override_library is not None) == override)
    layer.objects.active = rig
    return rig


def contents(root):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in Path(root).glob("*.png")}


bpy.ops.wm.save_as_mainfile(filepath=str(library))
collection = bpy.data.collections.new("Painting")
bpy.context.scene.collection.children.link(collection)
layer = bpy.context.view_layer
layer.active_layer_collection = layer.layer_collection.children["Painting"]
tableau.load_portrait(filepath=str(picture))
rig_here(False).tableau.mode = "FLOW"
tableau.load_preset(preset="blink")
tableau.bake(**FRAMES)
wanted = contents(folder / "library/tableau/paintings/portrait/frames/v001")
bpy.ops.wm.save_mainfile()
before = hashlib.sha256(library.read_bytes()).hexdigest()


def plane_of(rig):
    plane = sequences.sequence_of(rig)
    user = planes.picture_node(plane).image_user
    others = [o for o in bpy.data.objects if lookup.kind_of(o) == "SEQUENCE" and lookup.library_of(o) is None]
    return {
        "own": plane.library is None and plane.override_library is None and len(others) == 1,
        "name": plane.name,
        "parent": plane.parent == rig.tableau.portrait,
        "plays": [user.frame_start, user.frame_duration],
        "shown": plane.visible_get() and not plane.hide_render,
    }


def tried(override):
    said = {}
    name = "override" if override else "linked"
    file = folder / name / "deeper" / "shot.blend"
    file.parent.mkdir(parents=True)
    bpy.ops.wm.read_homefile(use_factory_startup=False)
    clear()
    bpy.ops.wm.save_as_mainfile(filepath=str(file))
    with bpy.data.libraries.load(str(library), link=True, relative=True) as (_, found):
        found.collections = ["Painting"]
    scene, linked = bpy.context.scene, bpy.data.collections["Painting"]
    scene.collection.children.link(linked)
    if override:
        linked.override_hierarchy_create(scene, bpy.context.view_layer)
        scene.collection.children.unlink(linked)
    rig = rig_here(override)
    said["problem"] = problem(tableau.bake, **FRAMES)
    made = file.parent / "tableau" / "shot" / bpy.path.clean_name(rig.name) / "frames" / "v001"
    said["beside"] = made.is_dir()
    said["same"] = len(wanted) == 2 and contents(made) == wanted
    said["plane"] = plane_of(rig)
    said["before"] = sequences.sequence_of(rig).location.z
    theirs = [o for o in bpy.data.objects if lookup.library_of(o) and lookup.kind_of(o) == "SEQUENCE"]
    theirs = [o for o in theirs if o.tableau.rig == rig]
    said["covered"] = len(theirs) == 1 and all(
        item.hide_get() and item.hide_render for item in (*theirs, rig.tableau.portrait)
    )

    rig.tableau_bake.width = 777
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=str(file))
    rig = rig_here(override)
    portrait, chosen = rig.tableau.portrait, rig.tableau_bake
    said["unkept"] = module("addon.bake.settings").unkept(rig)
    said["kept"] = [
        "override" if portrait.override_library is not None else "linked",
        portrait.hide_render,
        chosen.format,
        chosen.width,
        bool(rig.tableau.baked),
    ]
    times = {path: path.stat().st_mtime_ns for path in made.glob("*.png")}
    said["again"] = problem(tableau.bake, **FRAMES)
    said["rewritten"] = [str(path) for path, time in times.items() if path.stat().st_mtime_ns != time]
    said["plane_again"] = plane_of(rig)
    tableau.count_due()
    said["due"] = rig.tableau_bake.due
    said["portrait"] = problem(tableau.bake, target="PORTRAIT", **FRAMES)
    tableau.bake(target="LAYERS", frame_start=26, frame_end=26, video=False)
    rig = rig_here(override)
    said["layers"] = sorted(o.tableau_bake.layer for o in bpy.context.scene.objects if o.tableau_bake.layer)
    return said


answer["linked"], answer["override"] = tried(False), tried(True)
answer["library_same"] = hashlib.sha256(library.read_bytes()).hexdigest() == before
finish()
