# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker process: JSON lines in on stdin, JSON lines out on stdout, one job at a time.

Out, first: {"event": "hello", "protocol": 1, ...versions}.
In: {"id": 1, "method": "bake", "params": {...}} and {"method": "cancel", "params": {"id": 1}}.
Out: {"event": "progress", "id", "done", "total", "text"}, then one of {"event": "result", "id", "result"}
and {"event": "error", "id", "kind", "message", "details"}.  Kinds are those of ``errors`` plus "protocol"
(a malformed request), "oom" (out of memory) and "bug".  The end of stdin ends it.

Run as ``python -m core.worker``, or as a script from anywhere: ``python -I -u .../core/worker.py``.
"""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import queue
import signal
import sys
import threading
import time
import traceback
from importlib import metadata
from pathlib import Path
from typing import Any, TextIO

PROTOCOL = 1
PACKAGES = ("numpy", "torch", "av", "opencv-python-headless", "mediapipe", "face-alignment")
_PACKAGE = "core"
_PROGRESS_EVERY = 0.1  # seconds
_GRACE = 5.0  # seconds that a running job gets to stop after the end of stdin


class Channel:
    """The protocol's two streams, on private file descriptors: what else prints goes to stderr.

    Native libraries write to descriptor 1 behind Python's back, so that one is pointed at stderr as well, and
    descriptor 0 at nothing, lest a child process eats requests.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        sys.stdout.flush()
        self._out: TextIO = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
        self.lines: TextIO = os.fdopen(os.dup(0), "r", encoding="utf-8", errors="replace")
        os.dup2(2, 1)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        sys.stdout = sys.stderr

    def send(self, event: str, **values: Any) -> None:
        """One event; a host that has gone is noticed by the end of stdin, not here."""
        line = json.dumps({"event": event, **values}, default=str)
        with self._lock:
            try:
                self._out.write(line + "\n")
                self._out.flush()
            except (OSError, ValueError):
                pass


class Job:
    """One request on its way: knows its id and whether it was cancelled, reports progress now and then."""

    def __init__(self, channel: Channel, identity: Any, method: str, params: dict[str, Any]) -> None:
        self.identity, self.method, self.params = identity, method, params
        self.stop = threading.Event()
        self._channel = channel
        self._last = 0.0

    def progress(self, done: int, total: int, text: str) -> None:
        now = time.monotonic()
        if now - self._last >= _PROGRESS_EVERY or done >= total:
            self._last = now
            self._channel.send("progress", id=self.identity, done=done, total=total, text=text)

    def cancelled(self) -> bool:
        return self.stop.is_set()


class Worker:
    """Reads requests, runs them one after the other in a thread of their own,
    so that cancel is always heard."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.waiting: queue.Queue[Job | None] = queue.Queue()
        self.open: dict[Any, Job] = {}
        self.guard = threading.Lock()
        self.thread = threading.Thread(target=self._work, name="jobs", daemon=True)

    def serve(self) -> None:
        """Until shutdown or the end of stdin."""
        self.channel.send("hello", **greeting())
        self.thread.start()
        for line in self.channel.lines:
            if line.strip() and not self._receive(line):
                break
        with self.guard:
            for job in self.open.values():
                job.stop.set()
        self.waiting.put(None)
        self.thread.join(_GRACE)

    def _receive(self, line: str) -> bool:
        """Handle one line; False ends the worker."""
        identity = None
        try:
            request = json.loads(line)
            identity = request.get("id")
            method, params = request["method"], request.get("params") or {}
            if not isinstance(method, str) or not isinstance(params, dict):
                raise TypeError("method must be text and params an object")
            if not isinstance(identity, int | str | None):
                identity = None
                raise TypeError("id must be a number or text")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            text = f"not a request: {type(error).__name__}: {error}"
            self._fail(identity, "protocol", text)
            return True
        if method == "cancel":
            with self.guard:
                job = self.open.get(params.get("id"))
            if job is not None:
                job.stop.set()
        elif method == "ping":
            self.channel.send("result", id=identity, result={"pong": True})
        elif method == "shutdown":
            self.channel.send("result", id=identity, result={})
            return False
        else:
            self._enqueue(Job(self.channel, identity, method, params))
        return True

    def _enqueue(self, job: Job) -> None:
        with self.guard:
            if job.identity is None or job.identity in self.open:
                taken = job.identity is not None
            else:
                self.open[job.identity] = job
                self.waiting.put(job)
                return
        text = "this id is in use" if taken else "the request has no id"
        self._fail(job.identity, "protocol", f"{job.method}: {text}")

    def _work(self) -> None:
        while (job := self.waiting.get()) is not None:
            try:
                result = self._run(job)
            except BaseException as error:
                kind, message = describe(error)
                event = {"kind": kind, "message": message, "details": traceback.format_exc()}
                self._close(job)
                self.channel.send("error", id=job.identity, **event)
            else:
                self._close(job)
                self.channel.send("result", id=job.identity, result=result)

    def _close(self, job: Job) -> None:
        with self.guard:
            self.open.pop(job.identity, None)

    def _run(self, job: Job) -> dict[str, Any]:
        from .errors import Cancelled
        from .methods import run

        if job.cancelled():
            raise Cancelled("stopped before it began")
        return run(job.method, job.params, job.progress, job.cancelled)

    def _fail(self, identity: Any, kind: str, message: str) -> None:
        self.channel.send("error", id=identity, kind=kind, message=message, details="")


def describe(error: BaseException) -> tuple[str, str]:
    """The kind of an error for the protocol and its one line."""
    from .errors import TableauError
    from .methods import ProtocolError

    text = " ".join(str(error).split())
    if isinstance(error, ProtocolError):
        return "protocol", text
    if isinstance(error, TableauError):
        return error.kind, text
    # torch and OpenCV have errors of their own for it
    if (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or "Insufficient memory" in text
    ):
        return "oom", "not enough memory; close other programs or use a smaller picture"
    if isinstance(error, OSError):  # the machine's doing: a full disk, a drive that went away
        return "output", text
    return "bug", f"{type(error).__name__}: {text}"


def greeting() -> dict[str, Any]:
    """What the host learns before anything heavy is imported."""
    from .version import VERSION

    versions: dict[str, str | None] = {}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = None
    return {
        "protocol": PROTOCOL,
        "engine": VERSION,
        "python": platform.python_version(),
        "process": os.getpid(),
        "versions": versions,
    }


def main() -> None:
    from .threads import settle_threads

    channel = Channel()
    settle_threads()
    # Ctrl-C in the terminal that Blender was started from is not meant for its worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Worker(channel).serve()
    sys.stderr.flush()
    os._exit(0)  # without waiting for a job that does not stop


def _bootstrap() -> None:
    """Run as a script: import the engine by its place and start from there.

    ``-I`` leaves no folder of ours on sys.path, and inside Blender's extension folder the engine is part of a
    package that must not be imported here.  It is called "core" in every process, because compiled code kept
    on disk is bound to the module names it was made under.
    """
    folder = Path(__file__).resolve().parent
    spec = importlib.util.spec_from_file_location(
        _PACKAGE, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None and spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules[_PACKAGE] = package
    spec.loader.exec_module(package)
    importlib.import_module(f"{_PACKAGE}.worker").main()


if __name__ == "__main__":
    if __package__:
        main()
    else:
        _bootstrap()
