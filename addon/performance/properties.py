# SPDX-License-Identifier: GPL-3.0-or-later
"""What the .blend keeps of a performance: where an action's take is, and the gains it is made with."""

import bpy
from bpy.props import BoolProperty, FloatProperty, PointerProperty, StringProperty

from ..options import RELATIVE

REGIONS = ("brows", "blink", "gaze", "nose", "mouth", "jaw", "rotation", "translation")


def _gain(name, description):
    return FloatProperty(
        name=name, default=1.0, min=0.0, max=10.0, soft_max=2.0, step=5,
        description=f"Strength of {description}: 1 is the performance. Re-target follows keys on it",
    )  # fmt: skip


class TableauGains(bpy.types.PropertyGroup):
    """Strength of the performance per region; Re-target applies it."""

    brows: _gain("Brows", "the brows")
    blink: _gain("Lids", "blinks, squints and wide eyes")
    gaze: _gain("Gaze", "the gaze")
    nose: _gain("Nose", "nose and cheeks")
    mouth: _gain("Mouth", "lips and tongue")
    jaw: _gain("Jaw", "the jaw")
    rotation: _gain("Head Turn", "the head's turning")
    translation: _gain("Head Shift", "the head's moving about")


class TableauTake(bpy.types.PropertyGroup):
    """Where an action comes from, and what it was made for."""

    source: StringProperty(name="Source", description="The preset or file that the take was made from")
    path: StringProperty(
        name="Take",
        description="The performance as it was recorded; it is never changed",
        subtype="FILE_PATH",
        options=RELATIVE,
    )
    sha256: StringProperty(name="SHA-256", description="Hash of the take's file when it was made")
    gains: StringProperty(name="Gains", description="The strengths that the action was made with")
    rest: StringProperty(name="Rest", description="The rest landmarks that the action was made for")
    start: FloatProperty(name="Start", description="Frame of the take's first sample")
    rate: StringProperty(name="Rate", description="Frames per second that its samples are laid out with")
    keys: StringProperty(name="Keys", description="Mark of its keys as they were loaded, to tell edited ones")
    solved: BoolProperty(name="Solved", description="Its expressions are on the sliders")
    written: StringProperty(
        name="Written", description="Marks of the slider curves as they were solved, to tell edited ones"
    )


CLASSES = (TableauGains, TableauTake)


def attach() -> None:
    bpy.types.Object.tableau_gains = PointerProperty(type=TableauGains)
    bpy.types.Action.tableau_take = PointerProperty(type=TableauTake)


def detach() -> None:
    del bpy.types.Object.tableau_gains
    del bpy.types.Action.tableau_take
