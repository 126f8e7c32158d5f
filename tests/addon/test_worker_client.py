# SPDX-License-Identifier: GPL-3.0-or-later
"""The extension's end of the worker protocol against workers that behave, and that do not."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from addon import worker_client
from addon.problems import Problem, Stopped
from addon.worker_client import Request, Worker

HELLO = 'print(\'{"event": "hello", "protocol": 1}\', flush=True)\n'
LOOP = """
import json, os, sys
def say(event, **values): print(json.dumps({"event": event, **values}), flush=True)
variables = [name for name in os.environ if name.startswith("PYTHON")]
say("hello", protocol=1, variables=variables, isolated=sys.flags.isolated)
for line in sys.stdin:
    message = json.loads(line)
    number, method, params = message["id"], message["method"], message["params"]
    if method == "echo":
        print("a stray line")
        say("progress", id=number, done=1, total=2, text="half")
        say("result", id=number, result=params)
    elif method == "fail":
        say("error", id=number, kind="input", message="two\\nlines", details="trace")
    elif method == "die":
        print("the last words", file=sys.stderr, flush=True)
        os._exit(3)
    elif method == "die once":
        mark = params["mark"]
        if not os.path.exists(mark):
            open(mark, "w").close()
            print("out of luck", file=sys.stderr, flush=True)
            os._exit(3)
        say("result", id=number, result={"process": os.getpid()})
    elif method == "cancel":
        say("error", id=params["id"], kind="cancelled", message="stopped")
    elif method == "shutdown":
        break
"""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[str], Worker]]:
    made = []

    def make(source: str) -> Worker:
        script = tmp_path / "worker.py"
        script.write_text(source)
        made.append(Worker(Path(sys.executable), [str(script)], tmp_path / "log" / "engine.log"))
        return made[-1]

    yield make
    for worker in made:
        worker.close()


PATIENCE = 300.0
"""Seconds after which something hangs: a busy machine takes its time."""


def wait(worker: Worker, *requests: Request) -> None:
    deadline = time.monotonic() + PATIENCE
    while not all(request.done for request in requests):
        assert time.monotonic() < deadline, "the worker did not answer"
        worker.pump()
        time.sleep(0.005)


def test_requests_get_their_own_answers(
    start: Callable[[str], Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", os.getcwd())
    worker = start(LOOP)
    first, second = worker.request("echo", text="ä"), worker.request("echo", text="b")
    failing = worker.request("fail")
    wait(worker, first, second, failing)
    assert (first.result, second.result) == ({"text": "ä"}, {"text": "b"})
    assert (first.finished, first.total, first.text) == (1, 2, "half")
    assert str(failing.problem) == "two lines"
    assert failing.problem is not None
    assert failing.problem.details == "trace"
    assert worker.hello is not None
    assert worker.hello["variables"] == []
    assert worker.hello["isolated"] == 1


def test_a_crash_is_a_problem_and_the_next_request_starts_again(start: Callable[[str], Worker]) -> None:
    worker = start(LOOP)
    dying, behind = worker.request("die"), worker.request("echo")
    wait(worker, dying, behind)
    for request in (dying, behind):
        assert "code 3" in str(request.problem)
        assert "the last words" in str(request.problem)
    again = worker.request("echo", number=7)
    wait(worker, again)
    assert again.result == {"number": 7}


def test_what_crashed_the_worker_once_is_asked_again(start: Callable[[str], Worker], tmp_path: Path) -> None:
    worker = start(LOOP)
    first, second = worker.request("die once", mark=str(tmp_path / "mark")), worker.request("echo", text="b")
    wait(worker, first, second)
    assert first.problem is None and first.result is not None
    assert second.result == {"text": "b"}
    assert first.notice == second.notice == "The engine stopped unexpectedly (code 3) and was started again"
    assert "out of luck" in worker.output(), "what the crashed process said is gone"
    calm = worker.request("echo")
    wait(worker, calm)
    assert calm.notice == ""


def test_a_second_crash_is_a_problem_with_all_that_was_said(start: Callable[[str], Worker]) -> None:
    worker = start(LOOP)
    dying = worker.request("die")
    wait(worker, dying)
    assert dying.problem is not None
    assert dying.problem.details.count("the last words") == 2


def test_a_worker_that_never_comes_up_is_not_tried_again(
    start: Callable[[str], Worker], tmp_path: Path
) -> None:
    mark = tmp_path / "starts"
    worker = start(f"open({str(mark)!r}, 'a').write('x'); raise SystemExit('no engine here')")
    request = worker.request("echo")
    wait(worker, request)
    assert "no engine here" in str(request.problem)
    assert mark.read_text() == "x"


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is ended for being slow."""
    monkeypatch.setattr(worker_client, "CANCEL_SECONDS", PATIENCE)


@pytest.mark.usefixtures("patient")
def test_what_was_cancelled_is_not_asked_again(start: Callable[[str], Worker]) -> None:
    worker = start(LOOP.replace('say("error", id=params["id"]', 'os._exit(3); ("error", '))
    slow = worker.request("wait")
    worker.cancel(slow)
    wait(worker, slow)
    assert isinstance(slow.problem, Stopped)
    assert slow.notice == ""


@pytest.mark.usefixtures("patient")
def test_cancel_is_not_an_error(start: Callable[[str], Worker]) -> None:
    worker = start(LOOP)
    slow = worker.request("wait")
    worker.cancel(slow)
    wait(worker, slow)
    assert isinstance(slow.problem, Stopped)
    assert worker.running


def test_a_worker_deaf_to_cancel_is_ended(
    start: Callable[[str], Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_client, "CANCEL_SECONDS", 0.2)
    worker = start(HELLO + "import time; time.sleep(600)")
    slow = worker.request("wait")
    worker.cancel(slow)
    wait(worker, slow)
    assert isinstance(slow.problem, Stopped)
    assert not worker.running


def test_other_protocols_are_refused(start: Callable[[str], Worker]) -> None:
    worker = start(HELLO.replace("1}", "2}") + "import time; time.sleep(600)")
    request = worker.request("echo")
    wait(worker, request)
    assert "protocol 2" in str(request.problem)
    assert not worker.running


def test_silence_is_noticed(start: Callable[[str], Worker], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_client, "HELLO_SECONDS", 0.2)
    worker = start("import time; time.sleep(600)")
    request = worker.request("echo")
    wait(worker, request)
    assert "did not answer" in str(request.problem)


def test_close_ends_what_waits(start: Callable[[str], Worker]) -> None:
    worker = start(LOOP)
    slow = worker.request("wait")
    worker.close()
    assert isinstance(slow.problem, Problem)
    assert not worker.running


def test_close_ends_a_worker_that_does_not_listen(start: Callable[[str], Worker]) -> None:
    worker = start(HELLO + "import time; time.sleep(600)")
    slow = worker.request("wait")
    deadline = time.monotonic() + PATIENCE
    while worker.hello is None:
        assert time.monotonic() < deadline
        worker.pump()
        time.sleep(0.005)
    process = worker._process
    worker.close()
    assert process is not None and process.poll() not in (None, 0), "it is ended, not waited for"
    assert slow.done
    assert not worker.running


def test_a_python_that_is_none(tmp_path: Path) -> None:
    program = tmp_path / "python"
    program.write_text("not a program")
    with pytest.raises(Problem, match="does not start"):
        Worker(program, [], tmp_path / "log").request("echo")
