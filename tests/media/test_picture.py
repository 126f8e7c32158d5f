# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures: the numbers and the profile that went in come out,
and what cannot be used is refused in one line."""

from __future__ import annotations

import os
import struct
import time
import zlib
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms

from core.errors import InputError, OutputError
from core.media.picture import contact_sheet, load_picture, save_picture


def noise(shape: tuple[int, ...], dtype: type = np.uint8, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max + 1, shape, dtype=dtype)


@lru_cache(maxsize=1)  # its bytes hold the time of making
def wide_profile() -> bytes:
    """An RGB profile with a green that sRGB does not have (Adobe-like), made from the sRGB one's bytes."""
    icc = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    (count,) = struct.unpack_from(">I", icc, 128)
    for i in range(count):
        name, offset, _ = struct.unpack_from(">4sII", icc, 132 + 12 * i)
        if name == b"gXYZ":
            struct.pack_into(">3i", icc, offset + 8, *(round(v * 65536) for v in (0.2053, 0.6257, 0.0609)))
        if name == b"rXYZ":
            struct.pack_into(">3i", icc, offset + 8, *(round(v * 65536) for v in (0.6097, 0.3111, 0.0195)))
    return bytes(icc)


def grey_profile() -> bytes:
    """A grey profile with gamma 1.8."""
    tags = {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", 5) + b"grey\0" + bytes(78),
        b"cprt": b"text\0\0\0\0CC0\0",
        b"wtpt": b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061),
        b"kTRC": b"curv\0\0\0\0" + struct.pack(">IH", 1, round(1.8 * 256)),
    }
    table, body, start = b"", b"", 132 + 12 * len(tags)
    for name, data in tags.items():
        table += struct.pack(">4sII", name, start + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    head = bytearray(128)
    struct.pack_into(">I4xI4s4s4s", head, 0, start + len(body), 0x02100000, b"mntr", b"GRAY", b"XYZ ")
    head[36:40] = b"acsp"
    struct.pack_into(">3i", head, 68, 63190, 65536, 54061)
    return bytes(head) + struct.pack(">I", len(tags)) + table + body


def write_tiff16(path: Path, pixels: np.ndarray, orientation: int = 1) -> None:
    """A 16-bit RGB TIFF with an orientation, uncompressed."""
    height, width, channels = pixels.shape
    data = pixels.astype("<u2").tobytes()
    entries = [
        (256, 4, 1, width), (257, 4, 1, height), (258, 3, channels, 8 + 0), (259, 3, 1, 1), (262, 3, 1, 2),
        (273, 4, 1, 8 + 8), (274, 3, 1, orientation), (277, 3, 1, channels), (278, 4, 1, height),
        (279, 4, 1, len(data)),
    ]  # fmt: skip
    body = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    bits = struct.pack("<4H", 16, 16, 16, 16)
    at = 16 + len(data)
    path.write_bytes(
        b"II*\0" + struct.pack("<I", at) + bits + data + struct.pack("<H", len(entries)) + body + bytes(4)
    )


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_saved_numbers_come_back_bit_for_bit(tmp_path: Path, dtype: type, channels: int) -> None:
    pixels = noise((333, 217, channels), dtype)
    save_picture(
        tmp_path / "a.png", pixels, icc=wide_profile(), text={"Comment": "ä€", "XML:com.adobe.xmp": "<x/>"}
    )
    picture = load_picture(tmp_path / "a.png")
    assert picture.pixels.dtype == dtype and picture.bits == np.dtype(dtype).itemsize * 8
    assert picture.size == (217, 333)
    np.testing.assert_array_equal(picture.pixels, pixels)
    assert picture.icc == wide_profile()
    with Image.open(tmp_path / "a.png") as image:
        image.load()
        assert image.text["Comment"] == "ä€" and image.text["XML:com.adobe.xmp"] == "<x/>"
    other = cv2.imread(str(tmp_path / "a.png"), cv2.IMREAD_UNCHANGED)  # another decoder reads the same
    np.testing.assert_array_equal(other[..., 2::-1], pixels[..., :3])


@pytest.mark.parametrize("level", [0, 1, 9])
@pytest.mark.parametrize("kind", ["noise", "flat", "ramp"])
def test_every_compression_is_a_valid_png(tmp_path: Path, kind: str, level: int) -> None:
    pixels = noise((700, 900, 3))
    if kind == "flat":
        pixels[:] = (10, 200, 30)
    if kind == "ramp":
        pixels[:] = (np.arange(900) // 4)[None, :, None]
    save_picture(tmp_path / "a.png", pixels, compression=level)
    with Image.open(tmp_path / "a.png") as image:
        np.testing.assert_array_equal(np.asarray(image), pixels)
    if kind != "noise" and level:
        assert (tmp_path / "a.png").stat().st_size < pixels.nbytes / 20


def test_the_same_picture_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in "ab":
        save_picture(tmp_path / f"{name}.png", noise((1500, 800, 3)))
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp", ".bmp"])
def test_lossless_formats_keep_their_numbers(tmp_path: Path, suffix: str) -> None:
    pixels = noise((80, 96, 3))
    icc = None if suffix == ".bmp" else wide_profile()
    options = {"lossless": True} if suffix == ".webp" else {}
    Image.fromarray(pixels).save(tmp_path / f"a{suffix}", icc_profile=icc, **options)
    picture = load_picture(tmp_path / f"a{suffix}")
    np.testing.assert_array_equal(picture.pixels, pixels)
    assert picture.icc == icc


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["png", "jpg", "tif", "tif16"])
def test_orientation_is_applied(tmp_path: Path, kind: str, orientation: int) -> None:
    corners = np.zeros((80, 120, 3), np.uint8)
    corners[:40, :60], corners[:40, 60:], corners[40:, :60] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    path = tmp_path / f"a.{kind[:3]}"
    # how a viewer turns the stored picture, by the EXIF standard
    upright = {
        1: corners, 2: corners[:, ::-1], 3: corners[::-1, ::-1], 4: corners[::-1],
        5: corners.transpose(1, 0, 2), 6: np.rot90(corners, -1), 7: corners[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(corners),
    }[orientation]  # fmt: skip
    if kind == "tif16":
        write_tiff16(path, corners.astype(np.uint16) * 257, orientation)
    else:
        exif = Image.Exif()
        exif[0x0112] = orientation
        Image.fromarray(corners).save(
            path, exif=exif, **({"quality": 100, "subsampling": 0} if kind == "jpg" else {})
        )
    picture = load_picture(path)
    seen = picture.pixels if picture.bits == 8 else picture.pixels // 257
    assert seen.shape == upright.shape
    assert np.abs(seen.astype(int) - upright).max() <= (4 if kind == "jpg" else 0)


def test_grey_keeps_its_numbers_and_its_tone_curve(tmp_path: Path) -> None:
    grey = noise((90, 70))
    Image.fromarray(grey).save(tmp_path / "a.png", icc_profile=grey_profile())
    picture = load_picture(tmp_path / "a.png")
    np.testing.assert_array_equal(picture.pixels, np.repeat(grey[..., None], 3, axis=2))
    assert picture.icc is not None and picture.icc[16:20] == b"RGB "
    # gamma 1.8 shows a middle grey brighter than sRGB does
    expected = 255 * (1.055 * (grey / 255.0) ** (1.8 / 2.4) - 0.055)
    bright = grey > 40
    assert np.abs(picture.rgb8()[..., 1][bright] - expected[bright]).max() <= 2


def test_sixteen_bit_grey_and_alpha(tmp_path: Path) -> None:
    deep = noise((70, 80), np.uint16)
    cv2.imwrite(str(tmp_path / "grey.png"), deep)
    np.testing.assert_array_equal(
        load_picture(tmp_path / "grey.png").pixels, np.repeat(deep[..., None], 3, axis=2)
    )
    soft = noise((70, 80, 4), np.uint16)
    cv2.imwrite(str(tmp_path / "rgba.tif"), soft[..., [2, 1, 0, 3]])
    np.testing.assert_array_equal(load_picture(tmp_path / "rgba.tif").pixels, soft)


def test_palette_with_a_clear_color(tmp_path: Path) -> None:
    image = Image.fromarray(noise((80, 80)) % 4).convert("P")
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 8, 7])
    image.save(tmp_path / "a.png", transparency=2)
    index = np.asarray(image)
    pixels = load_picture(tmp_path / "a.png").pixels
    assert pixels.shape == (80, 80, 4)
    assert (pixels[index == 1] == (0, 255, 0, 255)).all() and (pixels[index == 2][:, 3] == 0).all()


