# SPDX-License-Identifier: GPL-3.0-or-later
"""Preparing real clips and stills, made on the spot from the demo portrait."""

from __future__ import annotations

import argparse
import shutil
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from core.errors import Cancelled, InputError
from core.generator.inputs import Viewer
from core.landmarks.detect import detect_portrait
from core.media.picture import Picture, load_picture
from core.media.video import VideoWriter
from core.motion.authored import load_authored
from core.motion.retarget import retarget
from core.training.clips import ClipPlan, cached_track, person_of
from core.training.episode_files import read_entries
from core.training.prepare_command import LOG, PrepareOptions, add_arguments, make_plans, run
from core.training.prepared import load_prepared
from core.training.shot_pairs import PERFORMANCES
from core.training.stills import StillPlan

QUIET = (lambda done, total, text: None, lambda: False)


def _empty(folder: Path, *names: str) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(name.encode())
    return [folder / name for name in names]


def test_a_name_tells_the_person() -> None:
    assert person_of(Path("a/person012_03.mp4")) == "person012"
    assert person_of(Path("anna.mp4")) == "anna"
    assert person_of(Path("take_two.mp4")) == "take_two"


def test_arguments_have_the_defaults_of_the_options(tmp_path: Path) -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    parsed = PrepareOptions.parsed(parser.parse_args(["a.mp4", "-o", str(tmp_path)]))
    assert parsed == PrepareOptions((Path("a.mp4"),), tmp_path)


def test_persons_with_many_clips_have_as_many_pairs_as_others(tmp_path: Path) -> None:
    _empty(tmp_path / "clips", *(f"many_{n:02d}.mp4" for n in range(8)), "few_00.mp4", "few_01.mp4")
    plans = make_plans(PrepareOptions((tmp_path / "clips",), tmp_path, person_pairs=120, painted=0))
    clips = [plan for plan in plans if isinstance(plan, ClipPlan)]
    pairs = {
        person: sum(p.shots * p.targets for p in clips if p.person == person) for person in ("many", "few")
    }
    assert 100 <= pairs["many"] <= 120 and 100 <= pairs["few"] <= 120
    assert len(clips) == 10


def test_sorts_are_mixed_and_twins_are_a_share(tmp_path: Path) -> None:
    _empty(tmp_path / "clips", *(f"p{n}_00.mp4" for n in range(10)))
    _empty(tmp_path / "stills" / "photos", *(f"photo{n}.jpg" for n in range(5)))
    _empty(tmp_path / "stills" / "paintings", *(f"painting{n}.jpg" for n in range(15)))
    options = PrepareOptions((tmp_path / "clips",), tmp_path, tmp_path / "stills", painted=0.3)
    plans = make_plans(options)
    assert plans == make_plans(options)
    assert make_plans(replace(options, seed=1)) != plans
    twins = [plan for plan in plans if isinstance(plan, ClipPlan) and plan.painted]
    stills = [plan for plan in plans if isinstance(plan, StillPlan)]
    assert len(plans) == 33 and len(twins) == 3 and len(stills) == 20
    assert {plan.kind for plan in stills} == {"photo", "painting"}
    assert {twin.person for twin in twins} < {f"p{n}" for n in range(10)}
    early = plans[:11]
    assert 5 <= sum(isinstance(plan, StillPlan) for plan in early) <= 8


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"clips": ()}, "neither clips nor stills"),
        ({"clips": (Path("gone.mp4"),)}, "gone.mp4: no such file"),
        ({"shots": 0}, "--shots must be at least 1"),
        ({"person_pairs": 0}, "--person-pairs must be at least 1"),
        ({"painted": 1.5}, "--painted must be a share"),
    ],
)
def test_wrong_values_are_told(tmp_path: Path, change: dict[str, object], message: str) -> None:
    options = PrepareOptions(tuple(_empty(tmp_path, "a.mp4")), tmp_path / "out")
    with pytest.raises(InputError, match=message):
        make_plans(replace(options, **change))  # type: ignore[arg-type]


def test_two_sources_of_one_name_are_refused(tmp_path: Path) -> None:
    clips = _empty(tmp_path / "a", "same_00.mp4") + _empty(tmp_path / "b", "same_00.mp4")
    with pytest.raises(InputError, match="named same_00"):
        make_plans(PrepareOptions(tuple(clips), tmp_path / "out"))


def test_what_cannot_be_used_is_left_out_with_one_line(tmp_path: Path) -> None:
    clip, still = _empty(tmp_path / "in", "broken_00.mp4", "broken.jpg")
    options = PrepareOptions((clip,), tmp_path / "out", still.parent, painted=0, processes=1)
    with pytest.raises(InputError, match="nothing could be prepared"):
        run(options, *QUIET)
    lines = (tmp_path / "out" / LOG).read_text().splitlines()
    assert len(lines) == 2 and all("left out: " in line for line in lines)
    assert sum(str(clip) in line for line in lines) == sum(str(still) in line for line in lines) == 1


