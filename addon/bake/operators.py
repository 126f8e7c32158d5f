# SPDX-License-Identifier: GPL-3.0-or-later
"""Operator of the bake: the evaluated rig over the scene's frame range to frames,
shown on a plane that plays them."""

import bpy
from bpy.props import BoolProperty

from .. import calls, jobs, lookup, paths
from ..performance.action import scene_rate
from ..portrait import rig as rigs
from ..portrait.matte import keep_painting
from . import sample, sequence


def bake_steps(context, rig, *, cyclic, video):
    """Steps of a job: sample the rig, let the engine write the frames, show them."""
    from ...core.job import BakeJob, BakeOutput

    scene, settings = context.scene, rig.tableau
    frames = range(scene.frame_start, scene.frame_end + 1)
    portrait = settings.portrait.tableau
    picture = paths.absolute(portrait.picture)
    if not picture.is_file():
        raise jobs.Problem(f"{picture}: the picture is not there; load the portrait again")
    rate, number, uid = scene_rate(scene), max(frames.start, 0), rig.session_uid
    folder = paths.work_folder(rig)
    rigs.rest_track(rig).save(folder / "face.npz")
    keep_painting(rig)
    sample.sample_rig(context, rig, frames, rate).save(folder / "target.npz")
    still = _still_image(settings.portrait)
    job = BakeJob(
        portrait=picture,
        face=folder / "face.npz",
        target=folder / "target.npz",
        mask=paths.absolute(settings.mask) if settings.mask else None,
        rate=rate,
        start=number,
        output=BakeOutput(
            folder=folder / "frames",
            bits=16 if still is not None and still.is_float else 8,
            video=folder / f"{bpy.path.clean_name(settings.title)}.mp4" if video else None,
            sheet=folder / "sheet.png" if video else None,
        ),
    )
    job.save(folder / "job.json")
    yield from calls.bake(folder / "job.json")

    rig = lookup.by_session(uid)
    sequence.show_sequence(rig, job.output.frame_path(number), frames, number, cyclic=cyclic)
    rig.tableau.baked = f"{len(frames)} frames, {frames.start} to {frames[-1]}"
    return f"{rig.tableau.baked} in {job.output.folder}"


def _still_image(plane):
    from ..portrait.plane import picture_node

    node = picture_node(plane)
    return node.image if node is not None else None


class TABLEAU_OT_bake(jobs.JobOperator, bpy.types.Operator):
    """Paint a picture for each frame of the scene, as the rig is posed there, and play them on a plane"""

    bl_idname = "tableau.bake"
    bl_label = "Bake"
    bl_options = {"REGISTER", "UNDO"}

    cyclic: BoolProperty(
        name="Loop", description="Repeat the frames for as long as the scene goes on", default=True
    )
    video: BoolProperty(
        name="Review Video",
        description="Also write an MP4 and a contact sheet beside the frames",
        default=True,
    )

    @classmethod
    def poll(cls, context):
        text = lookup.missing(context, rig=True)
        if not text and context.object is not None and context.object.mode == "EDIT":
            text = "Leave Edit Mode first"
        if text:
            cls.poll_message_set(text)
        return not text

    def steps(self, context):
        return (yield from bake_steps(context, lookup.rig_of(context), cyclic=self.cyclic, video=self.video))


CLASSES = (TABLEAU_OT_bake,)
