# SPDX-License-Identifier: GPL-3.0-or-later
"""Operators that take curves from other programs onto the sliders, and to them."""

from pathlib import Path

import bpy
from bpy.props import EnumProperty, StringProperty

from .. import jobs, lookup, needs
from ..options import ASKED
from ..performance.operators import FILES, Loading
from . import exchange

FORMATS = (
    ("live-link", "Live Link Face", "52 ARKit curves, head and eyes, as the iPhone app saves them", 0),
    ("curves", "Expression Curves", "52 ARKit curves and the head, by name", 1),
    ("track", "Landmarks", "The landmark track in the picture's pixels", 2),
    ("openface", "OpenFace", "Landmarks, head and gaze as OpenFace writes them", 3),
)


class TABLEAU_OT_load_curves(Loading, jobs.FileJobOperator, bpy.types.Operator):
    """Put expression curves straight onto the sliders, with head and gaze, starting at the current frame:
    Live Link Face and other curves as they are, landmarks and videos solved"""

    bl_idname = "tableau.load_curves"
    bl_label = "Load Curves onto Sliders"
    bl_options = {"REGISTER", "UNDO"}

    filepath: StringProperty(
        name="File",
        description="Live Link Face .csv, expression curves, MediaPipe .json, OpenFace .csv, or anything "
        "else that Load Performance takes",
        subtype="FILE_PATH",
        options=ASKED,
    )
    filter_glob: StringProperty(default=FILES, options={"HIDDEN"})

    def steps(self, context):
        path = self.chosen_file("there are no such curves; choose a file")
        return (yield from exchange.load_steps(context, path, **self.placing))


class TABLEAU_OT_export_performance(needs.NeedsRig, jobs.JobOperator, bpy.types.Operator):
    """Write the performance as the rig plays it over the scene's frames, with strips, edits and drivers"""

    bl_idname = "tableau.export_performance"
    bl_label = "Export Performance"

    filepath: StringProperty(
        name="File",
        description="The file to write, .csv or .npz",
        subtype="FILE_PATH",
        options=ASKED,
    )
    filter_glob: StringProperty(default="*.csv;*.npz", options={"HIDDEN"})
    form: EnumProperty(name="Format", description="What is written", items=FORMATS, default="live-link")

    @classmethod
    def lacks(cls, context):
        text = super().lacks(context)
        if not text and not lookup.has_action(lookup.rig_of(context)):
            text = "Load a performance first"
        return text

    def steps(self, context):
        if not self.filepath:
            raise jobs.Problem("No file was chosen; name the .csv to write")
        target = Path(bpy.path.abspath(self.filepath)).absolute()
        return (yield from exchange.save_steps(context, target, self.form))

    def invoke(self, context, event):
        if not self.filepath:
            self.filepath = (
                f"//{bpy.path.clean_name(lookup.rig_of(context).tableau.performance or 'take')}.csv"
            )
        return self.ask_for_file(context)


def _export_entry(self, context):
    self.layout.operator("tableau.export_performance", text="Tableau Vivant Performance (.csv, .npz)")


CLASSES = (TABLEAU_OT_load_curves, TABLEAU_OT_export_performance)


def attach():
    bpy.types.TOPBAR_MT_file_export.append(_export_entry)


def detach():
    bpy.types.TOPBAR_MT_file_export.remove(_export_entry)
