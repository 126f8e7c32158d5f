# SPDX-License-Identifier: GPL-3.0-or-later
"""What a bake is made from: the checked inputs of a job, and a hash over them for every frame."""

from __future__ import annotations

import hashlib
import json
import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import InputError
from .frames import LAYERS, FrameFiles, with_bits
from .job import BakeJob
from .ledger import FrameRecord, intact
from .provenance import Provenance, engine_fingerprint
from .rendering import FrameMaker, input_sha256
from .review import Progress

if TYPE_CHECKING:
    from .landmarks.face import Face
    from .landmarks.track import LandmarkTrack
    from .media.picture import Picture


class Plan:
    """The checked inputs of a job and the hash of every frame's inputs; the picture is read when needed.

    ``held``: frames whose target is lost (NaN); they hold the last landmarks known, the first the next.
    """

    def __init__(self, job: BakeJob) -> None:
        from .landmarks.track import LandmarkTrack

        self.job = job
        self.face_track = LandmarkTrack.load(job.face)
        if len(self.face_track) != 1 or not self.face_track.valid[0]:
            raise InputError(f"{job.face}: expected one frame with all 68 landmarks of the portrait at rest")
        target = LandmarkTrack.load(job.target)
        if target.size != self.face_track.size:
            raise InputError(
                f"{job.target}: landmarks for a picture of {_size(target.size)} pixels, but "
                f"{job.face.name} is for {_size(self.face_track.size)}; retarget to this portrait first"
            )
        self.points, self.irises, self.held = hold_lost(target, job.target)
        self.numbers = range(job.start, job.start + len(target))
        self.portrait_sha256 = input_sha256(job.portrait)
        self.provenance = Provenance.of(job.portrait, self.portrait_sha256, job.rendering.mode)
        rest = self.face_track.points.tobytes() + _iris_bytes(self.face_track.irises)
        common = {
            "portrait": self.portrait_sha256,
            "name": job.portrait.name,  # it stands in every frame's provenance
            "rest": hashlib.sha256(rest).hexdigest(),
            "mask": None if job.mask is None else input_sha256(job.mask),
            **job.rendering.inputs(),
            "bits": job.output.bits,
            "format": job.output.format,
            "size": None if job.output.size is None else float(job.output.size),  # 1 is 1.0
            "engine": engine_fingerprint(),
        }
        self.plate_inputs = hashlib.sha256(json.dumps([common, "plate"], sort_keys=True).encode()).hexdigest()
        prefix = hashlib.sha256(json.dumps(common, sort_keys=True).encode())
        self._hashes = []
        for points, irises in zip(self.points, self.irises, strict=True):
            digest = prefix.copy()
            digest.update(points.tobytes() + _iris_bytes(irises))
            self._hashes.append(digest.hexdigest())

    def choose(self, frames: range | None) -> range:
        """The frame numbers to bake; InputError where ``frames`` lies outside the job."""
        if frames is None:
            return self.numbers
        if not len(frames) or frames[0] < self.numbers[0] or frames[-1] > self.numbers[-1]:
            asked = f"{frames[0]}-{frames[-1]}" if len(frames) else "none"
            raise InputError(f"frames {asked}: the job has frames {self.numbers[0]}-{self.numbers[-1]}")
        return frames

    def inputs(self, number: int) -> str:
        return self._hashes[number - self.job.start]

    def done(self, number: int, known: dict[int, FrameRecord]) -> bool:
        record = known.get(number)
        output = self.job.output
        if record is None or record.inputs != self.inputs(number):
            return False
        if output.layers and not all(
            name in record.layers and intact(output.layer_path(name, number), record.layers[name])
            for name in LAYERS
        ):
            return False
        return intact(output.frame_path(number), record)

    def due(self, known: dict[int, FrameRecord]) -> list[int]:
        """The frame numbers of the whole job that are not on disk as they should be."""
        return [number for number in self.numbers if not self.done(number, known)]

    def plate_done(self, record: FrameRecord | None) -> bool:
        """Whether the plate is on disk as it should be, or not wanted."""
        if not self.job.output.layers:
            return True
        if record is None or record.inputs != self.plate_inputs:
            return False
        return intact(self.job.output.plate_path, record)

    def landmarks(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """(points float32 [68, 3], irises float32 [2, 2]) of one frame, in px of the portrait."""
        return self.points[number - self.job.start], self.irises[number - self.job.start]

    def header(self) -> dict[str, Any]:
        """What the manifest says about the whole bake."""
        job = self.job
        return {
            "provenance": self.provenance.to_dict(),
            "engine": engine_fingerprint(),
            "rate": f"{job.rate.numerator}/{job.rate.denominator}",
            "first": self.numbers[0],
            "last": self.numbers[-1],
            "held": self.held,
            "bits": job.output.bits,
            "format": job.output.format,
            "size": job.output.size,
            "layers": job.output.layers,
            "folder": relative(job.output.folder, job.output.manifest_path.parent),
        }

    @cached_property
    def picture(self) -> Picture:
        from .media.picture import load_picture

        picture = with_bits(load_picture(self.job.portrait), self.job.output.bits)
        if picture.size != self.face_track.size:
            raise InputError(
                f"{self.job.face}: landmarks for a picture of {_size(self.face_track.size)} pixels, but "
                f"{self.job.portrait.name} has {_size(picture.size)}; detect the face again"
            )
        if self.job.output.layers and picture.has_alpha:
            raise InputError(
                f"{self.job.portrait}: is a cut-out (it has alpha), there is no plate behind it; "
                'bake it without "layers"'
            )
        return picture

    @cached_property
    def files(self) -> FrameFiles:
        """How frames are stored; InputError where the picture does not go with the output."""
        try:
            return FrameFiles(self.job.output, self.picture, self.provenance)
        except InputError as error:
            raise InputError(f"{self.job.portrait}: {error}") from None

    def frame_maker(self, progress: Progress) -> FrameMaker:
        return self.job.rendering.prepare(self.picture, rest_face(self.face_track), self.job.mask, progress)


def hold_lost(track: LandmarkTrack, path: Path) -> tuple[np.ndarray, np.ndarray, int]:
    """Points [T, 68, 3] and irises [T, 2, 2], lost frames filled by the last one known; and their number."""
    valid = track.valid
    if not valid.any():
        raise InputError(f"{path}: no frame has a face; nothing to bake")
    source = np.maximum.accumulate(np.where(valid, np.arange(len(track)), -1))
    source[source < 0] = np.flatnonzero(valid)[0]
    return track.points[source], track.irises[source], int((~valid).sum())


def rest_face(track: LandmarkTrack) -> Face:
    """The portrait's face from its one-frame track."""
    from .landmarks.face import Face, points_box

    points = track.points[0]
    return Face(points, track.irises[0], track.confidence[0], points_box(points), 1.0)


def relative(path: Path, base: Path) -> str:
    try:
        return Path(os.path.relpath(path, base)).as_posix()
    except ValueError:  # another drive
        return str(path)


def _iris_bytes(irises: np.ndarray) -> bytes:
    # every unknown iris has the same bits, whatever kind of NaN it is
    return np.where(np.isfinite(irises), irises, np.float32(np.nan)).astype(np.float32).tobytes()


def _size(size: tuple[int, int]) -> str:
    return f"{size[0]} x {size[1]}"
