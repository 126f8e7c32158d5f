# SPDX-License-Identifier: GPL-3.0-or-later
"""``train``: meta-learn the generator on prepared episodes, in one process or under torchrun."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

from ..errors import InputError
from .checkpoint import STATE
from .config import TrainingConfig, load_configs
from .loop import Loop, TrainOptions, TrainResult
from .parallel import choose_device, crew_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command; their names are those of TrainOptions."""
    parser.add_argument("data", type=Path, metavar="DATA", help="folder of prepared episodes")
    parser.add_argument("-o", "--run", type=Path, required=True, metavar="RUN", help="folder of the run")
    parser.add_argument(
        "--config",
        type=Path,
        default=Path("base"),
        metavar="FILE",
        help="base, small or a .toml (default: base)",
    )
    parser.add_argument("--minutes", type=float, metavar="M", help="stop after so many minutes")
    parser.add_argument("--steps", type=int, metavar="N", help="stop when the run has done so many steps")
    parser.add_argument("--resume", action="store_true", help="go on exactly where RUN was saved")
    parser.add_argument("--init", type=Path, metavar="FOLDER", help="start from these base weights")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--save-minutes", type=float, metavar="M", help="minutes between two saves")
    parser.add_argument(
        "--no-state",
        dest="keep_state",
        action="store_const",
        const=False,
        help="save only RUN/base, the averaged weights; such a run cannot be resumed exactly",
    )


def options_of(arguments: argparse.Namespace) -> TrainOptions:
    """The options from parsed arguments; other arguments are left alone."""
    return TrainOptions(**{name: getattr(arguments, name) for name in TrainOptions.__dataclass_fields__})


def run(
    options: TrainOptions,
    progress: Callable[[int, int, str], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    remark: Callable[[str], None] | None = None,
) -> TrainResult:
    """Train until a bound is reached, saving as it goes.

    ``progress`` gets (done, total, text), ``remark`` a line now and then, both only in the process that
    leads.  Raises InputError and WeightsError for what cannot be used, Cancelled (after a save) when
    ``cancelled`` says so, TableauError when the loss is no longer a number: the last save then stays.
    """
    started = time.monotonic()
    _check(options)
    networks, config = load_configs(options.config)
    config = _overridden(config, options)
    device = choose_device(options.device)
    with crew_of(device) as crew:
        loop = Loop(options, networks, config, crew, device, started, progress, cancelled, remark)
        return loop.run()


def _check(options: TrainOptions) -> None:
    if options.resume and options.init is not None:
        raise InputError("--resume and --init exclude each other: a resumed run has its own weights")
    for name in ("minutes", "steps", "save_minutes"):
        value = getattr(options, name)
        if value is not None and value <= 0:
            raise InputError(f"--{name.replace('_', '-')} {value}: must be above 0")
    if not options.resume and (options.run / STATE).exists():
        raise InputError(f"{options.run}: holds a run; go on with --resume or choose another folder")


def _overridden(config: TrainingConfig, options: TrainOptions) -> TrainingConfig:
    data = config.to_dict()
    for name in ("save_minutes", "keep_state"):
        if getattr(options, name) is not None:
            data[name] = getattr(options, name)
    return TrainingConfig.from_dict(data)
