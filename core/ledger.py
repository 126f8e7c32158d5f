# SPDX-License-Identifier: GPL-3.0-or-later
"""What a bake folder knows about its frames: one journal per writing process, folded into ``manifest.json``.

Each finished frame appends one line to the process's own journal, so an interrupted bake loses nothing
and several processes (a farm) can write disjoint ranges into one folder.  At its end a process folds every
journal it finds into the manifest, under a lock file, and removes those whose writer is done.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from .atomic import atomic_path
from .errors import InputError, OutputError

SCHEMA = "tableau-vivant/manifest-1"
_LOCK_WAIT = 30.0  # seconds; a fold takes milliseconds, an older lock was left by a process that died
_JOURNAL_AGE = 7 * 86400.0  # seconds after which another machine's unfinished journal counts as abandoned


@dataclass(frozen=True)
class FrameRecord:
    """One frame on disk: hash of what it was made from; size, modification time and SHA-256 of the file.

    ``layers``: the records of the frame's layers, by their names.
    """

    file: str
    inputs: str
    size: int
    mtime_ns: int
    sha256: str
    layers: Mapping[str, FrameRecord] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> FrameRecord:
        """From :meth:`to_dict`; TypeError or AttributeError where it is something else."""
        layers = {name: cls.from_dict(layer) for name, layer in data.get("layers", {}).items()}
        return cls(**{**data, "layers": layers})

    def to_dict(self) -> dict[str, Any]:
        facts = {key: value for key, value in vars(self).items() if key != "layers"}
        if self.layers:
            facts["layers"] = {name: layer.to_dict() for name, layer in self.layers.items()}
        return facts


class Ledger:
    """The record of the bake called ``name`` in the file ``manifest``; nothing is written before `append`."""

    def __init__(self, manifest: Path, name: str) -> None:
        self.manifest, self.name = manifest, name
        self.folder = manifest.parent / f".{manifest.stem}-journal"
        self._journal: BinaryIO | None = None

    def frames(self) -> dict[int, FrameRecord]:
        """All frames known from the manifest and from every journal, by frame number."""
        # Journals first: what another process folds in the meantime is then in the manifest, not in neither.
        frames: dict[int, FrameRecord] = {}
        for path in self._journals():
            _merge(frames, _read_journal(path, self.name).frames)
        _merge(frames, _frames(read_manifest(self.manifest)["bakes"].get(self.name, {})))
        return frames

    def plate(self) -> FrameRecord | None:
        """The plate on record, None where there is none."""
        plate: FrameRecord | None = None
        for path in self._journals():  # before the manifest, as in `frames`
            plate = _later(plate, _read_journal(path, self.name).plate)
        return _later(plate, _plate(read_manifest(self.manifest)["bakes"].get(self.name, {})))

    def header(self) -> dict[str, Any]:
        """What the manifest says about this bake as a whole; empty where there is none yet."""
        bake = read_manifest(self.manifest)["bakes"].get(self.name, {})
        return {key: value for key, value in bake.items() if key not in ("frames", "plate")}

    @property
    def pending(self) -> bool:
        """Whether any process has journaled frames that are not in the manifest yet."""
        return bool(self._journals())

    def append(self, number: int, record: FrameRecord) -> None:
        """Note one finished frame, at once on disk as far as the operating system is concerned."""
        self._write({"frame": number, **record.to_dict()})

    def append_plate(self, record: FrameRecord) -> None:
        """Note the plate, as :meth:`append` does a frame."""
        self._write({"plate": record.to_dict()})

    def _write(self, entry: Mapping[str, Any]) -> None:
        line = json.dumps(entry)
        try:
            if self._journal is None:
                self._journal = self._open()
            self._journal.write(line.encode() + b"\n")
        except OSError as error:
            raise OutputError(
                f"{self.folder}: cannot be written ({error.strerror}); free some space"
            ) from error

    def fold(self, header: Mapping[str, Any]) -> None:
        """Write the manifest: ``header`` (JSON-able, of this bake) and every frame known so far."""
        self.close()
        with _locked(self.manifest):
            data = read_manifest(self.manifest)
            bake, finished = data["bakes"].get(self.name, {}), []
            frames, plate = _frames(bake), _plate(bake)
            for path in self._journals():
                journal = _read_journal(path, self.name)
                _merge(frames, journal.frames)
                plate = _later(plate, journal.plate)
                if journal.done:
                    finished.append(path)
            listed = {str(number): frames[number].to_dict() for number in sorted(frames)}
            whole = {} if plate is None else {"plate": plate.to_dict()}
            data["bakes"][self.name] = {**header, **whole, "frames": listed}
            with atomic_path(self.manifest) as temporary:
                temporary.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
            for path in finished:
                with suppress(OSError):
                    path.unlink()
            with suppress(OSError):  # the folder stays while another process still writes in it
                self.folder.rmdir()

    def close(self) -> None:
        """End this process's journal; without a `fold` after it, the next run finds its lines."""
        if self._journal is not None:
            with suppress(OSError), self._journal:
                self._journal.write(b'{"end": true}\n')
            self._journal = None

    def _open(self) -> BinaryIO:
        host, process = socket.gethostname(), os.getpid()
        path = self.folder / f"{uuid.uuid4().hex}.jsonl"
        deadline = time.monotonic() + _LOCK_WAIT
        while True:
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                # unbuffered: each line is one write, so a killed process leaves at most one torn line
                journal = open(path, "ab", buffering=0)  # noqa: SIM115  stays open between frames
                break
            except (FileNotFoundError, FileExistsError):
                # Another process folded, and removed the empty folder, between the steps; `mkdir` calls a
                # folder that was there and is gone a file in the way, so only a file that is there counts.
                if time.monotonic() > deadline or self.folder.is_file():
                    raise
        journal.write(json.dumps({"bake": self.name, "host": host, "process": process}).encode() + b"\n")
        return journal

    def _journals(self) -> list[Path]:
        try:
            names = os.listdir(self.folder)
        except FileNotFoundError:  # none yet, or another process has just folded the last
            return []
        return [self.folder / name for name in sorted(names) if name.endswith(".jsonl")]


