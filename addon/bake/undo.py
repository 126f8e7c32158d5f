# SPDX-License-Identifier: GPL-3.0-or-later
"""Baked planes after undo: Blender forgets which file of a sequence is shown (seen in 5.2) and paints the
plane magenta until the frame changes; here it is told again."""

from __future__ import annotations

from typing import Any

import bpy

from . import sequence

CLASSES = ()


def shown_number(node: Any, frame: int) -> int:
    """The number of the file that a node shows at scene frame ``frame``."""
    user = node.image_user
    step, length = frame - user.frame_start, max(user.frame_duration, 1)
    step = step % length + 1 if user.use_cyclic else min(max(step + 1, 0), length)
    return sequence.offset_at(node, frame) + step


@bpy.app.handlers.persistent
def show_again(*_: Any) -> None:
    """Tell the nodes that play a bake which file is shown, and have it uploaded again."""
    if not any(sequence.baked(image) for image in bpy.data.images):
        return
    frame = bpy.context.scene.frame_current
    for material in bpy.data.materials:
        for node in material.node_tree.nodes if material.node_tree is not None else ():
            if node.type == "TEX_IMAGE" and sequence.baked(node.image):
                node.image_user.frame_current = shown_number(node, frame)
                if not bpy.app.background:
                    node.image.gl_free()


def attach() -> None:
    bpy.app.handlers.undo_post.append(show_again)
    bpy.app.handlers.redo_post.append(show_again)


def detach() -> None:
    bpy.app.handlers.undo_post.remove(show_again)
    bpy.app.handlers.redo_post.remove(show_again)
