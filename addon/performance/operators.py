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
TRACKS = {".npz", ".csv"}


def import_steps(context, source, *, set_range, set_rate):
    """Steps of a job: ``source`` (preset name, video or track file)
    in the portrait's proportions, on the rig."""
    rig = lookup.rig_of(context)
    uid, start = rig.session_uid, context.scene.frame_current
    picture = paths.absolute(rig.tableau.portrait.tableau.picture)
    name = bpy.path.clean_name(Path(source).stem)
    folder = paths.work_folder(rig)
    face, target = folder / "face.npz", folder / "takes" / f"{name}.retargeted.npz"
    rigs.rest_track(rig).save(face)
    target.parent.mkdir(exist_ok=True)
    take = source
    if Path(source).is_file() and Path(source).suffix.lower() not in TRACKS:
        take = str(folder / "takes" / f"{name}.npz")
        if not _newer(Path(take), Path(source)):
            yield from calls.track(Path(source), Path(take))
    track = yield from calls.retarget(take, picture, face, target)

    rig, scene = lookup.by_session(uid), bpy.context.scene
    if set_rate:
        actions.set_scene_rate(scene, track.rate)
    frames = actions.frames_of(track.times, actions.scene_rate(scene), start)
    actions.write_action(rig, track, f"{rig.tableau.title} {name}", frames)
    last = max(start, int(frames[-1]))
    rig.tableau.performance, rig.tableau.take = name, paths.shown(take) if Path(take).is_file() else take
    if set_range:
        scene.frame_start, scene.frame_end = start, last
    return f"{name}: {len(track)} samples on frames {start} to {last}"


def _newer(made, source):
    return made.is_file() and made.stat().st_mtime >= source.stat().st_mtime


class TABLEAU_OT_load_performance(jobs.JobOperator, bpy.types.Operator):
    """Put a performance on the rig, in this portrait's own proportions, starting at the current frame"""

    bl_idname = "tableau.load_performance"
    bl_label = "Load Performance"
    bl_options = {"REGISTER", "UNDO"}

    filepath: StringProperty(
        name="File",
        description="A video of a face, or a landmark track (.npz, .csv)",
        subtype="FILE_PATH",
        options={"SKIP_SAVE", "PATH_SUPPORTS_BLEND_RELATIVE"},
    )
    filter_glob: StringProperty(default=FILES, options={"HIDDEN"})
    set_range: BoolProperty(
        name="Set Frame Range", description="Make the scene as long as the performance", default=True
    )
    set_rate: BoolProperty(
        name="Set Frame Rate", description="Give the scene the performance's own frame rate", default=False
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
        return (yield from import_steps(context, str(path), set_range=self.set_range, set_rate=self.set_rate))

    def invoke(self, context, event):
        return self.invoke_job(context) if self.filepath else self.ask_for_file(context)


class TABLEAU_OT_load_preset(jobs.JobOperator, bpy.types.Operator):
    """Put one of the performances that come with the extension on the rig, starting at the current frame"""

    bl_idname = "tableau.load_preset"
    bl_label = "Load Preset"
    bl_options = {"REGISTER", "UNDO"}

    preset: EnumProperty(name="Preset", description="The performance", items=presets.enum_items)
    set_range: BoolProperty(
        name="Set Frame Range", description="Make the scene as long as the performance", default=True
    )
    set_rate: BoolProperty(
        name="Set Frame Rate", description="Give the scene the performance's own frame rate", default=False
    )

    @classmethod
    def poll(cls, context):
        return _poll(cls, context)

    def steps(self, context):
        if not self.preset:
            raise jobs.Problem(
                f"No performances are installed in {presets.FOLDER}; install the extension again"
            )
        return (
            yield from import_steps(context, self.preset, set_range=self.set_range, set_rate=self.set_rate)
        )


def _poll(cls, context):
    text = lookup.missing(context, rig=True)
    if text:
        cls.poll_message_set(text)
    return not text


CLASSES = (TABLEAU_OT_load_performance, TABLEAU_OT_load_preset)
