# SPDX-License-Identifier: GPL-3.0-or-later
"""The sidebar tab: what all its panels share, and the progress of the running job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy

from . import jobs, lookup
from .bake import run


class TableauPanel:
    """Mix-in of the tab's panels."""

    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Tableau"


class RigPanel(TableauPanel):
    """Mix-in of the panels that are there only with a rig."""

    @classmethod
    def poll(cls, context: Any) -> bool:
        return lookup.rig_of(context) is not None


class StepPanel(TableauPanel):
    """Mix-in of the numbered panels: a closed one, too, shows that its step is done."""

    if TYPE_CHECKING:  # what bpy.types.Panel brings
        layout: bpy.types.UILayout

    @staticmethod
    def done(context: Any) -> bool:
        """Whether there is what this step makes."""
        raise NotImplementedError

    def draw_header_preset(self, context: Any) -> None:
        if self.done(context):
            self.layout.label(text="", icon="CHECKMARK")


class TABLEAU_PT_job(TableauPanel, bpy.types.Panel):
    bl_label = "Working"
    bl_order = 0

    @classmethod
    def poll(cls, context):
        return jobs.running() is not None

    def draw(self, context):
        job = jobs.running()
        if job is None:
            return
        column = self.layout.column()
        progress(column, job)
        bake = run.current()
        if bake is not None:
            words, icon = ("Resume", "PLAY") if bake.paused else ("Pause", "PAUSE")
            column.operator("tableau.pause_bake", text=words, icon=icon)


def progress(layout: bpy.types.UILayout, job: jobs.Job) -> None:
    """How far a job is, and the way to stop it."""
    done, total, _text = job.progress
    if total:
        layout.progress(factor=done / total, text=jobs.line(job))
    else:
        layout.label(text=jobs.line(job), icon="TIME")
    layout.operator("tableau.stop", icon="CANCEL")


def state(layout: bpy.types.UILayout, text: str, ready: bool) -> None:
    """The one line that says where a step stands."""
    layout.label(text=text, icon="CHECKMARK" if ready else "RADIOBUT_OFF")


CLASSES = (TABLEAU_PT_job,)