def test_cmyk_without_a_profile_becomes_rgb(tmp_path: Path) -> None:
    Image.new("CMYK", (100, 80), (0, 255, 255, 0)).save(tmp_path / "a.tif")
    picture = load_picture(tmp_path / "a.tif")
    assert picture.pixels.shape == (80, 100, 3) and (picture.pixels[0, 0] == (255, 0, 0)).all()


def test_lab_goes_through_its_colors_to_srgb(tmp_path: Path) -> None:
    source = Image.new("RGB", (100, 80), (200, 90, 40))
    lab = ImageCms.profileToProfile(
        source, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    lab.save(tmp_path / "a.tif")
    picture = load_picture(tmp_path / "a.tif")
    assert np.abs(picture.pixels[40, 50].astype(int) - (200, 90, 40)).max() <= 3
    assert picture.icc is not None and picture.icc[16:20] == b"RGB "
    time.sleep(1.1)
    assert load_picture(tmp_path / "a.tif").icc == picture.icc  # no time of day in it


def test_profile_is_used_for_review_only(tmp_path: Path) -> None:
    pixels = np.full((80, 80, 3), (60, 180, 60), np.uint8)
    save_picture(tmp_path / "a.png", pixels, icc=wide_profile())
    picture = load_picture(tmp_path / "a.png")
    assert (picture.pixels == pixels).all()
    seen = picture.rgb8()[0, 0].astype(int)
    assert seen[0] < 40 and seen[1] >= 180  # the wider green lies outside: more saturated in sRGB's numbers
    np.testing.assert_allclose(picture.rgb_float()[0, 0], np.array([60, 180, 60]) / 255, atol=1e-6)


def test_alpha_is_laid_over_grey_for_detectors(tmp_path: Path) -> None:
    pixels = np.full((80, 80, 4), (200, 100, 0, 255), np.uint8)
    pixels[:40, :, 3] = 0
    save_picture(tmp_path / "a.png", pixels)
    seen = load_picture(tmp_path / "a.png").rgb8()
    assert (seen[0, 0] == 128).all() and (seen[-1, 0] == (200, 100, 0)).all()


def one_line(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        load_picture(path)
    message = str(caught.value)
    assert "\n" not in message and str(path) in message
    return message


def test_what_is_no_picture_is_refused_in_one_line(tmp_path: Path) -> None:
    text = tmp_path / "text.png"
    text.write_text("not a picture")
    assert "not a picture" in one_line(text)
    empty = tmp_path / "empty.png"
    empty.touch()
    assert "empty" in one_line(empty)
    assert "folder" in one_line(tmp_path)
    assert "no such file" in one_line(tmp_path / "missing.png")


@pytest.mark.parametrize("kind", ["png", "jpg", "tif", "webp", "bmp", "png16", "tif16"])
def test_truncated_pictures_are_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"a.{kind.removesuffix('16')}"
    if kind == "png16":
        save_picture(path, noise((200, 200, 3), np.uint16))
    elif kind == "tif16":
        cv2.imwrite(str(path), noise((200, 200, 3), np.uint16))
    else:
        Image.fromarray(noise((200, 200, 3))).save(path)
    load_picture(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    one_line(path)


def test_a_flipped_byte_in_a_png_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    save_picture(path, noise((200, 200, 3), np.uint16))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 255
    path.write_bytes(data)
    one_line(path)


@pytest.mark.parametrize("size", [(63, 200), (200, 20), (12_001, 70)])
def test_absurd_sizes_are_refused_with_the_limits(tmp_path: Path, size: tuple[int, int]) -> None:
    Image.new("L", size).save(tmp_path / "a.png")
    message = one_line(tmp_path / "a.png")
    assert "64" in message and "12,000" in message


def test_a_huge_header_is_refused_without_decoding(tmp_path: Path) -> None:
    save_picture(tmp_path / "a.png", noise((80, 80, 3)))
    data = bytearray((tmp_path / "a.png").read_bytes())
    struct.pack_into(">II", data, 16, 60_000, 60_000)
    struct.pack_into(">I", data, 29, zlib.crc32(bytes(data[12:29])))
    (tmp_path / "a.png").write_bytes(data)
    one_line(tmp_path / "a.png")


@pytest.mark.parametrize("suffix", [".png", ".webp"])
def test_animated_pictures_are_refused(tmp_path: Path, suffix: str) -> None:
    frames = [Image.fromarray(noise((80, 80, 3), seed=i)) for i in range(3)]
    frames[0].save(tmp_path / f"a{suffix}", save_all=True, append_images=frames[1:])
    assert "animated" in one_line(tmp_path / f"a{suffix}")


def test_unwritable_places_are_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError):
        save_picture(tmp_path / "file" / "a.png", noise((80, 80, 3)))
    with pytest.raises(OutputError, match=r"a\.png"):
        save_picture(tmp_path / "a.jpg", noise((80, 80, 3)))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file"]


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="needs file size limits")
def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    import resource
    import signal

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
        with pytest.raises(OutputError, match=r"a\.png"):
            save_picture(tmp_path / "a.png", noise((600, 600, 3)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert list(tmp_path.iterdir()) == []


def test_contact_sheet_shows_every_image_once() -> None:
    colors = [(255, 0, 0), (0, 255, 0), (0, 0, 255)]
    images = [np.full((40 + 30 * i, 60, 3), color, np.uint8) for i, color in enumerate(colors)]
    sheet = contact_sheet(images, 2, 400, ["a", "b", "c"])
    assert sheet.shape[1] == 400 and sheet.dtype == np.uint8
    areas = [int((sheet == color).all(axis=2).sum()) for color in colors]
    assert all(area > 5000 for area in areas) and areas[0] < areas[1] < areas[2]
