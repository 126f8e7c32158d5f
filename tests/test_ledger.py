# SPDX-License-Identifier: GPL-3.0-or-later
"""Journals and manifests under the accidents that they are made for."""

from __future__ import annotations

import json
import os
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core import ledger as ledger_module
from core.errors import InputError, OutputError
from core.ledger import FrameRecord, Ledger, file_record, intact


def record(number: int, folder: Path, content: bytes = b"frame", inputs: str = "abc") -> FrameRecord:
    path = folder / f"f.{number:04d}.png"
    path.write_bytes(content)
    return file_record(path, inputs)


def test_frames_are_known_before_and_after_the_fold(tmp_path: Path) -> None:
    writer = Ledger(tmp_path / "manifest.json", "f")
    assert writer.frames() == {} and not writer.pending
    first, second = record(1, tmp_path), record(2, tmp_path)
    writer.append(1, first)
    writer.append(2, second)
    assert Ledger(tmp_path / "manifest.json", "f").frames() == {1: first, 2: second}
    writer.fold({"rate": "25/1"})
    reader = Ledger(tmp_path / "manifest.json", "f")
    assert reader.frames() == {1: first, 2: second}
    assert reader.header() == {"rate": "25/1"} and not reader.pending
    assert sorted(path.name for path in tmp_path.iterdir()) == ["f.0001.png", "f.0002.png", "manifest.json"]


def test_layers_and_the_plate_stay_with_their_frames(tmp_path: Path) -> None:
    one, other = (Ledger(tmp_path / "manifest.json", "f") for _ in range(2))
    sitter, plate = record(8, tmp_path), record(9, tmp_path)
    frame = replace(record(1, tmp_path), layers={"sitter": sitter})
    assert one.plate() is None
    one.append_plate(plate)
    one.append(1, frame)
    assert other.plate() == plate and other.frames() == {1: frame}
    later = replace(plate, mtime_ns=plate.mtime_ns + 5, sha256="other")
    other.append_plate(later)
    other.fold({"rate": "25/1"})
    one.fold({"rate": "25/1"})
    assert one.plate() == later and one.frames() == {1: frame} and one.header() == {"rate": "25/1"}
    assert not one.pending


def test_a_torn_line_costs_one_frame(tmp_path: Path) -> None:
    writer = Ledger(tmp_path / "manifest.json", "f")
    writer.append(1, record(1, tmp_path))
    writer.append(2, record(2, tmp_path))
    writer.close()
    (journal,) = writer.folder.glob("*.jsonl")
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:2]) + lines[2][: len(lines[2]) // 2])
    assert set(Ledger(tmp_path / "manifest.json", "f").frames()) == {1}


def test_journals_go_when_their_writer_has(tmp_path: Path) -> None:
    dead, alive = 2**22 + 1, os.getpid()  # above what Linux gives out by default
    folder = Ledger(tmp_path / "manifest.json", "f").folder
    folder.mkdir()
    for number, process in enumerate((dead, alive), 1):
        head = {"bake": "f", "host": ledger_module.socket.gethostname(), "process": process}
        line = {"frame": number, **vars(record(number, tmp_path))}
        (folder / f"{number}.jsonl").write_text(json.dumps(head) + "\n" + json.dumps(line) + "\n")
    Ledger(tmp_path / "manifest.json", "f").fold({})
    assert [path.name for path in folder.iterdir()] == ["2.jsonl"]  # its process may still write
    assert set(Ledger(tmp_path / "manifest.json", "f").frames()) == {1, 2}


def test_the_later_of_two_bakes_of_a_frame_counts(tmp_path: Path) -> None:
    old = record(1, tmp_path, inputs="old")
    late = Ledger(tmp_path / "manifest.json", "f")
    late.append(1, FrameRecord(old.file, "new", old.size, old.mtime_ns + 5, old.sha256))
    early = Ledger(tmp_path / "manifest.json", "f")
    early.append(1, old)
    assert Ledger(tmp_path / "manifest.json", "f").frames()[1].inputs == "new"


def test_many_folds_at_once_lose_nothing(tmp_path: Path) -> None:
    def work(number: int) -> None:
        mine = Ledger(tmp_path / "manifest.json", "f")
        mine.append(number, record(number, tmp_path))
        mine.fold({"by": number})

    threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 21)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(Ledger(tmp_path / "manifest.json", "f").frames()) == set(range(1, 21))


