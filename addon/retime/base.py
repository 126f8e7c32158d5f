# SPDX-License-Identifier: GPL-3.0-or-later
"""What every operator on a strip shares: its poll message, and problems as reports."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .. import lookup, needs
from ..problems import Problem
from . import follow, strips


class StripOperator(needs.NeedsRig):
    """Mix-in of operators that change the strip that is meant; ``change`` does it and says what it did."""

    bl_options = {"REGISTER", "UNDO"}
    if TYPE_CHECKING:  # what bpy.types.Operator brings
        report: Callable[[set[str], str], None]
        change: Callable[[Any, Any, Any], str]

    @classmethod
    def lacks(cls, context: Any) -> str:
        return strips.missing(context)

    def execute(self, context: Any) -> set[str]:
        rig = lookup.rig_of(context)
        try:
            follow.follow(rig)
            line = self.change(context, rig, strips.ensure_strip(context, rig))
        except Problem as problem:
            self.report({"ERROR"}, str(problem))
            return {"CANCELLED"}
        self.report({"INFO"}, line)
        return {"FINISHED"}
