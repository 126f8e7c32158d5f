# SPDX-License-Identifier: GPL-3.0-or-later
"""A bake and a preview frame paint with the sitter that the job names, at its likeness."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core import methods
from core.bake import run_bake
from core.errors import InputError
from core.generator.identity import identity, shipped
from core.generator.weights import Base, find_base, load_base
from core.job import BakeJob
from core.landmarks.track import LandmarkTrack
from core.media.picture import load_picture
from core.rendering import Rendering
from tests.bakes import make_job
from tests.generator.test_render import make_base
from tests.sitters import tuned_sitter


def quiet(*_: Any) -> None:
    return None


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    return make_base(tmp_path_factory.mktemp("use") / "base", 0.3)


def test_likeness_is_a_key_of_a_job(tmp_path: Path) -> None:
    job = {
        "schema": "tableau-vivant/bake-1",
        "portrait": "p.png",
        "face": "f.npz",
        "target": "t.npz",
        "sitter": "s.sitter.safetensors",
        "likeness": 0.25,
        "output": {"folder": "frames"},
    }
    loaded = BakeJob.from_dict(job, base=tmp_path)
    assert loaded.rendering == Rendering("full", tmp_path / "s.sitter.safetensors", None, (), 0.25)
    loaded.save(tmp_path / "job.json")
    assert BakeJob.load(tmp_path / "job.json") == loaded
    assert BakeJob.from_dict(job | {"likeness": 1}, base=tmp_path).rendering.likeness == 1.0
    for wrong in (1.5, -0.1, "much"):
        with pytest.raises(InputError, match=r"here\.json.*likeness"):
            BakeJob.from_dict(job | {"likeness": wrong}, base=tmp_path, source="here.json")


def test_likeness_decides_whether_a_frame_is_baked_again(base: Base, tmp_path: Path) -> None:
    make_base(tmp_path / "base")
    sitter = tuned_sitter(base, tmp_path / "a.sitter.safetensors")
    one = Rendering("full", sitter, tmp_path / "base")
    facts = [replace(one, likeness=likeness).inputs() for likeness in (1.0, 0.5, 0.25)]
    facts.append(replace(one, sitter=None).inputs())
    assert all(a != b for index, a in enumerate(facts) for b in facts[:index])
    sitter.unlink()
    with pytest.raises(InputError, match=r"a\.sitter\.safetensors: no such file"):
        one.inputs()


def test_the_identity_of_weights_needs_no_weights() -> None:
    assert shipped() == load_base(find_base()).sha256
    with pytest.raises(KeyError):
        identity({"raster": 1})


@pytest.mark.slow
def test_baked_pixels_are_the_sitters(tmp_path: Path) -> None:
    job = make_job(tmp_path, frames=2)
    base = make_base(tmp_path / "base", 0.3)
    sitter = tuned_sitter(base, tmp_path / "a.sitter.safetensors")
    made = {}
    for name, used in {
        "without": {},
        "with": {"sitter": sitter},
        "half": {"sitter": sitter, "likeness": 0.5},
    }.items():
        rendering = Rendering(base=tmp_path / "base", **used)
        output = replace(
            job.output, folder=tmp_path / name, manifest=tmp_path / name / "manifest.json", video=None
        )
        own = replace(job, rendering=rendering, output=output)
        run_bake(own)
        made[name] = load_picture(own.output.frame_path(2)).pixels.astype(int)
    assert np.abs(made["with"] - made["without"]).mean() > 0.5
    assert np.abs(made["with"] - made["half"]).mean() > 0.1

    # a preview frame of that pose is the baked frame, pixel by pixel
    track = LandmarkTrack.load(job.target)
    options = {
        "portrait": str(job.portrait),
        "face": str(job.face),
        "pose": np.concatenate([track.points[1, :, :2], track.irises[1]]).ravel().tolist(),
        "output": str(tmp_path / "frame.png"),
        "base": str(tmp_path / "base"),
        "sitter": str(sitter),
    }
    for name, likeness in (("with", 1.0), ("half", 0.5)):
        methods.run("preview_frame", options | {"likeness": likeness}, quiet, lambda: False)
        assert np.array_equal(load_picture(tmp_path / "frame.png").pixels, made[name])
