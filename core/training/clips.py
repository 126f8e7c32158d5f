# SPDX-License-Identifier: GPL-3.0-or-later
"""Clips as episodes: real frames of one sitter, some of them shots, others what the shots should become."""

from __future__ import annotations

import hashlib
import re
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..generator.inputs import Viewer
from ..landmarks.detect import track_video
from ..landmarks.face import Face, points_box
from ..landmarks.track import LandmarkTrack
from ..media.picture import Picture
from ..media.video import read_frames
from .episode_files import SIZE, Episode
from .select_frames import choose_shots, choose_targets
from .stylize import Painter

LEAST_PAIRS = 4  # of a clip that is worth keeping


@dataclass(frozen=True)
class ClipPlan:
    """One source to be made of a clip.

    shots, targets: how many frames are moved, and to how many others each of them.
    painted: both are painted by the same hand first.
    """

    path: Path
    name: str
    shots: int
    targets: int
    painted: bool = False
    seed: int = 0

    @property
    def person(self) -> str:
        """Who it shows."""
        return person_of(self.path)


def person_of(path: Path) -> str:
    """The person of a clip, by its name: PERSON_NUMBER.mp4, or all of the name without such a number."""
    return re.sub(r"_\d+$", "", path.stem)


def seeded(seed: int, name: str) -> np.random.Generator:
    """Chance of its own for each source, whatever else is prepared."""
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def cached_track(clip: Path, folder: Path) -> LandmarkTrack:
    """The clip's landmarks, from ``folder`` where they were kept; its longest shot if it has cuts.

    Raises InputError where it is no video, NoFaceError where it shows no face.
    """
    kept = folder / f"{clip.stem}.npz"
    if kept.is_file():
        try:
            track = LandmarkTrack.load(kept)
            if track.meta.get("sha256") == hashlib.sha256(clip.read_bytes()).hexdigest():
                return track
        except InputError:
            pass  # damaged: made again
    track = track_video(clip, cuts="trim")
    track.save(kept)
    return track


def clip_episode(plan: ClipPlan, tracks: Path) -> Episode:
    """Frames and pairs of a clip; ``tracks`` is the folder where landmarks are kept.

    Raises InputError where too little of the clip can be used.
    """
    track = cached_track(plan.path, tracks)
    random = seeded(plan.seed, plan.name)
    chosen: dict[int, list[int]] = {}
    taken: set[int] = set()
    shots = choose_shots(track, plan.shots, random)
    for shot in shots:
        chosen[shot] = choose_targets(track, shot, plan.targets, random, taken | set(shots))
        taken.update(chosen[shot])
    if len(taken) < LEAST_PAIRS:
        raise InputError(f"{plan.path}: too short, or its face is lost too often; leave it out")
    frames = _frames(plan.path, track, {*shots, *taken})
    painter = Painter.of(random) if plan.painted else None
    if painter is not None:
        frames = {number: painter.paint(frame, track.points[number]) for number, frame in frames.items()}
    episode = Episode()
    for shot, targets in chosen.items():
        if not targets:
            continue
        viewer = Viewer(Picture(frames[shot]), _face(track, shot), SIZE)
        first = episode.add_shot(viewer)
        for target in targets:
            episode.add_pair(viewer, first, frames[target], _face(track, target))
    return episode


def _frames(path: Path, track: LandmarkTrack, wanted: set[int]) -> dict[int, np.ndarray]:
    """The frames of these numbers of the track, which may be a part of the clip."""
    numbers = {float(track.times[number]): number for number in wanted}
    found: dict[int, np.ndarray] = {}
    for time, frame in read_frames(path):
        if time in numbers and numbers[time] not in found:
            found[numbers[time]] = frame
        if len(found) == len(wanted):
            break
    return found


def _face(track: LandmarkTrack, number: int) -> Face:
    points = track.points[number]
    return Face(points, track.irises[number], track.confidence[number], points_box(points), 1.0)
