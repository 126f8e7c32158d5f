# SPDX-License-Identifier: GPL-3.0-or-later
"""The cache of solved poses: found by the pose, bounded, the oldest goes first."""

from __future__ import annotations

import numpy as np

from addon.preview.cache import SAME, PoseCache, Solved


def solved(x: float) -> Solved:
    parts = np.zeros((100, 3), np.float32), np.zeros((3, 4), np.float32), np.zeros((8, 8, 4), np.uint8)
    return Solved(np.full(140, x, np.float32), *parts)


def test_a_pose_is_found_by_its_landmarks() -> None:
    cache = PoseCache()
    assert cache.nearest(np.zeros(140)) is None
    one, two = solved(10.0), solved(20.0)
    cache.add(one)
    cache.add(two)
    for apart in (0.0, 0.4 * SAME, 0.6 * SAME, -0.6 * SAME):
        assert cache.find(np.full(140, 10.0 + apart)) is one, "rounding does not make it another pose"
    other = np.full(140, 10.0)
    other[77] += 1.1 * SAME
    assert cache.find(other) is None, "one landmark is enough"
    assert cache.nearest(np.full(140, 14.0)) is one and cache.nearest(np.full(140, 16.0)) is two


def test_what_was_not_seen_for_longest_goes_first() -> None:
    size = solved(0.0).size
    cache = PoseCache(memory=3 * size)
    for x in (1.0, 2.0, 3.0):
        cache.add(solved(x))
    cache.add(solved(3.0))
    assert cache.size == 3 * size, "the same pose counts once"
    cache.find(np.full(140, 1.0))
    cache.add(solved(4.0))
    known = [cache.find(np.full(140, x)) is not None for x in (1.0, 2.0, 3.0, 4.0)]
    assert known == [True, False, True, True]
    assert len(cache) == 3 and cache.size == 3 * size


def test_the_same_pose_is_found_beside_one_that_is_nearer_on_the_whole() -> None:
    cache = PoseCache()
    same, other = solved(10.0), solved(10.0)
    same.points[:] += 0.9 * SAME
    other.points[77] += 8 * SAME
    cache.add(same)
    cache.add(other)
    pose = np.full(140, 10.0)
    assert cache.nearest(pose) is other
    assert cache.find(pose) is same, "what was prepared is not asked for again"
