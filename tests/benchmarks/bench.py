# SPDX-License-Identifier: GPL-3.0-or-later
"""Speed and memory of every stage: `python build.py bench [--only NAME] [--json] [--repeats N]`.

Each benchmark runs in a process of its own, so that its memory peak is its own, with its baseline in the same
process and in turns with it.  Exit code 1 where one fails or a promise is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

from tests.benchmarks import speed, speed_blender  # noqa: F401 - importing them registers the benchmarks
from tests.benchmarks.harness import REGISTRY, Result, measure, table

REPO = Path(__file__).resolve().parents[2]


def in_own_process(name: str, repeats: int) -> Result | str:
    """The result of one benchmark, or one line that says why there is none."""
    argv = [sys.executable, "-m", "tests.benchmarks.bench", "--child", name, "--repeats", str(repeats)]
    # bytecode is written as in normal use: a benchmark of an import must not measure the compiler
    variables = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(argv, cwd=REPO, env=variables, capture_output=True, text=True, check=False)
    lines = done.stdout.strip().splitlines()
    if done.returncode != 0 or not lines:
        return (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
    data = json.loads(lines[-1])
    data.pop("kept")
    return Result(**{**data, "quartiles": tuple(data["quartiles"])})


def machine() -> str:
    return f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="build.py bench", description=__doc__)
    parser.add_argument("--only", metavar="NAME", action="append", help="benchmarks whose name contains NAME")
    parser.add_argument("--repeats", type=int, default=7, metavar="N", help="timed runs of each (default: 7)")
    parser.add_argument("--json", action="store_true", help="results as JSON on stdout")
    parser.add_argument("--list", action="store_true", help="only name the benchmarks")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(measure(REGISTRY[options.child], options.repeats).as_dict()))
        return 0
    names = [name for name in REGISTRY if not options.only or any(part in name for part in options.only)]
    if not names:
        parser.error(f"no benchmark is called {' or '.join(options.only)}; there are: {', '.join(REGISTRY)}")
    if options.list:
        print("\n".join(names))
        return 0
    results: list[Result] = []
    failures: dict[str, str] = {}
    for name in names:
        print(f"{name} ...", file=sys.stderr, flush=True)
        outcome = in_own_process(name, options.repeats)
        if isinstance(outcome, Result):
            results.append(outcome)
        else:
            failures[name] = outcome
    if options.json:
        report = {
            "machine": machine(),
            "results": [result.as_dict() for result in results],
            "failures": failures,
        }
        print(json.dumps(report, indent=1))
    else:
        print(f"{table(results)}\n\nMedian of {options.repeats} runs; {machine()}.")
    for name, reason in failures.items():
        print(f"failed: {name}: {reason}", file=sys.stderr)
    return 1 if failures or any(result.kept is False for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
