# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run leaves: averaged weights to ship (RUN/base), and all that an exact resumption needs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from ..atomic import atomic_path
from ..errors import WeightsError
from ..generator.config import GeneratorConfig
from ..generator.raster import RASTER_VERSION
from ..generator.weights import save_base
from .meta import Trainer
from .prepared import Source

SCHEMA = "tableau-vivant/training-1"
STATE, BASE = "state.safetensors", "base"


@dataclass(frozen=True)
class Progress:
    """How far a run has come: samples seen and seconds spent in all its parts."""

    samples: int = 0
    seconds: float = 0.0


def save_run(
    run: Path,
    trainer: Trainer,
    networks: GeneratorConfig,
    sources: tuple[Source, ...],
    progress: Progress,
    meta: dict[str, Any],
) -> None:
    """Write RUN/base and, where the configuration keeps it, RUN/state.safetensors."""
    mean = trainer.networks.averaged
    # one that never judged is noise, and a fifth of the files
    judge = trainer.networks.discriminator if trainer.judged else None
    save_base(run / BASE, networks, mean.embedder, mean.projection, mean.generator, judge, meta)
    if not trainer.config.keep_state:
        return
    tensors = {f"networks.{name}": value for name, value in trainer.networks.state_dict().items()}
    for name, optimizer in trainer.optimizers.items():
        for index, state in optimizer.state_dict()["state"].items():
            for key, value in state.items():
                # without inertia the mean of gradients is the newest one, which the next step replaces
                if key != "exp_avg" or trainer.config.betas[0] > 0:
                    tensors[f"optimizer.{name}.{index}.{key}"] = value
    header = {
        "schema": SCHEMA,
        "raster": RASTER_VERSION,
        "step": trainer.step,
        "seed": trainer.seed,
        "batch": trainer.batch,
        "norms": trainer.balance.norms,
        "judged": trainer.judged,
        "networks": networks.to_dict(),
        "sources": [source.name for source in sources],
        "samples": progress.samples,
        "seconds": progress.seconds,
    }
    plain = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    with atomic_path(run / STATE) as temporary:
        # not save_file, which gives the file to its owner alone
        temporary.write_bytes(save(plain, {"run": json.dumps(header)}))


def resume_run(
    run: Path, trainer: Trainer, networks: GeneratorConfig, sources: tuple[Source, ...]
) -> Progress:
    """Bring ``trainer`` to where RUN/state.safetensors was written.  WeightsError where that cannot be."""
    path = run / STATE
    if not path.is_file():
        raise WeightsError(
            f"{path}: no state to resume; leave out --resume, or start with --init {run / BASE}"
        )
    try:
        with safe_open(path, "pt") as file:
            header = json.loads((file.metadata() or {})["run"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise WeightsError(
            f"{path}: not the state of a run ({error}); start again from {run / BASE}"
        ) from error
    wanted = {
        "schema": SCHEMA,
        "raster": RASTER_VERSION,
        "networks": networks.to_dict(),
        "sources": [source.name for source in sources],
    }
    for name, value in wanted.items():
        if header.get(name) != value:
            raise WeightsError(
                f"{path}: was trained with another {name}; go on from its weights with --init {run / BASE}"
            )
    try:
        trainer.networks.load_state_dict(
            {name[9:]: value for name, value in tensors.items() if name.startswith("networks.")}
        )
        for name, optimizer in trainer.optimizers.items():
            _load_optimizer(optimizer, f"optimizer.{name}.", tensors)
    except (RuntimeError, KeyError, ValueError) as error:
        raise WeightsError(f"{path}: damaged ({error}); start again with --init {run / BASE}") from error
    trainer.step, trainer.seed, trainer.batch = header["step"], header["seed"], header["batch"]
    trainer.balance.norms, trainer.judged = dict(header["norms"]), header["judged"]
    return Progress(header["samples"], header["seconds"])


def _load_optimizer(optimizer: torch.optim.Optimizer, prefix: str, tensors: dict[str, Tensor]) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith(prefix):
            index, key = name.removeprefix(prefix).split(".")
            state.setdefault(int(index), {})[key] = value
    for place, item in state.items():
        parameter = optimizer.param_groups[0]["params"][place]
        for key in ("exp_avg", "exp_avg_sq"):
            # laid out in memory as the parameter is: the fused update pairs their values by address
            laid = torch.zeros_like(parameter, requires_grad=False)
            item[key] = laid.copy_(item[key]) if key in item else laid
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
