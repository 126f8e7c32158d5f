# SPDX-License-Identifier: GPL-3.0-or-later
"""Retime: every kind of segment, exact loops, exact rates, and recipes that are refused."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import InputError
from core.motion.apply import apply_retime
from core.motion.rates import frame_count, frame_times, parse_rate
from core.motion.retime import Retime, Segment

from .test_sample import make_curves, make_track

STAMPS = np.arange(100) / 25  # a clip of 100 frames, 4 s


def shown(retime: Retime, frames: int, rate: int | Fraction = 25) -> np.ndarray:
    """The clip's frame number that each scene frame shows."""
    bound = retime.bind(STAMPS)
    return bound.frame_plan(np.arange(frames), Fraction(rate))[0] * 25


def test_an_empty_recipe_plays_the_clip_once_and_holds() -> None:
    bound = Retime().bind(STAMPS)
    assert bound.duration == pytest.approx(4.0)
    assert bound.frame_count(Fraction(25)) == 100
    assert np.allclose(shown(Retime(), 100), np.arange(100))
    assert (bound.map(np.array([-3.0])) == 0).all()
    assert bound.map(np.array([9.0]))[0] >= 3.96


def test_speed_reverse_and_hold_follow_each_other() -> None:
    recipe = Retime(
        (
            Segment("play", end=2.0, speed=Fraction(2)),
            Segment("hold", duration=0.4),
            Segment("reverse", end=1.0, speed=Fraction(1, 2)),
            Segment("play", end=3.0),
        )
    )
    got = shown(recipe, 126)
    assert recipe.bind(STAMPS).duration == pytest.approx(1 + 0.4 + 2 + 2)
    assert np.allclose(got[:25], 2 * np.arange(25))
    assert np.allclose(got[25:36], 50)
    assert np.allclose(got[35:85], 50 - 0.5 * np.arange(50))
    assert np.allclose(got[85:126], 25 + np.arange(41))


def test_reversing_a_clip_shows_every_frame_once() -> None:
    got = shown(Retime((Segment("reverse"),)), 100)
    assert np.allclose(got, 99 - np.arange(100))


def test_ping_pong_turns_without_doubling_a_frame() -> None:
    there_and_back = np.concatenate([np.arange(100), np.arange(98, 0, -1)])
    got = shown(Retime((Segment("ping-pong", cycles=3),), after="loop"), 3 * 198)
    assert np.allclose(got, np.tile(there_and_back, 3))
    outside = shown(Retime(after="ping-pong"), 400)
    assert np.allclose(outside, np.tile(there_and_back, 3)[:400])


def test_keyed_curve_interpolates_as_asked() -> None:
    keys = ((0.0, 0.0), (1.0, 2.0), (2.0, 2.0), (3.0, 0.0))
    t = np.linspace(0, 3, 301)
    smooth = Retime((Segment("curve", keys=keys),)).map(t)
    assert np.allclose(smooth[[0, 100, 200, 300]], [0, 2, 2, 0])
    assert smooth.min() >= 0
    assert smooth.max() <= 2
    assert (np.diff(smooth[:101]) >= 0).all()
    assert np.allclose(smooth[100:201], 2)  # monotone: a hold between equal keys stays a hold
    linear = Retime((Segment("curve", keys=keys, interpolation="linear"),)).map(t)
    assert linear[50] == pytest.approx(1.0)
    constant = Retime((Segment("curve", keys=keys, interpolation="constant"),)).map(t)
    assert set(np.round(constant, 6)) == {0.0, 2.0}
    assert constant[99] == 0
    assert constant[100] == 2


@pytest.mark.parametrize("rate", [Fraction(24), Fraction(25), Fraction(24000, 1001), Fraction(30000, 1001)])
def test_a_loop_fitted_to_n_frames_has_exactly_that_period(rate: Fraction) -> None:
    for frames in (7, 48, 121):
        bound = Retime(frames=frames, rate=rate, after="loop").bind(STAMPS)
        main = bound.frame_plan(np.arange(5 * frames), rate)[0]
        assert np.array_equal(main, np.tile(main[:frames], 5))
        assert len(np.unique(np.round(main[:frames], 9))) == frames, "a frame is doubled"
        assert np.allclose(np.diff(main[:frames]), 4.0 / frames)
        assert bound.frame_count(rate) == frames


