# SPDX-License-Identifier: GPL-3.0-or-later
"""What the worker can be asked: method name -> function of checked parameters.

Each module holds the methods of one subject.  Big arrays go through files, and what is heavy is imported by
the method that needs it: "check" is asked where numpy and torch may be missing.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import InputError
from . import bake, engine, expressions, performance, portrait, preview, sitter
from .signature import Cancelled, Progress, Result

METHODS: dict[str, Callable[..., Result]] = {
    function.__name__: function
    for function in (
        engine.check,
        portrait.detect,
        portrait.matte,
        performance.track,
        performance.presets,
        performance.preset,
        performance.retarget,
        expressions.sliders,
        expressions.load_sliders,
        expressions.save_sliders,
        sitter.sample_shots,
        sitter.personalize,
        sitter.preview_strip,
        bake.bake,
        bake.due,
        bake.group_plate,
        bake.farm,
        preview.preview,
        preview.preview_frame,
        performance.convert,
    )
}


class ProtocolError(InputError):
    """The request itself is wrong: a method or a parameter that does not exist, or one that is missing."""

    kind = "protocol"


def run(method: str, params: Mapping[str, Any], progress: Progress, cancelled: Cancelled) -> Result:
    """Run one request; raises ProtocolError and the errors of the engine."""
    function = METHODS.get(method)
    if function is None:
        raise ProtocolError(f"unknown method '{method}'; known are {', '.join(METHODS)}")
    known = inspect.signature(function).parameters
    own = [name for name in known if name not in ("progress", "cancelled")]
    for name in params:
        if name not in own:
            close = difflib.get_close_matches(name, own, 1)
            hint = f"did you mean '{close[0]}'?" if close else f"known are {', '.join(own) or 'none'}"
            raise ProtocolError(f"{method}: unknown parameter '{name}'; {hint}")
    for name in own:
        if name not in params and known[name].default is inspect.Parameter.empty:
            raise ProtocolError(f"{method}: the parameter '{name}' is missing")
    extra = {"progress": progress, "cancelled": cancelled}
    return function(**params, **{name: value for name, value in extra.items() if name in known})
