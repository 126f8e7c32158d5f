# SPDX-License-Identifier: GPL-3.0-or-later
"""Measuring: a registry of benchmarks, and how one of them is timed against its baseline."""

from __future__ import annotations

import resource
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import Any

Run = Callable[[], float | None]


@dataclass(frozen=True)
class Work:
    """What one benchmark times.

    ``run`` and ``baseline`` do the work once; they return None, or the seconds that they measured themselves
    (where the time of interest is a part of the call, such as an import inside a fresh process).
    """

    run: Run
    baseline: Run | None = None
    baseline_name: str = ""
    units: int = 1  # one call does this many of `unit`; times are told per unit
    unit: str = "call"
    details: str = ""


@dataclass(frozen=True)
class Benchmark:
    name: str
    make: Callable[[ExitStack], Work]
    limit: float | None = None  # seconds per unit that the project promises to stay below
    limit_ratio: float | None = None  # ratio to the baseline that it promises to stay below


@dataclass(frozen=True)
class Result:
    """Seconds are per unit; ``ratio`` is the median over the runs of run time over baseline time."""

    name: str
    unit: str
    runs: int
    median: float
    quartiles: tuple[float, float]
    baseline_name: str = ""
    baseline_median: float | None = None
    ratio: float | None = None
    memory: float = 0.0  # peak resident memory of the process that ran it, MiB
    limit: float | None = None
    limit_ratio: float | None = None
    details: str = ""

    @property
    def kept(self) -> bool | None:
        """Whether the promised limits were kept; None where there are none."""
        checks = []
        if self.limit is not None:
            checks.append(self.median <= self.limit)
        if self.limit_ratio is not None and self.ratio is not None:
            checks.append(self.ratio <= self.limit_ratio)
        return all(checks) if checks else None

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "kept": self.kept}


REGISTRY: dict[str, Benchmark] = {}


def benchmark(
    name: str, *, limit: float | None = None, limit_ratio: float | None = None
) -> Callable[[Callable[[ExitStack], Work]], Callable[[ExitStack], Work]]:
    """Register a function that prepares a `Work`; what it opens goes on the stack that it is given."""

    def register(make: Callable[[ExitStack], Work]) -> Callable[[ExitStack], Work]:
        if name in REGISTRY:
            raise ValueError(f"two benchmarks are called {name!r}")
        REGISTRY[name] = Benchmark(name, make, limit, limit_ratio)
        return make

    return register


def timed(run: Run) -> float:
    started = time.perf_counter()
    own = run()
    return time.perf_counter() - started if own is None else own


def measure(item: Benchmark, repeats: int) -> Result:
    """Run and baseline in turns, after one of each that is not counted, so that both see the same machine."""
    with ExitStack() as stack:
        work = item.make(stack)
        seconds: list[float] = []
        baseline: list[float] = []
        for turn in range(repeats + 1):
            own = timed(work.run) / work.units
            other = timed(work.baseline) / work.units if work.baseline else None
            if turn:
                seconds.append(own)
                if other is not None:
                    baseline.append(other)
    low, _, high = statistics.quantiles(seconds, n=4, method="inclusive") if len(seconds) > 1 else seconds * 3
    return Result(
        name=item.name,
        unit=work.unit,
        runs=repeats,
        median=statistics.median(seconds),
        quartiles=(low, high),
        baseline_name=work.baseline_name,
        baseline_median=statistics.median(baseline) if baseline else None,
        ratio=statistics.median(a / b for a, b in zip(seconds, baseline, strict=True)) if baseline else None,
        memory=peak_memory(),
        limit=item.limit,
        limit_ratio=item.limit_ratio,
        details=work.details,
    )


def peak_memory() -> float:
    """Peak resident memory so far in MiB, of this process or of the largest of its ended children."""
    scale = 1024**2 if sys.platform == "darwin" else 1024
    usages = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return max(usages) / scale


def duration(seconds: float) -> str:
    """A time as people read it: three digits and a unit."""
    for factor, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if seconds >= factor or unit == "µs":
            value = seconds / factor
            return f"{value:.{max(0, 2 - len(str(int(value))) + 1)}f} {unit}"
    raise AssertionError


def table(results: list[Result]) -> str:
    """The results as a Markdown table."""
    head = "| what | median | middle half | baseline | ratio | peak memory | promise |"
    lines = [head, "|---|---:|---:|---|---:|---:|---|"]
    for result in results:
        promises = []
        if result.limit is not None:
            promises.append(f"< {duration(result.limit)}")
        if result.limit_ratio is not None:
            promises.append(f"< {result.limit_ratio:g}x")
        promise = ", ".join(promises) + (
            "" if result.kept is None else " kept" if result.kept else " **missed**"
        )
        name = f"{result.name} ({result.details})" if result.details else result.name
        base = f"{result.baseline_name}: {duration(result.baseline_median)}" if result.baseline_median else ""
        ratio = f"{result.ratio:.2f}" if result.ratio is not None else ""
        middle = " to ".join(duration(value) for value in result.quartiles)
        per = "" if result.unit == "call" else f" / {result.unit}"
        cells = (
            name,
            duration(result.median) + per,
            middle,
            base,
            ratio,
            f"{result.memory:.0f} MiB",
            promise,
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
