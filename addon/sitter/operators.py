# SPDX-License-Identifier: GPL-3.0-or-later
"""Operators of the sitter: personalize, look at it, find its file again, let go of it."""

from contextlib import suppress
from pathlib import Path

import bpy
from bpy.props import BoolProperty, EnumProperty, IntProperty, StringProperty

from .. import calls, jobs, lookup, needs, paths
from ..options import ASKED
from ..portrait import plane as planes
from ..portrait import rig as rigs
from ..problems import Problem
from . import sitter_file, store, strip
from .settings import METHODS


def shot_files(rig):
    """The portrait and its further shots; Problem where one is not there."""
    files = [planes.picture_of(rig.tableau.portrait)]
    for shot in rig.tableau.sitter.shots:
        path = store.find(rig, shot.path)
        if path is None:
            raise Problem(f"{shot.path}: the shot is not there; remove it, or put it back")
        files.append(path)
    return files


def face_file(rig):
    """The portrait's landmarks as they are now, for the engine."""
    path = paths.work_folder(rig) / "face.npz"
    rigs.rest_track(rig).save(path)
    return path


def strip_steps(uid):
    """Steps: the preview of the sitter that the rig with session id ``uid`` uses."""
    rig = lookup.by_session(uid)
    sitter = store.usable(rig)
    if sitter is None:
        raise Problem("The sitter was removed while the work was running")
    picture, face = planes.picture_of(rig.tableau.portrait), face_file(rig)
    stem = sitter.name.removesuffix(sitter_file.SUFFIX)  # undo comes back to another sitter's own preview
    output = store.make_folder(rig) / f"{stem}-preview.png"
    settings = rig.tableau.sitter
    likeness = settings.likeness if settings.tuned else 1.0
    answer = yield from calls.preview_strip(picture, face, sitter, output, round(likeness, 4))
    return strip.keep_strip(lookup.by_session(uid), output, Path(answer["thumbnail"]), answer["difference"])


class NeedsSitter(needs.NeedsRig):
    """Mix-in of operators on the sitter that the rig has."""

    @classmethod
    def lacks(cls, context):
        text = super().lacks(context)
        if not text and not lookup.rig_of(context).tableau.sitter.file:
            text = "Personalize first"
        return text


class TABLEAU_OT_personalize(needs.NeedsRig, jobs.JobOperator, bpy.types.Operator):
    """Teach the generator this sitter, from the portrait and the listed shots; bakes use it from then on"""

    bl_idname = "tableau.personalize"
    bl_label = "Personalize"
    bl_options = {"UNDO"}  # not to be redone at every change in a redo panel: it takes its time

    method: EnumProperty(name="Method", description="How to personalize", items=METHODS, default="AUTO")
    steps_most: IntProperty(
        name="Steps",
        description="Steps of fine-tuning, at most; 0 takes what fits the number of shots",
        default=0,
        min=0,
        soft_max=500,
    )
    seed: IntProperty(name="Seed", description="Of all that is left to chance", default=0, min=0)
    preview: BoolProperty(
        name="Preview", description="Also make the picture of before and after", default=True
    )

    def steps(self, context):
        rig = lookup.rig_of(context)
        rigs.check_own(rig)
        uid = rig.session_uid
        shots, face = shot_files(rig), face_file(rig)
        folder = store.make_folder(rig)
        output = store.free_name(rig, folder)
        method = {"FEED_FORWARD": "feed-forward", "FINE_TUNED": "fine-tuned"}.get(self.method, "auto")
        try:
            answer = yield from calls.personalize(
                shots, face, output, method=method, steps=self.steps_most, seed=self.seed
            )
            rig = lookup.by_session(uid)
            store.link(rig, output)
        except BaseException:
            with suppress(OSError):
                output.unlink(missing_ok=True)
            store.clear_away(folder)
            raise
        settings = rig.tableau.sitter
        settings.likeness = 1.0
        strip.forget(settings)
        self.keeps_changes = True
        words = f"{answer['method']}, {settings.made_from} shot{'s' if settings.made_from > 1 else ''}"
        if self.method == "FINE_TUNED" and not settings.tuned:
            words += "; tuning made nothing better"
        if self.preview:
            yield from strip_steps(uid)
        return f"{rig.tableau.title}: {words}"


