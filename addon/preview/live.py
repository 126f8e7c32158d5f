# SPDX-License-Identifier: GPL-3.0-or-later
"""Which live previews are on, and the timer that has their poses solved."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import bpy

from .. import details, lookup
from ..problems import Problem
from . import handlers, painted, stage
from .session import Session, rest_key

BUSY, IDLE = 0.02, 0.1
"""Seconds between two looks at the engine's answers, while one is awaited and otherwise."""
KIND = "live"

_sessions: dict[int, Session] = {}
_problems: dict[int, str] = {}


def session_of(rig: Any) -> Session | None:
    """The running preview of ``rig``, if there is one."""
    if _sessions and not handlers.alive():  # another file was loaded
        for uid in list(_sessions):
            _drop(uid)
    return None if rig is None else _sessions.get(rig.session_uid)


def problem_of(rig: Any) -> str:
    """Why the preview of ``rig`` ended by itself; empty where it did not."""
    return _problems.get(rig.session_uid, "")


def start(session: Session) -> None:
    """Make the stage of ``session`` and begin to follow its rig."""
    session_of(None)
    _sessions[session.uid] = session
    for rig in lookup.rigs_of(session.rig.tableau.portrait):  # in a group, one face's mesh ends at the next
        beside = _sessions.get(rig.session_uid)
        if beside is not None:
            beside.make_stage()
            beside.show()
    _problems.pop(session.uid, None)
    handlers.follow(KIND, session.uid, session.follow, session.away)
    if not bpy.app.timers.is_registered(tick):
        bpy.app.timers.register(tick, first_interval=BUSY)
    session.follow(bpy.context.evaluated_depsgraph_get(), False)


def stop(rig: Any) -> None:
    """End the preview of ``rig`` and take its stage away."""
    _drop(rig.session_uid)
    stage.remove(rig)


def stop_all() -> None:
    """End every preview; stages and painted frames are taken out of the file."""
    for uid in list(_sessions):
        _drop(uid)
        with suppress(Problem):
            stage.remove(lookup.by_session(uid))
    painted.remove_all()
    stage.remove_lost()
    handlers.clear()
    _problems.clear()


def tick() -> float | None:
    """Take the engine's answers and ask for what is missing; the timer's next interval in seconds."""
    for session in list(_sessions.values()):
        if session.undone:
            continue
        try:
            rig = session.rig
            shown = stage.find(rig)
            if shown is None:
                raise Problem("The preview object is gone; switch the preview on again")
            if rig.mode != "EDIT" and rest_key(rig) != session.rest:
                raise Problem("The landmarks were changed; switch the preview on again")
            session.receive()
            session.ask()
            if session.resting():  # packing takes longer than showing a frame
                stage.settle(shown)
        except Problem as problem:
            _fail(session, problem)
    if not _sessions:
        return None
    return BUSY if any(session.request for session in _sessions.values()) else IDLE


def _fail(session: Session, problem: Problem) -> None:
    """End a preview that cannot go on; the panel says why."""
    details.remember("Preview", problem)
    _drop(session.uid)
    _problems[session.uid] = str(problem)
    with suppress(Problem):
        stage.remove(lookup.by_session(session.uid))
    stage.remove_lost()


def _drop(uid: int) -> None:
    session = _sessions.pop(uid, None)
    if session is not None:
        handlers.unfollow(KIND, uid)
        session.end()
    if not _sessions and bpy.app.timers.is_registered(tick):
        bpy.app.timers.unregister(tick)


CLASSES = ()


def attach() -> None:
    """Nothing hangs in Blender until a preview is switched on."""


def detach() -> None:
    stop_all()
