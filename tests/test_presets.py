# SPDX-License-Identifier: GPL-3.0-or-later
"""The presets that ship: all load, stay in range, move, and close their loops; broken ones are refused."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from core import presets
from core.errors import InputError
from core.head.arkit import INDEX
from core.head.rotation import to_head_angles
from core.landmarks.face import Face
from core.motion.apply import apply_retime
from core.motion.authored import load_authored
from core.motion.retime import Retime

NAMES = presets.preset_names()
ASKED_FOR = {"blink", "slow_smile", "look_around", "talk", "nod", "laugh", "surprised", "breathing_idle"}


def test_there_are_the_performances_that_were_promised() -> None:
    assert set(NAMES) >= ASKED_FOR
    listed = presets.list_presets()
    assert [info.name for info in listed] == NAMES
    for info in listed:
        assert info.label
        assert info.description
        assert info.license == "CC0-1.0"
        assert info.frames == round(info.duration * info.fps)


@pytest.mark.parametrize("name", NAMES)
def test_values_stay_in_the_range_that_a_painting_bears(name: str) -> None:
    curves = presets.load_performance(name)
    assert len(curves) == presets.preset_info(name).frames
    assert curves.valid.all()
    assert curves.expression.min() >= 0
    assert curves.curve("jawOpen").max() <= {"talk": 0.36, "laugh": 0.52, "surprised": 0.5}.get(name, 0.1)
    yaw, pitch, roll = to_head_angles(curves.rotation)
    assert np.abs(yaw).max() <= 15
    assert np.abs(pitch).max() <= 10
    assert np.abs(roll).max() <= 6
    assert np.abs(curves.translation).max() <= 0.1
    assert curves.expression.std(axis=0).max() > 0.01, "nothing moves"


@pytest.mark.parametrize("name", NAMES)
def test_loops_close_exactly_and_without_a_jerk(name: str) -> None:
    authored = load_authored(presets.PERFORMANCES / f"{name}.toml")
    count, fps = authored.frames, float(authored.fps)
    times = np.arange(-3, count + 4) / fps
    expression, head = authored.evaluate(times)
    curves = presets.load_performance(name)
    if not authored.loop:
        assert "period" not in curves.meta
        assert curves.meta["loop"] is False
        return
    assert np.array_equal(expression[count : count + 7], expression[:7])
    assert np.array_equal(head[count : count + 7], head[:7])
    # the step over the seam is no larger than steps elsewhere
    around = np.abs(np.diff(np.concatenate([head, expression * 10], 1), axis=0)).max(axis=1)
    assert around[count : count + 5].max() <= around[:count].max()
    twice = apply_retime(curves, Retime(after="loop"), authored.fps, range(2 * count + 1))
    assert np.array_equal(twice.expression[:count], twice.expression[count : 2 * count])
    assert np.array_equal(twice.expression[-1], curves.expression[0])
    assert np.array_equal(twice.translation[:count], curves.translation)


@pytest.mark.parametrize("name", NAMES)
def test_blinks_close_fully_and_open_slower_than_they_close(name: str) -> None:
    lids = presets.load_performance(name, Fraction(100)).curve("eyeBlinkLeft")
    peaks = np.flatnonzero((lids[1:-1] >= lids[:-2]) & (lids[1:-1] > lids[2:]) & (lids[1:-1] > 0.9)) + 1
    assert len(peaks) >= 1
    for peak in peaks:
        before = np.flatnonzero(lids[:peak] < 0.3)
        after = np.flatnonzero(lids[peak:] < 0.3)
        if len(before) and len(after):
            shut = np.flatnonzero(lids[: peak + 1] > 0.9)
            start = shut[shut > before[-1]][0]
            assert start - before[-1] <= after[0]
    assert lids.max() > 0.95


def test_performances_are_the_same_every_time_and_at_every_rate() -> None:
    a, b = presets.load_performance("breathing_idle"), presets.load_performance("breathing_idle")
    assert np.array_equal(a.expression, b.expression)
    fine = presets.load_performance("breathing_idle", Fraction(50))
    assert np.array_equal(fine.expression[::2], a.expression)
    assert len(presets.load_performance("talk", Fraction(24000, 1001))) == 144


def test_idle_is_alive() -> None:
    idle = presets.load_performance("breathing_idle")
    still = (np.abs(np.diff(idle.rotation, axis=0)).max(axis=1) < 1e-6) & (
        np.abs(np.diff(idle.expression, axis=0)).max(axis=1) < 1e-6
    )
    assert not still.any()
    blinks = idle.curve("eyeBlinkLeft") > 0.9
    assert np.count_nonzero(np.diff(blinks.astype(int)) == 1) == 4


def test_talk_closes_its_lips_and_opens_its_mouth() -> None:
    talk = presets.load_performance("talk")
    jaw, roll = talk.curve("jawOpen"), talk.curve("mouthRollLower")
    assert np.count_nonzero(np.diff((jaw > 0.12).astype(int)) == 1) >= 6
    assert talk.expression[:, INDEX["mouthPucker"]].max() > 0.3
    assert roll.max() > 0.25


def test_unknown_presets_name_the_nearest() -> None:
    with pytest.raises(InputError, match=r"slow_smil: .*slow_smile"):
        presets.load_performance("slow_smil")
    with pytest.raises(InputError, match=r"there are .*blink"):
        presets.load_performance("xyzzy")


def test_retimes_ship_and_work() -> None:
    names = [info.name for info in presets.list_retimes()]
    assert {"half_speed", "reverse", "ping_pong", "soft_loop", "gallery_loop"} <= set(names)
    curves = presets.load_performance("surprised")
    for name in names:
        out = apply_retime(curves, Retime.load(presets.find_retime(name)))
        assert out.valid.all()
        assert len(out) >= 30
    fitted = apply_retime(curves, Retime.load(presets.find_retime("gallery_loop")), frames=range(500))
    assert np.array_equal(fitted.expression[:250], fitted.expression[250:])
    assert presets.find_retime(str(presets.RETIMES / "reverse.toml")).is_file()
    for bad in ("none.toml", "nothing"):
        with pytest.raises(InputError, match=bad):
            presets.find_retime(bad)


def test_the_demo_portrait_is_there() -> None:
    face = presets.demo_portrait()
    assert face.is_file()
    assert (face.parent / "LICENSE.md").is_file()


META = "[meta]\nduration = 2.0\nloop = true\nfps = 25\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = 1", ["'x'"]),
        ("[meta]\nloop = true", ["'duration'"]),
        ("[meta]\nduration = 2.0", ["'loop'"]),
        ("[meta]\nduration = -1\nloop = true", ["'duration'"]),
        ("[meta]\nduration = 2\nloop = true\nfps = 'x'", ["'fps'"]),
        (META + "schema = 'other'", ["'schema'"]),
        (META + "[[curve]]\nname = 'smile'\nkeys = [[0, 0]]", ["curve 1", "smile"]),
        (META + "[[curve]]\nname = 'jawOpen'\nkeys = []", ["curve 1", "'keys'"]),
        (META + "[[curve]]\nname = 'jawOpen'\nkeys = [[0, 0], [0, 1]]", ["curve 1", "key 2"]),
        (META + "[[curve]]\nname = 'jawOpen'\nkeys = [[0, 0], [3, 1]]", ["key 2"]),
        (META + "[[curve]]\nname = 'jawOpen'\nkeys = [[0, 0], [1, 2]]", ["key 2"]),
        (META + "[[curve]]\nname = 'jawOpen'\nkeys = [[0, 0], [2.0, 1]]", ["loop"]),
        (META + "[[curve]]\nname = 'jawOpen'\nkeys = [[0, 0]]\nlag = 0.1", ["'lag'"]),
        (META + "[[curve]]\nname = 'jawOpen'\nkeys = [[0, 0]]\nease = 'x'", ["'ease'"]),
        (META + "[life]\nblinks = 'many'", ["'blinks'"]),
        (META + "[life]\nblinks = [7.0]", ["'blinks'"]),
        (META + "[life]\nseed = 1.5", ["'seed'"]),
    ],
)
def test_broken_performances_are_refused_in_one_line(tmp_path: Path, text: str, words: list[str]) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        load_authored(path)
    message = str(caught.value)
    assert "bad.toml" in message
    assert "\n" not in message
    assert all(word in message for word in words), message


def test_blinks_can_be_asked_for_by_number(tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    path.write_text("[meta]\nduration = 10.0\nloop = true\n[life]\nseed = 4\nblinks = 3\n")
    curves = load_authored(path).sample()
    shut = curves.curve("eyeBlinkRight") > 0.9
    assert np.count_nonzero(np.diff(np.concatenate([shut[-1:], shut]).astype(int)) == 1) == 3


def test_a_shipped_performance_drives_a_face(demo_portrait: Path) -> None:
    from core.landmarks.detect import detect_portrait
    from core.media.picture import load_picture
    from core.motion.features import eye_distance
    from core.motion.retarget import retarget

    picture = load_picture(demo_portrait)
    face, _ = detect_portrait(picture)
    assert isinstance(face, Face)
    for name in NAMES:
        out = retarget(presets.load_performance(name), face, size=picture.size)
        moved = np.linalg.norm((out.points - face.points)[..., :2], axis=-1) / float(
            eye_distance(face.points)
        )
        assert 0.02 < moved.max() < 0.5, name
