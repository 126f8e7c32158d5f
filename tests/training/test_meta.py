# SPDX-License-Identifier: GPL-3.0-or-later
"""Updates of tiny networks on drawn faces."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from core.errors import WeightsError
from core.training.balance import drifted
from core.training.checkpoint import BASE, Progress, resume_run, save_run
from core.training.config import AugmentConfig, TrainingConfig
from core.training.episodes import Sampler
from core.training.heldout import HeldOut, split
from core.training.meta import Trainer, _seed
from core.training.networks import Networks, normed
from core.training.perceptual import Perceptual
from core.training.prepared import Prepared, Source, load_prepared

from .synthetic import TINY, write_episodes

CONFIG = TrainingConfig(
    batch=2, shots=(1, 2), regression_steps=2, adversarial_ramp=2, warmup=1, balance_every=3
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return load_prepared(write_episodes(tmp_path_factory.mktemp("episodes")), 64)


@pytest.fixture(scope="module")
def perceptual() -> Perceptual:
    return Perceptual.seeded()


def trainer_on(
    data: Prepared, perceptual: Perceptual, config: TrainingConfig = CONFIG, seed: int = 0
) -> Trainer:
    networks = Networks.fresh(TINY, len(data.sources), seed, data.device)
    sources = list(range(len(data.sources)))
    return Trainer(networks, Sampler(data, sources, 0.5), perceptual, config, seed)


def test_regression_comes_first_then_the_discriminator(data: Prepared, perceptual: Perceptual) -> None:
    trainer = trainer_on(data, perceptual)
    judge = {name: value.clone() for name, value in trainer.networks.discriminator.named_parameters()}
    for _ in range(2):
        terms, _, _ = trainer.advance()
        assert "adversarial" not in terms
    assert trainer.adversarial == 0.5
    for name, value in trainer.networks.discriminator.named_parameters():
        assert torch.equal(value, judge[name])
    terms, norms, _ = trainer.advance()
    # measured at once, since they are new
    assert norms["adversarial"] > 0 and norms["feature"] > 0
    assert all(torch.isfinite(term) for term in terms.values())
    assert any(
        not torch.equal(value, judge[name])
        for name, value in trainer.networks.discriminator.named_parameters()
    )


def test_rows_start_as_embeddings(data: Prepared) -> None:
    networks = Networks.fresh(TINY, 3, 0, torch.device("cpu"))
    rows = networks.discriminator.rows
    assert rows is not None
    untouched = rows.weight[2].clone()
    sums, counts = torch.zeros(3, 16), torch.tensor([2.0, 1.0, 0.0])
    sums[0], sums[1] = 4.0, 5.0
    networks.start_rows(sums, counts)
    assert rows.weight[0].unique().tolist() == [2.0] and rows.weight[1].unique().tolist() == [5.0]
    assert torch.equal(rows.weight[2], untouched)
    networks.start_rows(sums * 9, torch.tensor([1.0, 0.0, 1.0]))
    assert rows.weight[0].unique().tolist() == [2.0] and rows.weight[2].unique().tolist() == [0.0]


def test_shots_without_gradients_still_count() -> None:
    learner = Networks.fresh(TINY, 1, 0, torch.device("cpu")).learner.eval()
    shots, rasters = torch.rand(2, 3, 3, 64, 64), torch.rand(2, 3, 3, 64, 64)
    whole = learner.embed(shots, rasters, 3)
    assert torch.allclose(learner.embed(shots, rasters, 1), whole, atol=1e-5)
    # permuting clips permutes embeddings, nothing else
    assert torch.allclose(learner.embed(shots.flip(0), rasters.flip(0), 1), whole.flip(0), atol=1e-5)


def test_all_weights_of_the_learner_learn_and_the_mean_follows(
    data: Prepared, perceptual: Perceptual
) -> None:
    trainer = trainer_on(data, perceptual)
    before = {name: value.clone() for name, value in trainer.networks.learner.named_parameters()}
    mean = {name: value.clone() for name, value in trainer.networks.averaged.named_parameters()}
    for _ in range(4):
        trainer.advance()
    still = [n for n, v in trainer.networks.learner.named_parameters() if torch.equal(v, before[n])]
    assert not still
    moved = [n for n, v in trainer.networks.averaged.named_parameters() if not torch.equal(v, mean[n])]
    assert len(moved) == len(mean)


def test_weights_are_normed_once_inside(data: Prepared) -> None:
    learner = Networks.fresh(TINY, 1, 0, torch.device("cpu")).learner.train()
    layer = learner.embedder.stem
    with normed(learner):
        assert layer.weight is layer.weight
    assert layer.weight is not layer.weight


def test_shares_hold_after_some_steps(data: Prepared, perceptual: Perceptual) -> None:
    """The guard against losses whose constants do not fit the perceptual network."""
    trainer = trainer_on(data, perceptual, replace(CONFIG, balance_every=1, batch=4))
    for _ in range(8):
        weights = trainer.balance.weights()
        _, norms, _ = trainer.advance()
    reached = {name: weights[name] * norm for name, norm in norms.items()}
    assert set(reached) == {"perceptual", "pixel", "gradient", "neural", "adversarial", "feature"}
    assert drifted(reached, trainer.balance.shares) == []


def test_two_discriminator_steps_see_other_episodes(data: Prepared, perceptual: Perceptual) -> None:
    trainer = trainer_on(data, perceptual, replace(CONFIG, discriminator_steps=2, regression_steps=0))
    terms, _, _ = trainer.advance()
    assert torch.isfinite(terms["discriminator"])
    states = trainer.optimizers["discriminator"].state
    assert {int(state["step"]) for state in states.values()} == {2}


def test_without_neural_part_no_frame_is_made_from_the_raster_alone(
    data: Prepared, perceptual: Perceptual
) -> None:
    terms, _, _ = trainer_on(data, perceptual, replace(CONFIG, neural_part=0.0)).advance()
    assert "neural" not in terms


def same(a: torch.nn.Module, b: torch.nn.Module) -> bool:
    left, right = a.state_dict(), b.state_dict()
    return set(left) == set(right) and all(torch.equal(left[name], right[name]) for name in left)


@pytest.mark.parametrize("betas", [(0.0, 0.999), (0.5, 0.999)])
def test_a_resumed_run_gives_the_same_weights(
    data: Prepared, perceptual: Perceptual, tmp_path: Path, betas: tuple[float, float]
) -> None:
    config = replace(CONFIG, betas=betas)
    whole = trainer_on(data, perceptual, config, seed=3)
    for _ in range(5):
        whole.advance()
    part = trainer_on(data, perceptual, config, seed=3)
    for _ in range(3):
        part.advance()
    save_run(tmp_path, part, TINY, data.sources, Progress(6, 1.5), {})
    again = trainer_on(data, perceptual, config, seed=99)
    assert resume_run(tmp_path, again, TINY, data.sources) == Progress(6, 1.5)
    assert (again.step, again.seed) == (3, 3)
    for _ in range(2):
        again.advance()
    assert same(again.networks, whole.networks)
    assert again.balance.norms == whole.balance.norms


def test_a_state_of_other_networks_is_refused(data: Prepared, perceptual: Perceptual, tmp_path: Path) -> None:
    trainer = trainer_on(data, perceptual)
    save_run(tmp_path, trainer, TINY, data.sources, Progress(), {})
    with pytest.raises(WeightsError, match="another networks"):
        resume_run(tmp_path, trainer, replace(TINY, middle=2), data.sources)
    with pytest.raises(WeightsError, match="another sources"):
        resume_run(tmp_path, trainer, TINY, data.sources[:1])
    (tmp_path / "state.safetensors").write_bytes(b"\0" * 64)
    with pytest.raises(WeightsError, match="not the state of a run"):
        resume_run(tmp_path, trainer, TINY, data.sources)
    with pytest.raises(WeightsError, match="no state to resume"):
        resume_run(tmp_path / "none", trainer, TINY, data.sources)


def test_saved_weights_start_another_run(data: Prepared, perceptual: Perceptual, tmp_path: Path) -> None:
    trainer = trainer_on(data, perceptual)
    for _ in range(3):
        trainer.advance()
    save_run(tmp_path, trainer, TINY, data.sources, Progress(), {"step": 3})
    fresh = Networks.fresh(TINY, 5, 7, torch.device("cpu"))
    larger = replace(TINY, size=128)
    fresh.take(tmp_path / BASE, larger)
    shots = torch.rand(1, 2, 3, 64, 64)
    expected = trainer.networks.averaged.embed(shots, shots, 2)
    found = fresh.learner.eval().embed(shots, shots, 2)
    # half precision on the way
    assert torch.allclose(found, expected, atol=5e-3 * float(expected.abs().max()))
    with pytest.raises(WeightsError, match="other shapes"):
        fresh.take(tmp_path / BASE, replace(TINY, middle=2))


def test_validation_of_untrained_networks_gives_the_warp(
    data: Prepared, perceptual: Perceptual, tmp_path: Path
) -> None:
    networks = Networks.fresh(TINY, 2, 0, torch.device("cpu"))
    held_out = HeldOut(data, [0, 1], CONFIG)
    figures = held_out.measure(networks.averaged, perceptual)
    assert figures["output_l1"] == pytest.approx(figures["warp_l1"], rel=1e-3)
    assert figures["output_lpips"] == pytest.approx(figures["warp_lpips"], rel=1e-3)
    assert figures["neural_lpips"] > figures["warp_lpips"]
    # the mouth does not move with the warp
    assert figures["warp_features_l1"] > figures["warp_l1"]
    held_out.sheet(networks.averaged, tmp_path / "sheet.png")
    assert (tmp_path / "sheet.png").stat().st_size > 1000


def test_persons_of_clips_and_of_stills_are_held_out(data: Prepared) -> None:
    def of(kinds: str) -> Prepared:
        names = {"c": "clip", "p": "painting"}
        sources = [Source(f"{i}", f"{i}", f"person {i}", names[kind]) for i, kind in enumerate(kinds)]
        return replace(data, sources=tuple(sources))

    learned, out = split(of("c" * 10 + "p" * 5), 0.1)
    assert sorted(learned + out) == list(range(15))
    assert [index < 10 for index in out] == [True, False]
    assert len(split(of("ccpp"), 0.1)[1]) == 1
    assert split(of("cp"), 0.1) == ([0, 1], [0, 1])


def test_seeds_differ_between_steps_and_processes() -> None:
    seeds = {_seed(seed, step, process) for seed in range(3) for step in range(50) for process in range(8)}
    assert len(seeds) == 3 * 50 * 8


@pytest.mark.slow
def test_two_clips_are_learned_by_heart_better_than_the_warp(tmp_path: Path) -> None:
    data = load_prepared(write_episodes(tmp_path, clips=2, frames=4), 64)
    config = TrainingConfig(
        batch=6, shots=(1, 2), rate=2e-3, ema=0.95, warmup=5, balance_every=20, sparsity=0.0
    )
    perceptual = Perceptual.seeded()
    networks = Networks.fresh(replace(TINY, generator=(16, 32, 32, 32, 32)), 2, 0, data.device)
    still = AugmentConfig(*[0.0] * len(AugmentConfig.__dataclass_fields__))
    trainer = Trainer(networks, Sampler(data, [0, 1], 0.5), perceptual, replace(config, augment=still))
    for _ in range(150):
        trainer.advance()
    figures = HeldOut(data, [0, 1], config).measure(networks.averaged, perceptual)
    assert figures["output_lpips"] < 0.7 * figures["warp_lpips"]
    assert figures["output_features_l1"] < 0.7 * figures["warp_features_l1"]
