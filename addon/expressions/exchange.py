# SPDX-License-Identifier: GPL-3.0-or-later
"""Performances of other programs straight onto sliders and head, and from there into files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from .. import calls, compat, fcurves, lookup
from ..bake import sample
from ..performance import action as actions
from ..performance import strips, takes
from ..portrait import rig as rigs
from ..portrait.space import PictureSpace
from . import sliders, solve

if TYPE_CHECKING:
    import numpy as np

    from ..jobs import Steps

UNUSED = 0.001
"""Curves of sliders that never get this far are hidden at once."""


def load_steps(
    context: Any, source: Path, *, set_range: bool, set_rate: bool, as_strip: bool = False
) -> Steps:
    """Put ``source`` on the sliders and the head of the rig as a new action, from the current frame on."""
    import numpy as np

    rig = lookup.rig_of(context)
    rigs.check_own(rig)
    uid, start = rig.session_uid, context.scene.frame_current
    name = bpy.path.clean_name(source.stem)
    face, output = solve.files(rig)
    yield from calls.load_sliders(source, face, output, takes.gains(rig))
    rig, scene = lookup.by_session(uid), bpy.context.scene
    order, _, values = solve.put(bpy.context, rig, output)
    with np.load(output, allow_pickle=False) as data:
        times, head = data["times"], data["head"]
    if set_rate and len(times) > 1:
        from ...core.landmarks.track import nominal_rate

        actions.set_scene_rate(scene, nominal_rate(times))
    frames = actions.frames_of(times, actions.scene_rate(scene), start)
    if as_strip:
        strips.make_room(rig, start)
    first, data = not lookup.has_action(rig), rig.animation_data_create()
    action = bpy.data.actions.new(f"{rig.tableau.title} {name}")
    data.action = action
    path = f'pose.bones["{rigs.HEAD}"].'
    for (channel, axis), column in _head_channels(rig, head).items():
        curve = compat.ensure_curve(rig, action, path + channel, axis, rigs.HEAD)
        fcurves.write_moving(curve, frames, column)
    actions.write_sliders(action, order, frames, values)
    solve.hide_faint(action, UNUSED)
    rig.tableau.performance, rig.tableau.show_rig = name, True
    last = max(start, int(frames[-1]))
    if set_range:
        actions.fit_range(scene, rig, start, last, widen=as_strip and not first)
    if as_strip:
        strips.lay_active(rig, name)
    return f"{name}: {len(frames)} samples on the sliders, frames {start} to {last}"


def save_steps(context: Any, target: Path, form: str) -> Steps:
    """Write the rig's performance, as it is evaluated over the scene's frames, to ``target``.

    Curves are those of the sliders and the head; on a rig without sliders, landmarks are solved.
    """
    import numpy as np

    rig, scene = lookup.rig_of(context), context.scene
    rate, frames = actions.scene_rate(scene), range(scene.frame_start, scene.frame_end + 1)
    face, output = solve.files(rig)
    if form in ("live-link", "curves") and sliders.present(rig):
        played = yield Playing(context, rig, frames, rate)
        output = output.with_name("sampled.npz")
        np.savez(output, **played, times=np.arange(len(frames)) / float(rate))
        yield from calls.save_sliders(output, face, target, form)
    else:
        output = output.with_name("sampled.npz")
        sampled = yield sample.Sampling(context, rig, frames, rate)
        sampled["track"].save(output)
        yield from calls.convert(output, target, form)
    return f"{target.name}: frames {frames[0]} to {frames[-1]}"


def _head_channels(rig: Any, head: np.ndarray) -> dict[tuple[str, int], np.ndarray]:
    """Values [T] of each channel of the head bone that moves it as ``head`` [T, 3, 4] does in px."""
    import numpy as np

    from ..performance.decompose import euler_zxy

    space = PictureSpace.of(rig.tableau.portrait)
    pivot = np.array(rig.data.bones[rigs.HEAD].head_local, np.float64)
    place = head[:, :, :3] @ space.to_pixels(pivot) + head[:, :, 3]
    size = np.cbrt(np.linalg.det(head[:, :, :3]))
    angles = euler_zxy(_flip() * head[:, :, :3] / size[:, None, None])
    shift = space.to_local(place) - pivot
    columns = {("location", axis): shift[:, axis] for axis in range(3)}
    columns |= {("rotation_euler", axis): angles[:, axis] for axis in range(3)}
    return columns | {("scale", axis): size for axis in range(3)}


class Playing(sample.Sampling):
    """The sliders' values [T, 54] and the head [T, 3, 4] in px as they are evaluated; the result's "values"
    and "head"."""

    def read(self, rig: Any, frames: range) -> np.ndarray:
        """[N, 54 + 16]: the sliders and the head bone's matrix against its rest, in the rig's space."""
        import numpy as np

        order = sliders.order()

        def look(graph: Any) -> np.ndarray:
            posed = rig.evaluated_get(graph)
            bone = posed.pose.bones[rigs.HEAD]
            matrix = bone.matrix @ bone.bone.matrix_local.inverted_safe()
            return np.append([posed.get(name, 0.0) for name in order], np.array(matrix))

        return sample.seen_at(bpy.context, frames, look)

    def told(self, rig: Any, parts: np.ndarray) -> dict[str, Any]:
        import numpy as np

        space = PictureSpace.of(rig.tableau.portrait)
        values, matrices = parts[:, :-16], parts[:, -16:].reshape(-1, 4, 4)
        turn = _flip() * matrices[:, :3, :3]
        origin = space.to_local(np.zeros(3))
        moved = space.to_pixels(matrices[:, :3, :3] @ origin + matrices[:, :3, 3])
        return {"values": values, "head": np.concatenate([turn, moved[:, :, None]], axis=2)}


def _flip() -> np.ndarray:
    """[3, 3]: signs that take a turn between the picture's axes (y down, z away) and the rig's."""
    import numpy as np

    return np.outer([1.0, -1.0, -1.0], [1.0, -1.0, -1.0])