class TABLEAU_OT_preview_sitter(NeedsSitter, jobs.JobOperator, bpy.types.Operator):
    """Show a few expressions of the portrait without its sitter and with it, at the likeness that is set"""

    bl_idname = "tableau.preview_sitter"
    bl_label = "Before and After"
    bl_options = {"UNDO"}

    def steps(self, context):
        rig = lookup.rig_of(context)
        rigs.check_own(rig)
        uid = rig.session_uid
        yield from strip_steps(uid)
        return difference_words(lookup.by_session(uid))


class TABLEAU_OT_show_strip(NeedsSitter, bpy.types.Operator):
    """Show before and after large, in an image editor"""

    bl_idname = "tableau.show_strip"
    bl_label = "Show Before and After Large"

    @classmethod
    def lacks(cls, context):
        text = super().lacks(context)
        if not text and not lookup.rig_of(context).tableau.sitter.strip:
            text = "Make the preview first"
        return text

    def execute(self, context):
        image = strip.strip_image(lookup.rig_of(context))
        if image is None:
            self.report({"ERROR"}, "The preview's picture is not there; make it again")
            return {"CANCELLED"}
        if not bpy.app.background:
            strip.show(context, image)
        return {"FINISHED"}


class TABLEAU_OT_relink_sitter(needs.NeedsRig, bpy.types.Operator):
    """Use a sitter's file: one that was moved, or one that was made elsewhere from the same picture"""

    bl_idname = "tableau.relink_sitter"
    bl_label = "Find Sitter"
    bl_options = {"REGISTER", "UNDO"}

    filepath: StringProperty(
        name="Sitter", description="The sitter's file", subtype="FILE_PATH", options=ASKED
    )
    filter_glob: StringProperty(default=f"*{sitter_file.SUFFIX}", options={"HIDDEN"})

    def execute(self, context):
        rig = lookup.rig_of(context)
        try:
            rigs.check_own(rig)
            if not self.filepath:
                raise Problem("No sitter was chosen")
            path = Path(bpy.path.abspath(self.filepath)).absolute()
            own = paths.digest(planes.picture_of(rig.tableau.portrait))
            before = rig.tableau.sitter.file
            facts = store.link(rig, path)
        except (Problem, OSError) as problem:
            self.report({"ERROR"}, str(problem))
            return {"CANCELLED"}
        if Path(before).name != path.name:
            strip.forget(rig.tableau.sitter)
        if own not in facts.shots:
            self.report({"WARNING"}, f"{path.name} was made from other pictures than this portrait")
        else:
            self.report({"INFO"}, f"{path.name} is used from here on")
        return {"FINISHED"}

    def invoke(self, context, event):
        if self.filepath:
            return self.execute(context)
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}


class TABLEAU_OT_remove_sitter(NeedsSitter, bpy.types.Operator):
    """Bake this portrait without its sitter; the file and the shots stay"""

    bl_idname = "tableau.remove_sitter"
    bl_label = "Remove Sitter"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context):
        settings = lookup.rig_of(context).tableau.sitter
        for name in ("file", "tuned", "made_from", "likeness"):
            settings.property_unset(name)
        strip.forget(settings)
        return {"FINISHED"}


def difference_words(rig):
    """What the preview says about before and after, in one line; empty where there is none."""
    difference = rig.tableau.sitter.difference
    if difference < 0:
        return ""
    if difference < 0.005:
        return "No difference from the picture alone"
    return f"Differs by {difference:.2f} of 255 on average"


CLASSES = (
    TABLEAU_OT_personalize,
    TABLEAU_OT_preview_sitter,
    TABLEAU_OT_show_strip,
    TABLEAU_OT_relink_sitter,
    TABLEAU_OT_remove_sitter,
)


def detach():
    strip.detach()
