# SPDX-License-Identifier: GPL-3.0-or-later
"""The train command from end to end, on drawn faces and tiny networks."""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from core.errors import Cancelled, InputError, TableauError
from core.generator.weights import load_base
from core.training.loop import TrainOptions
from core.training.meta import Trainer
from core.training.perceptual import Perceptual
from core.training.train_command import add_arguments, options_of, run

from .synthetic import TINY, write_episodes

# a tiny run in processes of its own: an untrained perceptual network stands in, and what is not needed is
# blocked
SCRIPT = """
import sys
from pathlib import Path


BLOCKED = {"scipy", "mediapipe", "PIL", "av", "numba", "skimage", "face_alignment", "matplotlib", "bpy"}


class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in BLOCKED:
            raise ImportError(f"{name} must not be needed here")


sys.meta_path.insert(0, Blocked())
import torch

torch.set_num_threads(1)
from core.training.perceptual import Perceptual
from core.training.loop import TrainOptions
from core.training.train_command import run

Perceptual.load = lambda kind: Perceptual.seeded()
data, folder, config, steps = sys.argv[1:]
result = run(TrainOptions(Path(data), Path(folder), config=Path(config), steps=int(steps), device="cpu"))
if result.leads:
    print(result.step, result.samples)
"""


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path, Path]:
    """Prepared data, a configuration, and where a run may go."""
    monkeypatch.setattr(Perceptual, "load", lambda kind: Perceptual.seeded())
    data = write_episodes(tmp_path / "data", clips=5, frames=4, kinds=("clip", "photo"))
    shapes = "\n".join(
        f"{name} = {list(value) if isinstance(value, tuple) else value}" for name, value in vars(TINY).items()
    )
    config = tmp_path / "tiny.toml"
    config.write_text(
        f"[networks]\n{shapes}\n[training]\nbatch = 4\nshots = [1, 2]\nregression_steps = 3\nlog_every = 2\n"
        "validate_every = 4\nsheet_every = 4\nvalidation_pairs = 3\nheld_out = 0.2\nwarmup = 1\n",
        encoding="utf-8",
    )
    return data, config, tmp_path / "run"


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_run_leaves_weights_logs_and_sheets(folders: tuple[Path, Path, Path]) -> None:
    data, config, folder = folders
    told: list[str] = []
    options = TrainOptions(data, folder, config=config, steps=5, device="cpu", seed=4)
    result = run(options, lambda done, total, text: told.append(text))
    assert (result.step, result.samples, result.base) == (5, 20, folder / "base")
    rows = rows_of(folder / "log.csv")
    assert [row["step"] for row in rows] == ["2", "4", "5"]
    assert float(rows[0]["perceptual"]) > 0 and rows[0]["discriminator"] == ""
    assert float(rows[-1]["discriminator"]) > 0 and float(rows[0]["samples_per_second"]) > 0
    assert float(rows[0]["norm_pixel"]) > 0 and float(rows[0]["weight_pixel"]) > 0
    assert [row["step"] for row in rows_of(folder / "validation.csv")] == ["4", "5"]
    assert (folder / "sheets" / "step-0000004.png").is_file()
    base = load_base(folder / "base")
    assert base.config == TINY and base.meta["step"] == 5 and base.meta["samples"] == 20
    assert any("reading" in text for text in told) and any("samples/s" in text for text in told)


def test_an_interrupted_run_goes_on_as_if_it_had_not_been(folders: tuple[Path, Path, Path]) -> None:
    data, config, folder = folders
    options = TrainOptions(data, folder, config=config, steps=6, device="cpu", seed=4)
    whole = folder.with_name("whole")
    run(replace(options, run=whole))
    run(replace(options, steps=3))
    assert load_base(folder / "base").discriminator is None  # it has not judged yet
    with pytest.raises(InputError, match="holds a run"):
        run(options)
    run(replace(options, resume=True))
    assert load_base(folder / "base").discriminator is not None
    one, other = load_file(folder / "state.safetensors"), load_file(whole / "state.safetensors")
    assert set(one) == set(other) and all(torch.equal(one[name], other[name]) for name in one)
    assert [row["step"] for row in rows_of(folder / "log.csv")] == ["2", "3", "4", "6"]


def test_cancelling_saves_and_says_so(folders: tuple[Path, Path, Path]) -> None:
    data, config, folder = folders
    calls = iter(range(100))
    options = TrainOptions(data, folder, config=config, device="cpu")
    with pytest.raises(Cancelled, match="stopped at step"):
        run(options, cancelled=lambda: next(calls) > 8)
    assert (folder / "state.safetensors").is_file() and load_base(folder / "base").meta["step"] > 0


def test_a_loss_that_is_no_number_keeps_the_last_good_weights(
    folders: tuple[Path, Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    data, config, folder = folders
    options = TrainOptions(data, folder, config=config, steps=2, device="cpu")
    run(options)
    good = load_base(folder / "base").sha256
    advance = Trainer.advance

    def broken(self: Trainer) -> tuple:
        terms, norms, drifted = advance(self)
        return {**terms, "loss": terms["loss"] * float("nan")}, norms, drifted

    monkeypatch.setattr(Trainer, "advance", broken)
    with pytest.raises(TableauError, match="last good weights"):
        run(replace(options, steps=6, resume=True))
    assert load_base(folder / "base").sha256 == good


def test_a_full_gpu_halves_the_batch(
    folders: tuple[Path, Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    data, config, folder = folders
    advance = Trainer.advance

    def greedy(self: Trainer) -> tuple:
        if self.batch > 2:
            raise torch.cuda.OutOfMemoryError("full")
        return advance(self)

    monkeypatch.setattr(Trainer, "advance", greedy)
    said: list[str] = []
    result = run(TrainOptions(data, folder, config=config, steps=2, device="cpu"), remark=said.append)
    assert result.samples == 4
    assert any("going on with 2 samples" in line for line in said)


def test_another_run_starts_from_saved_weights_without_a_state(folders: tuple[Path, Path, Path]) -> None:
    data, config, folder = folders
    options = TrainOptions(data, folder, config=config, steps=3, device="cpu", keep_state=False)
    run(options)
    assert not (folder / "state.safetensors").exists()
    result = run(replace(options, run=folder.with_name("next"), init=folder / "base", steps=2))
    assert load_base(result.base).meta["init"] == "base"


def test_the_command_lines_words() -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    words = ["data", "-o", "run", "--config", "small", "--minutes", "2.5", "--no-state", "--device", "cpu"]
    options = options_of(parser.parse_args(words))
    assert options == TrainOptions(
        Path("data"), Path("run"), config=Path("small"), minutes=2.5, keep_state=False, device="cpu"
    )
    with pytest.raises(InputError, match="exclude each other"):
        run(replace(options, resume=True, init=Path("base")))
    with pytest.raises(InputError, match="--minutes"):
        run(replace(options, minutes=0.0))


@pytest.mark.slow
@pytest.mark.parametrize("processes", [1, 2])
def test_it_needs_little_and_runs_under_torchrun(
    folders: tuple[Path, Path, Path], repo: Path, tmp_path: Path, processes: int
) -> None:
    data, config, folder = folders
    script = tmp_path / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    command = [sys.executable]
    if processes > 1:
        command += ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    done = subprocess.run(
        [*command, str(script), str(data), str(folder), str(config), "5"],
        cwd=repo,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(repo), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.split() == ["5", "20"]
    assert load_base(folder / "base").meta["samples"] == 20
