# SPDX-License-Identifier: GPL-3.0-or-later
"""Operators of the bake: render, count what is due, pause, begin a new version, write for a farm."""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy.props import IntProperty, StringProperty

from .. import calls, jobs, lookup, needs, paths
from ..portrait import rig as rigs
from ..problems import Problem, reported
from . import run, settings
from .prepare import latest, next_version, prepare_steps
from .show import Show


def bake_steps(context, rig, changed):
    """Steps of a job: sample the rig, let the engine write the frames, show them as they come.

    ``changed`` is called when the scene has changed.
    """
    uid = rig.session_uid
    prepared = yield from prepare_steps(context, rig)
    show = Show(lookup.by_session(uid), prepared)
    frames = prepared.frames

    def grow():
        show.grow()
        if show.begun:
            changed()

    try:
        report = yield run.BakeRun(prepared.file, grow)
    except Problem:
        ready = show.clip.ready()
        if show.begun:
            lookup.by_session(uid).tableau.baked = f"{ready} of {len(frames)} frames, bake again to go on"
        raise
    yield from show.finish()
    changed()
    rig = lookup.by_session(uid)
    rig.tableau_bake.due_for = ""
    rig.tableau.baked = f"{len(frames)} frames, {frames.start} to {frames[-1]}"
    done = f"{rig.tableau.baked} in {prepared.job.output.folder}"
    more = "".join(f". {line}" for line in (settings.crowded(rig), settings.unkept(rig)) if line)
    return f"{done} ({report['written']} rendered){more}"


class TABLEAU_OT_bake(settings.BakeOptions, needs.NeedsPose, jobs.JobOperator, bpy.types.Operator):
    """Render a picture for each frame of the range, as the rig is posed there, and play them in the scene;
    frames that are right already are kept"""

    bl_idname = "tableau.bake"
    bl_label = "Bake"
    bl_options = {"UNDO"}  # not to be redone at every change in a redo panel: it takes its time

    def steps(self, context):
        rig = lookup.rig_of(context)
        settings.adopt(rig.tableau_bake, self)
        return (yield from bake_steps(context, rig, self._changed))

    def _changed(self):
        self.keeps_changes = True


class TABLEAU_OT_count_due(needs.NeedsPose, jobs.JobOperator, bpy.types.Operator):
    """Compare the animation with the frames on disk: how many a bake would render"""

    bl_idname = "tableau.count_due"
    bl_label = "Count Frames to Render"

    def steps(self, context):
        rig = lookup.rig_of(context)
        uid, key = rig.session_uid, settings.choices(context.scene, rig)
        prepared = yield from prepare_steps(context, rig, "count")
        answer = yield from calls.due(prepared.file)
        chosen = lookup.by_session(uid).tableau_bake
        chosen.due_for = key
        if answer["due"]:
            chosen.due = f"{answer['due']} of {len(prepared.frames)} frames to render"
        else:
            chosen.due = f"All {len(prepared.frames)} frames are up to date"
        return chosen.due


class TABLEAU_OT_new_version(needs.NeedsPose, bpy.types.Operator):
    """Let the next bake write into a folder of its own; the frames of earlier versions stay"""

    bl_idname = "tableau.new_version"
    bl_label = "New Version"
    bl_options = {"REGISTER", "UNDO"}

    @reported
    def execute(self, context):
        rig = lookup.rig_of(context)
        if rig.library is not None:  # an override keeps it
            rigs.check_own(rig)
        rig.tableau_bake.version = next_version(rig)
        self.report({"INFO"}, f"The next bake is version {rig.tableau_bake.version}")
        return {"FINISHED"}


class TABLEAU_OT_open_frames(bpy.types.Operator):
    """Show the folder of the baked frames in the computer's own file browser"""

    bl_idname = "tableau.open_frames"
    bl_label = "Open Frames Folder"

    @classmethod
    def poll(cls, context):
        text = lookup.missing(context, rig=True)
        if not text and not lookup.rig_of(context).tableau.baked:
            text = "Nothing was baked yet; press Bake"
        if text:
            cls.poll_message_set(text)
        return not text

    @reported
    def execute(self, context):
        folder = latest(lookup.rig_of(context))
        if folder is None:
            raise Problem("The folder of the frames is not there; bake again")
        self.report({"INFO"}, str(folder))
        return {"FINISHED"} if bpy.app.background else bpy.ops.wm.path_open(filepath=str(folder))


class TABLEAU_OT_pause_bake(bpy.types.Operator):
    """Pause the bake after the frame under way, or go on with it; meanwhile the machine is free"""

    bl_idname = "tableau.pause_bake"
    bl_label = "Pause or Resume"

    @classmethod
    def poll(cls, context):
        return run.current() is not None

    def execute(self, context):
        bake = run.current()
        if bake is None:
            return {"CANCELLED"}
        if bake.paused:
            bake.resume()
        else:
            bake.pause()
        return {"FINISHED"}


class TABLEAU_OT_export_farm(needs.NeedsPose, jobs.JobOperator, bpy.types.Operator):
    """Write the bake as an Open Job Description bundle: what a render farm needs to render it in pieces, and
    to join them to one sequence and one film"""

    bl_idname = "tableau.export_farm"
    bl_label = "Export for Render Farm"

    directory: StringProperty(
        name="Folder", description="Folder of the bundle: empty, new, or a bundle", subtype="DIR_PATH"
    )
    chunk: IntProperty(
        name="Frames per Task",
        description="How many frames one task of the farm renders; each starts the engine once",
        default=25,
        min=1,
        max=10_000,
    )

    def invoke(self, context, event):
        if not self.directory:
            try:
                self.directory = str(paths.work_folder(lookup.rig_of(context)) / "farm")
            except Problem as problem:
                self.report({"ERROR"}, str(problem))
                return {"CANCELLED"}
        return self.ask_for_file(context)

    def steps(self, context):
        if not self.directory:
            raise Problem("Name the folder of the bundle")
        folder = paths.absolute(self.directory)
        prepared = yield from prepare_steps(context, lookup.rig_of(context), "farm")
        answer = yield from calls.farm(prepared.file, folder, self.chunk)
        tasks = "1 task" if answer["tasks"] == 1 else f"{answer['tasks']} tasks"
        template = Path(answer["template"])
        return f"{len(prepared.frames)} frames in {tasks}; run it with: openjd run {template}"


def _export_entry(self, context):
    self.layout.operator(
        "tableau.export_farm", text="Tableau Vivant Bake for Render Farm (Open Job Description)"
    )


CLASSES = (
    TABLEAU_OT_bake,
    TABLEAU_OT_count_due,
    TABLEAU_OT_new_version,
    TABLEAU_OT_open_frames,
    TABLEAU_OT_pause_bake,
    TABLEAU_OT_export_farm,
)


def attach():
    bpy.types.TOPBAR_MT_file_export.append(_export_entry)


def detach():
    bpy.types.TOPBAR_MT_file_export.remove(_export_entry)
