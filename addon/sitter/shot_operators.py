# SPDX-License-Identifier: GPL-3.0-or-later
"""Operators of the list of shots: add pictures, sample a video, remove."""

from pathlib import Path

import bpy
from bpy.props import BoolProperty, CollectionProperty, IntProperty, StringProperty

from .. import calls, jobs, lookup, needs, paths
from ..options import ASKED
from ..portrait import plane as planes
from ..portrait import rig as rigs
from ..portrait.operators import PICTURES
from ..problems import Problem, reported
from . import store

VIDEOS = "*.mp4;*.mov;*.mkv;*.avi;*.webm"


def add_shot(rig, path):
    """Add the picture at ``path`` to ``rig``'s shots; False where it is there already, or is the portrait.

    Raises Problem where it is no picture.
    """
    settings = rig.tableau.sitter
    known = [rig.tableau.portrait.tableau.picture, *(shot.path for shot in settings.shots)]
    if any(_same(path, other) for other in known):
        return False
    size = planes.upright_size(path)
    shot = settings.shots.add()
    shot.path, shot.size = paths.shown(path), size
    settings.shot_index = len(settings.shots) - 1
    return True


def _same(path, stored):
    try:
        return paths.absolute(stored) == path
    except Problem:
        return False


class TABLEAU_OT_add_shots(needs.NeedsRig, bpy.types.Operator):
    """Add paintings or photos of the same sitter: the more they differ in pose and expression, the better"""

    bl_idname = "tableau.add_shots"
    bl_label = "Add Pictures"
    bl_options = {"REGISTER", "UNDO"}

    filepath: StringProperty(
        name="Picture", description="A picture of the sitter", subtype="FILE_PATH", options=ASKED
    )
    directory: StringProperty(subtype="DIR_PATH", options={"HIDDEN", "SKIP_SAVE"})
    files: CollectionProperty(type=bpy.types.OperatorFileListElement, options={"HIDDEN", "SKIP_SAVE"})
    filter_glob: StringProperty(default=PICTURES, options={"HIDDEN"})

    @reported
    def execute(self, context):
        rig = lookup.rig_of(context)
        folder = Path(bpy.path.abspath(self.directory))
        chosen = [folder / file.name for file in self.files if file.name]
        if not chosen and self.filepath:
            chosen = [Path(bpy.path.abspath(self.filepath))]
        rigs.check_own(rig)
        if not chosen:
            raise Problem("No picture was chosen")
        added, problems = 0, []
        for path in chosen:
            try:
                added += add_shot(rig, path.absolute())
            except (Problem, OSError) as problem:
                problems.append(str(problem))
        for line in problems:
            self.report({"WARNING" if added else "ERROR"}, line)
        if problems and not added:
            return {"CANCELLED"}
        self.report({"INFO"}, f"{added} shots added" if added != 1 else "1 shot added")
        return {"FINISHED"}

    def invoke(self, context, event):
        if self.filepath or self.files:
            return self.execute(context)
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}


class TABLEAU_OT_sample_shots(needs.NeedsRig, jobs.FileJobOperator, bpy.types.Operator):
    """Take the frames of a video of the same sitter that differ most in pose and expression"""

    bl_idname = "tableau.sample_shots"
    bl_label = "Sample Video"
    bl_options = {"UNDO"}

    filepath: StringProperty(
        name="Video", description="A video of the sitter", subtype="FILE_PATH", options=ASKED
    )
    filter_glob: StringProperty(default=VIDEOS, options={"HIDDEN"})
    count: IntProperty(
        name="Frames", description="How many frames to take, at most", default=8, min=1, max=64
    )

    def steps(self, context):
        rig = lookup.rig_of(context)
        rigs.check_own(rig)
        uid = rig.session_uid
        video = self.chosen_file("there is no such video; choose another")
        folder = store.make_folder(rig)
        try:
            made = yield from calls.sample_shots(video, folder, self.count)
            rig = lookup.by_session(uid)
            added = sum(add_shot(rig, path) for path in made)
        finally:
            store.clear_away(folder)  # it stays where something is in it
        return f"{video.name}: {added} frames added"


class TABLEAU_OT_remove_shot(needs.NeedsRig, bpy.types.Operator):
    """Take the chosen shot off the list; its file stays"""

    bl_idname = "tableau.remove_shot"
    bl_label = "Remove Shot"
    bl_options = {"REGISTER", "UNDO"}

    index: IntProperty(
        name="Shot",
        description="Which shot; -1 is the chosen one",
        default=-1,
        min=-1,
        options={"SKIP_SAVE", "HIDDEN"},
    )
    everything: BoolProperty(
        name="All", description="Empty the list", default=False, options={"SKIP_SAVE", "HIDDEN"}
    )

    @classmethod
    def lacks(cls, context):
        text = super().lacks(context)
        if not text and not lookup.rig_of(context).tableau.sitter.shots:
            text = "Add shots first"
        return text

    def execute(self, context):
        settings = lookup.rig_of(context).tableau.sitter
        if self.everything:
            settings.shots.clear()
            return {"FINISHED"}
        index = settings.shot_index if self.index < 0 else self.index
        if index >= len(settings.shots):
            self.report({"ERROR"}, f"There is no shot {index}; there are {len(settings.shots)}")
            return {"CANCELLED"}
        settings.shots.remove(index)
        settings.shot_index = max(0, min(index, len(settings.shots) - 1))
        return {"FINISHED"}


CLASSES = (TABLEAU_OT_add_shots, TABLEAU_OT_sample_shots, TABLEAU_OT_remove_shot)
