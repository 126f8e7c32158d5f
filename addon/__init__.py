# SPDX-License-Identifier: GPL-3.0-or-later
"""The Blender extension: a portrait on a plane, a performance on its rig, a bake on the timeline."""

from __future__ import annotations

ROOT = __package__.rpartition(".")[0] or __package__
"""The extension's root package; Blender's preferences and user folders are keyed by it."""


def register() -> None:
    from . import registry

    registry.register()


def unregister() -> None:
    from . import registry

    registry.unregister()
