# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender's handlers for what follows a rig: live previews and painted frames.

They exist only while something follows a rig, and end with the file (they are not persistent).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import bpy

if TYPE_CHECKING:
    from collections.abc import Iterator

Follower = Callable[[Any, bool], None]
"""Called with the evaluated dependency graph, and whether undo or redo has just put the file back."""

_followers: dict[tuple[str, int], Follower] = {}
_away: dict[tuple[str, int], Callable[[bool], None]] = {}
_paused = False


def follow(kind: str, uid: int, follower: Follower, away: Callable[[bool], None]) -> None:
    """Call ``follower`` whenever the rig with session id ``uid`` may have moved; one of a ``kind`` per rig.

    ``away`` is called with True before the file is written and with False after it: what only previews
    is not to be in the file.
    """
    _followers[kind, uid], _away[kind, uid] = follower, away
    for handlers, function in _handlers():
        if function not in handlers:
            handlers.append(function)


def unfollow(kind: str, uid: int) -> None:
    _followers.pop((kind, uid), None)
    _away.pop((kind, uid), None)
    if not _followers:
        clear()


def clear() -> None:
    """Nothing is followed any longer, no handler is left."""
    _followers.clear()
    _away.clear()
    for handlers, function in _handlers():
        if function in handlers:
            handlers.remove(function)


def alive() -> bool:
    """Whether handlers are in place; with another file they are gone."""
    return _on_frame in bpy.app.handlers.frame_change_post


@contextmanager
def paused() -> Iterator[None]:
    """While frames are sampled, nothing follows."""
    global _paused
    _paused = True
    try:
        yield
    finally:
        _paused = False


def _quiet() -> bool:
    """Whether nothing may follow now: a render in a window calls handlers from a thread of its own, while
    the view draws what followers would change; the frame is put back when it ends."""
    return _paused or bpy.app.is_job_running("RENDER")


def _on_frame(scene: Any, graph: Any) -> None:
    if not _quiet():
        for follower in list(_followers.values()):
            follower(graph, False)


def _on_update(scene: Any, graph: Any) -> None:
    if _quiet():
        return
    changed = {update.id.original.session_uid for update in graph.updates}
    for (_, uid), follower in list(_followers.items()):
        if uid in changed:
            follower(graph, False)


def _on_undo(scene: Any, graph: Any = None) -> None:
    graph = bpy.context.evaluated_depsgraph_get()
    for follower in list(_followers.values()):
        follower(graph, True)


def _before_save(*_: Any) -> None:
    for away in list(_away.values()):
        away(True)


def _after_save(*_: Any) -> None:
    for away in list(_away.values()):
        away(False)


def _handlers() -> tuple[tuple[list[Any], Any], ...]:
    handlers = bpy.app.handlers
    return (
        (handlers.frame_change_post, _on_frame),
        (handlers.depsgraph_update_post, _on_update),
        (handlers.undo_post, _on_undo),
        (handlers.redo_post, _on_undo),
        (handlers.save_pre, _before_save),
        (handlers.save_post, _after_save),
        (handlers.save_post_fail, _after_save),
    )
