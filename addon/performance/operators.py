# SPDX-License-Identifier: GPL-3.0-or-later
"""Operators of the performance: a preset, a video or a file onto the rig; the take again."""

import bpy
from bpy.props import BoolProperty, EnumProperty, StringProperty

from .. import jobs, lookup, needs
from ..options import ASKED
from . import presets, takes
from .steps import TRACKS, import_steps, retarget_steps

VIDEOS = "*.mp4;*.mov;*.mkv;*.avi;*.webm;*.m4v"
FILES = ";".join([VIDEOS, *(f"*{suffix}" for suffix in sorted(TRACKS))])
REPLACE_EDITED = {
    "name": "Replace Edited Sliders",
    "description": "Also write slider curves anew that were edited since they were solved",
    "default": False,
}


class Animating(needs.NeedsRig):
    """Mix-in of operators that write the rig's Actions, which tweak mode of a strip has in its hands."""

    @classmethod
    def lacks(cls, context):
        text = super().lacks(context)
        if not text:
            data = lookup.rig_of(context).animation_data
            text = (
                "Leave the strip's tweak mode first (Tab in the NLA)" if data and data.use_tweak_mode else ""
            )
        return text


class Loading(Animating):
    """Mix-in of the operators that load a performance."""

    place: EnumProperty(
        name="Place",
        description="How the performance is put on the rig",
        items=(
            (
                "STRIP",
                "Strip at Playhead",
                "A strip in the NLA Editor from the current frame on, over what is there. One that begins "
                "there and is still as it was loaded makes way: try one after another",
                1,
            ),
            ("ACTION", "Active Action", "The rig's Action, in place of the one before", 0),
        ),
        default="STRIP",
    )
    set_range: BoolProperty(
        name="Set Frame Range",
        description="Make the scene as long as the performance; beside other strips, or another portrait "
        "that plays in the scene, it only grows longer",
        default=True,
    )
    set_rate: BoolProperty(
        name="Set Frame Rate", description="Give the scene the performance's own frame rate", default=False
    )

    @property
    def placing(self):
        """The choices, as the steps of loading take them."""
        return {"as_strip": self.place == "STRIP", "set_range": self.set_range, "set_rate": self.set_rate}

    def load(self, context, source):
        return (yield from import_steps(context, source, **self.placing))


class TABLEAU_OT_load_performance(Loading, jobs.FileJobOperator, bpy.types.Operator):
    """Put a performance on the rig, in this portrait's own proportions, starting at the current frame"""

    bl_idname = "tableau.load_performance"
    bl_label = "Load Performance"
    bl_options = {"REGISTER", "UNDO"}

    filepath: StringProperty(
        name="File",
        description="A video of a face, a landmark track or expression curves: .npz, .csv of this program, "
        "Live Link Face or OpenFace, .json of MediaPipe",
        subtype="FILE_PATH",
        options=ASKED,
    )
    filter_glob: StringProperty(default=FILES, options={"HIDDEN"})

    def steps(self, context):
        path = self.chosen_file("there is no such performance; choose a video or a track")
        return (yield from self.load(context, str(path)))


class TABLEAU_OT_load_preset(Loading, jobs.JobOperator, bpy.types.Operator):
    """Put one of the performances that come with the extension on the rig, starting at the current frame"""

    bl_idname = "tableau.load_preset"
    bl_label = "Load Preset"
    bl_options = {"REGISTER", "UNDO"}

    preset: EnumProperty(name="Preset", description="The performance", items=presets.enum_items)

    def steps(self, context):
        if not self.preset:
            raise jobs.Problem(
                f"No performances are installed in {presets.FOLDER}; install the extension again"
            )
        return (yield from self.load(context, self.preset))


class TABLEAU_OT_retarget(Animating, jobs.JobOperator, bpy.types.Operator):
    """Apply the recorded take again, to the landmarks and with the gains as they are now.
    Nothing is detected again; what was keyed by hand on its landmark bones is replaced, slider curves that
    you edited stay"""

    bl_idname = "tableau.retarget"
    bl_label = "Re-target"
    bl_options = {"REGISTER", "UNDO"}

    every: BoolProperty(
        name="All Strips", description="Every performance on this rig, not only the current one", default=True
    )
    overwrite: BoolProperty(**REPLACE_EDITED)

    @classmethod
    def lacks(cls, context):
        text = super().lacks(context)
        if not text and not takes.actions_of(lookup.rig_of(context)):
            text = "Load a performance first"
        return text

    def steps(self, context):
        if not self.every and takes.current(lookup.rig_of(context)) is None:
            raise jobs.Problem("The active action does not come from a performance; choose All Strips")
        return (yield from retarget_steps(context, self.every, self.overwrite))


class TABLEAU_FH_performance(bpy.types.FileHandler):
    bl_idname = "TABLEAU_FH_performance"
    bl_label = "Tableau Vivant Performance"
    bl_import_operator = "tableau.load_performance"
    bl_file_extensions = VIDEOS.replace("*", "")

    @classmethod
    def poll_drop(cls, context):
        return context.area is not None and context.area.type == "VIEW_3D"


def _import_entry(self, context):
    self.layout.operator("tableau.load_performance", text="Tableau Vivant Performance (video or track)")


CLASSES = (
    TABLEAU_OT_load_performance,
    TABLEAU_OT_load_preset,
    TABLEAU_OT_retarget,
    TABLEAU_FH_performance,
)


def attach():
    bpy.types.TOPBAR_MT_file_import.append(_import_entry)


def detach():
    bpy.types.TOPBAR_MT_file_import.remove(_import_entry)
