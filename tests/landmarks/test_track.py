# SPDX-License-Identifier: GPL-3.0-or-later
import zipfile
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from core.errors import InputError, NoFaceError, OutputError
from core.landmarks.gaps import fill_gaps
from core.landmarks.track import LandmarkTrack


def random_track(seed: int, count: int = 40) -> LandmarkTrack:
    """Floats of every size and sign, as raw bits, with lost frames among them."""
    random = np.random.default_rng(seed)

    def floats(*shape: int) -> np.ndarray:
        values = random.integers(0, 2**32, shape, dtype=np.uint32).view(np.float32).copy()
        values[~np.isfinite(values)] = 0.1
        return values

    points, irises = floats(count, 68, 3), floats(count, 2, 2)
    points[random.random(count) < 0.2] = np.nan
    irises[random.random(count) < 0.3] = np.nan
    points[0, 0] = (-0.0, 16777216.0, 1e-45)
    times = np.cumsum(random.random(count) * random.choice([1e-5, 1e-3, 1e3], count) + 1e-9)
    confidence = random.random((count, 68), dtype=np.float32)
    meta = {
        "backend": "bits",
        "source": 'a "video", ünï.mp4',
        "schema": "mine",
        "rate": "30000/1001",
        "n": [1, None],
    }
    return LandmarkTrack(points, irises, times, confidence, (1920, 1080), meta)


def same_bits(a: LandmarkTrack, b: LandmarkTrack) -> bool:
    pairs = [(a.points, b.points), (a.irises, b.irises), (a.times, b.times), (a.confidence, b.confidence)]
    arrays = all(x.dtype == y.dtype and _bits(x) == _bits(y) for x, y in pairs)
    return arrays and a.size == b.size and a.meta == b.meta


def _bits(array: np.ndarray) -> bytes:
    # any NaN is the same "not known"
    return np.where(np.isnan(array), np.nan, array).astype(array.dtype).tobytes()


@pytest.mark.parametrize("suffix", [".npz", ".csv"])
@pytest.mark.parametrize("seed", range(8))
def test_files_give_the_same_bits_back(tmp_path: Path, suffix: str, seed: int) -> None:
    track = random_track(seed)
    path = tmp_path / f"track{suffix}"
    track.save(path)
    assert same_bits(LandmarkTrack.load(path), track)
    assert [item.name for item in tmp_path.iterdir()] == [path.name]


def test_csv_names_its_columns_and_leaves_unknown_cells_empty(tmp_path: Path) -> None:
    track = random_track(3)
    track.save(tmp_path / "track.csv")
    lines = (tmp_path / "track.csv").read_text().splitlines()
    names = lines[1].split(",")
    assert names[:5] == ["time", "jaw_0_x", "jaw_0_y", "jaw_0_z", "jaw_0_confidence"]
    assert names[-1] == "iris_left_y" and len(names) == 277
    lost = int(np.flatnonzero(~track.valid)[0])
    assert lines[2 + lost].split(",")[1] == ""


def test_slices_keep_their_times() -> None:
    track = random_track(1)
    part = track.slice(3, 9)
    assert len(part) == 6 and (part.times == track.times[3:9]).all() and part.meta == track.meta
    assert track.at(-1).times[0] == track.times[-1] and len(track.at(4)) == 1
    for start, stop in ((5, 5), (99, 120)):
        with pytest.raises(InputError):
            track.slice(start, stop)
    with pytest.raises(InputError):
        track.at(40)


@pytest.mark.parametrize("rate", [Fraction(25), Fraction(30000, 1001), Fraction(24), Fraction(37)])
def test_rate_is_read_off_the_times(rate: Fraction) -> None:
    base = random_track(0)
    times = np.round(np.arange(40) / float(rate), 4)
    track = LandmarkTrack(base.points, base.irises, times, base.confidence, (10, 10))
    assert track.rate == rate
    assert base.rate == Fraction(30000, 1001)


def test_a_track_cannot_be_changed() -> None:
    track = random_track(0)
    with pytest.raises(ValueError):
        track.points[0, 0, 0] = 1.0


@pytest.mark.parametrize(
    "change",
    [
        {"points": np.zeros((40, 67, 3))},
        {"times": np.zeros(40)},
        {"times": np.array([])},
        {"confidence": np.zeros((39, 68))},
        {"size": (0, 5)},
        {"meta": {"x": object()}},
    ],
)
def test_wrong_arrays_are_refused(change: dict) -> None:
    track = random_track(0)
    fields = {
        name: getattr(track, name) for name in ("points", "irises", "times", "confidence", "size", "meta")
    }
    with pytest.raises(InputError):
        LandmarkTrack(**{**fields, **change})


