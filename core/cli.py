# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line: what can be typed, and how errors and interruptions end it.

Exit codes: 0 done, 1 a bug, 2 something the user can put right (one line says what), 130 interrupted.
"""

from __future__ import annotations

import argparse
import importlib
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

from .console import Console, TaskConsole
from .errors import Cancelled, TableauError

BACKENDS = ("auto", "face-alignment", "mediapipe")
CUTS = ("refuse", "trim")
GAPS = ("interpolate", "hold", "leave")
SMOOTH = ("auto", "none", "light", "medium", "strong")
PERFORMANCE_FORMATS = ("live-link", "curves", "openface", "track")
MODES = ("full", "flow", "neural")
FRAME_FORMATS = ("png", "exr")
CHUNK = 25  # frames of a farm's task
# commands of core/training: name, module, what it does, examples
TRAINING = (
    (
        "personalize",
        "personalize_command",
        "make the generator a portrait's own, from one picture or more of the sitter",
        (
            "portrait.jpg -o her.sitter.safetensors",
            "portrait.jpg photo1.jpg photo2.jpg -o her.sitter.safetensors",
        ),
    ),
    (
        "prepare",
        "prepare_command",
        "turn clips and stills into episodes for training",
        ("clips -o data", "clips --stills stills -o data"),
    ),
    (
        "train",
        "train_command",
        "meta-learn the generator on prepared episodes",
        ("data -o run --minutes 60", "data -o run --resume"),
    ),
    (
        "evaluate",
        "evaluation.command",
        "measure all methods on clips that were not trained on",
        ("clips --shots 1,8,32 -o report",),
    ),
)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {message} (see {self.prog} --help)\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    console = Console()
    signal.signal(signal.SIGTERM, _terminate)
    options = argparse.Namespace(traceback=False)
    try:
        typed = sys.argv[1:] if arguments is None else list(arguments)
        options = _parser(typed).parse_args(typed)
        console = TaskConsole() if getattr(options, "farm", False) else Console(json=options.json)
        _command(options.command)(options, console)
        return 0
    except Cancelled as error:
        console.error(str(error))
        return 130
    except KeyboardInterrupt:
        console.error("interrupted; what was finished stays, run the same command again to continue")
        return 130
    except TableauError as error:
        console.error(str(error))
        if options.traceback:
            traceback.print_exc()
        return 2
    except BrokenPipeError:
        return 1
    except OSError as error:
        # the machine's doing, not ours: a full disk, a drive that went away
        place = f"{error.filename}: " if error.filename else ""
        console.error(f"{place}{error.strerror or error}; free some space or look after that drive")
        if options.traceback:
            traceback.print_exc()
        return 2
    except Exception as error:
        console.error(f"internal: {type(error).__name__}: {error} (add --traceback for where it happened)")
        if options.traceback:
            traceback.print_exc()
        return 1


def _terminate(number: int, frame: Any) -> NoReturn:
    # as Ctrl-C: files being written are cleared away, finished frames go on record
    raise KeyboardInterrupt


def _command(name: str) -> Callable[[argparse.Namespace, Console], None]:
    # late: --help needs none of the engine
    from . import commands

    return getattr(commands, name)


def _parser(typed: Sequence[str]) -> _Parser:
    parser = _Parser(prog="python -m core", description="Brings one painting or portrait to life.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)
    common = _Parser(add_help=False)
    common.add_argument("--json", action="store_true", help="print the result as JSON on stdout")
    common.add_argument("--traceback", action="store_true", help="show where an error happened")

    def add(name: str, help: str, *examples: str) -> _Parser:
        shown = "examples:\n" + "\n".join(f"  python -m core {name} {example}" for example in examples)
        return commands.add_parser(
            name,
            help=help,
            description=help[0].upper() + help[1:] + ".",
            epilog=shown,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            parents=[common],
        )

    _detect(
        add(
            "detect",
            "find the landmarks of a picture's or a video's face",
            "portrait.jpg",
            "portrait.jpg -o face.npz --overlay face.png",
            "take.mp4 -o take.npz --cuts trim",
        )
    )
    _animate(
        add(
            "animate",
            "animate a portrait with a video, a track or a preset",
            "portrait.jpg slow_smile -o out",
            "portrait.jpg take.mp4 -o loop.mp4 --fps 24000/1001 --gain mouth=1.2 --gain rotation=0.6",
            "portrait.jpg take.npz -o out --retime retime.toml --frames 1-48",
        )
    )
    _convert(
        add(
            "convert",
            "turn a performance into another program's file, or back",
            "take.csv take.npz",
            "slow_smile smile.csv --to live-link",
            "take.mp4 curves.csv --to curves",
        )
    )
    bake = add("bake", "bake a job; finished frames are kept", "out/job.json", "out/job.json --frames 1-24")
    bake.add_argument("job", type=Path, metavar="JOB.json")
    bake.add_argument("--frames", metavar="A-B", help="only these frame numbers")
    bake.add_argument(
        "--into", type=Path, metavar="DIR", help="write everything there, whatever the job says"
    )
    bake.add_argument(
        "--farm",
        action="store_true",
        help="a task of a farm: tells it the progress; with --frames the film is left to the task that joins",
    )
    farm = add("farm", "write a job for a render farm (Open Job Description)", "out/job.json -o bundle")
    farm.add_argument("job", type=Path, metavar="JOB.json")
    farm.add_argument("-o", "--output", type=Path, required=True, metavar="BUNDLE", help="the folder to make")
    farm.add_argument(
        "--chunk", type=int, default=CHUNK, metavar="N", help=f"frames of one task (default: {CHUNK})"
    )
    presets = add("presets", "list the performances that come with the program", "", "show slow_smile")
    presets.add_argument("action", nargs="?", choices=("list", "show"), default="list")
    presets.add_argument("name", nargs="?", metavar="NAME", help="the preset to show")
    check = add("check", "tell whether this Python has all that the engine needs", "", "--load")
    check.add_argument("--load", action="store_true", help="import every package instead of only asking")
    verify = add("verify", "tell where a baked file comes from", "out/frames/frame.0001.png", "out/film.mp4")
    verify.add_argument("file", type=Path, metavar="FILE", help="a frame, a film or a manifest.json")
    for name, module, text, examples in TRAINING:
        command = add(name, text, *examples)
        if name in typed:  # late: these load the networks' library
            training_command(module).add_arguments(command)
    return parser


def training_command(module: str) -> ModuleType:
    """The module of one of TRAINING."""
    return importlib.import_module(f".training.{module}", __package__)


def _detect(parser: _Parser) -> None:
    parser.add_argument("input", type=Path, metavar="IN", help="a picture or a video")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="TRACK", help="write the landmarks: .npz or .csv"
    )
    _face(parser)
    parser.add_argument("--weights", type=Path, metavar="DIR", help="folder with face-alignment's weights")
    parser.add_argument(
        "--overlay", type=Path, metavar="OUT", help="draw the landmarks: .png, .mp4 for a video"
    )
    parser.add_argument(
        "--cuts", choices=CUTS, default="refuse", help="videos with scene cuts (default: refuse)"
    )
    parser.add_argument(
        "--gaps", choices=GAPS, default="leave", help="frames without a face (default: leave)"
    )


def _convert(parser: _Parser) -> None:
    add = parser.add_argument
    add("input", metavar="IN", help="a performance: a file of any known format, a video or a preset's name")
    add("output", type=Path, metavar="OUT", help="the file to write: .csv or .npz")
    add(
        "--to",
        choices=PERFORMANCE_FORMATS,
        help="Live Link Face .csv, expression curves, OpenFace .csv or landmark track (default: as IN is)",
    )
    add("--fps", metavar="R", help="frames per second that IN counts, where it does not say: 30, 59.94")
    add("--backend", choices=BACKENDS, default="auto", help="landmark detector for a video (default: auto)")
    add("--cuts", choices=CUTS, default="refuse", help="videos with scene cuts (default: refuse)")
    add("--gaps", choices=GAPS, default="leave", help="frames without a face (default: leave)")


def _face(parser: _Parser) -> None:
    parser.add_argument(
        "--backend", choices=BACKENDS, default="auto", help="landmark detector (default: auto)"
    )
    parser.add_argument("--face", type=int, default=0, metavar="N", help="which face, 0 is the largest")
    parser.add_argument(
        "--landmarks", type=Path, metavar="FILE", help="landmarks set by hand (JSON) or a track"
    )


def _animate(parser: _Parser) -> None:
    add = parser.add_argument
    add("portrait", type=Path, metavar="PORTRAIT", help="the picture")
    add("performance", metavar="PERFORMANCE", help="a video, a track file or the name of a preset")
    add(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="OUT",
        help="a folder for frames, film, contact sheet and job, or a film: OUT.mp4",
    )
    add("--retime", metavar="RETIME.toml", help="which instant each frame shows: a file, or a preset's name")
    add("--gain", action="append", default=[], metavar="REGION=X", help="amplify (2) or damp (0.5) a region")
    add("--fps", metavar="R", help="frames per second: 25, 24000/1001, 23.976 (default: the performance's)")
    add(
        "--reference",
        default="auto",
        metavar="auto|first|N",
        help="the performance's frame that is 'at rest'",
    )
    add(
        "--mode",
        choices=MODES,
        default="full",
        help="how pixels are made: flow and generator, flow alone, or generator alone (default: full)",
    )
    add("--sitter", type=Path, metavar="FILE", help="the portrait's own generator, from personalize")
    add("--base", type=Path, metavar="DIR", help="the generator's weights (default: those that came with it)")
    add(
        "--shot",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="another frame of the same still camera: shows eyes, mouth or head as the portrait does not",
    )
    add("--frames", metavar="A-B", help="only these frame numbers, counted from 1")
    _face(parser)
    add("--cuts", choices=CUTS, default="refuse", help="videos with scene cuts (default: refuse)")
    add("--gaps", choices=GAPS, default="interpolate", help="frames without a face (default: interpolate)")
    add("--mask", type=Path, metavar="PNG", help="the sitter in white on black, as large as the portrait")
    add(
        "--smooth",
        choices=SMOOTH,
        default="auto",
        help="calm the landmarks (auto: light for a track, none for a preset)",
    )
    add("--bits", type=int, choices=(8, 16), help="bits per channel of the frames (default: the portrait's)")
    add("--format", choices=FRAME_FORMATS, help="frames as PNG, or as EXR in linear light (default: png)")
    add("--size", type=float, metavar="S", help="of the frames: a scale like 0.5, or a width in pixels")
    add("--layers", action="store_true", help="write plate, sitter and painted regions beside the frames")
    add("--sheet", action="store_true", help="write a contact sheet beside OUT.mp4 too")
