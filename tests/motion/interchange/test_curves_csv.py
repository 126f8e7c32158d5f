# SPDX-License-Identifier: GPL-3.0-or-later
"""Expression curves as .csv: one column per curve that moves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core import presets
from core.errors import InputError
from core.head.rotation import to_head_angles
from core.motion.curves import ExpressionCurves
from core.motion.gaze import gaze_angles
from core.motion.interchange.curves_csv import write_curves_csv
from core.motion.interchange.formats import read_performance


def read(path: Path) -> ExpressionCurves:
    curves = read_performance(path)
    assert isinstance(curves, ExpressionCurves)
    return curves


@pytest.mark.parametrize("name", presets.preset_names())
def test_round_trip_keeps_bits_and_facts(tmp_path: Path, name: str) -> None:
    curves = presets.load_performance(name)
    write_curves_csv(curves, tmp_path / "c.csv")
    again = read(tmp_path / "c.csv")
    assert np.array_equal(again.times, curves.times)
    assert np.array_equal(again.expression, curves.expression)
    assert np.array_equal(again.translation, curves.translation)
    assert np.abs(again.rotation - curves.rotation).max() < 1e-6
    assert again.meta == curves.meta


def test_only_curves_that_move_have_a_column(tmp_path: Path) -> None:
    write_curves_csv(presets.load_performance("blink"), tmp_path / "c.csv")
    names = (tmp_path / "c.csv").read_text().splitlines()[1].split(",")
    assert names[0] == "time"
    assert "eyeBlinkLeft" in names and "headPitch" in names
    assert "jawLeft" not in names and "tongueOut" not in names
    write_curves_csv(presets.load_performance("blink"), tmp_path / "d.csv", faint=0.3)
    fewer = (tmp_path / "d.csv").read_text().splitlines()[1].split(",")
    assert "eyeBlinkLeft" in fewer and len(fewer) < len(names)


def test_a_table_typed_by_hand_is_read(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text(
        "\ufefftime; jawOpen; headYaw; gazePitch\n0; 0; 0; 0\n0.5; 0,5; 10; 12\n".replace(",", ".")
    )
    curves = read(path)
    assert curves.curve("jawOpen")[1] == 0.5
    assert to_head_angles(curves.rotation[1])[0] == pytest.approx(10)
    assert np.allclose(gaze_angles(curves.expression[1]), [[0, 12], [0, 12]])


def test_an_empty_cell_is_a_lost_frame(tmp_path: Path) -> None:
    still = ExpressionCurves(
        np.arange(3) / 25, np.zeros((3, 52)), np.tile([1.0, 0, 0, 0], (3, 1)), np.zeros((3, 3))
    )
    for values in (still.expression, still.rotation, still.translation):
        values[1] = np.nan
    write_curves_csv(still, tmp_path / "c.csv")
    assert np.array_equal(read(tmp_path / "c.csv").valid, [True, False, True])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("time,jawOpen\n0,0\n0.04,abc\n", "line 3"),
        ("time,jawOpen\n0,0\n0.04,42\n", "within 0..1"),
        ("time,jawOpen,jawWide\n0,0,0\n", "jawWide"),
        ("time,jawOpen\n0.04,0\n0,0\n", "increasing"),
        ("time,jawOpen\n,0\n", "time in seconds"),
        ("time,jawOpen,jawOpen\n0,0,0\n", "twice"),
        ("time,gazeYaw,eyeLookUpLeft\n0,0,0\n", "same"),
        ('# {"schema": "tableau-vivant/curves-csv-1", "meta": \ntime,jawOpen\n0,0\n', "line 1"),
        ("time,jawOpen\n", "no frames"),
    ],
)
def test_a_damaged_table_is_told_in_one_line(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read(path)
    assert words in str(caught.value)
    assert "bad.csv" in str(caught.value) and "\n" not in str(caught.value)
