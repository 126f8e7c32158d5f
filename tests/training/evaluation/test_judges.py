# SPDX-License-Identifier: GPL-3.0-or-later
"""The judges' networks on weights of their shapes, and with the real ones where they are named."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from core.errors import WeightsError
from core.training.evaluation.faceapi import (
    LANDMARKS,
    RECOGNITION,
    Landmarker,
    Recognizer,
    read_weights,
)
from core.training.evaluation.judges import Judges, find_judges, landmark_error


def _write(folder: Path, name: str, shapes: dict[str, tuple[int, ...]], packed: bool = True) -> None:
    random, parts, listing = np.random.default_rng(0), [], []
    for tensor, shape in shapes.items():
        entry: dict = {"name": tensor, "shape": shape, "dtype": "float32"}
        if packed:
            entry["quantization"] = {"dtype": "uint8", "scale": 0.001, "min": -0.125}
            parts.append(random.integers(0, 256, shape, dtype=np.uint8).tobytes())
        else:
            parts.append(random.normal(0, 0.05, shape).astype("<f4").tobytes())
        listing.append(entry)
    (folder / f"{name}.bin").write_bytes(b"".join(parts))
    manifest = [{"paths": [f"{name}.bin"], "weights": listing}]
    (folder / f"{name}-weights_manifest.json").write_text(json.dumps(manifest), "utf-8")


def _landmark_shapes() -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}
    before = 3
    for block, width in enumerate((32, 64, 128, 256)):
        for layer in range(4):
            name = f"dense{block}/conv{layer}"
            if block == layer == 0:
                shapes[f"{name}/filters"] = (3, 3, 3, width)
            else:
                shapes[f"{name}/depthwise_filter"] = (3, 3, before, 1)
                shapes[f"{name}/pointwise_filter"] = (1, 1, before, width)
            shapes[f"{name}/bias"] = (width,)
            before = width
    return {**shapes, "fc/weights": (256, 136), "fc/bias": (136,)}


def _recognition_shapes() -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}

    def layer(name: str, kernel: int, before: int, width: int) -> None:
        shapes[f"{name}/conv/filters"] = (kernel, kernel, before, width)
        for part in ("conv/bias", "scale/weights", "scale/biases"):
            shapes[f"{name}/{part}"] = (width,)

    layer("conv32_down", 7, 3, 32)
    before = 32
    names = "32_1 32_2 32_3 64_down 64_1 64_2 64_3 128_down 128_1 128_2 256_down 256_1 256_2 256_down_out"
    for name in names.split():
        width = int(name.partition("_")[0])
        layer(f"conv{name}/conv1", 3, before, width)
        layer(f"conv{name}/conv2", 3, width, width)
        before = width
    return {**shapes, "fc": (256, 128)}


def test_weights_are_read_as_they_are_packed(tmp_path: Path) -> None:
    _write(tmp_path, "plain", {"a": (2, 3), "b/filters": (3, 3, 2, 4)}, packed=False)
    _write(tmp_path, "packed", {"a": (2, 3)})
    plain = read_weights(tmp_path, "plain")
    raw = np.frombuffer((tmp_path / "plain.bin").read_bytes(), "<f4")
    assert plain["a"].numpy().ravel() == pytest.approx(raw[:6])
    # convolutions come as [out, in, h, w]
    assert plain["b/filters"].shape == (4, 2, 3, 3)
    assert plain["b/filters"][1, 0, 2, 1].item() == raw[6:].reshape(3, 3, 2, 4)[2, 1, 0, 1]
    bytes_ = np.frombuffer((tmp_path / "packed.bin").read_bytes(), np.uint8)
    assert read_weights(tmp_path, "packed")["a"].numpy().ravel() == pytest.approx(
        bytes_ * 0.001 - 0.125, abs=1e-6
    )


def test_networks_take_and_give_what_they_say(tmp_path: Path) -> None:
    _write(tmp_path, LANDMARKS, _landmark_shapes())
    _write(tmp_path, RECOGNITION, _recognition_shapes())
    random = np.random.default_rng(1)
    found = Landmarker(tmp_path)(random.integers(0, 256, (2, 112, 112, 3), dtype=np.uint8))
    assert found.shape == (2, 68, 2) and np.isfinite(found).all()
    faces = Recognizer(tmp_path)(random.integers(0, 256, (2, 150, 150, 3), dtype=np.uint8))
    assert faces.shape == (2, 128) and np.isfinite(faces).all()
    judges = Judges(tmp_path)
    image = random.integers(0, 256, (90, 120, 3), dtype=np.uint8)
    guide = random.uniform(20, 80, (68, 2))
    unit = judges.embeddings([image], judges.landmarks([image], [guide]))
    assert np.linalg.norm(unit) == pytest.approx(1, abs=1e-5)


def test_broken_and_missing_weights_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TABLEAU_JUDGES", raising=False)
    assert find_judges() is None
    with pytest.raises(WeightsError, match=r"has no face_recognition_model.*npm pack"):
        find_judges(tmp_path)
    _write(tmp_path, LANDMARKS, _landmark_shapes())
    data = (tmp_path / f"{LANDMARKS}.bin").read_bytes()
    (tmp_path / f"{LANDMARKS}.bin").write_bytes(data[:-50])
    with pytest.raises(WeightsError, match="not face-api's weights"):
        Landmarker(tmp_path)
    (tmp_path / f"{LANDMARKS}.bin").write_bytes(data + b"more")
    with pytest.raises(WeightsError, match="not face-api's weights"):
        Landmarker(tmp_path)


def test_landmark_error_is_in_eye_distances() -> None:
    truth = np.random.default_rng(2).uniform(0, 100, (68, 2))
    truth[36], truth[45] = (20, 50), (70, 50)
    moved = truth.copy()
    moved[48:68] += (3, 4)
    error = landmark_error(moved, truth)
    assert error["mouth"] == pytest.approx(10)
    assert error["eyes"] == 0
    assert error["all"] == pytest.approx(10 * 20 / 68)


@pytest.mark.slow
def test_real_judges_know_the_demo_portrait(demo_portrait: Path) -> None:
    """Landmarks where the driver's detector finds them, and the same person in a smaller picture."""
    if not os.environ.get("TABLEAU_JUDGES"):
        pytest.skip("no judges: TABLEAU_JUDGES names no folder with face-api's models")
    from core.landmarks.detect import detect_portrait
    from core.media.picture import load_picture

    image = load_picture(demo_portrait)
    face, _ = detect_portrait(image, backend="mediapipe")
    folder = find_judges()
    assert folder is not None
    judges = Judges(folder)
    found = judges.landmarks([image.rgb8()], [face.points])
    assert landmark_error(found[0], face.points[:, :2])["all"] < 8
    small = image.rgb8()[::3, ::3]
    points = judges.landmarks([small], [face.points[:, :2] / 3])
    a, b = judges.embeddings([image.rgb8()], found), judges.embeddings([small], points)
    assert float((a * b).sum()) > 0.8
