# SPDX-License-Identifier: GPL-3.0-or-later
"""Contact sheets of portraits moved by performances, with what can be
measured of folds and of a moving background.

    python -m tests.benchmarks.motion_sheets --portraits DIR --presets all --frames 8 -o OUT

Writes OUT/<portrait>--<preset>.png (crops around the head, the portrait itself first) and OUT/sheets.json.
The sheets are for looking at; the figures tell where to look first.  Exit code 1 where a pixel changed that
must not, or a map folds inside the face.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import cv2
import numpy as np

from core.atomic import atomic_path
from core.compose.paste import node_positions, upsample_flow
from core.errors import InputError, TableauError
from core.landmarks.face import Face
from core.landmarks.track import LandmarkTrack
from core.media.picture import Picture, contact_sheet, load_picture, save_picture
from core.training.evaluation.metrics import eye_distance

from .moved import Measures, Renderer, chart, measure, read_chart

PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp")
COLUMNS = 4

MakeRenderer = Callable[..., Renderer]


def telling_rows(points: np.ndarray, count: int) -> list[int]:
    """``count`` rows of a track [T, 68, 3], in order of time, that differ most from each other.

    Evenly spaced rows would miss a blink.  The first one is where the track begins; each next one is
    farthest from all that are chosen already.
    """
    flat = points[..., :2].reshape(len(points), -1).astype(np.float64)
    chosen = [0]
    nearest = np.linalg.norm(flat - flat[0], axis=1)
    while len(chosen) < min(count, len(points)):
        chosen.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, np.linalg.norm(flat - flat[chosen[-1]], axis=1))
    return sorted(set(chosen))


def head_box(points: np.ndarray, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """(x0, y0, x1, y1) of a square around the head of 68 landmarks, cut by the picture's border."""
    low, high = points[:, :2].min(0), points[:, :2].max(0)
    half = 1.1 * float((high - low).max())
    # hair and hats need more room than the neck does
    x, y = (low + high) / 2 - (0, 0.2 * half)
    corners = np.clip(np.round([x - half, y - half, x + half, y + half]), 0, [*size, *size]).astype(int)
    return int(corners[0]), int(corners[1]), int(corners[2]), int(corners[3])


def reduced(picture: Picture, side: int) -> Picture:
    """The picture with its longer side at most ``side`` px."""
    height, width = picture.pixels.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return picture
    pixels = cv2.resize(
        picture.pixels, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA
    )
    return Picture(pixels=pixels, icc=picture.icc, path=picture.path, source=picture.source)


def caption(row: int, found: Measures) -> str:
    """What is written under a frame."""
    parts = [str(row)]
    if found.least_determinant is not None:
        parts.append(f"det {found.least_determinant:.2f}")
    if found.landmarks_missed is not None:
        parts.append(f"miss {found.landmarks_missed:.3f}")
    if found.texture is not None:
        parts.append(f"hf {found.texture:.2f}")
    if found.changed_outside_region:
        parts.append(f"OUTSIDE {found.changed_outside_region}")
    if found.background_changed:
        parts.append(f"BACKGROUND {found.background_difference:.2f}")
    return "  ".join(parts)


