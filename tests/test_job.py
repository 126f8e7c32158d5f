# SPDX-License-Identifier: GPL-3.0-or-later
"""Bake job files: exact reading and writing, and errors that name the file and the key."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from core.errors import InputError
from core.job import SCHEMA, BakeJob, BakeOutput, parse_frames
from core.rendering import Rendering


def minimal(**changes: Any) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "portrait": "p.png",
        "face": "face.npz",
        "target": "t.npz",
        "output": {"folder": "out"},
    } | changes


def test_defaults_and_relative_paths(tmp_path: Path) -> None:
    (tmp_path / "job.json").write_text(json.dumps(minimal(portrait="../p.png", target="/abs/t.npz")))
    job = BakeJob.load(tmp_path / "job.json")
    assert job.portrait == tmp_path.parent / "p.png"
    assert job.target == Path("/abs/t.npz")
    assert job.output == BakeOutput(folder=tmp_path / "out")
    assert (job.mask, job.rendering, job.rate, job.start) == (None, Rendering(), Fraction(25), 1)
    assert job.output.manifest_path == tmp_path / "out" / "manifest.json"
    assert job.output.frame_path(7) == tmp_path / "out" / "frame.0007.png"
    assert job.output.frame_path(12345).name == "frame.12345.png"
    padded = BakeOutput(tmp_path, digits=6)
    assert padded.frame_path(7).name == "frame.000007.png"
    assert padded.layer_path("sitter", 7).name == "frame.sitter.000007.png"


def test_round_trip_and_a_moved_folder(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    job = BakeJob(
        portrait=tmp_path / "elsewhere" / "p.png",
        face=here / "face.npz",
        target=here / "t.npz",
        mask=here / "m.png",
        rate=Fraction(24000, 1001),
        start=0,
        output=BakeOutput(
            here / "f", "a b", "exr", 16, 0.5, 6, layers=True, video=here / "v.mp4", manifest=here / "m.json"
        ),
    )
    job.save(here / "job.json")
    assert BakeJob.load(here / "job.json") == job
    here.rename(there)
    moved = BakeJob.load(there / "job.json")
    assert moved.face == there / "face.npz"
    assert moved.output.video == there / "v.mp4"
    assert moved.portrait == job.portrait


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"schema": "tableau-vivant/bake-9"}, ["schema", "bake-9", SCHEMA]),
        ({"portrait": 5}, ['"portrait"', "a number", "a path"]),
        ({"portrait": ""}, ['"portrait"', "empty"]),
        ({"mask": ["a"]}, ['"mask"', "a list"]),
        ({"mode": "magic"}, ['"mode"', "magic", "flow"]),
        ({"mode": "flow", "sitter": "her.sitter.safetensors"}, ["her.sitter", "generator", "full"]),
        ({"mode": "flow", "shots": ["her.png"]}, ["her.png", "full"]),
        ({"shots": "her.png"}, ['"shots"', "text", "list"]),
        ({"shots": [5]}, ['"shots"', "path"]),
        ({"rate": 25}, ['"rate"', "a number", "text"]),
        ({"rate": "fast"}, ["rate", "fast"]),
        ({"rate": "0"}, ["rate", "0"]),
        ({"start": True}, ['"start"', "true or false"]),
        ({"start": -1}, ['"start"', "-1"]),
        ({"start": 1.5}, ['"start"', "whole number"]),
        ({"frames": 5}, ['unknown key "frames"']),
        ({"rates": "25"}, ['unknown key "rates"', 'did you mean "rate"']),
        ({"output": None}, ['"output"', "null"]),
        ({"output": {}}, ['"output.folder"', "missing"]),
        ({"output": {"folder": "x", "bits": 12}}, ['"output.bits"', "12", "8, 16"]),
        ({"output": {"folder": "x", "bits": "8"}}, ['"output.bits"', "text"]),
        ({"output": {"folder": "x", "format": "tga"}}, ['"output.format"', "tga", "png, exr"]),
        ({"output": {"folder": "x", "format": "exr", "bits": 8}}, ['"output.bits"', "8", "16"]),
        ({"output": {"folder": "x", "size": 0}}, ['"output.size"', "0", "0.5", "width"]),
        ({"output": {"folder": "x", "size": -3}}, ['"output.size"', "-3"]),
        ({"output": {"folder": "x", "size": 100.5}}, ['"output.size"', "100.5"]),
        ({"output": {"folder": "x", "size": "half"}}, ['"output.size"', "text", "number"]),
        ({"output": {"folder": "x", "size": True}}, ['"output.size"', "true or false", "number"]),
        ({"output": {"folder": "x", "digits": 0}}, ['"output.digits"', "0", "1 to 8"]),
        ({"output": {"folder": "x", "digits": 9}}, ['"output.digits"', "9", "1 to 8"]),
        ({"output": {"folder": "x", "layers": 1}}, ['"output.layers"', "a number", "true or false"]),
        ({"mode": "neural", "output": {"folder": "x", "layers": True}}, ["layers", "neural", "full"]),
        ({"output": {"folder": "x", "name": "../frame"}}, ['"output.name"', "../frame"]),
        ({"output": {"folder": "x", "nam": "f"}}, ['unknown key "output.nam"', 'did you mean "name"']),
    ],
)
def test_wrong_jobs_name_the_file_and_the_key(
    tmp_path: Path, change: dict[str, Any], words: list[str]
) -> None:
    file = tmp_path / "job.json"
    file.write_text(json.dumps(minimal(**change)))
    with pytest.raises(InputError) as error:
        BakeJob.load(file)
    text = str(error.value)
    assert str(file) in text and "\n" not in text
    for word in words:
        assert word in text, text


@pytest.mark.parametrize("content", [b"", b"{", b"[1, 2]", b"\xff\xfe", b'"text"', b"{}"])
def test_files_that_are_no_jobs(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "job.json"
    file.write_bytes(content)
    with pytest.raises(InputError, match=r"job\.json: ") as error:
        BakeJob.load(file)
    assert "\n" not in str(error.value)


def test_frame_ranges() -> None:
    assert parse_frames("3") == range(3, 4)
    assert parse_frames(" 0 - 12 ") == range(13)
    for text in ("", "a", "1-", "-5", "1-2-3", "1,2"):
        with pytest.raises(InputError, match="expected one frame"):
            parse_frames(text)
    with pytest.raises(InputError, match="write 2-9"):
        parse_frames("9-2")
