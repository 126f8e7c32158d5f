# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a frame comes from, written into every file of a bake and read back by ``verify``.

PNG and EXR frames carry an XMP packet (iTXt; an attribute of the header), films a JSON comment, the manifest
a record.  All name the IPTC digital source type, the program, and the source picture by file name and
SHA-256; none holds a date, so that equal inputs give equal files.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
import xml.etree.ElementTree as ElementTree
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

from .errors import InputError
from .ledger import file_sha256, read_manifest
from .media import exr
from .version import SOFTWARE, VERSION

XMP_KEY = "XML:com.adobe.xmp"
_IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
_XMP = "http://ns.adobe.com/xap/1.0/"
_DC = "http://purl.org/dc/elements/1.1/"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_OWN = "urn:tableau-vivant:provenance:1:"
_IPTC_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/"
_SOURCE_TYPES = {
    "flow": _IPTC_TYPE + "algorithmicallyEnhanced",
    "full": _IPTC_TYPE + "compositeWithTrainedAlgorithmicMedia",
    "neural": _IPTC_TYPE + "trainedAlgorithmicMedia",
}
_KEYS = ("digital_source_type", "software", "source", "source_sha256", "mode")
# what decides the pixels of a frame, besides its inputs
_ENGINE_PARTS = (
    "core/compose",
    "core/generator",
    "core/head",
    "core/media/picture.py",
    "core/media/linear.py",
    "core/frames.py",
    "presets/head",
)


@dataclass(frozen=True)
class Provenance:
    """What a baked file says about itself; ``source_type`` is a URI of IPTC's digital source types."""

    source_type: str
    software: str
    source_name: str
    source_sha256: str
    mode: str

    @classmethod
    def of(cls, portrait: Path, sha256: str, mode: str) -> Provenance:
        return cls(digital_source_type(mode), f"{SOFTWARE} {VERSION}", portrait.name, sha256, mode)

    def to_dict(self) -> dict[str, str]:
        return {
            "digital_source_type": self.source_type,
            "software": self.software,
            "source": self.source_name,
            "source_sha256": self.source_sha256,
            "mode": self.mode,
        }

    def png_text(self) -> dict[str, str]:
        """The iTXt chunks of a frame."""
        return {XMP_KEY: self.xmp()}

    def exr_attributes(self) -> dict[str, str]:
        """The header attributes of a frame."""
        return {"xmp": self.xmp(), "software": self.software}

    def xmp(self) -> str:
        attributes = {
            "xmp:CreatorTool": self.software,
            "Iptc4xmpExt:DigitalSourceType": self.source_type,
            "tableau:Source": self.source_name,
            "tableau:SourceSHA256": self.source_sha256,
            "tableau:Mode": self.mode,
        }
        shown = "\n   ".join(f"{key}={quoteattr(value)}" for key, value in attributes.items())
        return (
            '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
            '<x:xmpmeta xmlns:x="adobe:ns:meta/">\n'
            f' <rdf:RDF xmlns:rdf="{_RDF}">\n'
            '  <rdf:Description rdf:about=""\n'
            f'   xmlns:xmp="{_XMP}"\n   xmlns:Iptc4xmpExt="{_IPTC}"\n   xmlns:tableau="{_OWN}"\n'
            f"   {shown}/>\n"
            " </rdf:RDF>\n</x:xmpmeta>\n"
            '<?xpacket end="r"?>'
        )

    def video_metadata(self) -> dict[str, str]:
        """Container metadata of a film; the comment is the record as JSON."""
        return {"comment": json.dumps(self.to_dict())}


def digital_source_type(mode: str) -> str:
    """The IPTC URI of a mode: a warp of the picture's own pixels enhances it algorithmically, a network's
    paint in them makes a composite, a network's whole picture is synthetic."""
    return _SOURCE_TYPES[mode]


