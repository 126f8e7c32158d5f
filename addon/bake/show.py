# SPDX-License-Identifier: GPL-3.0-or-later
"""The planes of a bake while it grows: they play what is on disk, a few frames at first, then all."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import bpy

from .. import calls, lookup, paths
from . import layers, sequence
from .prepare import Prepared
from .sequence import Clip


class Show:
    """Shows the bake ``prepared`` of a rig on the target that its settings name."""

    def __init__(self, rig: Any, prepared: Prepared) -> None:
        self.prepared, self.uid = prepared, rig.session_uid
        job = prepared.job
        self.clip = Clip(job.output, prepared.frames, job.start, rig.tableau_bake.cyclic)
        self.target = rig.tableau_bake.target
        self.begun = False

    def grow(self) -> None:
        """Show the frames that are on disk by now; nothing where there is none."""
        length = self.clip.ready()
        if not length or (self.target == "LAYERS" and not self.clip.output.plate_path.is_file()):
            return
        rig = lookup.by_session(self.uid)
        if not self.begun:
            rig.tableau.show_rig = False  # the picture moves by itself now
        self.begun = True
        if self.target == "LAYERS":
            rig.tableau_bake.plate = paths.shown(self.clip.output.plate_path)
            layers.show_layers(bpy.context, rig, self.clip, length, self._plate(rig))
            _hide_plane(rig)
            return
        layers.hide_layers(rig)
        if self.target == "PORTRAIT":
            sequence.show_on_portrait(rig, self.clip, length)
            _hide_plane(rig)
        else:
            sequence.show_plane(rig, self.clip, length)

    def finish(self) -> Generator[Any, dict[str, Any], None]:
        """Show all of it; in a group portrait first make the plate that its layers share."""
        rig = lookup.by_session(self.uid)
        if self.target == "LAYERS":
            rig.tableau_bake.plate = paths.shown(self.clip.output.plate_path)
            found = layers.plates(rig)
            if len(found) > 1:
                yield from calls.group_plate(self.prepared.file, found, self._group_plate)
        self.grow()

    @property
    def _group_plate(self) -> Path:
        output = self.clip.output
        return output.folder / f"{output.name}.plate-group.{output.format}"

    def _plate(self, rig: Any) -> Path:
        """The plate to show: while a group's own is not made, the one that its layers stand on stays."""
        if len(layers.plates(rig)) < 2:
            return self.clip.output.plate_path
        return self._group_plate if self._group_plate.is_file() else layers.plates(rig)[0]


def _hide_plane(rig: Any) -> None:
    plane = sequence.sequence_of(rig)
    if plane is not None:
        sequence.shown(plane, False)
