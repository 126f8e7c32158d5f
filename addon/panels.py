# SPDX-License-Identifier: GPL-3.0-or-later
"""The sidebar tab: what all its panels share, and the progress of the running job."""

from __future__ import annotations

import bpy

from . import jobs


class TableauPanel:
    """Mix-in of the tab's panels."""

    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Tableau"


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
        done, total, _text = job.progress
        column = self.layout.column()
        if total:
            column.progress(factor=done / total, text=jobs.line(job))
        else:
            column.label(text=jobs.line(job), icon="TIME")
        column.operator("tableau.stop", icon="CANCEL")


def state(layout: bpy.types.UILayout, text: str, ready: bool) -> None:
    """The one line that says where a step stands."""
    layout.label(text=text, icon="CHECKMARK" if ready else "RADIOBUT_OFF")


CLASSES = (TABLEAU_PT_job,)
