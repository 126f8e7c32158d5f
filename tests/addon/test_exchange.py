# SPDX-License-Identifier: GPL-3.0-or-later
"""Performances of other programs on the sliders and back, and a video made on the spot on the rig."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core import methods
from core.animate import load_motion
from core.convert import convert
from core.head.rotation import conjugate, multiply, to_vector
from core.landmarks.track import LandmarkTrack
from core.media.encode import VideoWriter
from core.motion.curves import ExpressionCurves

from .conftest import Blender


def clip(path: Path, portrait: Path) -> Path:
    """100 frames at 25 per second in which the portrait moves to the right by 1 px a frame."""
    picture = Image.open(portrait).convert("RGB").resize((480, 600), Image.Resampling.LANCZOS)
    with VideoWriter(path, (480, 600), Fraction(25)) as video:
        for index in range(100):
            video.write(np.roll(np.asarray(picture), index, axis=1))
    return path


def curves(path: Path) -> ExpressionCurves:
    motion = load_motion(path)
    assert isinstance(motion, ExpressionCurves)
    return motion


@pytest.mark.slow
def test_curves_and_videos_onto_the_rig_and_back(
    blender: Blender, tmp_path: Path, demo_portrait: Path
) -> None:
    face = tmp_path / "face.npz"
    params = {"image": str(demo_portrait), "output": str(face)}
    methods.run("detect", params, lambda done, total, text: None, lambda: False)
    convert("doubt", tmp_path / "phone.csv", to="live-link")
    convert("wink", tmp_path / "openface.csv", to="openface")
    shapes = [{"category_name": "jawOpen", "score": 0.0}, {"category_name": "eyeBlinkLeft", "score": 0.0}]
    frames = []
    for index in range(10):
        shapes[0]["score"], shapes[1]["score"] = 0.05 * index, 0.1 * index
        frames.append({"face_blendshapes": [[dict(s) for s in shapes]], "timestampMs": 40 * index})
        frames[-1]["facial_transformation_matrixes"] = [np.eye(4).tolist()]
    (tmp_path / "mediapipe.json").write_text(json.dumps(frames))
    seen = blender.run(
        "exchange.py",
        tmp_path,
        picture=demo_portrait,
        face=face,
        live_link=tmp_path / "phone.csv",
        mediapipe=tmp_path / "mediapipe.json",
        openface=tmp_path / "openface.csv",
        video=clip(tmp_path / "clip.mp4", demo_portrait),
    )
    print({key: value for key, value in seen.items() if key not in ("stdout", "stderr")})
    assert "Load a performance first" in seen["nothing"]
    assert "there are no such curves" in seen["no_file"]

    given = curves(tmp_path / "phone.csv")
    assert seen["range"] == [11, 10 + len(given)]
    assert seen["peaks"]["browDownLeft"] == pytest.approx(given.curve("browDownLeft").max(), abs=1e-4)
    assert seen["hidden"] > 15
    assert seen["bones"] == [f'pose.bones["head"].{part}' for part in ("location", "rotation_euler", "scale")]
    for name in ("out.csv", "out_curves.csv", "out.npz"):
        back = curves(tmp_path / name)
        np.testing.assert_allclose(back.times, given.times, atol=1e-4)
        np.testing.assert_allclose(back.expression, given.expression, atol=1e-4)
        turn = to_vector(multiply(conjugate(given.rotation.astype(float)), back.rotation.astype(float)))
        assert np.degrees(np.linalg.norm(turn, axis=1)).max() < 0.05
        assert np.degrees(np.linalg.norm(to_vector(given.rotation.astype(float)), axis=1)).max() > 5
    assert len(LandmarkTrack.load(tmp_path / "track.npz")) == len(given)
    assert "choose a name that ends so" in seen["wrong_name"]
    assert seen["reading"] == [True, len(given)], "frames are read in turns"
    assert seen["stopped"] == ["Stopped", False, 13]
    np.testing.assert_allclose(curves(tmp_path / "edited.csv").curve("jawOpen"), 0.5, atol=1e-4)

    assert seen["mediapipe"]["eyeBlinkLeft"] == pytest.approx(0.9, abs=1e-3)
    assert seen["mediapipe"]["jawOpen"] == pytest.approx(0.45, abs=1e-3)
    assert seen["openface"]["eyeBlinkLeft"] > 0.6 > 0.4 > seen["openface"]["eyeBlinkRight"]
    assert seen["strips"][-1] == ["phone", 201.0]

    assert any(0 < done < total == 100 for done, total in seen["told"]), "nobody says how far it is"
    assert seen["rate"] == "25" and seen["video_range"] == [1, 100]
    steps = np.diff(seen["nose"])
    width = Image.open(demo_portrait).width
    assert np.median(steps) == pytest.approx(width / 480, rel=0.25)
    assert seen["again"], "a video that was followed once is not followed again"
