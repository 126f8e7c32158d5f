# SPDX-License-Identifier: GPL-3.0-or-later
"""A performance on the rig: evaluated bones meet the track, at any frame rate, wherever the plane stands."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from addon.performance.decompose import decompose

from .conftest import Blender


def test_long_action_meets_the_track(blender: Blender, tmp_path: Path, demo_portrait: Path) -> None:
    seen = blender.run("performance.py", tmp_path, picture=demo_portrait, count=1500)
    print(
        f"1500 frames: Action {seen['seconds']:.3f} s, read back {seen['sample_seconds']:.3f} s, "
        f"off by {seen['points_error']:.1e} px"
    )
    assert seen["bones"] == 71
    assert seen["collections"] == {
        "Head": 1,
        "Brows": 10,
        "Eyes": 12,
        "Gaze": 2,
        "Nose": 9,
        "Lips": 20,
        "Jaw": 17,
    }
    assert seen["rest"] < 0.01
    assert seen["slots"] == 1
    assert (seen["first"], seen["last"]) == (7, 1506)
    assert seen["points_error"] < 0.01
    assert seen["irises_error"] < 0.01
    assert seen["frame_after"] == 3
    assert seen["yaw_error"] < 0.1
    assert seen["moved"] < 0.01


def test_rates_gaps_and_unknown_gaze(blender: Blender, tmp_path: Path, demo_portrait: Path) -> None:
    seen = blender.run("performance.py", tmp_path, picture=demo_portrait, count=60)
    assert seen["rate"] == "24000/1001"
    assert seen["set_rate"] == "30000/1001"
    assert seen["whole"], "samples at the scene's own rate lie on whole frames"
    assert seen["second_error"] < 0.01
    assert seen["gap_finite"]
    assert seen["gap_error"] < 0.02, "a lost face moves from the last place it was seen to the next"


def test_decompose_puts_a_rigid_motion_on_the_head_alone() -> None:
    noise = np.random.default_rng(3)
    rest = noise.normal(0, 1, (70, 3))
    pivot = np.array([0.1, 0.2, -0.3])
    angle = np.linspace(-3.5, 3.5, 40)  # through the place where an angle would jump by a whole turn
    turn = np.zeros((40, 3, 3))
    turn[:, 0, 0], turn[:, 0, 1], turn[:, 1, 0], turn[:, 1, 1] = (
        np.cos(angle),
        -np.sin(angle),
        np.sin(angle),
        np.cos(angle),
    )
    turn[:, 2, 2] = 1.0
    target = 1.3 * np.einsum("tij,nj->tni", turn, rest - pivot) + pivot + (0.5, 0.0, 0.1)
    channels = decompose(target, rest, pivot)
    assert abs(channels.offsets).max() < 1e-5
    np.testing.assert_allclose(channels.scale, 1.3, atol=1e-5)
    np.testing.assert_allclose(channels.location, np.broadcast_to((0.5, 0.0, 0.1), (40, 3)), atol=1e-5)
    np.testing.assert_allclose(np.diff(channels.rotation[:, 2]), 7 / 39, atol=1e-5)


def test_decompose_takes_a_flat_face() -> None:
    rest = np.random.default_rng(4).normal(0, 1, (70, 3))
    rest[:, 2] = 0.0
    target = np.repeat(rest[None] + (0.0, 2.0, 0.0), 3, axis=0)
    channels = decompose(target, rest, np.zeros(3))
    assert abs(channels.offsets).max() < 1e-5
    assert abs(channels.rotation).max() < 1e-5


@pytest.mark.slow
def test_performances_are_strips_that_can_be_tried_out(
    blender: Blender, tmp_path: Path, demo_portrait: Path
) -> None:
    picture = tmp_path / "portrait.png"
    Image.open(demo_portrait).convert("RGB").resize((240, 300), Image.Resampling.LANCZOS).save(picture)
    seen = blender.run("strips.py", tmp_path, picture=picture)
    print({key: value for key, value in seen.items() if key not in ("stdout", "stderr")})
    assert [names for names, _ in seen["tried"]] == [["talk"], ["blink"], ["wink"]], "each makes way"
    ends = [end for _, end in seen["tried"]]
    assert ends[2] == ends[1] < ends[0], "the scene is as long as the one that plays"
    assert seen["active"] and seen["tracks"] == 1
    assert seen["scaled"] == ["wink", "nod"], "a strip that was worked on stays"
    assert seen["edited"] == ["wink", "nod", "blink"], "and so does one whose keys were changed"
    names, start, end = seen["later"]
    assert names[-1] == "laugh" and len(names) == 4
    assert start == 1 and end > 250, "a strip behind others lets the scene grow"
    assert seen["keyed_over"] == ["talk"]
    assert "Gains" in seen["due"] and not seen["not_due"]
    assert seen["first_half"] < 0.1 < seen["second_half"], "keys over a strip are gains of its performance"
    assert seen["current"] == "talk" and seen["held"] == ["talk"] and seen["by_hand"]
    names, no_action = seen["over"]
    assert names == ["talk", "portrait RigAction", "blink"] and no_action, "keys over strips become one"
