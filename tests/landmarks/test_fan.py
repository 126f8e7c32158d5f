# SPDX-License-Identifier: GPL-3.0-or-later
"""The loading path of face-alignment, with files of the right shape and random numbers in them."""

from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest

from core.errors import WeightsError
from core.landmarks import fan
from core.landmarks.detect import Face, make_detector


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No weights in any of the usual places."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.delenv(fan.ENVIRONMENT, raising=False)
    return tmp_path


def test_auto_takes_the_mesh_without_weights(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fan, "download_weights", lambda folder: pytest.fail("went online"))
    detector = make_detector("auto")
    assert "mesh" in detector.name
    detector.close()


def test_a_named_folder_without_the_files_is_an_error(nowhere: Path) -> None:
    with pytest.raises(WeightsError, match=r"3DFAN4-7835d9f11d\.pth\.tar and depth-2a464da4ea\.pth\.tar"):
        make_detector("auto", weights=nowhere)


def test_a_failed_download_says_which_files_go_where(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    def offline(*_: object, **__: object) -> None:
        raise URLError("no route")

    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    with pytest.raises(WeightsError) as caught:
        make_detector("face-alignment")
    text = str(caught.value)
    assert all(name in text for name in fan.FILES.values()) and "\n" not in text
    assert str(nowhere / "torch" / "hub" / "checkpoints") in text and fan.ENVIRONMENT in text


def test_the_hub_folder_is_the_one_that_torch_uses(nowhere: Path) -> None:
    import torch

    assert fan.weight_folders()[-1] == Path(torch.hub.get_dir()) / "checkpoints"


@pytest.fixture(scope="module")
def random_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch
    from face_alignment.api import FAN
    from face_alignment.models import ResNetDepth

    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    torch.save(FAN(4).state_dict(), folder / fan.FILES["3DFAN-4"])
    depth = {f"module.{name}": value for name, value in ResNetDepth().state_dict().items()}
    torch.save({"state_dict": depth, "epoch": 3, "best": np.float64(1.5)}, folder / fan.FILES["depth"])
    return folder


@pytest.mark.slow
def test_the_networks_load_and_run(
    random_weights: Path, nowhere: Path, portrait: np.ndarray, face: Face, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(fan.ENVIRONMENT, str(random_weights))
    detector = make_detector("auto", video=True)
    assert detector.name.startswith("face-alignment")
    found = detector.detect(portrait)
    assert len(found) == 1 and found[0].points.shape == (68, 3) and np.isfinite(found[0].points).all()
    # random networks put the points anywhere, but within the crop around the face
    low, high = face.box[:2] - 400, face.box[2:] + 400
    assert (found[0].points[:, :2] > low).all() and (found[0].points[:, :2] < high).all()
    assert ((found[0].confidence >= 0) & (found[0].confidence <= 1)).all()
    assert np.abs(found[0].irises - face.irises).max() < 10
    assert found[0].points[30, 2] <= found[0].points[[0, 16], 2].mean()
    detector.close()


@pytest.mark.slow
def test_damaged_weights_are_named(random_weights: Path, tmp_path: Path) -> None:
    import torch

    for name in fan.FILES.values():
        (tmp_path / name).write_bytes((random_weights / name).read_bytes()[:100_000])
    with pytest.raises(WeightsError, match="3DFAN4"):
        make_detector("face-alignment", weights=tmp_path)
    torch.save({"a": torch.zeros(3)}, tmp_path / fan.FILES["3DFAN-4"])
    with pytest.raises(WeightsError, match="does not fit"):
        make_detector("face-alignment", weights=tmp_path)


def test_no_code_in_a_weights_file_is_run(tmp_path: Path) -> None:
    import pickle

    class Trap:
        def __reduce__(self) -> tuple:
            return (Path.touch, (tmp_path / "sprung",))

    (tmp_path / "trap.pth.tar").write_bytes(pickle.dumps(Trap()))
    with pytest.raises(WeightsError, match="trap"):
        fan._read(tmp_path / "trap.pth.tar")
    assert not (tmp_path / "sprung").exists()
