# SPDX-License-Identifier: GPL-3.0-or-later
"""Operators of the performance: a preset, a video or a track file becomes an Action on the rig."""

from pathlib import Path

import bpy
from bpy.props import BoolProperty, EnumProperty, StringProperty

from .. import calls, jobs, lookup, paths
from ..portrait import rig as rigs
from . import action as actions
from . import presets

FILES = "*.mp4;*.mov;*.mkv;*.avi;*.webm;*.npz;*.csv"


def import_steps(context, performance, *, set_range):
    """Steps of a job: ``performance`` (preset name, video or track file) in the portrait's proportions, on the rig."""
    rig = lookup.rig_of(context)
    uid, start = rig.session_uid, context.scene.frame_current
    picture = paths.absolute(rig.tableau.portrait.tableau.picture)
    name = bpy.path.clean_name(Path(performance).stem)
    folder = paths.work_folder(rig)
    rigs.rest_track(rig).save(folder / "face.npz")
    take, target = folder / "takes" / f"{name}.npz", folder / "takes" / f"{name}.retargeted.npz"
    take.parent.mkdir(exist_ok=True)
    _, track = yield from calls.retarget(performance, picture, folder / "face.npz", take, target)

    rig = lookup.by_session(uid)
    scene = bpy.context.scene
    frames = actions.frames_of(track.times, actions.scene_rate(scene), start)
    actions.write_action(rig, track, f"{rig.tableau.title} {name}", frames)
    rig.tableau.performance = name
    source = take if take.is_file() else Path(performance)
    rig.tableau.take = paths.shown(source) if source.is_file() else ""
    if set_range:
        scene.frame_start, scene.frame_end = start, max(start, int(frames[-1]))
    return f"{name}: {len(track)} samples on frames {start} to {int(frames[-1])}"


class TABLEAU_OT_load_performance(jobs.JobOperator, bpy.types.Operator):
    """Put a performance on the rig, in this portrait's own proportions, starting at the current frame"""

    bl_idname = "tableau.load_performance"
    bl_label = "Load Performance"
    bl_options = {"REGISTER", "UNDO"}

    filepath: StringProperty(
        name="File",
        description="A video of a face, or a landmark track (.npz, .csv)",
        subtype="FILE_PATH",
        options={"SKIP_SAVE"},
    )
    filter_glob: StringProperty(default=FILES, options={"HIDDEN"})
    set_range: BoolProperty(
        name="Set Frame Range", description="Make the scene as long as the performance", default=True
    )

    @classmethod
    def poll(cls, context):
        return _poll(cls, context)

    def steps(self, context):
        path = Path(bpy.path.abspath(self.filepath)).absolute() if self.filepath else None
        if path is None or not path.is_file():
            raise jobs.Problem(
                f"{self.filepath or 'No file'}: there is no such performance; choose a video or a track"
            )
        return (yield from import_steps(context, str(path), set_range=self.set_range))

    def invoke(self, context, event):
        if self.filepath:
            return jobs.JobOperator.invoke(self, context, event)
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}


class TABLEAU_OT_load_preset(jobs.JobOperator, bpy.types.Operator):
    """Put one of the performances that come with the extension on the rig, starting at the current frame"""

    bl_idname = "tableau.load_preset"
    bl_label = "Load Preset"
    bl_options = {"REGISTER", "UNDO"}

    preset: EnumProperty(name="Preset", description="The performance", items=presets.enum_items)
    set_range: BoolProperty(
        name="Set Frame Range", description="Make the scene as long as the performance", default=True
    )

    @classmethod
    def poll(cls, context):
        return _poll(cls, context)

    def steps(self, context):
        if not self.preset:
            raise jobs.Problem(
                f"No performances are installed in {presets.FOLDER}; install the extension again"
            )
        return (yield from import_steps(context, self.preset, set_range=self.set_range))


def _poll(cls, context):
    text = lookup.missing(context, rig=True)
    if text:
        cls.poll_message_set(text)
    return not text


CLASSES = (TABLEAU_OT_load_performance, TABLEAU_OT_load_preset)
