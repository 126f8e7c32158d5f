# SPDX-License-Identifier: GPL-3.0-or-later
"""Terms of the loss against values worked out by hand, and their balance."""

from __future__ import annotations

import pytest
import torch

from core.generator.generator import GeneratorOutput
from core.training import losses
from core.training.balance import Balance, drifted, gradient_norms
from core.training.regions import region_weights

from .synthetic import face_points


def test_pixel_loss_weighs_regions() -> None:
    image, target = torch.zeros(1, 3, 2, 2), torch.zeros(1, 3, 2, 2)
    image[..., 0, 0] = 1.0
    weight = torch.tensor([[[[4.0, 0.0], [0.0, 0.0]]]])
    assert losses.pixel_loss(image, target, weight).item() == pytest.approx(1.0)
    assert losses.pixel_loss(image, target, torch.ones(1, 1, 2, 2)).item() == pytest.approx(0.25)


def test_gradient_loss_sees_edges_and_no_offsets() -> None:
    weight, flat = torch.ones(1, 1, 4, 4), torch.zeros(1, 3, 4, 4)
    assert losses.gradient_loss(flat + 0.3, flat, weight).item() == pytest.approx(0.0, abs=1e-6)
    step = flat.clone()
    step[..., 2:] = 1.0
    # one of three differences across at full resolution, the only one at half
    assert losses.gradient_loss(step, flat, weight).item() == pytest.approx(1 / 3 + 1.0)


def test_painting_costs_where_the_warp_is_right() -> None:
    target = torch.zeros(1, 3, 32, 32)
    warped = target.clone()
    warped[..., 16:] = 1.0

    def price(left: float, right: float) -> float:
        opacity = torch.full((1, 1, 32, 32), left)
        opacity[..., 16:] = right
        output = GeneratorOutput(target, torch.zeros(1, 2, 8, 8), opacity, target - warped, warped)
        return losses.sparsity_loss(output, target).item()

    assert price(1.0, 0.0) > 0.4
    assert price(0.0, 1.0) < 0.01


def test_smoothness_is_free_for_a_shift_and_counts_stretch() -> None:
    assert losses.smoothness_loss(torch.full((1, 2, 4, 4), 0.05)).item() == 0
    ramp = torch.zeros(1, 2, 4, 4)
    ramp[:, 0] = torch.arange(4) * 0.025
    # a stretch of 0.1 in one of the two components
    assert losses.smoothness_loss(ramp).item() == pytest.approx(0.1**2 / 2)


def test_hinge_and_matching() -> None:
    real, fake = torch.tensor([2.0, 0.0]), torch.tensor([-0.5, -3.0])
    assert losses.discriminator_loss(real, fake).item() == pytest.approx(0.5 + 0.25)
    assert losses.adversarial_loss(fake).item() == pytest.approx(1.75)
    layers = (
        [torch.zeros(1, 2, 2, 2), torch.zeros(1, 4, 1, 1)],
        [torch.ones(1, 2, 2, 2), torch.ones(1, 4, 1, 1) * 3],
    )
    assert losses.feature_loss(*layers).item() == pytest.approx(2.0)
    embedding, row = torch.zeros(1, 4, requires_grad=True), torch.ones(1, 4, requires_grad=True)
    losses.match_loss(embedding, row).backward()
    assert embedding.grad is not None and row.grad is None


def test_mouth_and_eyes_count_more_than_the_face_and_the_face_more_than_ground() -> None:
    points = torch.from_numpy(face_points(0.5))[None]
    weight = region_weights(points, 64, 6.0, 4.0, 0.25)
    assert weight.shape == (1, 1, 64, 64) and weight.mean().item() == pytest.approx(1.0)

    def at(place: torch.Tensor) -> float:
        x, y = place.long().tolist()
        return weight[0, 0, y, x].item()

    cheek, corner = at(torch.tensor([20.0, 33.0])), weight[0, 0, 0, 0].item()
    assert at(points[0, 60:].mean(0)) / cheek == pytest.approx(6.0, rel=0.05)
    assert at(points[0, 36:42].mean(0)) / cheek == pytest.approx(4.0, rel=0.05)
    assert corner / cheek == pytest.approx(0.25, rel=0.05)


def test_gradient_norms_are_those_of_the_last_layer() -> None:
    weight = torch.ones(2, requires_grad=True)
    terms = {"a": (weight * torch.tensor([3.0, 4.0])).sum(), "b": torch.zeros((), requires_grad=True)}
    assert gradient_norms(terms, weight) == {"a": pytest.approx(5.0), "b": 0.0}


def test_balance_gives_each_term_its_share() -> None:
    balance = Balance({"pixel": 0.5, "feature": 0.2})
    assert balance.measure({"perceptual": 4.0, "pixel": 100.0}) == []
    assert balance.weights() == {"perceptual": 1.0, "pixel": pytest.approx(0.02)}
    # silent and broken terms leave the weights as they are
    balance.measure({"pixel": 0.0, "feature": float("nan")})
    assert balance.weights()["pixel"] == pytest.approx(0.02)


def test_a_ratio_off_by_an_order_of_magnitude_is_reported() -> None:
    balance = Balance({"pixel": 0.5})
    balance.measure({"perceptual": 1.0, "pixel": 1.0})
    assert balance.measure({"perceptual": 1.0, "pixel": 5.0}) == []
    assert balance.measure({"perceptual": 1.0, "pixel": 300.0}) == ["pixel"]
    assert drifted({"perceptual": 1.0, "pixel": 0.01}, {"pixel": 0.5}) == ["pixel"]
    assert drifted({"perceptual": 0.0, "pixel": 0.01}, {"pixel": 0.5}) == []
