# SPDX-License-Identifier: GPL-3.0-or-later
"""Paired differences, intervals and summaries against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

from core.training.evaluation.statistics import clip_means, hard_mean, paired
from core.training.evaluation.summary import summarize


def test_clips_count_the_same_however_many_frames_they_have() -> None:
    assert clip_means([[1, 2, 3], [10]]) == pytest.approx([2, 10])


def test_hard_frames_are_those_that_moved_farthest() -> None:
    assert hard_mean([[1, 2], [3, 4]], [[0.1, 0.9], [0.2, 0.3]]) == 2


def test_wins_follow_the_measure() -> None:
    difference, people = np.array([-1.0, -2.0, 0.0, 3.0]), list("abcd")
    assert paired(difference, people, higher_is_better=False)["wins"] == 2
    assert paired(difference, people, higher_is_better=True)["wins"] == 1
    assert paired(difference, people, True)["median"] == -0.5


def test_interval_is_that_of_the_mean() -> None:
    """For many independent people: mean and two standard errors on both sides."""
    difference = np.random.default_rng(0).normal(0.3, 1.0, 400)
    pair = paired(difference, [str(i) for i in range(400)], False)
    error = difference.std() / 20
    assert pair["low"] == pytest.approx(difference.mean() - 1.96 * error, abs=0.01)
    assert pair["high"] == pytest.approx(difference.mean() + 1.96 * error, abs=0.01)


def test_clips_of_one_person_are_drawn_together() -> None:
    """Twenty clips of two people know no more than two clips do."""
    pair = paired(np.repeat([0.0, 1.0], 10), ["a"] * 10 + ["b"] * 10, False)
    assert (pair["low"], pair["high"]) == (0.0, 1.0)


def _report(scores: dict) -> dict:
    clips = [
        {
            "name": f"p{i}_0",
            "person": f"p{i}",
            "movement": [0.1 * i, 0.2],
            "scores": {
                shots: {
                    method: {"lpips_face": values[i], "flicker": [1.0]} for method, values in some.items()
                }
                for shots, some in scores.items()
            },
        }
        for i in range(2)
    ]
    return {
        "settings": {"shots": [int(s) for s in scores], "seed": 0, "headline": "lpips_face"},
        "clips": clips,
    }


def test_summary_compares_with_the_baselines_and_between_numbers_of_shots() -> None:
    few = {"tps": [[0.4, 0.6], [0.2, 0.2]], "flow": [[0.3, 0.5], [0.3, 0.3]]}
    many = {"tps": few["tps"], "flow": [[0.1, 0.1], [0.1, 0.1]]}
    result = summarize(_report({"1": few, "8": many}))
    assert result["summary"]["1"]["tps"]["lpips_face"]["mean"] == pytest.approx(0.35)
    assert result["summary"]["1"]["tps"]["lpips_face"]["worst"] == 0.5
    assert result["summary"]["1"]["tps"]["flicker"]["hard"] is None
    assert "tps" not in result["comparisons"]["1"]
    pair = result["comparisons"]["1"]["flow"]["tps"]["lpips_face"]
    assert (pair["mean"], pair["wins"]) == (pytest.approx(0.0), 1)
    # what is the same for any number of shots did not grow
    assert set(result["growth"]) == {"flow"}
    assert result["growth"]["flow"]["8-1"]["lpips_face"]["mean"] == pytest.approx(-0.25)
