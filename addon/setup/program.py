# SPDX-License-Identifier: GPL-3.0-or-later
"""A program that a job waits for: its lines as progress, its whole output where it fails, all of it ended on
cancel, with whatever it has started itself."""

from __future__ import annotations

import atexit
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from ..problems import Problem, Stopped, one_line
from ..tasks import Task

# what pip and uv say about a package that they have come to
_PACKAGE = re.compile(r"\s*(?:Collecting|Processing|Downloading|Downloaded|Building)\s+(\S+)(.*)")
# what they say where an artist can do something about it, and how to say it to one
_TELLING = (
    (r"do not match the hashes|hash mismatch", "a package is not the one that was pinned (its hash differs)"),
    (r"no space left", "the disk is full; make room and try again"),
    (
        r"to establish a new connection|name resolution|dns error|connection (refused|reset)|timed out",
        "the internet cannot be reached; try again, or name a folder of wheels",
    ),
)
_OURS = ("PYTHON", "VIRTUAL_ENV", "CONDA", "__PYVENV")


_live: weakref.WeakSet[Program] = weakref.WeakSet()


class Program(Task):
    """``result`` is {"output": everything that it printed}.

    ``title`` says what it does.  Packages that its lines name move ``progress`` on from ``start``
    by at most ``span`` of ``total`` steps.  ``extra`` are environment variables; None takes one away.
    """

    def __init__(
        self,
        argv: Sequence[str | Path],
        title: str,
        *,
        extra: Mapping[str, str | None] | None = None,
        steps: tuple[int, int, int] = (0, 0, 0),
    ) -> None:
        super().__init__()
        self.argv, self.title, self.text = [str(part) for part in argv], title, title
        self.finished, self._span, self.total = steps
        self._start = self.finished
        self._said: list[str] = []
        self._named: set[str] = set()
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._cancelled = False
        changes = {"PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8", **(extra or {})}
        wanted = {**{key: value for key, value in os.environ.items() if not key.startswith(_OURS)}, **changes}
        try:
            self.process = subprocess.Popen(
                self.argv,
                env={key: value for key, value in wanted.items() if value is not None},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                encoding="utf-8",
                errors="replace",
                start_new_session=sys.platform != "win32",  # so that it can be ended with its children
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except OSError as error:
            raise Problem(f"{self.argv[0]}: does not start ({error.strerror or error})") from error
        _live.add(self)
        threading.Thread(target=self._read, name="tableau-program", daemon=True).start()

    def pump(self) -> None:
        with suppress(queue.Empty):
            while not self.done:
                line = self._lines.get_nowait()
                if line is None:
                    self._finish()
                else:
                    self._said.append(line)
                    self._note(line)

    def cancel(self) -> None:
        self._cancelled = True
        self.kill()

    def kill(self) -> None:
        """End it and its children at once."""
        if self.process.poll() is not None:
            return
        if sys.platform == "win32":
            subprocess.run(
                ["taskkill", "/F", "/T", "/PID", str(self.process.pid)],
                capture_output=True,
                check=False,
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        else:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with suppress(ValueError, OSError), self.process.stdout as lines:
            for line in lines:
                self._lines.put(line.rstrip())
        self.process.wait()
        self._lines.put(None)

    def _note(self, line: str) -> None:
        if found := _PACKAGE.match(line):
            name = re.split(r"[=<>~!;\[ ]|-\d", found[1].rpartition("/")[2], maxsplit=1)[0]
            self._named.add(name.lower().replace("_", "-"))
            self.finished = self._start + min(len(self._named), self._span)
            self.text = f"{self.title}: {name}{found[2] if 'MiB' in found[2] or 'MB' in found[2] else ''}"

        elif line.startswith(("Installing collected packages", "Prepared ")):
            self.text = f"{self.title}: unpacking"

    def _finish(self) -> None:
        output = "\n".join(self._said)
        if self._cancelled:
            self.problem = Stopped(f"{self.title}: stopped", output)
        elif self.process.returncode == 0:
            self.result = {"output": output}
        else:
            command = " ".join(self.argv)
            self.problem = Problem(f"{self.title} failed: {self._reason()}", f"$ {command}\n{output}")

    def _reason(self) -> str:
        """The most telling one of its lines."""
        spoken = [line for line in self._said if line.strip()]
        for pattern, words in _TELLING:
            if any(re.search(pattern, line, re.IGNORECASE) for line in spoken):
                return words
        errors = [line for line in spoken if re.match(r"\s*(error|cause|caused by)\b", line, re.IGNORECASE)]
        reason = (errors or spoken or [f"exit code {self.process.returncode}"])[-1]
        return one_line(reason)[:300]


@atexit.register
def _end_all() -> None:
    """Nothing that was started outlives Blender."""
    for program in list(_live):
        program.kill()