def test_a_loop_by_time_is_exact_even_without_frame_numbers() -> None:
    rate = Fraction(24000, 1001)
    bound = Retime(frames=48, rate=rate, after="loop", before="loop").bind(STAMPS)
    main = bound.map(frame_times(48 * 400, rate))
    assert np.abs(main.reshape(400, 48) - main[:48]).max() < 1e-6
    assert (main.reshape(400, 48)[:, 0] == 0).all()
    assert bound.map(np.array([-float(1 / rate)]))[0] == pytest.approx(main[47])


def test_crossfade_closes_a_loop_whose_ends_differ() -> None:
    rate = Fraction(25)
    curves = make_curves(STAMPS, STAMPS / 4, STAMPS / 10)
    recipe = Retime(frames=80, rate=rate, after="loop", crossfade=0.8)
    looped = apply_retime(curves, recipe, rate, range(240))
    values = looped.expression[:, 0]
    assert np.array_equal(values[:80], values[80:160])
    step = np.abs(np.diff(values)).max()
    assert step < 0.09, "the seam jumps"
    hard = apply_retime(curves, Retime(frames=80, rate=rate, after="loop"), rate, range(240)).expression[:, 0]
    assert np.abs(np.diff(hard)).max() > 0.9
    # outside the blended head it is the plain performance
    natural = np.diff(values[25:80])
    assert np.allclose(natural, natural[0], atol=1e-6)


def test_conform_over_ten_minutes_does_not_drift() -> None:
    rate = parse_rate("23.976")
    assert rate == Fraction(24000, 1001)
    frames = 14400
    times = frame_times(frames + 1, rate)
    assert times[-1] == 600.6  # 14,400 frames at 24000/1001 are 600.6 s exactly
    assert max(abs(Fraction(float(times[n])) - n / rate) for n in range(0, frames, 97)) < Fraction(1, 10**12)
    # 24000/1001 material shown frame for frame at 25
    slowed = Retime((Segment("play", start=0.0, end=600.6, speed=Fraction(25) / rate),))
    assert slowed.frame_count(Fraction(25)) == frames
    source = slowed.map(frame_times(frames, Fraction(25))) * float(rate)
    assert np.abs(source - np.arange(frames)).max() < 1e-6


def test_rates_and_counts() -> None:
    assert parse_rate("30000/1001") == parse_rate("29.97") == parse_rate(29.97) == Fraction(30000, 1001)
    assert parse_rate(25) == 25
    assert parse_rate("12.5") == Fraction(25, 2)
    assert frame_count(4.0, Fraction(25)) == 100
    assert frame_count(4.01, Fraction(25)) == 101
    bad: Any
    for bad in ("fast", "1/0", 0, -25, "5000", None, True):
        with pytest.raises(InputError, match="rate"):
            parse_rate(bad)


def test_trim_and_offset() -> None:
    recipe = Retime(trim_in=1.0, trim_out=2.0, offset=0.4, after="loop")
    got = shown(recipe, 75)
    assert np.allclose(got[:11], 25)
    assert np.allclose(got[10:35], 25 + np.arange(25))
    assert np.allclose(got[35:60], 25 + np.arange(25))
    with pytest.raises(InputError, match="'in' and 'out'"):
        Retime(trim_in=9.0).bind(STAMPS)


def test_a_looping_performance_runs_on_through_any_recipe() -> None:
    period = 4.0
    curves = make_curves(STAMPS, 0.5 - 0.5 * np.cos(2 * np.pi * STAMPS / period), np.zeros(100))
    curves.meta.update(loop=True, period=period)
    slow = apply_retime(
        curves, Retime((Segment("play", speed=Fraction(1, 2)),), after="loop"), Fraction(25), range(600)
    )
    values = slow.expression[:, 0]
    assert np.array_equal(values[:200], values[200:400])
    assert np.abs(np.diff(values)).max() < 0.02
    assert slow.meta["rate"] == "25"


def test_a_loop_keeps_its_period_at_a_rate_that_does_not_divide_it() -> None:
    rate = Fraction(24000, 1001)
    times = frame_times(96, rate)
    curves = make_curves(times, 0.5 - 0.5 * np.cos(2 * np.pi * times / 4), np.zeros(96))
    curves.meta.update(loop=True, period=4.0)
    out = apply_retime(curves, Retime(after="loop"), rate, range(96 * 20))
    truth = 0.5 - 0.5 * np.cos(2 * np.pi * out.times / 4)
    assert np.abs(out.expression[:, 0] - truth).max() < 5e-3


