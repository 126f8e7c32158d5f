# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps of the preview's jobs: begin, have all frames ready, paint one frame."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import engine, jobs, lookup, paths
from ..bake.sample import read_pose
from ..expressions import sliders
from ..portrait import plane as planes
from ..portrait import rig as rigs
from ..portrait.matte import keep_painting
from ..tasks import Task
from . import handlers, live, painted
from .session import Session, new_folder, rest_key

if TYPE_CHECKING:
    import numpy as np

BATCH = 6
"""Frames that are sampled and solved at a time: sampling them takes less than a blink."""


class Part(Task):
    """A task that is part of a longer work: ``total`` frames, of which ``before`` were done before it."""

    def __init__(self, task: Task, before: int, total: int) -> None:
        super().__init__()
        self._task, self._before, self.total = task, before, total
        self.finished, self.text = before, "preparing frames"

    def pump(self) -> None:
        self._task.pump()
        self.finished = self._before + self._task.finished
        self.result, self.problem, self.notice = self._task.result, self._task.problem, self._task.notice

    def cancel(self) -> None:
        self._task.cancel()


def start_steps(context: Any, rig: Any) -> jobs.Steps:
    """Have the mesh made, put it before the plane, follow the rig."""
    import numpy as np

    live.stop(rig)
    uid, folder = rig.session_uid, new_folder()
    rest, files = rest_key(rig), input_files(rig, folder)
    answer = yield engine.request("preview", **files, output=str(folder / "mesh.npz"))
    rig = lookup.by_session(uid)
    with np.load(answer["mesh"]) as data:
        session = Session(uid, folder, files, rest, {name: data[name] for name in data.files})
    points = read_pose(rig, context.evaluated_depsgraph_get())[None]
    answer = yield session.solve(points)
    session.keep(points, answer)
    live.start(session)
    return f"Preview of {lookup.by_session(uid).tableau.title}: {len(session.mesh['rest'])} points"


def fill_steps(context: Any, rig: Any) -> jobs.Steps:
    """Solve every frame of the scene's range that is not solved yet."""
    session, scene = live.session_of(rig), context.scene
    if session is None:
        raise jobs.Problem("Switch the live preview on first")
    numbers = list(range(scene.frame_start, scene.frame_end + 1))
    for first in range(0, len(numbers), BATCH):
        points = sample(context, session.rig, numbers[first : first + BATCH])
        points = points[[session.cache.find(one) is None for one in points]]
        if len(points):
            answer = yield Part(session.solve(points), first, len(numbers))
            if live.session_of(session.rig) is not session:
                raise jobs.Stopped("The preview was switched off")
            session.keep(points, answer)
    session.show()
    return f"{len(numbers)} frames are ready"


def frame_steps(context: Any, rig: Any) -> jobs.Steps:
    """Paint the pose of the moment and show it before the plane."""
    from ..sitter.use import rendering

    uid, folder = rig.session_uid, paths.work_folder(rig) / "preview"
    folder.mkdir(parents=True, exist_ok=True)
    pose = read_pose(rig, context.evaluated_depsgraph_get())
    number, how = context.scene.frame_current, rendering(rig)
    params = {
        **input_files(rig, folder),
        "mode": how.mode,
        "sitter": None if how.sitter is None else str(how.sitter),
        "shots": [str(shot) for shot in how.shots],
        "likeness": how.likeness,
        "pose": pose.tolist(),
        "output": str(folder / "frame.png"),
    }
    painted.busy[uid] = number
    try:
        answer = yield engine.request("preview_frame", **params)
    finally:
        del painted.busy[uid]
    painted.show(lookup.by_session(uid), Path(answer["frame"]), pose, number)
    return f"Frame {number} as the bake will paint it"


def input_files(rig: Any, folder: Path) -> dict[str, str | None]:
    """What the engine needs to know of ``rig``'s portrait, its rest pose written into ``folder``."""
    settings = rig.tableau
    picture = planes.picture_of(settings.portrait)
    rigs.rest_track(rig).save(folder / "face.npz")
    keep_painting(rig)
    mask = str(paths.absolute(settings.mask, rig)) if settings.mask else None
    return {"portrait": str(picture), "face": str(folder / "face.npz"), "mask": mask}


def sample(context: Any, rig: Any, numbers: list[int]) -> np.ndarray:
    """float64 [N, 140] px: the pose at each frame of ``numbers``;
    the current frame and what is not keyed of the rig's pose are put back."""
    import numpy as np

    scene = context.scene
    before = scene.frame_current, scene.frame_subframe
    basis = [bone.matrix_basis.copy() for bone in rig.pose.bones]
    values = {name: rig[name] for name in sliders.names(rig)}
    found = []
    with handlers.paused():
        try:
            for number in numbers:
                scene.frame_set(number)
                found.append(read_pose(rig, context.evaluated_depsgraph_get()))
        finally:
            scene.frame_set(before[0], subframe=before[1])
            for bone, matrix in zip(rig.pose.bones, basis, strict=True):
                bone.matrix_basis = matrix
            for name, value in values.items():
                rig[name] = value
            rig.update_tag()
            context.view_layer.update()
    return np.stack(found)
