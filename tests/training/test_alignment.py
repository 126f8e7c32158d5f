# SPDX-License-Identifier: GPL-3.0-or-later
"""Measured alignment: known shifts are found, unknown ones distrusted, mirrored ones mirrored."""

import cv2
import numpy as np
import pytest
import torch

from core.training.alignment import measured_alignment
from core.training.losses import alignment_loss

SIZE = 128


def texture(seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).random((SIZE, SIZE, 3)).astype(np.float32)
    soft = cv2.GaussianBlur(noise, (0, 0), 3)
    return cv2.normalize(soft, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)


@pytest.mark.parametrize(("dx", "dy"), [(3, 0), (0, -2), (2.5, 1.5)])
def test_a_shift_is_found(dx: float, dy: float) -> None:
    target = texture(0)
    warped = cv2.warpAffine(
        target, np.array([[1, 0, dx], [0, 1, dy]], np.float32), (SIZE, SIZE), borderMode=cv2.BORDER_REFLECT
    )
    found = measured_alignment(warped, target)
    assert found.shape == (SIZE // 4, SIZE // 4, 3)
    inner = found[4:-4, 4:-4]
    # what the target shows at x lies at x + (dx, dy) in the warp
    assert np.abs(inner[..., 0].mean() * SIZE - dx) < 0.25
    assert np.abs(inner[..., 1].mean() * SIZE - dy) < 0.25
    assert inner[..., 2].mean() > 0.8


def test_what_cannot_be_aligned_is_not_trusted() -> None:
    found = measured_alignment(texture(1), texture(2))
    same = measured_alignment(texture(1), texture(1))
    assert found[..., 2].mean() < 0.4 < 0.99 < same[..., 2].mean()
    assert np.abs(same[..., :2]).max() * SIZE < 0.05


def test_loss_is_the_trusted_weighted_distance() -> None:
    correction = torch.zeros(1, 2, 2, 2, requires_grad=True)
    alignment = torch.zeros(1, 3, 2, 2)
    alignment[0, :, 0, 0] = torch.tensor([0.03, 0.04, 1.0])
    alignment[0, :, 1, 1] = torch.tensor([0.03, 0.04, 0.5])
    weight = torch.ones(1, 1, 8, 8)
    weight[..., 4:, 4:] = 2.0
    loss = alignment_loss(correction, alignment, weight)
    # (5 hundredths x trust 1 x weight 1 + 5 x 0.5 x 2) / 4 cells
    assert float(loss.detach()) == pytest.approx(2.5)
    loss.backward()
    assert correction.grad is not None
    assert torch.isfinite(correction.grad).all()
    assert correction.grad[0, 0, 0, 0] < 0
