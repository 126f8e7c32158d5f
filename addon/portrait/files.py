# SPDX-License-Identifier: GPL-3.0-or-later
"""Ways in for a picture: File > Import, drag and drop; and the way back to one that was moved."""

from pathlib import Path

import bpy
from bpy.props import StringProperty

from .. import lookup, needs, paths
from ..options import ASKED
from ..problems import Problem
from . import plane as planes
from . import rig as rigs
from .operators import PICTURES

ASPECT = 0.01
"""How far the proportions of a relinked picture may be from the old one's."""


class TABLEAU_FH_picture(bpy.types.FileHandler):
    bl_idname = "TABLEAU_FH_picture"
    bl_label = "Tableau Vivant Portrait"
    bl_import_operator = "tableau.load_portrait"
    bl_file_extensions = PICTURES.replace("*", "")

    @classmethod
    def poll_drop(cls, context):
        return context.area is not None and context.area.type == "VIEW_3D"


class TABLEAU_OT_relink_picture(needs.NeedsPortrait, bpy.types.Operator):
    """Point the portrait to its picture where that was moved or renamed; landmarks and animation stay"""

    bl_idname = "tableau.relink_picture"
    bl_label = "Find Picture"
    bl_options = {"REGISTER", "UNDO"}

    filepath: StringProperty(
        name="Picture", description="Where the picture is now", subtype="FILE_PATH", options=ASKED
    )
    filter_glob: StringProperty(default=PICTURES, options={"HIDDEN"})

    def execute(self, context):
        plane = lookup.portrait_of(context)
        try:
            found = Path(bpy.path.abspath(self.filepath)).absolute() if self.filepath else _mended(plane)
            if found is None:
                raise Problem("No picture was chosen")
            relink(plane, found)
        except (Problem, OSError) as problem:
            self.report({"ERROR"}, str(problem))
            return {"CANCELLED"}
        self.report({"INFO"}, f"{found.name} is shown again")
        return {"FINISHED"}

    def invoke(self, context, event):
        if self.filepath or _mended(lookup.portrait_of(context)) is not None:
            return self.execute(context)
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}


def relink(plane, path):
    """Let ``plane`` show the picture at ``path``, of the old one's proportions at any resolution.

    Raises Problem where it is not there, no picture, or of other proportions.
    """
    width, height = planes.upright_size(path)
    rigs.check_own(plane)
    settings = plane.tableau
    old_width, old_height = settings.size
    if abs(width * old_height / (height * old_width) - 1) > ASPECT:
        raise Problem(
            f"{path.name}: its {width} x {height} px have other proportions than the portrait's "
            f"{old_width} x {old_height}; choose the same picture, or load this one as a new portrait"
        )
    scale = height / old_height
    settings.pixel = settings.pixel / scale
    settings.size = width, height
    settings.picture = paths.shown(path)
    for face in settings.faces:
        face.box = [scale * value for value in face.box]
    for rig in lookup.rigs_of(plane):
        found = rig.data.get(rigs.DETECTED)
        if found is not None:
            rig.data[rigs.DETECTED] = [scale * value for value in found]
    node = planes.picture_node(plane)
    if node is not None and node.image is not None:
        node.image.filepath = settings.picture
        node.image.reload()


def missing_picture(plane):
    """One line about a picture that is not where it was; empty where all is well."""
    try:
        path = paths.absolute(plane.tableau.picture, plane)
    except Problem as problem:
        return str(problem)
    return "" if path.is_file() else f"{path.name}: the picture is not there"


def _mended(plane):
    """The file that the plane's image points to now, if Blender's own Find Missing Files mended it."""
    node = planes.picture_node(plane)
    if node is None or node.image is None or not node.image.filepath:
        return None
    path = Path(bpy.path.abspath(node.image.filepath)).absolute()
    return path if path.is_file() and missing_picture(plane) else None


def _import_entry(self, context):
    self.layout.operator("tableau.load_portrait", text="Tableau Vivant Portrait (picture)")


CLASSES = (TABLEAU_FH_picture, TABLEAU_OT_relink_picture)


def attach():
    bpy.types.TOPBAR_MT_file_import.append(_import_entry)


def detach():
    bpy.types.TOPBAR_MT_file_import.remove(_import_entry)
