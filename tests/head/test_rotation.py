# SPDX-License-Identifier: GPL-3.0-or-later
"""Quaternions: shortest path, continuity, and the meaning of the head's angles."""

from __future__ import annotations

import numpy as np

from core.head import rotation as r


def random_rotations(count: int) -> np.ndarray:
    return r.normalize(np.random.default_rng(0).normal(size=(count, 4)))


def test_multiplication_is_the_product_of_the_matrices() -> None:
    a, b = random_rotations(20), random_rotations(40)[20:]
    assert np.allclose(r.to_matrix(r.multiply(a, b)), r.to_matrix(a) @ r.to_matrix(b))
    assert np.allclose(r.to_matrix(r.multiply(a, r.conjugate(a))), np.eye(3))


def test_vectors_round_trip_down_to_nothing() -> None:
    vectors = np.array([[0, 0, 0], [1e-9, 0, 0], [0.3, -0.2, 0.9], [0, 3.1, 0]])
    assert np.allclose(r.to_vector(r.from_vector(vectors)), vectors, atol=1e-12)


def test_slerp_takes_the_short_way_at_constant_speed() -> None:
    a, b = r.from_vector([0, 0.2, 0]), r.from_vector([0, 1.4, 0])
    u = np.linspace(0, 1, 7)
    for other in (b, -b):
        angles = r.to_vector(r.slerp(np.tile(a, (7, 1)), np.tile(other, (7, 1)), u))[:, 1]
        assert np.allclose(angles, 0.2 + 1.2 * u)


def test_continuous_removes_sign_jumps_and_skips_lost_frames() -> None:
    q = r.from_vector(np.stack([np.zeros(9), np.linspace(0, 0.8, 9), np.zeros(9)], axis=1))
    broken = q * np.array([1, -1, -1, 1, 1, -1, 1, -1, 1])[:, None]
    broken[4] = np.nan
    mended = r.continuous(broken)
    good = np.isfinite(mended[:, 0])
    assert np.allclose(mended[good], q[good])


def test_head_angles_mean_what_they_say() -> None:
    face = np.array([0.0, 0.0, -1.0])
    crown = np.array([0.0, -1.0, 0.0])
    assert (r.to_matrix(r.from_head_angles(20, 0, 0)) @ face)[0] > 0.3  # turns to the picture's right
    assert (r.to_matrix(r.from_head_angles(0, 20, 0)) @ face)[1] < -0.3  # looks up
    assert (r.to_matrix(r.from_head_angles(0, 0, 20)) @ crown)[0] > 0.3  # crown to the picture's right
    angles = np.random.default_rng(1).uniform(-60, 60, (3, 50))
    assert np.allclose(r.to_head_angles(r.from_head_angles(*angles)), angles)
