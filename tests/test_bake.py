# SPDX-License-Identifier: GPL-3.0-or-later
"""Real bakes of a small portrait: resumable, exact, no larger in memory the longer they are."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from core.bake import Plan, run_bake
from core.errors import Cancelled, InputError
from core.job import BakeJob
from core.landmarks.track import LandmarkTrack
from core.media.picture import load_picture, save_picture
from core.media.video import probe, read_frames
from core.methods import run
from core.provenance import verify

from .bakes import REPO, command_line, contents, environment, make_job

PEAK = """
import resource, sys
from core.bake import Plan, run_bake
from core.job import BakeJob
run_bake(BakeJob.load(sys.argv[1]))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def written_at(job: BakeJob) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in job.output.folder.iterdir()}


def full_job(folder: Path, frames: int = 4) -> BakeJob:
    return make_job(folder, frames, video=folder / "film.mp4", sheet=folder / "sheet.png")


def no_progress(done: int, total: int, text: str) -> None:
    pass


def never() -> bool:
    return False


def move_one_frame(job: BakeJob, index: int) -> None:
    target = LandmarkTrack.load(job.target)
    points = target.points.copy()
    points[index, :, 0] += 1.5
    replace(target, points=points).save(job.target)


def test_a_bake_writes_frames_film_sheet_and_manifest(tmp_path: Path) -> None:
    job = full_job(tmp_path, 5)
    steps = []
    report = run_bake(job, progress=lambda done, total, text: steps.append((done, total, text)))
    assert (report.frames, report.written, report.kept, report.missing) == (5, 5, 0, 0)
    portrait = load_picture(job.portrait)
    frames = [load_picture(job.output.frame_path(number)) for number in range(1, 6)]
    assert sorted(path.name for path in job.output.folder.iterdir()) == [
        f"frame.000{n}.png" for n in range(1, 6)
    ]
    assert all(frame.size == portrait.size and frame.bits == 8 for frame in frames)
    assert not np.array_equal(frames[-1].pixels, portrait.pixels)  # the mouth is open there
    changed = (frames[-1].pixels != portrait.pixels).any(axis=2)
    assert not changed[:, :4].any() and not changed[:4].any()  # the background is the painter's
    info = probe(tmp_path / "film.mp4")
    assert len(list(read_frames(tmp_path / "film.mp4"))) == 5
    assert info.rate == 25 and abs(info.width - portrait.size[0]) <= 1
    assert load_picture(tmp_path / "sheet.png").size[0] == 1800
    manifest = json.loads((tmp_path / "manifest.json").read_text())["bakes"]["frame"]
    assert set(manifest["frames"]) == {"1", "2", "3", "4", "5"}
    assert manifest["provenance"]["digital_source_type"].endswith("/compositeWithTrainedAlgorithmicMedia")
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    assert (5, 5, "frame 5") in steps and any("film" in text for _, _, text in steps)


def test_nothing_is_done_twice(tmp_path: Path) -> None:
    job = full_job(tmp_path)
    run_bake(job)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    report = run_bake(job)
    assert (report.written, report.kept) == (0, 4)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_a_copied_bake_is_recognized(tmp_path: Path) -> None:
    """Other time stamps alone are no reason to bake again."""
    job = full_job(tmp_path)
    run_bake(job)
    for path in job.output.folder.iterdir():
        os.utime(path, (1, 1))
    assert run_bake(job).written == 0


def test_only_the_changed_frame_is_baked_again(tmp_path: Path) -> None:
    job = full_job(tmp_path)
    run_bake(job)
    before, film = written_at(job), (tmp_path / "film.mp4").read_bytes()
    assert run("due", {"job": str(tmp_path / "job.json")}, no_progress, never) == {"due": 0, "kept": 4}
    move_one_frame(job, 2)
    assert run("due", {"job": str(tmp_path / "job.json")}, no_progress, never) == {"due": 1, "kept": 3}
    report = run_bake(job)
    after = written_at(job)
    assert report.written == 1
    assert {name for name in after if after[name] != before[name]} == {"frame.0003.png"}
    assert (tmp_path / "film.mp4").read_bytes() != film


