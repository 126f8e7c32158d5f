# SPDX-License-Identifier: GPL-3.0-or-later
"""Live Link Face .csv, in the shape in which the app writes it, and the timecode in it."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from core import presets
from core.errors import InputError
from core.head.arkit import INDEX
from core.head.rotation import from_head_angles, to_head_angles
from core.motion.curves import ExpressionCurves
from core.motion.gaze import gaze_angles
from core.motion.interchange.formats import read_performance
from core.motion.interchange.live_link import COLUMNS, write_live_link
from core.motion.interchange.timecode import format_timecode, parse_timecodes
from core.motion.sample import fill_curves


def take(path: Path, stamps: list[str], **columns: float | list[float]) -> Path:
    """A take as the app writes it: ten decimals, 61 values; what is not given is 0."""
    lines = [",".join(COLUMNS)]
    for index, stamp in enumerate(stamps):
        values = [0.0] * 61
        for name, value in columns.items():
            values[COLUMNS.index(name) - 2] = value[index] if isinstance(value, list) else value
        lines.append(f"{stamp},61," + ",".join(f"{value:.10f}" for value in values))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def read(path: Path, rate: str | None = None) -> ExpressionCurves:
    curves = read_performance(path, rate=rate)
    assert isinstance(curves, ExpressionCurves)
    return curves


@pytest.mark.parametrize("name", ["talk", "look_around", "wink"])
@pytest.mark.parametrize("rate", ["25", "24000/1001", "30000/1001", "60000/1001", "60"])
def test_round_trip_of_a_performance(tmp_path: Path, name: str, rate: str) -> None:
    curves = presets.load_performance(name, Fraction(rate))
    write_live_link(curves, tmp_path / "take.csv")
    again = read(tmp_path / "take.csv")
    assert np.abs(again.times - curves.times).max() < 1e-5
    assert again.rate == Fraction(rate)
    assert np.abs(again.expression - curves.expression).max() < 1e-6
    assert np.abs(again.rotation - curves.rotation).max() < 1e-6
    assert not again.translation.any()  # the format has no place for it
    assert again.meta["rest"] == "neutral"


def test_a_recorded_take_is_read_with_its_units_and_signs(tmp_path: Path) -> None:
    # as the app records: half the timecode's rate, between its frames; the right column order; radians
    stamps = [f"13:13:{4 + (31 + 2 * i) // 60:02d}:{(31 + 2 * i) % 60:02d}.652" for i in range(40)]
    path = take(
        tmp_path / "take.csv",
        stamps,
        EyeLookInLeft=0.0771512464,
        EyeLookDownLeft=0.2947251797,
        JawRight=0.0162497107,
        JawLeft=0.3,
        MouthFrownLeft=[0.2313214242] * 39 + [1.2],
        HeadYaw=0.2,
        HeadPitch=0.1,
        HeadRoll=0.05,
        LeftEyeYaw=-0.0196778979,
    )
    curves = read(path)
    assert len(curves) == 40 and curves.rate == 30
    assert curves.times[0] == 0 and np.allclose(np.diff(curves.times), 1 / 30)
    assert curves.meta["start"] == pytest.approx(13 * 3600 + 13 * 60 + 4 + 31.652 / 60, abs=1e-6)
    assert curves.curve("jawRight")[0] == pytest.approx(0.0162497107)
    assert curves.curve("jawLeft")[0] == pytest.approx(0.3)
    assert curves.curve("mouthFrownLeft")[-1] == 1.0  # a calibrated take overshoots
    yaw, pitch, roll = to_head_angles(curves.rotation[0])
    assert np.allclose([yaw, pitch, roll], np.degrees([0.2, 0.1, -0.05]), atol=1e-4)
    # the left eye looks in (to the sitter's right) and down
    assert (gaze_angles(curves.expression)[0, 1] < 0).all()


def test_what_is_written_has_the_apps_columns_and_signs(tmp_path: Path) -> None:
    looks = np.zeros((1, 52))
    looks[0, [INDEX["eyeLookOutLeft"], INDEX["eyeLookUpLeft"]]] = 1.0, 0.5
    curves = ExpressionCurves(np.zeros(1), looks, from_head_angles(20.0, -10.0, 5.0)[None], np.zeros((1, 3)))
    write_live_link(curves, tmp_path / "one.csv")
    head, row = (tmp_path / "one.csv").read_text().splitlines()
    assert head.startswith("Timecode,BlendShapeCount,EyeBlinkLeft,EyeLookDownLeft,EyeLookInLeft,")
    assert (
        "JawForward,JawRight,JawLeft,JawOpen,MouthClose,MouthFunnel,MouthPucker,MouthRight,MouthLeft" in head
    )
    assert head.endswith(
        "HeadRoll,LeftEyeYaw,LeftEyePitch,LeftEyeRoll,RightEyeYaw,RightEyePitch,RightEyeRoll"
    )
    cells = row.split(",")
    assert len(cells) == 63 and cells[:2] == ["00:00:00:00.000", "61"]
    value = dict(zip(head.split(","), cells, strict=True))
    assert np.allclose(
        [float(value[f"Head{t}"]) for t in ("Yaw", "Pitch", "Roll")], np.radians([20, -10, -5])
    )
    assert float(value["LeftEyeYaw"]) == pytest.approx(-np.radians(32))  # the sitter's left is negative
    assert float(value["LeftEyePitch"]) == pytest.approx(-np.radians(12))  # up is negative


def test_eyes_come_from_the_angles_where_their_coefficients_are_zero(tmp_path: Path) -> None:
    path = take(tmp_path / "t.csv", ["00:00:00:00", "00:00:00:01"], LeftEyeYaw=0.2, RightEyePitch=-0.1)
    angles = gaze_angles(read(path).expression)[0]  # right, left
    assert np.allclose(angles, np.degrees([[0, 0.1], [-0.2, 0]]), atol=1e-3)


def test_dropped_frames_leave_gaps_and_lost_ones_are_lost(tmp_path: Path) -> None:
    numbers = [i for i in range(130) if i not in (40, 41, 42, 60)]
    stamps = [format_timecode(i / 60) for i in numbers]
    path = take(tmp_path / "take.csv", stamps, JawOpen=[i / 200 for i in numbers])
    lines = path.read_text().splitlines()
    lines[11] = lines[11].split(",")[0] + ",0"  # the phone saw no face here
    lines[12] = lines[12].split(",")[0] + ",0" + ",0.0" * 61
    path.write_text("\n".join([*lines, ""]))
    curves = read(path)
    assert len(curves) == 126
    assert curves.rate == 60
    assert np.allclose(curves.times * 60, numbers, atol=2e-3)
    assert np.array_equal(np.flatnonzero(~curves.valid), [10, 11])
    filled = fill_curves(curves, "interpolate")
    assert filled.valid.all()
    assert np.allclose(filled.curve("jawOpen"), np.array(numbers) / 200, atol=1e-4)
    assert np.array_equal(filled.expression[12:], curves.expression[12:])
    assert np.allclose(fill_curves(curves, "hold").curve("jawOpen")[9:12], 9 / 200)
    # and back into a file with the same rows lost
    write_live_link(curves, tmp_path / "again.csv")
    again = read(tmp_path / "again.csv")
    assert np.array_equal(again.valid, curves.valid)
    assert np.allclose(again.times, curves.times, atol=1e-5)


def test_a_rate_that_the_user_knows_overrules_the_timecode(tmp_path: Path) -> None:
    stamps = [f"00:00:{i // 60:02d}:{i % 60:02d}.000" for i in range(121)]
    path = take(tmp_path / "take.csv", stamps)
    assert read(path).times[-1] == pytest.approx(2.0)
    known = read(path, "59.94")
    assert known.times[-1] == pytest.approx(2.002)
    assert known.rate == Fraction(60000, 1001)


@pytest.mark.parametrize("base", [24, 25, 30, 48, 60])
def test_the_timecodes_own_rate_is_read_off_the_rollover(base: int) -> None:
    numbers = np.delete(np.arange(3 * base), [5, base, base + 1])
    stamps = [f"01:00:{n // base:02d}:{n % base:02d}" for n in numbers]
    times = parse_timecodes(stamps, stamps)
    assert np.allclose(times - 3600, numbers / base)


def test_timecode_knows_drop_frames_and_midnight() -> None:
    dropped = ["00:00:59;28", "00:00:59;29", "00:01:00;02", "00:01:00;03"]
    times = parse_timecodes(dropped, dropped, "29.97")
    assert np.allclose(np.diff(times), 1001 / 30000)
    night = ["23:59:59:59.000", "00:00:00:00.000"]
    assert np.allclose(np.diff(parse_timecodes(night, night)), 1 / 60)
    assert format_timecode(24 * 3600 - 1e-9) == "00:00:00:00.000"


def test_a_short_take_counts_sixty_frames_a_second(tmp_path: Path) -> None:
    curves = replace(presets.load_performance("blink"), meta={})
    short = ExpressionCurves(
        curves.times[:6], curves.expression[:6], curves.rotation[:6], curves.translation[:6]
    )
    write_live_link(short, tmp_path / "s.csv")
    assert np.allclose(read(tmp_path / "s.csv").times, short.times, atol=1e-5)


def test_a_raw_take_of_a_resting_face_is_not_taken_for_neutral(tmp_path: Path) -> None:
    shapes = dict.fromkeys(COLUMNS[2:54], 0.07)
    path = take(tmp_path / "raw.csv", [format_timecode(i / 60) for i in range(30)], **shapes)
    assert "rest" not in read(path).meta
    # nor one whose head never faced the phone
    tipped = take(tmp_path / "tipped.csv", [format_timecode(i / 60) for i in range(30)], HeadPitch=0.15)
    assert "rest" not in read(tipped).meta
    straight = take(tmp_path / "straight.csv", [format_timecode(i / 60) for i in range(30)], HeadPitch=0.01)
    assert read(straight).meta["rest"] == "neutral"


@pytest.mark.parametrize("damage", ["timecode", "cell", "backward", "no rows", "all lost", "column", "frame"])
def test_a_damaged_take_is_told_in_one_line(tmp_path: Path, damage: str) -> None:
    path = take(tmp_path / "bad take.csv", [format_timecode(1 + i / 60) for i in range(8)], JawOpen=0.2)
    lines = path.read_text().splitlines()
    if damage == "timecode":
        lines[4] = "yesterday" + lines[4][15:]
    elif damage == "cell":
        lines[4] = lines[4].replace("0.2000000000", "0,2x")
    elif damage == "backward":
        lines[3], lines[5] = lines[5], lines[3]
    elif damage == "no rows":
        lines = lines[:1]
    elif damage == "all lost":
        lines = [lines[0], *(line[:15] + ",0" for line in lines[1:])]
    elif damage == "frame":
        lines[4] = "00:00:01:75.000" + lines[4][15:]
    else:
        lines = [line.replace("MouthClose", "MouthClosed") for line in lines]
    path.write_text("\n".join(lines))
    with pytest.raises(InputError) as caught:
        read(path, "60")
    text = str(caught.value)
    assert "bad take.csv" in text and "\n" not in text
    if damage in ("timecode", "cell"):
        assert "line 5" in text
