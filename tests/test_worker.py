# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker as Blender starts it: a process that is spoken to through pipes."""

from __future__ import annotations

import json
import queue
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

from core import worker as worker_module

from .bakes import REPO, environment, make_job

SCRIPT = REPO / "core" / "worker.py"
# what a native library does: write to descriptor 1 without Python knowing, and read from descriptor 0
NOISE = """
import os, sys, runpy
sys.argv = [sys.argv[1]]
import builtins
original = builtins.__import__
def noisy(name, *arguments, **options):
    if name.endswith("methods") or "methods" in (arguments[2] if len(arguments) > 2 and arguments[2] else ()):
        print("a stray print")
        os.write(1, b"native noise, no line end")
        os.system("cat; echo from a child process")
    return original(name, *arguments, **options)
builtins.__import__ = noisy
runpy.run_path(sys.argv[0], run_name="__main__")
"""


class Host:
    """What the extension does: a process, a reader thread, a queue."""

    def __init__(self, *command: str, cwd: Path = REPO) -> None:
        self.process = subprocess.Popen(
            command or (sys.executable, "-I", "-u", str(SCRIPT)),
            cwd=cwd,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        self.inbox: queue.Queue[dict[str, Any]] = queue.Queue()
        self.errors: list[str] = []
        self.threads = [threading.Thread(target=self._read), threading.Thread(target=self._read_errors)]
        for thread in self.threads:
            thread.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.inbox.put(json.loads(line))  # anything that is not protocol fails here, and with it the test
        self.inbox.put({"event": "exit"})

    def _read_errors(self) -> None:
        assert self.process.stderr is not None
        self.errors.extend(self.process.stderr)

    def send(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def ask(self, identity: int, method: str, **params: Any) -> None:
        self.send(json.dumps({"id": identity, "method": method, "params": params}))

    def next(self, *events: str, timeout: float = 120) -> dict[str, Any]:
        """The next event of one of these kinds."""
        while True:
            message = self.inbox.get(timeout=timeout)
            if message["event"] in events:
                return message
            assert message["event"] == "progress", message

    def answer(self, identity: int, method: str, **params: Any) -> dict[str, Any]:
        self.ask(identity, method, **params)
        message = self.next("result", "error")
        assert message["id"] == identity
        return message

    def __enter__(self) -> Host:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for thread in self.threads:
            thread.join()


@pytest.fixture
def host() -> Iterator[Host]:
    with Host() as process:
        yield process


def test_says_hello_before_anything_heavy_is_imported(host: Host) -> None:
    hello = host.next("hello")
    assert hello["protocol"] == worker_module.PROTOCOL
    assert hello["engine"] and hello["python"] == sys.version.split()[0]
    assert hello["versions"]["numpy"]
    assert hello["process"] == host.process.pid
    if sys.platform == "linux":
        loaded = Path(f"/proc/{host.process.pid}/maps").read_text()
        assert "numpy" not in loaded and "torch" not in loaded and "cv2" not in loaded
    assert host.answer(1, "ping")["result"] == {"pong": True}


def test_runs_from_any_folder_and_under_any_package_name(tmp_path: Path) -> None:
    """Inside Blender the engine lies in an extension's folder that no path points to."""
    place = tmp_path / "tableau vivant é"
    shutil.copytree(REPO / "core", place / "core", ignore=shutil.ignore_patterns("__pycache__"))
    (place / "__init__.py").write_text("raise RuntimeError('the extension itself must not be imported')")
    with Host(sys.executable, "-I", "-u", str(place / "core" / "worker.py"), cwd=tmp_path) as host:
        host.next("hello")
        message = host.answer(1, "bake", job=str(tmp_path / "none.json"))
        assert (message["event"], message["kind"]) == ("error", "input"), message
        assert "none.json" in message["message"]
        assert str(place) in message["details"]


def test_runs_as_a_module_too() -> None:
    with Host(sys.executable, "-u", "-m", "core.worker") as host:
        host.next("hello")
        assert host.answer(1, "ping")["result"] == {"pong": True}


def test_errors_have_kinds(host: Host, tmp_path: Path) -> None:
    host.next("hello")
    host.send("this is not JSON")
    assert host.next("error")["kind"] == "protocol"
    host.send('["a", "list"]')
    assert host.next("error")["kind"] == "protocol"
    host.send('{"id": 1, "params": {}}')
    assert host.next("error") | {"details": ""} == {
        "event": "error",
        "id": 1,
        "kind": "protocol",
        "message": "not a request: KeyError: 'method'",
        "details": "",
    }
    unknown = host.answer(2, "paint")
    assert unknown["kind"] == "protocol"
    assert "paint" in unknown["message"] and "bake" in unknown["message"]
    typo = host.answer(3, "bake", jobs="x")
    assert typo["kind"] == "protocol" and "did you mean 'job'" in typo["message"]
    assert host.answer(4, "bake")["message"] == "bake: the parameter 'job' is missing"
    (tmp_path / "bad.json").write_text('{"schema": "tableau-vivant/bake-1", "portrait": 3}')
    wrong = host.answer(5, "bake", job=str(tmp_path / "bad.json"))
    assert wrong["kind"] == "input" and "Traceback" in wrong["details"]
    bug = host.answer(6, "bake", job=["not", "text"])
    assert bug["kind"] == "bug" and "TypeError" in bug["message"]
    assert host.answer(7, "ping")["result"] == {"pong": True}


def test_out_of_memory_is_a_kind_of_its_own() -> None:
    torch_like = type("OutOfMemoryError", (RuntimeError,), {})
    for error in (MemoryError(), torch_like("CUDA out of memory"), RuntimeError("(-4:Insufficient memory)")):
        assert worker_module.describe(error)[0] == "oom"
    assert worker_module.describe(RuntimeError("x"))[0] == "bug"


def test_stray_prints_and_native_noise_do_not_reach_the_protocol(tmp_path: Path) -> None:
    with Host(sys.executable, "-I", "-u", "-c", NOISE, str(SCRIPT)) as host:
        host.next("hello")
        assert host.answer(1, "bake", job=str(tmp_path / "none.json"))["kind"] == "input"
        assert host.answer(2, "ping")["result"] == {"pong": True}
        host.process.stdin.close()  # type: ignore[union-attr]
        assert host.next("exit")
        assert host.process.wait(120) == 0
        host.threads[1].join()
        noise = "".join(host.errors)
        assert "a stray print" in noise
        assert "native noise" in noise
        assert "from a child process" in noise


def test_ends_with_its_host(host: Host) -> None:
    host.next("hello")
    host.process.stdin.close()  # type: ignore[union-attr]
    assert host.process.wait(120) == 0


def test_shutdown_is_answered(host: Host) -> None:
    host.next("hello")
    assert host.answer(1, "shutdown")["event"] == "result"
    assert host.process.wait(120) == 0


def test_bake_reports_progress_and_the_result(host: Host, tmp_path: Path) -> None:
    job = make_job(tmp_path, frames=5)
    host.next("hello")
    host.ask(1, "bake", job=str(tmp_path / "job.json"))
    seen = []
    while (message := host.inbox.get(timeout=120))["event"] != "result":
        if message["event"] == "progress":
            seen.append(message)
        else:
            assert message["event"] == "hello", message
    assert {"id", "done", "total", "text"} < set(seen[-1])
    assert seen[-1]["done"] == seen[-1]["total"]
    assert message["result"]["written"] == 5
    assert len(list(job.output.folder.glob("*.png"))) == 5
    again = host.answer(2, "bake", job=str(tmp_path / "job.json"), frames="2-3")
    assert (again["result"]["kept"], again["result"]["written"]) == (2, 0)


def wait_for_frame(host: Host, number: int) -> None:
    """Until so many frames are reported as done; the steps before the first one have other texts."""
    while True:
        message = host.inbox.get(timeout=120)
        assert message["event"] == "progress", message
        if message["text"].startswith("frame") and message["done"] >= number:
            return


def test_a_cancel_during_the_preparation_is_seen_too(host: Host, tmp_path: Path) -> None:
    make_job(tmp_path, frames=400)
    host.next("hello")
    host.ask(1, "bake", job=str(tmp_path / "job.json"))
    assert host.inbox.get(timeout=120)["text"] == "fitting the head"
    host.send('{"method": "cancel", "params": {"id": 1}}')
    assert host.next("error")["kind"] == "cancelled"
    assert not (tmp_path / "frames").exists()


def test_cancel_is_seen_between_frames_and_while_waiting(host: Host, tmp_path: Path) -> None:
    job = make_job(tmp_path, frames=400)
    host.next("hello")
    host.ask(1, "bake", job=str(tmp_path / "job.json"))
    host.ask(2, "bake", job=str(tmp_path / "job.json"))
    wait_for_frame(host, 3)
    host.send('{"method": "cancel", "params": {"id": 2}}')
    host.send('{"method": "cancel", "params": {"id": 1}}')
    host.ask(3, "ping")
    assert host.next("result")["id"] == 3  # answered while the job still runs or stops
    errors = [host.next("error"), host.next("error")]
    assert [(error["id"], error["kind"]) for error in errors] == [(1, "cancelled"), (2, "cancelled")]
    done = len(list(job.output.folder.glob("*.png")))
    assert 3 <= done < 400
    host.send('{"method": "cancel", "params": {"id": 99}}')  # nobody's: nothing happens
    host.ask(4, "bake", job=str(tmp_path / "job.json"), frames=f"1-{done}")
    assert host.next("result")["result"]["kept"] == done


def test_a_host_that_dies_mid_job_takes_the_worker_with_it(host: Host, tmp_path: Path) -> None:
    make_job(tmp_path, frames=400)
    host.next("hello")
    host.ask(1, "bake", job=str(tmp_path / "job.json"))
    wait_for_frame(host, 2)
    host.process.stdin.close()  # type: ignore[union-attr]
    assert host.process.wait(120) == 0
    assert not [path for path in (tmp_path / "frames").iterdir() if path.name.startswith(".")]


def test_detect_and_presets(host: Host, tmp_path: Path) -> None:
    make_job(tmp_path, frames=1)
    host.next("hello")
    found = host.answer(1, "detect", image=str(tmp_path / "portrait.png"), output=str(tmp_path / "found.npz"))
    assert len(found["result"]["faces"]) == 1
    names = {entry["name"] for entry in host.answer(2, "presets")["result"]["presets"]}
    assert len(names) >= 8
    name = sorted(names)[0]
    assert host.answer(3, "preset", name=name)["result"]["name"] == name
    moved = host.answer(
        4,
        "retarget",
        performance=name,
        portrait=str(tmp_path / "portrait.png"),
        face=str(tmp_path / "found.npz"),
        output=str(tmp_path / "moved.npz"),
        gains={"mouth": 1.2},
        rate="12",
    )
    assert moved["event"] == "result", moved
    from core.landmarks.track import LandmarkTrack

    track = LandmarkTrack.load(tmp_path / "moved.npz")
    assert len(track) == moved["result"]["frames"] > 1
    assert moved["result"]["rate"] == "12"
    assert track.size == LandmarkTrack.load(tmp_path / "found.npz").size
