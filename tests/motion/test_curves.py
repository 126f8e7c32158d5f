# SPDX-License-Identifier: GPL-3.0-or-later
"""Expression curves: order, mirror, files, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import InputError
from core.head.arkit import ARKIT, INDEX, MIRROR
from core.head.rotation import from_head_angles, normalize, to_head_angles
from core.motion.curves import ExpressionCurves


def random_curves(count: int = 7) -> ExpressionCurves:
    rng = np.random.default_rng(3)
    return ExpressionCurves(
        times=np.cumsum(rng.uniform(0.01, 0.1, count)),
        expression=rng.uniform(0, 1, (count, 52)),
        rotation=normalize(rng.normal(size=(count, 4))),
        translation=rng.normal(size=(count, 3)),
        meta={"source": "test", "loop": True, "period": 2.5},
    )


def test_arkit_has_apples_names_in_apples_order() -> None:
    assert len(ARKIT) == 52
    assert len(set(ARKIT)) == 52
    assert [INDEX[n] for n in ("eyeBlinkLeft", "eyeBlinkRight", "jawForward", "jawOpen", "mouthClose")] == [
        0,
        7,
        14,
        17,
        18,
    ]
    assert [INDEX[n] for n in ("mouthSmileLeft", "browDownLeft", "browInnerUp", "noseSneerRight")] == [
        23,
        41,
        43,
        50,
    ]
    assert ARKIT[-1] == "tongueOut"


def test_mirror_swaps_sides_and_is_its_own_inverse() -> None:
    assert (MIRROR[MIRROR] == np.arange(52)).all()
    assert MIRROR[INDEX["mouthLeft"]] == INDEX["mouthRight"]
    assert MIRROR[INDEX["jawOpen"]] == INDEX["jawOpen"]
    assert np.count_nonzero(np.arange(52) != MIRROR) == 40


def test_mirrored_curves_turn_the_other_way() -> None:
    rotation = from_head_angles(12.0, -7.0, 5.0)[None]
    curves = ExpressionCurves(np.zeros(1), np.zeros((1, 52)), rotation, np.array([[0.2, 0.1, 0.3]]))
    mirrored = curves.mirrored()
    assert np.allclose(np.ravel(to_head_angles(mirrored.rotation)), [-12, -7, -5], atol=1e-4)
    assert np.allclose(mirrored.translation, [[-0.2, 0.1, 0.3]])


def test_files_give_back_the_same_bits(tmp_path: Path) -> None:
    curves = random_curves()
    curves.expression[3] = np.nan
    curves.save(tmp_path / "a.npz")
    again = ExpressionCurves.load(tmp_path / "a.npz")
    for name in ("times", "expression", "rotation", "translation"):
        assert np.array_equal(getattr(again, name), getattr(curves, name), equal_nan=True), name
        assert getattr(again, name).dtype == getattr(curves, name).dtype
    assert again.meta == curves.meta
    assert again.period == 2.5
    assert list(again.valid) == [True, True, True, False, True, True, True]


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"times": np.zeros(7)}, "times"),
        ({"expression": np.full((7, 52), 1.5)}, "expression"),
        ({"expression": np.zeros((7, 51))}, "52"),
        ({"rotation": np.ones((7, 4))}, "rotation"),
        ({"translation": np.zeros((6, 3))}, "translation"),
        ({"times": ["a"] * 7}, "times"),
    ],
)
def test_bad_curves_are_refused_in_one_line(change: dict[str, Any], word: str) -> None:
    good = random_curves()
    fields = {n: getattr(good, n) for n in ("times", "expression", "rotation", "translation")}
    with pytest.raises(InputError) as caught:
        ExpressionCurves(**{**fields, **change})
    assert word in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("damage", ["missing", "empty", "text", "truncated", "other npz", "pickle"])
def test_bad_files_are_refused_in_one_line(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "x.npz"
    random_curves().save(path)
    whole = path.read_bytes()
    if damage == "missing":
        path.unlink()
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "text":
        path.write_text("hello")
    elif damage == "truncated":
        path.write_bytes(whole[: len(whole) // 2])
    elif damage == "other npz":
        np.savez(path, a=np.zeros(3))
    else:
        np.savez(path, schema=np.array([{"a": 1}], object), times=np.array([None]))
    with pytest.raises(InputError) as caught:
        ExpressionCurves.load(path)
    assert "x.npz" in str(caught.value)
    assert "\n" not in str(caught.value)
