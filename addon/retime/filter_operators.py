# SPDX-License-Identifier: GPL-3.0-or-later
"""Operators that filter a recorded motion; the redo panel is the preview."""

import bpy
from bpy.props import EnumProperty, FloatProperty, PointerProperty, StringProperty

from .. import lookup
from . import filters, strips
from .base import StripOperator


def _amount(name, what):
    return FloatProperty(
        name=name, description=f"How strongly to filter {what}: 0 leaves the recording as it is, 1 is the "
        "strength above, 2 twice that", default=1.0, min=0.0, max=5.0, soft_max=2.0, step=10,
    )  # fmt: skip


class TABLEAU_OT_retime_filter(StripOperator, bpy.types.Operator):
    """Calm the jitter of a recorded performance, region by region; blinks keep their snap. It always starts
    from the motion as it was recorded, so change the settings below until it looks right"""

    bl_idname = "tableau.retime_filter"
    bl_label = "Filter Motion"

    method: EnumProperty(
        name="Method",
        description="How the jitter is told from the motion",
        items=(
            ("ZERO_PHASE", "Zero-Phase", "Looks at the frames before and after: nothing comes late"),
            ("ONE_EURO", "One-Euro", "As in live capture: calm when still, quick in motion, a little late"),
        ),
    )
    strength: EnumProperty(
        name="Strength",
        description="How calm it gets",
        items=(
            ("light", "Light", "Takes off the finest jitter"),
            ("medium", "Medium", "For the usual detector and camera"),
            ("strong", "Strong", "For shaky material; small quick motion goes too"),
        ),
        default="medium",
    )
    head: _amount("Head", "the head's turning and moving")
    brows: _amount("Brows", "the brows")
    eyes: _amount("Eyes", "the lids, but for blinks")
    gaze: _amount("Gaze", "the gaze")
    nose: _amount("Nose", "nose and cheeks")
    mouth: _amount("Lips", "the lips")
    jaw: _amount("Jaw", "the jaw")

    def change(self, context, rig, strip):
        amounts = {region: round(getattr(self, region), 4) for region in filters.REGIONS}
        chosen = filters.Filter(self.method, self.strength, amounts)
        largest = filters.apply(context, rig, strip.action, chosen)
        return f"{strip.action.name}: filtered, by {largest:.1f} px at most"


class TABLEAU_OT_retime_unfilter(StripOperator, bpy.types.Operator):
    """Give the performance its motion as it was recorded back"""

    bl_idname = "tableau.retime_unfilter"
    bl_label = "Remove Filter"

    @classmethod
    def lacks(cls, context):
        text = super().lacks(context)
        if text:
            return text
        data, strip = lookup.rig_of(context).animation_data, strips.strip_of(lookup.rig_of(context))
        action = data.action or (strip.action if strip is not None else None)
        found = action is not None and action.tableau_filter.unfiltered is not None
        return "" if found else "The performance is not filtered"

    def change(self, context, rig, strip):
        filters.remove(strip.action)
        return f"{strip.action.name}: as it was recorded"


class TableauFilter(bpy.types.PropertyGroup):
    """How an action was filtered, and what it was before."""

    unfiltered: PointerProperty(type=bpy.types.Action, name="Unfiltered")
    settings: StringProperty(name="Filter")


CLASSES = (TableauFilter, TABLEAU_OT_retime_filter, TABLEAU_OT_retime_unfilter)


def attach() -> None:
    bpy.types.Action.tableau_filter = PointerProperty(type=TableauFilter)


def detach() -> None:
    del bpy.types.Action.tableau_filter