def file_record(path: Path, inputs: str) -> FrameRecord:
    """The record of a file just written."""
    status = path.stat()
    return FrameRecord(path.name, inputs, status.st_size, status.st_mtime_ns, file_sha256(path))


def intact(path: Path, record: FrameRecord) -> bool:
    """Whether the file still is what ``record`` says; it is read only where its modification time differs."""
    try:
        status = path.stat()
    except OSError:
        return False
    if status.st_size != record.size:
        return False
    return status.st_mtime_ns == record.mtime_ns or file_sha256(path) == record.sha256


def file_sha256(path: str | os.PathLike[str]) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _frames(bake: Mapping[str, Any]) -> dict[int, FrameRecord]:
    return {int(number): FrameRecord.from_dict(entry) for number, entry in bake.get("frames", {}).items()}


def _plate(bake: Mapping[str, Any]) -> FrameRecord | None:
    return FrameRecord.from_dict(bake["plate"]) if bake.get("plate") else None


def _later(one: FrameRecord | None, other: FrameRecord | None) -> FrameRecord | None:
    if one is None or other is None:
        return one or other
    return other if other.mtime_ns >= one.mtime_ns else one


def _merge(frames: dict[int, FrameRecord], more: Mapping[int, FrameRecord]) -> None:
    """Add ``more``; where a frame was baked twice the later file wins, in whatever order they come."""
    for number, record in more.items():
        if number not in frames or record.mtime_ns >= frames[number].mtime_ns:
            frames[number] = record


def read_manifest(path: Path) -> dict[str, Any]:
    """``{"schema", "bakes": {name: header with "frames"}}``; no bakes where the file does not exist."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["schema"] != SCHEMA or not isinstance(data["bakes"], dict):
            raise ValueError
        for bake in data["bakes"].values():
            _frames(bake)
            _plate(bake)
    except FileNotFoundError:
        return {"schema": SCHEMA, "bakes": {}}
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InputError(f"{path}: not a manifest of this program; move it away to bake here") from None
    return data


class _Journal(NamedTuple):
    """What one journal holds of a bake, and whether its writer is done with it."""

    frames: dict[int, FrameRecord]
    plate: FrameRecord | None
    done: bool


def _read_journal(path: Path, name: str) -> _Journal:
    frames: dict[int, FrameRecord] = {}
    plate: FrameRecord | None = None
    head: dict[str, Any] = {}
    ended = False
    try:
        lines = path.read_bytes().splitlines()
        age = time.time() - path.stat().st_mtime
    except OSError:  # folded and removed by another process a moment ago
        return _Journal(frames, None, False)
    for line in lines:
        try:
            entry = json.loads(line)
            if "frame" in entry:
                number = entry.pop("frame")
                frames[number] = FrameRecord.from_dict(entry)
            elif "plate" in entry:
                plate = FrameRecord.from_dict(entry["plate"])
            elif "bake" in entry:
                head = entry
            ended = ended or "end" in entry
        except (ValueError, TypeError, AttributeError):  # the torn last line of a killed process
            continue
    if head.get("bake") != name:
        return _Journal({}, None, False)
    here = head.get("host") == socket.gethostname()
    done = ended or (here and not _alive(head.get("process", 0))) or age > _JOURNAL_AGE
    return _Journal(frames, plate, done)


def _alive(process: int) -> bool:
    if os.name == "nt":  # signal 0 would end the process there; an old journal goes by its age instead
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


@contextmanager
def _locked(target: Path) -> Iterator[None]:
    """Hold ``target``.lock; created exclusively, which also holds on network file systems."""
    lock = target.with_name(f".{target.name}.lock")
    deadline = time.monotonic() + 2 * _LOCK_WAIT
    while True:
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
            break
        except FileExistsError:
            with suppress(OSError):
                if time.time() - lock.stat().st_mtime > _LOCK_WAIT:
                    lock.unlink()
            if time.monotonic() > deadline:
                raise OutputError(f"{lock}: another process holds it; remove it if none is running") from None
            time.sleep(0.02)
        except OSError as error:
            raise OutputError(
                f"{target}: cannot be written ({error.strerror}); choose another folder"
            ) from error
    try:
        yield
    finally:
        with suppress(OSError):
            lock.unlink()