def test_missing_and_damaged_frames_come_back_the_same(tmp_path: Path) -> None:
    job = full_job(tmp_path, 6)
    run_bake(job)
    before = contents(job.output.folder)
    job.output.frame_path(1).unlink()
    whole = job.output.frame_path(2).read_bytes()
    job.output.frame_path(2).write_bytes(whole[:-100])
    flipped = bytearray(job.output.frame_path(4).read_bytes())
    flipped[len(flipped) // 2] ^= 1  # same size, other content
    job.output.frame_path(4).write_bytes(flipped)
    (tmp_path / "film.mp4").unlink()
    report = run_bake(job)
    assert (report.written, report.kept) == (3, 3)
    assert contents(job.output.folder) == before
    assert (tmp_path / "film.mp4").is_file()


def test_every_input_counts(tmp_path: Path) -> None:
    """Whatever decides a frame's pixels or its provenance gives it another hash; nothing else does."""
    job = make_job(tmp_path, 2)
    picture, face = load_picture(job.portrait), LandmarkTrack.load(job.face)
    save_picture(tmp_path / "mask.png", np.zeros(picture.pixels.shape[:2], np.uint8))
    changes = [job, replace(job, mask=tmp_path / "mask.png")]
    changes.append(replace(job, output=replace(job.output, bits=16)))
    hashes = [Plan(change).inputs(1) for change in changes]
    assert Plan(job).inputs(2) not in hashes
    other_film = replace(job, rate=Fraction(12), output=replace(job.output, video=tmp_path / "other.mp4"))
    assert Plan(other_film).inputs(1) == hashes[0]
    save_picture(tmp_path / "mask.png", np.full(picture.pixels.shape[:2], 9, np.uint8))
    hashes.append(Plan(changes[1]).inputs(1))
    save_picture(job.portrait, picture.pixels[:, :, ::-1])
    hashes.append(Plan(job).inputs(1))
    replace(face, points=face.points + np.float32(0.25)).save(job.face)
    hashes.append(Plan(job).inputs(1))
    move_one_frame(job, 0)
    hashes.append(Plan(job).inputs(1))
    assert len(set(hashes)) == len(hashes) == 7


def test_sixteen_bits_keep_untouched_pixels_exact(tmp_path: Path) -> None:
    job = make_job(tmp_path, 2, bits=16)
    run_bake(job)
    portrait, frame = load_picture(job.portrait), load_picture(job.output.frame_path(2))
    assert frame.bits == 16
    assert np.array_equal(frame.pixels[:4], portrait.pixels[:4].astype(np.uint16) * 257)
    assert (frame.pixels % 257 != 0).any()  # what moved has more than 8 bits' worth of values


def test_lost_frames_hold_the_last_face(tmp_path: Path) -> None:
    job = make_job(tmp_path, 5)
    target = LandmarkTrack.load(job.target)
    points = target.points.copy()
    points[[0, 3]] = np.nan
    replace(target, points=points).save(job.target)
    assert run_bake(job).held == 2
    read = [load_picture(job.output.frame_path(number)).pixels for number in range(1, 6)]
    assert np.array_equal(read[3], read[2]) and not np.array_equal(read[3], read[4])
    assert np.array_equal(read[0], read[1])  # nothing is known before: the first known face
    points[:] = np.nan
    replace(target, points=points).save(job.target)
    with pytest.raises(InputError, match="no frame has a face"):
        run_bake(job)


def test_cancelled_bakes_go_on(tmp_path: Path) -> None:
    job = full_job(tmp_path, 6)
    told: list[str] = []
    with pytest.raises(Cancelled, match="run it again"):
        run_bake(
            job,
            progress=lambda done, total, text: told.append(text),
            cancelled=lambda: "frame 2" in told,
        )
    done = sorted(path.name for path in job.output.folder.iterdir())
    assert done == ["frame.0001.png", "frame.0002.png", "frame.0003.png"]
    assert not (tmp_path / "film.mp4").exists()
    report = run_bake(job)
    assert (report.kept, report.written) == (3, 3)
    assert (tmp_path / "film.mp4").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_process_loses_nothing(tmp_path: Path, ending: signal.Signals) -> None:
    whole, cut = full_job(tmp_path / "whole", 40), full_job(tmp_path / "cut", 40)
    run_bake(whole)
    command = [sys.executable, "-m", "core", "bake", str(tmp_path / "cut" / "job.json")]
    child = subprocess.Popen(command, cwd=REPO, env=environment(), text=True, stderr=subprocess.PIPE)
    assert child.stderr is not None
    for line in child.stderr:
        if "frame" in line and int(line.split()[1]) >= 4:
            break
    child.send_signal(ending)
    child.stderr.read()
    assert child.wait(60) == (130 if ending == signal.SIGTERM else -signal.SIGKILL)
    done = len(list(cut.output.folder.glob("frame.*.png")))
    assert 4 <= done < 40
    if ending == signal.SIGTERM:
        assert not list(cut.output.folder.glob(".*"))
    finished = written_at(cut)
    again = command_line("bake", tmp_path / "cut" / "job.json", "--json")
    assert again.returncode == 0, again.stderr
    report = json.loads(again.stdout)
    # a killed process may have written one frame that did not get on record
    assert report["kept"] in (done, done - 1)
    assert report["written"] == 40 - report["kept"]
    kept = [name for name, stamp in finished.items() if written_at(cut).get(name) == stamp]
    assert len(kept) >= report["kept"]
    frames = {name: data for name, data in contents(cut.output.folder).items() if not name.startswith(".")}
    assert frames == contents(whole.output.folder)


@pytest.mark.slow
def test_ranges_in_several_processes_make_one_bake(tmp_path: Path) -> None:
    """A farm: disjoint chunks into one folder at the same time; whoever ends last finds it complete."""
    job = full_job(tmp_path / "farm", 24)
    ranges = ["1-8", "9-16", "17-24"]
    answers: dict[str, str] = {}

    def chunk(frames: str) -> None:
        done = command_line("bake", tmp_path / "farm" / "job.json", "--frames", frames, "--json")
        answers[frames] = done.stdout if done.returncode == 0 else done.stderr

    threads = [threading.Thread(target=chunk, args=(frames,)) for frames in ranges]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    reports = [json.loads(answers[frames]) for frames in ranges]
    assert [report["written"] for report in reports] == [8, 8, 8]
    assert any(report["missing"] == 0 for report in reports)
    final = run_bake(job)
    assert (final.written, final.kept, final.missing) == (0, 24, 0)
    manifest = json.loads(job.output.manifest_path.read_text())["bakes"]["frame"]
    assert len(manifest["frames"]) == 24
    assert set(verify(job.output.manifest_path)["checks"].values()) == {"ok"}
    assert not [path.name for path in (tmp_path / "farm").iterdir() if path.name.startswith(".")]


def test_a_range_waits_with_the_film(tmp_path: Path) -> None:
    job = full_job(tmp_path, 6)
    report = run_bake(job, frames=range(3, 5))
    assert (report.frames, report.written, report.missing, report.film) == (2, 2, 4, None)
    assert not (tmp_path / "film.mp4").exists()
    assert run_bake(job).film == tmp_path / "film.mp4"
    for wrong in (range(3), range(5, 8)):
        with pytest.raises(InputError, match="the job has frames 1-6"):
            run_bake(job, frames=wrong)


def test_two_bakes_share_a_folder(tmp_path: Path) -> None:
    first = make_job(tmp_path, 2)
    second = replace(first, output=replace(first.output, name="other"))
    run_bake(first)
    run_bake(second)
    assert run_bake(first).written == run_bake(second).written == 0
    assert set(json.loads(first.output.manifest_path.read_text())["bakes"]) == {"frame", "other"}
    assert len(verify(first.output.manifest_path)["checks"]) == 4


def test_a_shorter_job_leaves_older_frames_and_says_so(tmp_path: Path) -> None:
    job = make_job(tmp_path, 5)
    run_bake(job)
    LandmarkTrack.load(job.target).slice(0, 3).save(job.target)
    report = run_bake(job)
    assert (report.kept, report.written, report.stale) == (3, 0, 2)
    assert job.output.frame_path(5).is_file()


def test_wrong_inputs_are_named_and_leave_nothing(tmp_path: Path) -> None:
    job = make_job(tmp_path, 2)
    face, target = LandmarkTrack.load(job.face), LandmarkTrack.load(job.target)
    width, height = target.size
    cases = []
    replace(target, size=(width + 1, height)).save(tmp_path / "size.npz")
    cases.append((replace(job, target=tmp_path / "size.npz"), "size.npz: landmarks for a picture of"))
    cases.append((replace(job, face=job.target), r"target\.npz: expected one frame"))
    for name, track in (("face2.npz", face), ("target2.npz", target)):
        replace(track, size=(width * 2, height * 2)).save(tmp_path / name)
    other = replace(job, face=tmp_path / "face2.npz", target=tmp_path / "target2.npz")
    cases.append((other, r"portrait\.png has"))
    cases.append((replace(job, portrait=tmp_path / "no.png"), r"no\.png: no such file"))
    save_picture(tmp_path / "mask.png", np.zeros((80, 90), np.uint8))
    cases.append((replace(job, mask=tmp_path / "mask.png"), r"mask\.png: the mask has 90 x 80"))
    for case, message in cases:
        with pytest.raises(InputError, match=message):
            run_bake(case)
    assert not job.output.folder.exists()
    assert not job.output.manifest_path.exists()
    job.output.manifest_path.write_text('{"schema": "of another program"}')
    with pytest.raises(InputError, match="not a manifest of this program"):
        run_bake(job)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_frames(tmp_path: Path) -> None:
    peaks = []
    for frames in (20, 200):
        make_job(tmp_path / str(frames), frames, video=tmp_path / f"{frames}.mp4")
        done = subprocess.run(
            [sys.executable, "-c", PEAK, str(tmp_path / str(frames) / "job.json")],
            cwd=REPO,
            env=environment(),
            text=True,
            capture_output=True,
            check=True,
        )
        peaks.append(float(done.stdout))
    # 180 more frames of 256 px would be some 50 MB if they were kept
    assert peaks[1] < peaks[0] + 16, peaks