def test_bad_files_say_what_is_wrong_in_one_line(tmp_path: Path) -> None:
    good = random_track(0)
    good.save(tmp_path / "good.npz")
    good.save(tmp_path / "good.csv")
    whole = (tmp_path / "good.npz").read_bytes()
    text = (tmp_path / "good.csv").read_text()
    (tmp_path / "cut.npz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "flipped.npz").write_bytes(whole[:5000] + b"\x55" * 64 + whole[5064:])
    (tmp_path / "text.npz").write_text("no zip at all")
    np.savez(tmp_path / "object.npz", points=np.array([{}], object))
    np.savez(tmp_path / "other.npz", weights=np.zeros(3))
    with zipfile.ZipFile(tmp_path / "empty.npz", "w"):
        pass
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "columns.csv").write_text(text.replace("jaw_3_x", "jaw_3_q"))
    (tmp_path / "short.csv").write_text(text[: len(text) - 400])
    (tmp_path / "word.csv").write_text(text.replace(text.splitlines()[5].split(",")[0], "soon"))
    (tmp_path / "binary.csv").write_bytes(whole)
    (tmp_path / "head.csv").write_text("# {}\n" + "\n".join(text.splitlines()[1:]))
    (tmp_path / "folder.npz").mkdir()
    bad = [path for path in sorted(tmp_path.iterdir()) if path.stem != "good"]
    assert len(bad) == 13
    for path in [*bad, tmp_path / "missing.npz", tmp_path / "track.json"]:
        with pytest.raises(InputError) as caught:
            LandmarkTrack.load(path)
        assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_track_file_needs_a_known_ending_and_a_real_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        random_track(0).save(tmp_path / "track.txt")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        random_track(0).save(tmp_path / "file" / "track.npz")


def line_track() -> LandmarkTrack:
    """Points that move one px a second, seen at uneven times; frames 0, 3, 4 and 7 are lost."""
    times = np.array([0.0, 1.0, 2.0, 2.5, 5.0, 6.0, 7.0, 9.0])
    points = np.repeat(times[:, None, None], 68, axis=1) * np.ones((1, 1, 3))
    irises = np.repeat(times[:, None, None], 2, axis=1) * np.ones((1, 1, 2))
    confidence = np.ones((8, 68))
    for frame in (0, 3, 4, 7):
        points[frame], irises[frame], confidence[frame] = np.nan, np.nan, 0
    return LandmarkTrack(points, irises, times, confidence, (10, 10))


def test_gaps_are_filled_over_time() -> None:
    track = line_track()
    filled = fill_gaps(track)
    assert filled.valid.all()
    np.testing.assert_allclose(filled.points[:, 5, 0], [1, 1, 2, 2.5, 5, 6, 7, 7], rtol=1e-6)
    np.testing.assert_allclose(filled.irises[:, 1, 1], [1, 1, 2, 2.5, 5, 6, 7, 7], rtol=1e-6)
    assert (filled.confidence[[0, 3, 4, 7]] == 0).all() and (filled.confidence[[1, 2, 5, 6]] == 1).all()
    np.testing.assert_array_equal(filled.points[track.valid], track.points[track.valid])


def test_gaps_can_be_held_or_left() -> None:
    track = line_track()
    np.testing.assert_array_equal(fill_gaps(track, "hold").points[:, 0, 0], [1, 1, 2, 2, 2, 6, 7, 7])
    assert fill_gaps(track, "leave") is track
    with pytest.raises(InputError):
        fill_gaps(track, "guess")
    nothing = LandmarkTrack(
        np.full((2, 68, 3), np.nan), np.full((2, 2, 2), np.nan), np.arange(2), np.zeros((2, 68)), (9, 9)
    )
    with pytest.raises(NoFaceError):
        fill_gaps(nothing)


def test_long_tracks_are_read_and_written_quickly(tmp_path: Path) -> None:
    from time import perf_counter

    base = random_track(0, 1500)
    for suffix, limit in ((".npz", 1.0), (".csv", 8.0)):
        start = perf_counter()
        base.save(tmp_path / f"long{suffix}")
        LandmarkTrack.load(tmp_path / f"long{suffix}")
        assert perf_counter() - start < limit
