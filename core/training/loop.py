# SPDX-License-Identifier: GPL-3.0-or-later
"""One call of the training: from prepared episodes to saved weights, logs and sample sheets."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ..errors import Cancelled, InputError, TableauError
from ..generator.config import GeneratorConfig
from .checkpoint import BASE, Progress, resume_run, save_run
from .config import TrainingConfig
from .episodes import Sampler
from .heldout import HeldOut, split
from .meta import Trainer
from .networks import Networks
from .parallel import Crew
from .perceptual import Perceptual
from .prepared import Prepared, load_prepared
from .runlog import NORMED, RunLog

ASK_EVERY = 5  # steps between two questions to all processes whether to stop


@dataclass(frozen=True)
class TrainOptions:
    """What the command line asks for.

    ``minutes`` bounds this call, reading the episodes included; ``steps`` the whole run.  Without both it
    goes on until it is cancelled.  ``save_minutes`` and ``keep_state`` override the configuration.
    """

    data: Path
    run: Path
    config: Path = Path("base")
    minutes: float | None = None
    steps: int | None = None
    resume: bool = False
    init: Path | None = None
    seed: int = 0
    device: str = "auto"
    save_minutes: float | None = None
    keep_state: bool | None = None


@dataclass(frozen=True)
class TrainResult:
    """What a call did: steps of the whole run, samples and seconds of this call, the last figures."""

    run: Path
    base: Path
    step: int
    samples: int
    seconds: float
    samples_per_second: float
    losses: dict[str, float]
    validation: dict[str, float]
    leads: bool = True


class Loop:
    """The work of one process; made when everything is read, then run once."""

    def __init__(
        self,
        options: TrainOptions,
        networks: GeneratorConfig,
        config: TrainingConfig,
        crew: Crew,
        device: torch.device,
        started: float,
        progress: Callable[[int, int, str], None] | None,
        cancelled: Callable[[], bool] | None,
        remark: Callable[[str], None] | None,
    ) -> None:
        self.options, self.config, self.crew, self.device = options, config, crew, device
        self.shapes, self.started = networks, started
        self._progress = progress if crew.leads else None
        self._remark = remark if crew.leads else None
        self._cancelled = cancelled or (lambda: False)
        perceptual = Perceptual.load(config.perceptual).to(device)
        data = load_prepared(
            options.data, networks.size, device, progress=self._progress, cancelled=self._cancelled
        )
        self.data = data
        learned, looked_at = split(data, config.held_out)
        if learned == looked_at:
            self._say("too few persons to hold any out: validation looks at what is learned")
        self.trainer = self._trainer(data, learned, perceptual)
        self.before = Progress()
        if options.resume:
            self.before = resume_run(options.run, self.trainer, networks, data.sources)
        self.held_out = HeldOut(data, looked_at, config)
        self.log = RunLog(options.run, self.trainer.step) if crew.leads else None
        self.samples, self.losses, self.validation = 0, dict[str, float](), dict[str, float]()
        self._began = time.monotonic()

    def _trainer(self, data: Prepared, learned: list[int], perceptual: Perceptual) -> Trainer:
        clips, options = len(data.sources), self.options
        networks = Networks.fresh(self.shapes, clips, options.seed, self.device)
        judged = options.init is not None and networks.take(options.init, self.shapes)
        self.crew.share([*networks.parameters(), *networks.buffers()])
        sampler = Sampler(data, learned, self.config.stills_share)
        trainer = Trainer(networks, sampler, perceptual, self.config, self.options.seed, self.crew)
        trainer.judged = judged
        return trainer

    def run(self) -> TrainResult:
        trainer, config = self.trainer, self.config
        saved = time.monotonic()
        seen: dict[str, list[torch.Tensor]] = {}
        since, at = time.monotonic(), self.samples
        norms: dict[str, float] = {}
        stop = self._stop()
        while not stop:
            terms, measured, drifted = self._advance()
            norms = measured or norms
            for name in drifted:
                self._say(
                    f"step {trainer.step}: the share of {name} was off by more than ten times; set right"
                )
            self.samples += trainer.batch * self.crew.count
            for name, term in terms.items():
                seen.setdefault(name, []).append(term)
            stop = self._stop()
            due = time.monotonic() - saved > 60 * config.save_minutes
            due = trainer.step % ASK_EVERY == 0 and self.crew.any(due and self.crew.leads, self.device)
            if stop or due or trainer.step % config.log_every == 0:
                self.losses = self._figures(seen)
                self._report(norms, (self.samples - at) / max(1e-9, time.monotonic() - since))
                seen, norms, since, at = {}, {}, time.monotonic(), self.samples
            if self.crew.leads and trainer.step % config.validate_every == 0:
                self._validate()
            if self.crew.leads and trainer.step % config.sheet_every == 0:
                self._sheet()
            if due and not stop:
                self._save()
                saved = time.monotonic()
        return self._finish()

    def _advance(self) -> tuple[dict[str, torch.Tensor], dict[str, float], list[str]]:
        while True:
            try:
                return self.trainer.advance()
            except torch.cuda.OutOfMemoryError as error:
                if self.crew.count > 1:
                    raise InputError("a GPU's memory is full; set a smaller [training] batch") from error
            self._say(f"the GPU's memory is full; going on with {self.trainer.halve()} samples a step")

    def _figures(self, seen: dict[str, list[torch.Tensor]]) -> dict[str, float]:
        values = torch.stack([torch.stack(terms).double().mean() for terms in seen.values()])
        figures = dict(zip(seen, self.crew.average(values.tolist(), self.device), strict=True))
        broken = [name for name, value in figures.items() if not abs(value) < float("inf")]
        if broken:
            raise TableauError(
                f"{self.options.run}: the loss ({broken[0]}) became no number by step {self.trainer.step}; "
                f"the last good weights are in {self.options.run / BASE}; --resume with a lower rate"
            )
        return figures

    def _report(self, norms: dict[str, float], rate: float) -> None:
        if self.log is None:
            return
        weights = self.trainer.balance.weights()
        self.log.training(
            {
                "step": self.trainer.step,
                "seconds": self._seconds(),
                "samples": self.before.samples + self.samples,
                "samples_per_second": rate,
                **self.losses,
                **{f"norm_{name}": value for name, value in norms.items()},
                **{f"weight_{name}": weights[name] for name in NORMED if name in weights},
            }
        )
        if self._progress is not None:
            text = f"loss {self.losses['loss']:.4f}  {rate:.1f} samples/s"
            self._progress(*self._done(), f"training  step {self.trainer.step}  {text}")

    def _done(self) -> tuple[int, int]:
        if self.options.steps is not None:
            return self.trainer.step, max(self.trainer.step, self.options.steps)
        if self.options.minutes is not None:
            total = round(60 * self.options.minutes)
            return min(total, round(time.monotonic() - self.started)), total
        return self.trainer.step, self.trainer.step + 1

    def _seconds(self) -> float:
        return self.before.seconds + time.monotonic() - self._began

    def _stop(self) -> bool:
        step, options = self.trainer.step, self.options
        if options.steps is not None and step >= options.steps:
            return True
        if self.crew.count > 1 and step % ASK_EVERY:
            return False
        late = options.minutes is not None and time.monotonic() - self.started > 60 * options.minutes
        return self.crew.any(late or self._cancelled(), self.device)

    def _validate(self) -> None:
        self.validation = self.held_out.measure(self.trainer.networks.averaged, self.trainer.perceptual)
        if self.log is not None:
            self.log.validation({"step": self.trainer.step, "seconds": self._seconds(), **self.validation})

    def _sheet(self) -> None:
        path = self.options.run / "sheets" / f"step-{self.trainer.step:07d}.png"
        self.held_out.sheet(self.trainer.networks.averaged, path)

    def _save(self) -> None:
        if not self.crew.leads:
            return
        done = Progress(self.before.samples + self.samples, self._seconds())
        meta: dict[str, Any] = {
            "step": self.trainer.step,
            "samples": done.samples,
            "hours": done.seconds / 3600,
            "size": self.shapes.size,
            "seed": self.trainer.seed,
            "init": str(self.options.init.name) if self.options.init else "",
            "perceptual": self.trainer.perceptual.kind,
            "training": self.config.to_dict(),
            "losses": self.losses,
            "validation": self.validation,
        }
        save_run(self.options.run, self.trainer, self.shapes, self.data.sources, done, meta)

    def _finish(self) -> TrainResult:
        seconds = time.monotonic() - self._began
        if self.crew.leads:
            self._validate()
            self._sheet()
        self._save()
        if self._cancelled():
            raise Cancelled(f"stopped at step {self.trainer.step}; everything is saved, go on with --resume")
        return TrainResult(
            run=self.options.run,
            base=self.options.run / BASE,
            step=self.trainer.step,
            samples=self.samples,
            seconds=seconds,
            samples_per_second=self.samples / max(1e-9, seconds),
            losses=self.losses,
            validation=self.validation,
            leads=self.crew.leads,
        )

    def _say(self, text: str) -> None:
        if self._remark is not None:
            self._remark(text)
