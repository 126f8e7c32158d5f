# SPDX-License-Identifier: GPL-3.0-or-later
"""Why an operator cannot run now: its button is grey, and its tooltip says what is missing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import lookup


class NeedsRig:
    """Mix-in of operators on the rig that is meant; ``lacks`` of a class may name more that is missing."""

    if TYPE_CHECKING:  # what bpy.types.Operator brings
        poll_message_set: Callable[[str], None]

    @classmethod
    def lacks(cls, context: Any) -> str:
        """What is missing, as one line; empty where nothing is."""
        return lookup.missing(context, rig=True)

    @classmethod
    def poll(cls, context: Any) -> bool:
        text = cls.lacks(context)
        if text:
            cls.poll_message_set(text)
        return not text


class NeedsPortrait(NeedsRig):
    """Mix-in of operators on a portrait, with a rig or without."""

    @classmethod
    def lacks(cls, context: Any) -> str:
        return lookup.missing(context)


class NeedsPose(NeedsRig):
    """Mix-in of operators that read the rig's pose, which Edit Mode has not."""

    @classmethod
    def lacks(cls, context: Any) -> str:
        text = super().lacks(context)
        if not text and context.object is not None and context.object.mode == "EDIT":
            text = "Leave Edit Mode first"
        return text
