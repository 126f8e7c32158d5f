# SPDX-License-Identifier: GPL-3.0-or-later
"""Journals and manifests under the accidents that they are made for."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path

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