def test_a_stop_is_heard(tmp_path: Path) -> None:
    clips = _empty(tmp_path / "in", "a_00.mp4")
    with pytest.raises(Cancelled):
        run(PrepareOptions(tuple(clips), tmp_path / "out", processes=1), QUIET[0], lambda: True)


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory, demo_portrait: Path) -> Path:
    """A folder with a clip of the demo portrait talking, an empty wall, and the portrait as a still."""
    folder = tmp_path_factory.mktemp("material")
    picture = load_picture(demo_portrait)
    face, _ = detect_portrait(picture)
    viewer = Viewer(picture, face, 256)
    track = retarget(load_authored(PERFORMANCES / "talk.toml").sample(), face, size=picture.size)
    (folder / "clips").mkdir()
    with (
        VideoWriter(folder / "clips" / "demo_00.mp4", (256, 256), Fraction(25)) as film,
        VideoWriter(folder / "clips" / "wall_00.mp4", (256, 256), Fraction(25)) as wall,
    ):
        for number in range(0, 72, 2):
            film.write(viewer.view(track.points[number], track.irises[number]).warped)
            if number < 12:
                wall.write(np.full((256, 256, 3), 120, np.uint8))
    (folder / "stills" / "paintings").mkdir(parents=True)
    shutil.copy(demo_portrait, folder / "stills" / "paintings" / "demo.png")
    tiny = cv2.resize(picture.rgb8(), None, fx=0.06, fy=0.06, interpolation=cv2.INTER_AREA)
    small = np.full((200, 200, 3), 90, np.uint8)
    small[40 : 40 + tiny.shape[0], 40 : 40 + tiny.shape[1]] = tiny
    assert cv2.imwrite(str(folder / "stills" / "paintings" / "tiny.png"), small[..., ::-1])
    return folder


def _options(material: Path, output: Path) -> PrepareOptions:
    return PrepareOptions(
        (material / "clips",),
        output,
        material / "stills",
        shots=2,
        targets=5,
        painted=1.0,
        moves=2,
        processes=1,
    )


@pytest.mark.slow
def test_clips_twins_and_stills_become_episodes(material: Path, tmp_path: Path) -> None:
    options = _options(material, tmp_path)
    result = run(options, *QUIET)
    entries = read_entries(tmp_path)
    assert {name: entry.kind for name, entry in entries.items()} == {
        "demo_00": "clip",
        "demo_00_painted": "painting",
        "demo": "painting",
    }
    assert entries["demo_00"].pairs == 10 and entries["demo"].pairs == 2
    assert entries["demo_00"].person == entries["demo_00_painted"].person == "demo"
    # no face on the wall, in both its forms; a face too small to learn from
    assert len(result["skipped"]) == 3 and result["made"] == 3
    data = load_prepared(tmp_path, 256)
    order = {source.name: number for number, source in enumerate(data.sources)}
    frames = data.frames.numpy().astype(float)
    warped = data.warped.numpy().astype(float)
    # shots moved by the same proxy that made the film come near to it, nearer than unmoved
    for name, most in (("demo_00", 6.0), ("demo", 6.0), ("demo_00_painted", 9.0)):
        pairs = np.flatnonzero(data.source.numpy() == order[name])
        shots, targets = frames[data.shot[pairs]], frames[data.target[pairs]]
        assert np.abs(warped[pairs] - targets).mean() < most
        assert np.abs(warped[pairs] - targets).mean() < np.abs(shots - targets).mean() + 0.5
    still = frames[data.target[data.source == order["demo"]]]
    face, _ = detect_portrait(Picture(np.rint(still[0]).astype(np.uint8)))
    known = data.points[data.target[data.source == order["demo"]][0]].numpy()
    assert np.linalg.norm(face.points[:, :2] - known, axis=1).mean() < 4


@pytest.mark.slow
def test_everything_is_the_same_again_and_made_once(material: Path, tmp_path: Path) -> None:
    options = replace(_options(material, tmp_path / "a"), shots=1, moves=1, painted=0)
    run(options, *QUIET)
    first = {path.name: path.read_bytes() for path in (tmp_path / "a").glob("*.safetensors")}
    again = run(options, *QUIET)
    assert again["kept"] == len(first) == 2 and not again["made"]
    run(replace(options, output=tmp_path / "b", processes=2), *QUIET)
    assert {path.name: path.read_bytes() for path in (tmp_path / "b").glob("*.safetensors")} == first
    # another wish makes that source again, and only that
    more = run(replace(options, moves=2), *QUIET)
    assert more["made"] == 1 and more["kept"] == len(first) - 1


@pytest.mark.slow
def test_landmarks_are_kept_and_made_again_where_damaged(material: Path, tmp_path: Path) -> None:
    clip = material / "clips" / "demo_00.mp4"
    track = cached_track(clip, tmp_path)
    kept = tmp_path / "demo_00.npz"
    stamp = kept.stat().st_mtime_ns
    assert np.array_equal(cached_track(clip, tmp_path).points, track.points)
    assert kept.stat().st_mtime_ns == stamp
    kept.write_bytes(b"nothing")
    assert np.array_equal(cached_track(clip, tmp_path).points, track.points)
