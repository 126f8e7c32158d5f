# SPDX-License-Identifier: GPL-3.0-or-later
"""What files say about themselves, read by programs that are not ours."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from core.errors import InputError
from core.media.picture import save_picture
from core.media.video import VideoWriter
from core.provenance import Provenance, digital_source_type, engine_fingerprint, verify
from core.version import VERSION

IPTC = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}"
URI = "http://cv.iptc.org/newscodes/digitalsourcetype/algorithmicallyEnhanced"


@pytest.fixture
def provenance() -> Provenance:
    return Provenance.of(Path('a & b <"ü">.png'), "0" * 64, "flow")


def test_png_carries_xmp(tmp_path: Path, provenance: Provenance) -> None:
    save_picture(tmp_path / "f.png", np.zeros((4, 4, 3), np.uint8), text=provenance.png_text())
    with Image.open(tmp_path / "f.png") as image:
        image.load()
        xmp = image.info["XML:com.adobe.xmp"]
    packet = ElementTree.fromstring(xmp)
    (description,) = packet.iter("{http://www.w3.org/1999/02/22-rdf-syntax-ns#}Description")
    assert description.attrib[IPTC + "DigitalSourceType"] == URI == digital_source_type("flow")
    assert description.attrib["{http://ns.adobe.com/xap/1.0/}CreatorTool"] == f"Tableau Vivant {VERSION}"
    assert verify(tmp_path / "f.png") == {
        "file": str(tmp_path / "f.png"),
        "kind": "frame",
        "provenance": provenance.to_dict(),
        "checks": {},
    }


def test_film_carries_the_same(tmp_path: Path, provenance: Provenance) -> None:
    metadata = provenance.video_metadata()
    with VideoWriter(tmp_path / "f.mp4", (64, 64), Fraction(25), metadata=metadata) as writer:
        writer.write(np.zeros((64, 64, 3), np.uint8))
    with av.open(str(tmp_path / "f.mp4")) as container:
        assert json.loads(container.metadata["comment"])["digital_source_type"] == URI
    assert verify(tmp_path / "f.mp4")["provenance"] == provenance.to_dict()


def test_what_cannot_be_verified_is_named(tmp_path: Path, provenance: Provenance) -> None:
    plain = np.zeros((4, 4, 3), np.uint8)
    save_picture(tmp_path / "plain.png", plain)
    save_picture(tmp_path / "foreign.png", plain, text={"XML:com.adobe.xmp": "<x/>"})
    save_picture(tmp_path / "broken.png", plain, text={"XML:com.adobe.xmp": "<x"})
    save_picture(tmp_path / "cut.png", plain, text=provenance.png_text())
    (tmp_path / "cut.png").write_bytes((tmp_path / "cut.png").read_bytes()[:-20])
    with VideoWriter(tmp_path / "plain.mp4", (64, 64), Fraction(25)) as writer:
        writer.write(np.zeros((64, 64, 3), np.uint8))
    (tmp_path / "text").write_text("text")
    (tmp_path / "other.json").write_text("{}")
    for name, words in {
        "plain.png": "no provenance",
        "foreign.png": "no provenance",
        "broken.png": "damaged",
        "cut.png": "damaged",
        "plain.mp4": "no provenance",
        "text": "not a PNG",
        "other.json": "not a manifest",
        "none.png": "No such file",
    }.items():
        with pytest.raises(InputError, match=words) as error:
            verify(tmp_path / name)
        assert str(tmp_path / name) in str(error.value)


def test_the_engine_knows_its_version(repo: Path) -> None:
    import tomllib

    project = tomllib.loads((repo / "pyproject.toml").read_text())["project"]
    assert project["version"] == VERSION
    assert engine_fingerprint() == engine_fingerprint() and len(engine_fingerprint()) == 16