def test_a_folder_removed_between_making_and_writing_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, make = Ledger(tmp_path / "manifest.json", "f"), Path.mkdir
    removals = iter(range(3))

    def made_and_removed(folder: Path, *rest: Any, **options: Any) -> None:
        make(folder, *rest, **options)
        if folder == ledger.folder and next(removals, None) is not None:
            folder.rmdir()  # what another process does at the end of its fold

    monkeypatch.setattr(Path, "mkdir", made_and_removed)
    ledger.append(1, record(1, tmp_path))
    assert set(ledger.frames()) == {1}


def test_a_fold_while_the_frames_are_read_hides_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer, reader = (Ledger(tmp_path / "manifest.json", "f") for _ in range(2))
    writer.append(1, record(1, tmp_path))
    listed = Ledger._journals
    folds = iter([lambda: writer.fold({})])

    def listed_and_folded(ledger: Ledger) -> list[Path]:
        names = listed(ledger)
        for fold in folds if ledger is reader else ():
            fold()
        return names

    monkeypatch.setattr(Ledger, "_journals", listed_and_folded)
    assert set(reader.frames()) == {1}
    assert not writer.pending


def test_a_folder_removed_while_it_is_made_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, is_dir = Ledger(tmp_path / "manifest.json", "f"), Path.is_dir
    ledger.folder.mkdir()
    removals = iter(range(1))

    def removed_and_asked(folder: Path, *rest: Any, **options: Any) -> bool:
        if folder == ledger.folder and next(removals, None) is not None:
            folder.rmdir()  # another process's fold, after `mkdir` found the folder and before it looks at it
        return is_dir(folder, *rest, **options)

    monkeypatch.setattr(Path, "is_dir", removed_and_asked)
    ledger.append(1, record(1, tmp_path))
    assert next(removals, None) is None
    assert set(ledger.frames()) == {1}


def test_a_file_in_the_place_of_the_journals_is_named(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "manifest.json", "f")
    ledger.folder.write_bytes(b"")
    with pytest.raises(OutputError, match=r"\.manifest-journal"):
        ledger.append(1, record(1, tmp_path))


def test_a_lock_left_behind_is_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = tmp_path / ".manifest.json.lock"
    lock.touch()
    os.utime(lock, (time.time() - 3600,) * 2)
    Ledger(tmp_path / "manifest.json", "f").fold({})
    assert not lock.exists() and (tmp_path / "manifest.json").is_file()
    lock.touch()
    monkeypatch.setattr(ledger_module, "_LOCK_WAIT", 0.05)
    os.utime(lock, (time.time() + 3600,) * 2)  # held by a machine whose clock is ahead
    with pytest.raises(OutputError, match=r"manifest\.json\.lock: another process"):
        Ledger(tmp_path / "manifest.json", "f").fold({})


def test_intact_looks_at_size_time_and_content(tmp_path: Path) -> None:
    known = record(1, tmp_path)
    path = tmp_path / known.file
    assert intact(path, known)
    os.utime(path, (5, 5))
    assert intact(path, known)
    path.write_bytes(b"frams")
    assert not intact(path, known)
    path.write_bytes(b"frame and more")
    assert not intact(path, known)
    path.unlink()
    assert not intact(path, known)


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"schema": "tableau-vivant/manifest-1", "bakes": {"f": 3}}']
)
def test_a_foreign_manifest_is_never_overwritten(tmp_path: Path, content: str) -> None:
    (tmp_path / "manifest.json").write_text(content)
    for act in (lambda ledger: ledger.frames(), lambda ledger: ledger.fold({})):
        with pytest.raises(InputError, match=r"manifest\.json: not a manifest"):
            act(Ledger(tmp_path / "manifest.json", "f"))
    assert (tmp_path / "manifest.json").read_text() == content
    assert not (tmp_path / ".manifest.json.lock").exists()