class Stage:
    """One portrait with its renderer, and what its map is read from: the renderer's own word, or the same
    renderer on a chart."""

    def __init__(self, picture: Picture, face: Face, matte: np.ndarray, make: MakeRenderer) -> None:
        self.picture, self.face, self.matte = picture, face, matte
        self.renderer = make(picture, face)
        self.charted: Renderer | None = None
        if not isinstance(self.renderer, Full):
            # a chart shows no sitter: the matte is given, so that the same pixels are moved
            self.charted = make(chart(picture.size), face, mask=np.round(matte * 255).astype(np.uint8))

    def play(self, track: LandmarkTrack, rows: Sequence[int]) -> tuple[list[np.ndarray], list[Measures]]:
        """Frames and their measures at ``rows`` of a track in the picture's pixels."""
        frames, found = [], []
        for row in rows:
            points, irises = track.points[row], track.irises[row]
            frame = self.renderer.render(points, irises)
            frames.append(frame)
            region, source = self.renderer.region, self.source(points, irises)
            found.append(measure(self.picture, self.face, self.matte, region, frame, source, points))
        return frames, found

    def source(self, points: np.ndarray, irises: np.ndarray) -> np.ndarray:
        """float32 [H, W, 2]: where the pixels of the frame last rendered, for these landmarks, came from."""
        if self.charted is not None:
            return read_chart(self.charted.render(points, irises))
        assert isinstance(self.renderer, Full)
        return self.renderer.source()

    def sheet(self, frames: Sequence[np.ndarray], labels: Sequence[str], cell: int) -> np.ndarray:
        """uint8 RGB contact sheet of the head, the still portrait first."""
        x0, y0, x1, y1 = head_box(self.face.points, self.picture.size)
        shown = [self.picture.pixels, *frames]
        icc = self.picture.icc
        crops = [Picture(pixels=np.ascontiguousarray(each[y0:y1, x0:x1]), icc=icc).rgb8() for each in shown]
        return contact_sheet(crops, COLUMNS, COLUMNS * cell, ["portrait", *labels])


class Full:
    """The flow, corrected and completed by the generator that ships.

    It tells its map itself: before a chart the generator sees no face, and would paint over it besides.
    """

    def __init__(self, picture: Picture, face: Face, mask: np.ndarray | None = None) -> None:
        from core.compose.compositor import Compositor
        from core.generator.render import Renderer as FullRenderer
        from core.generator.weights import find_base, load_base

        made: list[Compositor] = []

        class Noted(Compositor):
            def __init__(self, *args: Any, **options: Any) -> None:
                super().__init__(*args, **options)
                made.append(self)

        with mock.patch("core.generator.render.Compositor", Noted):
            self._renderer = FullRenderer(picture, face, load_base(find_base()), mask=mask)
        (self._compositor,) = made

    @property
    def region(self) -> tuple[int, int, int, int]:
        """The box outside which no pixel ever changes."""
        return self._renderer.region

    def render(self, points: np.ndarray, irises: np.ndarray) -> np.ndarray:
        """The picture with its face at ``points`` [68, 3] and ``irises`` [2, 2] px."""
        return self._renderer.render(points, irises)

    def source(self) -> np.ndarray:
        """float32 [H, W, 2]: where the pixels of the last frame came from, px with the origin at the
        corner."""
        width, height = self._compositor.picture.size
        source = node_positions((0, 0, width, height), (height, width))
        flow = self._compositor.last_flow
        if flow is not None:
            x0, y0, x1, y1 = flow.box
            source[y0:y1, x0:x1] += upsample_flow(flow.shift, (y1 - y0, x1 - x0))
        return source


def import_maker(name: str) -> MakeRenderer:
    """A renderer's class or factory from ``module:name``; called as make(picture, face, mask=None)."""
    module, _, attribute = name.partition(":")
    try:
        maker: MakeRenderer = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(f"--renderer {name}: cannot be imported ({error}); write module:name") from error
    return maker


def find_portraits(folder: Path, wanted: Sequence[str]) -> list[Path]:
    """Pictures of a folder (or the one picture given), those whose stems are ``wanted`` where any are."""
    paths = (
        [folder] if folder.is_file() else sorted(p for p in folder.glob("*") if p.suffix.lower() in PICTURES)
    )
    paths = [path for path in paths if not wanted or path.stem in wanted]
    if not paths:
        raise InputError(f"{folder}: holds no picture to move; name a folder of portraits")
    return paths


