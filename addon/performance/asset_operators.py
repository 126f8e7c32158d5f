# SPDX-License-Identifier: GPL-3.0-or-later
"""Operators that offer the presets in the Asset Browser, and put one of them on the portrait."""

import shutil

import bpy
from bpy.props import StringProperty

from .. import calls, jobs, lookup, paths
from . import assets, presets
from .operators import Loading


class TABLEAU_OT_make_assets(jobs.JobOperator, bpy.types.Operator):
    """Offer the presets in the Asset Browser, as a library of their own in the catalog Performances"""

    bl_idname = "tableau.make_assets"
    bl_label = "Add Presets to Asset Browser"

    def steps(self, context):
        from ...core.motion.curves import ExpressionCurves

        target = assets.library_file()
        if target is None:
            raise jobs.Problem("Install the extension first: its asset library lives in its own folder")
        folder, found = paths.user_folder("assets") / "curves", {}
        folder.mkdir(exist_ok=True)
        try:
            for name in presets.names():
                yield from calls.convert(name, folder / f"{name}.npz", "curves")
                found[name] = ExpressionCurves.load(folder / f"{name}.npz")
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        assets.write_library(target, found)
        assets.offer()
        return f"{len(found)} performances are in the asset library {assets.LIBRARY}"


class TABLEAU_OT_remove_assets(bpy.types.Operator):
    """Take the presets out of the Asset Browser and delete their library"""

    bl_idname = "tableau.remove_assets"
    bl_label = "Remove Presets from Asset Browser"

    @classmethod
    def poll(cls, context):
        path = assets.library_file()
        if path is None or not path.is_file():
            cls.poll_message_set("The presets are not in the Asset Browser")
            return False
        return True

    def execute(self, context):
        assets.withdraw()
        path = assets.library_file()
        if path is not None:
            shutil.rmtree(path.parent, ignore_errors=True)
        return {"FINISHED"}


class TABLEAU_OT_load_asset(Loading, jobs.JobOperator, bpy.types.Operator):
    """Put this performance on the portrait's rig, in the portrait's own proportions, from this frame on"""

    bl_idname = "tableau.load_asset"
    bl_label = "Load Asset on Portrait"
    bl_options = {"REGISTER", "UNDO"}

    action: StringProperty(
        name="Action", description="An action of this file that is such an asset; empty for the chosen asset"
    )

    def steps(self, context):
        if self.action:
            action = bpy.data.actions.get(self.action)
            data = action.asset_data if action is not None else None
        else:
            data = getattr(getattr(context, "asset", None), "metadata", None)
        name = assets.preset_of(data.tags) if data is not None else ""
        if not name:
            raise jobs.Problem("This is no performance of Tableau Vivant; choose one in the Asset Browser")
        return (yield from self.load(context, name))


def _menu(self, context):
    asset = getattr(context, "asset", None)
    if asset is not None and assets.preset_of(asset.metadata.tags) and lookup.rig_of(context) is not None:
        self.layout.separator()
        self.layout.operator("tableau.load_asset", icon="ARMATURE_DATA")


CLASSES = (TABLEAU_OT_make_assets, TABLEAU_OT_remove_assets, TABLEAU_OT_load_asset)


def attach() -> None:
    bpy.types.ASSETBROWSER_MT_context_menu.append(_menu)
    assets.offer()


def detach() -> None:
    bpy.types.ASSETBROWSER_MT_context_menu.remove(_menu)
    assets.withdraw()
