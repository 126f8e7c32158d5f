# SPDX-License-Identifier: GPL-3.0-or-later
"""Expression sliders: their effects on a portrait, performances in their values."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import InputError
from .signature import Cancelled, Progress, Result


def sliders(*, face: str, output: str, track: str | None = None) -> Result:
    """How far each expression slider moves the landmarks of the portrait's ``face`` track, written to
    ``output`` (.npz: names [54], basis [54, 70, 3] px); with ``track``, a target in the portrait's pixels,
    also that track in slider values (values [T, 54], times [T])."""
    from ..landmarks.track import LandmarkTrack
    from ..motion.sliders import slider_basis, solve_sliders
    from ..plan import rest_face

    rest = LandmarkTrack.load(Path(face))
    basis = slider_basis(rest_face(rest), rest.size)
    arrays = {}
    result: Result = {"sliders": output, "explained": None}
    if track is not None:
        target = LandmarkTrack.load(Path(track))
        if target.size != rest.size:
            raise InputError(
                f"{track}: its landmarks are for {target.size[0]} x {target.size[1]} px, {face} has "
                f"{rest.size[0]} x {rest.size[1]}"
            )
        solved = solve_sliders(target, rest_face(rest), basis)
        arrays = {"values": solved.values, "times": target.times}
        result["explained"] = solved.explained
    _save_sliders(output, basis, **arrays)
    return result


def load_sliders(
    *,
    performance: str,
    face: str,
    output: str,
    gains: Mapping[str, Any] | None = None,
    progress: Progress,
    cancelled: Cancelled,
) -> Result:
    """A performance straight onto the sliders of ``face``: values, times and effects in ``output`` (as
    ``sliders`` writes them), and head [T, 3, 4] (see ``exchange``)."""
    from ..exchange import to_sliders
    from ..landmarks.track import LandmarkTrack
    from ..motion.sliders import slider_basis
    from ..plan import rest_face

    rest = LandmarkTrack.load(Path(face))
    times, values, head = to_sliders(
        performance, Path(face), gains=dict(gains or {}), progress=progress, cancelled=cancelled
    )
    basis = slider_basis(rest_face(rest), rest.size)
    _save_sliders(output, basis, values=values.astype("float32"), times=times, head=head)
    return {"sliders": output, "frames": len(times)}


def save_sliders(*, sliders: str, face: str, output: str, to: str | None = None) -> Result:
    """Slider values and head poses (``sliders``, .npz: values [T, 54], head [T, 3, 4] px, times [T] s; see
    ``exchange.from_sliders``) written to ``output`` as a performance."""
    import numpy as np

    from ..exchange import from_sliders

    with np.load(sliders, allow_pickle=False) as data:
        arrays = data["values"], data["head"], data["times"]
    written = from_sliders(*arrays, Path(face), Path(output), to)
    return {"output": output, "format": written, "frames": len(arrays[2])}


def _save_sliders(path: str, basis: Any, **more: Any) -> None:
    import numpy as np

    from ..atomic import atomic_path
    from ..motion.sliders import SLIDERS

    arrays = {"names": np.array(SLIDERS), "basis": basis.astype(np.float32), **more}
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(stream, **arrays)