def play_portrait(
    path: Path, args: argparse.Namespace, make: MakeRenderer, presets: Sequence[str]
) -> dict[str, Any]:
    """All the sheets of one portrait; its part of the report."""
    from core.compose.matte import sitter_matte
    from core.landmarks.detect import detect_portrait
    from core.motion.retarget import retarget
    from core.presets import load_performance

    picture = reduced(load_picture(path), args.side)
    face, used = detect_portrait(picture)
    matte = sitter_matte(picture, face).at(picture.pixels.shape)
    stage = Stage(picture, face, matte, make)
    report: dict[str, Any] = {
        "portrait": path.stem,
        "size": list(picture.size),
        "eye_distance": eye_distance(face.points),
        "landmarks": used,
        "region": [int(v) for v in stage.renderer.region],
        "presets": [],
    }
    for name in presets:
        start = time.perf_counter()
        track = retarget(load_performance(name), face)
        rows = telling_rows(track.points, args.frames)
        frames, found = stage.play(track, rows)
        labels = [caption(row, each) for row, each in zip(rows, found, strict=True)]
        save_picture(args.output / f"{path.stem}--{name}.png", stage.sheet(frames, labels, args.cell))
        measured = [{"row": row, **each.to_dict()} for row, each in zip(rows, found, strict=True)]
        report["presets"].append({"preset": name, "frames": measured})
        least = min((e.least_determinant for e in found if e.least_determinant is not None), default=np.nan)
        missed = max((e.landmarks_missed for e in found if e.landmarks_missed is not None), default=np.nan)
        texture = [e.texture for e in found if e.texture is not None] or [np.nan]
        print(
            f"{path.stem:30} {name:14} least det {least:6.2f}  missed {missed:.3f}  outside "
            f"{max(e.changed_outside_region for e in found)}  background "
            f"{max(e.background_difference for e in found):.3f}  texture {min(texture):.2f} .. "
            f"{max(texture):.2f}  ({time.perf_counter() - start:.1f} s)",
            file=sys.stderr,
            flush=True,
        )
    return report


def faults(report: Sequence[dict[str, Any]]) -> list[str]:
    """One line for each frame that breaks a promise."""
    lines = []
    for portrait in report:
        for preset in portrait["presets"]:
            for frame in preset["frames"]:
                where = f"{portrait['portrait']} {preset['preset']} frame {frame['row']}"
                if frame["changed_outside_region"]:
                    lines.append(
                        f"{where}: {frame['changed_outside_region']} pixels changed outside the region"
                    )
                if frame["background_changed"]:
                    lines.append(
                        f"{where}: the background changed by up to {frame['background_difference']:.3f}"
                    )
                if frame["folded"]:
                    lines.append(f"{where}: {frame['folded']:.2%} of the face is folded")
    return lines


def main(argv: Sequence[str] | None = None) -> int:
    """Run from the command line; 1 where a promise is broken, 2 with one line on bad input."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.motion_sheets")
    parser.add_argument("--portraits", type=Path, required=True, help="a folder of portraits, or one picture")
    parser.add_argument("--only", default="", help="stems of the portraits to use, with commas")
    parser.add_argument(
        "--presets", default="all", help="names of performances, with commas (default %(default)s)"
    )
    parser.add_argument(
        "--frames", type=int, default=7, help="frames of each performance (default %(default)s)"
    )
    parser.add_argument(
        "--side", type=int, default=1400, help="larger portraits are reduced to this longer side"
    )
    parser.add_argument(
        "--cell", type=int, default=384, help="px of each crop on the sheet (default %(default)s)"
    )
    parser.add_argument(
        "--renderer",
        default="tests.benchmarks.motion_sheets:Full",
        help="module:name (default %(default)s; the flow alone: core.compose.compositor:Compositor)",
    )
    parser.add_argument(
        "-o", "--output", type=Path, required=True, help="folder for the sheets and sheets.json"
    )
    args = parser.parse_args(argv)
    try:
        if args.presets == "all":
            from core.presets import preset_names

            presets = list(preset_names())
        else:
            presets = [name for name in args.presets.split(",") if name]
        make = import_maker(args.renderer)
        report = []
        for path in find_portraits(args.portraits, [stem for stem in args.only.split(",") if stem]):
            report.append(play_portrait(path, args, make, presets))
            with atomic_path(args.output / "sheets.json") as temporary:
                document = {"schema": "tableau-vivant/motion-sheets-1", "portraits": report}
                temporary.write_text(json.dumps(document, indent=1), "utf-8")
    except TableauError as error:
        print(f"motion_sheets: {error}", file=sys.stderr)
        return 2
    broken = faults(report)
    print("\n".join(broken) if broken else "no pixel changed that must not, no face folded")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