def test_applying_to_a_track_keeps_scene_times() -> None:
    track = make_track(STAMPS, STAMPS)
    out = apply_retime(track, Retime((Segment("reverse"),)), Fraction(25))
    assert np.array_equal(out.points, track.points[::-1])
    assert np.allclose(out.times, STAMPS)


EVERYTHING = Retime(
    segments=(
        Segment("play", start=0.5, end=1.5, speed=Fraction(25, 24)),
        Segment("hold", duration=0.5),
        Segment("reverse", end=0.25, duration=2.0),
        Segment("curve", keys=((0.0, 0.25), (1.5, 3.0)), interpolation="linear"),
        Segment("ping-pong", start=0.0, end=1.0, cycles=2.5),
        Segment("loop", start=0.0, end=1.0, duration=3.25),
    ),
    name='quoted "name"',
    label="Über",
    trim_in=0.1,
    trim_out=3.9,
    offset=-0.2,
    frames=240,
    rate=Fraction(24000, 1001),
    before="ping-pong",
    after="loop",
    crossfade=0.3,
)


def test_recipes_survive_their_file(tmp_path: Path) -> None:
    EVERYTHING.save(tmp_path / "r.toml")
    again = Retime.load(tmp_path / "r.toml")
    assert again == EVERYTHING
    assert Retime.from_dict(EVERYTHING.to_dict()) == EVERYTHING
    t = np.linspace(-2, 25, 999)
    assert np.array_equal(again.bind(STAMPS).map(t), EVERYTHING.bind(STAMPS).map(t))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("after = 'bounce'", ["'after'", "bounce"]),
        ("frames = 2.5\nrate = 25", ["'frames'"]),
        ("frames = 0\nrate = 25", ["'frames'"]),
        ("frames = 40", ["'rate'"]),
        ("rate = 'fast'", ["'rate'"]),
        ("sped = 2", ["'sped'"]),
        ("crossfade = 1", ["'crossfade'"]),
        ("in = 3.0\nout = 1.0", ["'in'", "'out'"]),
        ("schema = 'other'", ["'schema'"]),
        ("segment = 3", ["'segment'"]),
        ("[[segment]]\nkind = 'jump'", ["segment 1", "'kind'"]),
        ("[[segment]]\nkind = 'hold'", ["segment 1", "'duration'"]),
        ("[[segment]]\nkind = 'hold'\nduration = 1\nspeed = 2", ["segment 1", "'speed'"]),
        ("[[segment]]\n[[segment]]\nspeed = -1", ["segment 2", "'speed'"]),
        ("[[segment]]\nspeed = '1/0'", ["segment 1", "'speed'"]),
        ("[[segment]]\nto = 1.0\nduration = 2.0\nspeed = 3", ["segment 1", "'speed'"]),
        ("[[segment]]\nkind = 'curve'\nkeys = [[0, 1], [0, 2]]", ["segment 1", "'keys'"]),
        ("[[segment]]\nkind = 'curve'\nkeys = [[0, 1], 5]", ["segment 1", "key 2"]),
        ("[[segment]]\nkind = 'curve'\nkeys = [[0, 1], [1, 2]]\ninterpolation = 'x'", ["'interpolation'"]),
        ("not toml", ["TOML"]),
        ("crossfade = nan", ["'crossfade'"]),
    ],
)
def test_bad_recipes_name_file_and_key_in_one_line(tmp_path: Path, text: str, words: list[str]) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        Retime.load(path)
    message = str(caught.value)
    assert "bad.toml" in message
    assert "\n" not in message
    assert all(word in message for word in words), message


def test_missing_and_unbound_recipes_say_what_is_needed(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.toml: no such file"):
        Retime.load(tmp_path / "none.toml")
    with pytest.raises(InputError, match="'to'"):
        Retime((Segment("loop"),)).map(np.zeros(1))
    with pytest.raises(InputError, match="must come before"):
        Retime((Segment("play", start=3.0, end=1.0),)).map(np.zeros(1))