@cache
def engine_fingerprint() -> str:
    """A hash over the version and the files that decide pixels, so that frames of two engines never mix."""
    digest = hashlib.sha256(VERSION.encode())
    root = Path(__file__).resolve().parents[1]
    for part in _ENGINE_PARTS:
        path = root / part
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in files:
            # the model's builder is not part of the extension and makes no pixels
            if file.suffix in (".py", ".npz") and file.name != "build_model.py":
                digest.update(file.relative_to(root).as_posix().encode())
                digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def verify(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read the provenance of a baked frame, film or manifest; compare files with the manifest beside them.

    Returns ``{"file", "kind", "provenance", "checks": {file: "ok" | "changed" | "missing" | "unlisted"}}``;
    raises InputError where the file cannot be read or carries no provenance.
    """
    file = Path(path)
    try:
        with open(file, "rb") as stream:
            head = stream.read(16)
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror})") from error
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return {"file": str(file), "kind": "frame", "provenance": _read_png(file), "checks": _check_one(file)}
    if head.startswith(exr.MAGIC):
        return {"file": str(file), "kind": "frame", "provenance": _read_exr(file), "checks": _check_one(file)}
    if head.lstrip().startswith(b"{"):
        return {"file": str(file), "kind": "manifest", **_verify_manifest(file)}
    if head[4:8] in (b"ftyp", b"free", b"mdat", b"moov"):
        return {"file": str(file), "kind": "film", "provenance": _read_film(file), "checks": _check_one(file)}
    raise InputError(f"{file}: not a PNG or EXR frame, an MP4 film or a manifest.json of a bake")


def _read_png(path: Path) -> dict[str, str]:
    try:
        return _read_xmp(path, _png_text(path.read_bytes(), XMP_KEY))
    except (ValueError, zlib.error, ElementTree.ParseError):
        raise InputError(f"{path}: damaged PNG") from None


def _read_exr(path: Path) -> dict[str, str]:
    try:
        return _read_xmp(path, exr.text_attributes(path.read_bytes()).get("xmp"))
    except (ValueError, struct.error, ElementTree.ParseError):
        raise InputError(f"{path}: damaged EXR") from None


def _read_xmp(path: Path, xmp: str | None) -> dict[str, str]:
    root = ElementTree.fromstring(xmp) if xmp else None
    description = None if root is None else root.find(f".//{{{_RDF}}}Description")
    if description is None or f"{{{_IPTC}}}DigitalSourceType" not in description.attrib:
        raise InputError(f"{path}: carries no provenance (another program wrote it or stripped it)")
    get = description.attrib.get
    return {
        "digital_source_type": get(f"{{{_IPTC}}}DigitalSourceType", ""),
        "software": get(f"{{{_XMP}}}CreatorTool", ""),
        "source": get(f"{{{_OWN}}}Source", ""),
        "source_sha256": get(f"{{{_OWN}}}SourceSHA256", ""),
        "mode": get(f"{{{_OWN}}}Mode", ""),
    }


def _png_text(data: bytes, key: str) -> str | None:
    """The iTXt text ``key`` of a PNG; checks every chunk's checksum, ValueError where it is damaged."""
    position, found = 8, None
    while True:
        length = int.from_bytes(data[position : position + 4], "big")
        kind, body = data[position + 4 : position + 8], data[position + 8 : position + 8 + length]
        checksum = data[position + 8 + length : position + 12 + length]
        if len(checksum) != 4 or zlib.crc32(kind + body) != int.from_bytes(checksum, "big"):
            raise ValueError("damaged chunk")
        if kind == b"iTXt" and body.startswith(key.encode() + b"\0"):
            rest = body[len(key) + 1 :]
            text = rest[2:].split(b"\0", 2)[2]  # after the language tag and the translated keyword
            found = (zlib.decompress(text) if rest[0] else text).decode("utf-8")
        if kind == b"IEND":
            return found
        position += 12 + length


def _read_film(path: Path) -> dict[str, str]:
    import av  # late: the worker and the command line start without it

    try:
        with av.open(str(path)) as container:
            comment = container.metadata.get("comment", "")
        data = json.loads(comment)
        return {
            key: str(data[key]) for key in ("digital_source_type", "software", "source", "source_sha256")
        } | {"mode": str(data.get("mode", ""))}
    except OSError:
        raise InputError(f"{path}: damaged film") from None
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{path}: carries no provenance (another program wrote it or stripped it)") from None


def _check_one(path: Path) -> dict[str, str]:
    """Compare one file with the manifest in its folder or in the folder above; empty where there is none."""
    file = path.absolute()
    for folder in (file.parent, file.parent.parent):
        manifest = folder / "manifest.json"
        if manifest.is_file():
            hashes = _listed_hashes(read_manifest(manifest), folder)
            known = hashes.get(file)
            if known is None:
                return {str(path): "unlisted"}
            return {str(path): "ok" if file_sha256(path) == known else "changed"}
    return {}


def _verify_manifest(path: Path) -> dict[str, Any]:
    data = read_manifest(path)
    checks = {}
    for file, known in sorted(_listed_hashes(data, path.absolute().parent).items()):
        if not file.is_file():
            checks[str(file)] = "missing"
        else:
            checks[str(file)] = "ok" if file_sha256(file) == known else "changed"
    provenance: Mapping[str, Any] = next((b.get("provenance", {}) for b in data["bakes"].values()), {})
    return {"provenance": dict(provenance), "checks": checks}


def _listed_hashes(data: Mapping[str, Any], base: Path) -> dict[Path, str]:
    """Absolute path -> SHA-256 of every frame, layer, film and sheet in a manifest."""
    hashes: dict[Path, str] = {}
    for bake in data["bakes"].values():
        folder = Path(os.path.normpath(base / bake.get("folder", "")))
        frames = bake.get("frames", {}).values()
        plates = [bake["plate"]] if bake.get("plate") else []
        for entry in (
            *frames,
            *(layer for frame in frames for layer in frame.get("layers", {}).values()),
            *plates,
        ):
            hashes[folder / entry["file"]] = entry["sha256"]
        for key in ("film", "sheet"):
            if bake.get(key):
                hashes[Path(os.path.normpath(base / bake[key]["file"]))] = bake[key]["sha256"]
    return hashes
