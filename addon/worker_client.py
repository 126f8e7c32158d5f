# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's worker process as Blender sees it: requests out, events in;
nothing here waits and nothing needs bpy.

A reader thread turns the worker's lines into a queue;
``pump`` on the main thread hands them to their requests.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from .problems import Problem, Stopped, one_line
from .tasks import Task

PROTOCOL = 1
HELLO_SECONDS = 120.0
CANCEL_SECONDS = 10.0
LOG_CHARACTERS = 200_000


class Request(Task):
    """One call of the worker."""

    def __init__(self, worker: Worker, number: int, method: str, params: dict[str, Any]) -> None:
        super().__init__()
        self.worker, self.number, self.method, self.params = worker, number, method, params
        self.cancelled_at: float | None = None

    @property
    def progress(self) -> tuple[int, int, str]:
        if self.worker.hello is None:
            return 0, 0, "Starting the engine again" if self.notice else "Starting the engine"
        return super().progress

    def pump(self) -> None:
        self.worker.pump()

    def cancel(self) -> None:
        self.worker.cancel(self)


class Worker:
    """One worker process, started by the first request and again after a crash.

    What it was working on when it crashed is asked for once more; a second crash is a problem.
    ``program`` is what follows the interpreter's own options: a script, or ``-c`` and code.
    """

    def __init__(self, python: Path, program: Sequence[str], log: Path) -> None:
        self.python, self.program, self.log = python, program, log
        self.hello: dict[str, Any] | None = None
        self._process: subprocess.Popen[str] | None = None
        self._inbox: queue.Queue[dict[str, Any]] = queue.Queue()
        self._requests: dict[int, Request] = {}
        self._unsent: list[dict[str, Any]] = []
        self._number = 0
        self._started = 0.0
        self._log_start: int | None = None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def request(self, method: str, /, **params: Any) -> Request:
        """Send a request (starting the process where needed); its outcome arrives through ``pump``."""
        self.pump()
        if not self.running:
            self._start()
        self._number += 1
        request = Request(self, self._number, method, params)
        self._requests[request.number] = request
        self._ask(request)
        return request

    def cancel(self, request: Request) -> None:
        """Ask the worker to stop a request; one that does not listen is ended with its process."""
        if request.done or request.cancelled_at is not None:
            return
        request.cancelled_at = time.monotonic()
        self._send({"id": 0, "method": "cancel", "params": {"id": request.number}})

    def pump(self) -> None:
        """Deliver what has arrived; never blocks.  Call it on the main thread."""
        with suppress(queue.Empty):
            while True:
                self._deliver(self._inbox.get_nowait())
        now = time.monotonic()
        if self.running and self.hello is None and now - self._started > HELLO_SECONDS:
            self._end(f"The engine did not answer within {HELLO_SECONDS:.0f} s; see {self.log}")
        if any(
            r.cancelled_at is not None and now - r.cancelled_at > CANCEL_SECONDS
            for r in self._requests.values()
        ):
            self._end("The engine did not stop when asked and was ended")

    def close(self) -> None:
        """End the process; what it had not finished becomes a problem."""
        if self._process is None:
            return
        with suppress(OSError, ValueError, subprocess.TimeoutExpired):
            self._write({"id": 0, "method": "shutdown", "params": {}})
            self._pipe(self._process.stdin).close()
            self._process.wait(timeout=1.0)
        self._end("The engine was stopped")

    def output(self) -> str:
        """The end of what the worker said on stderr in this session, crashes included; for bug reports."""
        with suppress(OSError):
            return self.log.read_text(encoding="utf-8", errors="replace")[-LOG_CHARACTERS:]
        return ""

    # ------------------------------------------------------------------ inside

    def _start(self) -> None:
        if self._process is not None:
            self._end("The engine stopped")
        environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        self.log.parent.mkdir(parents=True, exist_ok=True)
        # a new start after a crash adds to the log, so that the reason of the crash can still be read
        log = open(self.log, "w" if self._log_start is None else "a", encoding="utf-8")  # noqa: SIM115
        self._log_start = self.log.stat().st_size
        try:
            self._process = subprocess.Popen(
                [str(self.python), "-I", "-u", "-X", "utf8", *self.program],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                encoding="utf-8",
                errors="replace",
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except OSError as error:
            what = f"the engine's Python does not start ({error.strerror})"
            raise Problem(f"{self.python}: {what}; choose it in the preferences") from error
        finally:
            log.close()
        self.hello, self._unsent, self._started = None, [], time.monotonic()
        self._inbox = queue.Queue()
        threading.Thread(
            target=_read, args=(self._process, self._inbox), name="tableau-worker", daemon=True
        ).start()

    def _ask(self, request: Request) -> None:
        self._send({"id": request.number, "method": request.method, "params": request.params})

    def _send(self, message: dict[str, Any]) -> None:
        if self.hello is None:
            self._unsent.append(message)
            return
        try:
            self._write(message)
        except (OSError, ValueError):  # it died meanwhile; its exit event tells the requests
            return

    def _write(self, message: dict[str, Any]) -> None:
        assert self._process is not None
        pipe = self._pipe(self._process.stdin)
        pipe.write(json.dumps(message) + "\n")
        pipe.flush()

    @staticmethod
    def _pipe(pipe: IO[str] | None) -> IO[str]:
        if pipe is None:
            raise ValueError("the process has no such pipe")
        return pipe

    def _deliver(self, message: dict[str, Any]) -> None:
        event = message.get("event")
        if event == "hello":
            self._greet(message)
        elif event == "exit":
            self._crashed(int(message["code"]))
        request = self._requests.get(message.get("id") or 0)
        if request is None:
            return
        if event == "progress":
            request.finished, request.total = int(message.get("done", 0)), int(message.get("total", 0))
            request.text = str(message.get("text", ""))
        elif event == "result":
            request.result = message.get("result") or {}
        elif event == "error":
            kind = Stopped if message.get("kind") == "cancelled" else Problem
            details = message.get("details") or ""
            request.problem = kind(str(message.get("message", "The engine failed")), str(details))
        if request.done:
            del self._requests[request.number]

    def _greet(self, message: dict[str, Any]) -> None:
        if message.get("protocol") != PROTOCOL:
            theirs = message.get("protocol")
            self._end(f"The engine speaks protocol {theirs}, this extension {PROTOCOL}; update the older one")
            return
        self.hello = message
        waiting, self._unsent = self._unsent, []
        for item in waiting:
            self._send(item)

    def _crashed(self, code: int) -> None:
        """Start again with what was open; give up what has crashed the worker before."""
        how = "killed, perhaps for want of memory" if code == -9 else f"code {code}"
        why = f"The engine stopped unexpectedly ({how})"
        came_up, words = self.hello is not None, self._last_words()
        again = {
            number: request
            for number, request in self._requests.items()
            if came_up and not request.notice and request.cancelled_at is None
        }
        self._requests = {number: one for number, one in self._requests.items() if number not in again}
        self._end(f"{why}: {words}")
        if not again:
            return
        self._requests = again
        for request in again.values():
            request.notice = f"{why} and was started again"
            request.finished = request.total = 0
        try:
            self._start()
        except Problem as problem:
            self._end(str(problem))
            return
        for request in again.values():
            self._ask(request)

    def _end(self, why: str) -> None:
        process, self._process, self.hello = self._process, None, None
        if process is not None:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(timeout=2.0)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with suppress(OSError):
                        pipe.close()
        requests, self._requests = list(self._requests.values()), {}
        for request in requests:
            request.problem = (Stopped if request.cancelled_at is not None else Problem)(why, self.output())

    def _last_words(self) -> str:
        with suppress(OSError):
            said = self.log.read_bytes()[self._log_start or 0 :].decode("utf-8", "replace")
            spoken = [line for line in said.split("\n") if line.strip()]
            if spoken:
                return one_line(spoken[-1])[:300]
        return f"see {self.log}"


def _read(process: subprocess.Popen[str], inbox: queue.Queue[dict[str, Any]]) -> None:
    """Body of the reader thread: lines of JSON to the queue, anything else is not ours."""
    assert process.stdout is not None
    with suppress(ValueError, OSError):  # the pipe is closed under us when the worker is ended
        for line in process.stdout:
            with suppress(json.JSONDecodeError):
                message = json.loads(line)
                if isinstance(message, dict):
                    inbox.put(message)
    inbox.put({"event": "exit", "code": process.wait()})
