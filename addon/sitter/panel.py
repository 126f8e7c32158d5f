# SPDX-License-Identifier: GPL-3.0-or-later
"""Panel of step three: the shots, how to personalize, the sitter and what it changes."""

import bpy

from .. import jobs, lookup, panels
from . import store, strip, use
from .operators import difference_words


class TABLEAU_UL_shots(bpy.types.UIList):
    """Pictures of the sitter besides the portrait"""

    def draw_item(self, context, layout, data, item, icon, active_data, active_property, index):
        there = store.find(data.id_data, item.path) is not None
        row = layout.row(align=True)
        row.alert = not there
        row.label(text=bpy.path.basename(item.path), icon="IMAGE_DATA" if there else "ERROR")
        row.label(text=f"{item.size[0]} x {item.size[1]}" if there else "not there")


class TABLEAU_PT_sitter(panels.StepPanel, bpy.types.Panel):
    bl_label = "3. Sitter"
    bl_order = 3
    bl_options = {"DEFAULT_CLOSED"}

    @staticmethod
    def done(context):
        rig = lookup.rig_of(context)
        return rig is not None and bool(rig.tableau.sitter.file)

    def draw(self, context):
        column = self.layout.column()
        rig = lookup.rig_of(context)
        if rig is None:
            panels.state(column, lookup.missing(context, rig=True), False)
            return
        self.draw_state(column, rig)
        self.draw_shots(column, rig)
        self.draw_making(column, rig)
        if rig.tableau.sitter.file:
            self.draw_sitter(column, rig)

    def draw_state(self, column, rig):
        settings, trouble = rig.tableau.sitter, store.trouble(rig)
        if trouble:
            name, _, remedy = trouble.partition(": ")
            alert = column.column(align=True)
            alert.alert = True
            alert.label(text=name, icon="ERROR")
            for part in remedy.split("; "):
                alert.label(text=part[:1].upper() + part[1:], icon="BLANK1")
            column.operator("tableau.relink_sitter", icon="VIEWZOOM")
        elif settings.file:
            shots = f"{settings.made_from} shot{'s' if settings.made_from > 1 else ''}"
            panels.state(column, f"{'Fine-tuned' if settings.tuned else 'Instant'}, from {shots}", True)
        else:
            panels.state(column, "Not personalized; not required", False)

    def draw_shots(self, column, rig):
        settings = rig.tableau.sitter
        row = column.row()
        row.template_list(
            "TABLEAU_UL_shots", "", settings, "shots", settings, "shot_index", rows=2, maxrows=6
        )
        side = row.column(align=True)
        side.operator("tableau.add_shots", text="", icon="ADD")
        side.operator("tableau.sample_shots", text="", icon="FILE_MOVIE")
        side.operator("tableau.remove_shot", text="", icon="REMOVE")
        if settings.shots:
            lending = len(use.lending_shots(rig))
            row = column.row()
            row.enabled = lending > 0
            row.prop(settings, "still_camera", text=f"Take Pixels From Shots ({lending})")

    def draw_making(self, column, rig):
        settings = rig.tableau.sitter
        column.row(align=True).prop(settings, "method", expand=True)
        if settings.method == "FINE_TUNED":
            column.prop(settings, "steps")
        job = jobs.running()
        if job is not None and job.title in {"Personalize", "Sample Video", "Before and After"}:
            panels.progress(column, job)
            return
        count = 1 + len(settings.shots)
        text = "Personalize With This Shot" if count == 1 else f"Personalize With {count} Shots"
        row = column.row()
        row.scale_y = 1.3
        button = row.operator("tableau.personalize", text=text, icon="USER")
        button.method, button.steps_most = settings.method, settings.steps
        if not settings.file:
            column.operator("tableau.relink_sitter", text="Use a Sitter File", icon="FILE_FOLDER")

    def draw_sitter(self, column, rig):
        settings = rig.tableau.sitter
        if rig.tableau.mode == "FLOW":
            column.label(text="Paint Only bakes without the sitter", icon="INFO")
        if settings.tuned:
            column.prop(settings, "likeness", slider=True)
        icon = strip.icon_of(rig) if settings.strip else 0
        if icon:
            row = column.row()
            for text in ("Without sitter", "With sitter"):
                side = row.row()
                side.alignment = "CENTER"
                side.label(text=text)
            column.template_icon(icon, scale=12.0)
        if words := difference_words(rig):
            column.label(text=words)
        row = column.row(align=True)
        row.operator("tableau.preview_sitter", icon="FILE_REFRESH")
        if settings.strip:
            row.operator("tableau.show_strip", text="", icon="FULLSCREEN_ENTER")
        row.operator("tableau.remove_sitter", text="", icon="X")


CLASSES = (TABLEAU_UL_shots, TABLEAU_PT_sitter)
