# SPDX-License-Identifier: GPL-3.0-or-later
"""The benchmarks of `python build.py bench`.  Everything they need ships with the project."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from core.head.arkit import ARKIT
from tests.benchmarks.harness import Work, benchmark

REPO = Path(__file__).resolve().parents[2]
PORTRAIT = REPO / "presets" / "portraits" / "demo" / "portrait.png"


# ---------------------------------------------------------------- pictures and landmarks


def portrait_pixels(width: int, height: int) -> np.ndarray:
    """uint8 [height, width, 3]: the demo portrait at another size, with the grain of a scan."""
    import cv2

    from core.media.picture import load_picture

    pixels = cv2.resize(
        load_picture(PORTRAIT).pixels[..., :3], (width, height), interpolation=cv2.INTER_CUBIC
    )
    grain = np.random.default_rng(1).integers(-3, 4, pixels.shape, dtype=np.int16)
    return np.clip(pixels + grain, 0, 255).astype(np.uint8)


def video_frame() -> np.ndarray:
    """uint8 [720, 1280, 3]: the demo portrait in the middle of a 720p frame."""
    frame = np.full((720, 1280, 3), 90, np.uint8)
    frame[:, 352:928] = portrait_pixels(576, 720)
    return frame


def portrait_face(pixels: np.ndarray) -> Any:
    """The landmarks of the demo portrait at the size of ``pixels``."""
    from core.landmarks.detect import detect_portrait
    from core.media.picture import Picture

    return detect_portrait(Picture(pixels), backend="mediapipe")[0]


def moving_landmarks(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Points float32 [count, 68, 3] and irises [count, 2, 2],
    px of the demo portrait: a head that turns and talks."""
    from core.head.fit import HeadState, project
    from core.head.model import HeadModel

    model = HeadModel.load()
    phase = np.linspace(0, 4 * np.pi, count)
    half = 0.1 * np.sin(phase)
    rotation = np.stack([np.cos(half), np.zeros(count), np.sin(half), np.zeros(count)], 1)
    expression = np.zeros((count, len(model.expression)))
    expression[:, ARKIT.index("jawOpen")] = 0.4 * (1 - np.cos(2 * phase)) / 2
    translation = np.tile([512.0, 640.0, 0.0], (count, 1))
    state = HeadState(rotation, translation, np.full(count, 200.0), expression)
    both = project(model, np.zeros(len(model.identity)), state).astype(np.float32)
    return both[:, :68], both[:, 68:, :2]


# ---------------------------------------------------------------- landmarks


def mediapipe_itself(stack: ExitStack, *, still: bool) -> Any:
    import mediapipe

    mesh = mediapipe.solutions.face_mesh.FaceMesh(static_image_mode=still, refine_landmarks=True)
    stack.callback(mesh.close)
    return mesh


@benchmark("landmarks in a 720p video, next frame", limit=1 / 30)
def landmarks_follow(stack: ExitStack) -> Work:
    from core.landmarks.backends import make_detector

    frame = video_frame()
    detector = make_detector("mediapipe", video=True)
    stack.callback(detector.close)
    face = detector.detect(frame)[0]
    bare = mediapipe_itself(stack, still=False)

    def run() -> None:
        for _ in range(10):
            assert detector.follow(frame, face) is not None

    def baseline() -> None:
        for _ in range(10):
            bare.process(frame)

    return Work(run, baseline, "MediaPipe's own tracker", units=10, unit="frame")


@benchmark("landmarks in a 720p still, from nothing")
def landmarks_detect(stack: ExitStack) -> Work:
    from core.landmarks.backends import make_detector

    frame = video_frame()
    detector = make_detector("mediapipe")
    stack.callback(detector.close)
    bare = mediapipe_itself(stack, still=True)

    def run() -> None:
        assert len(detector.detect(frame)) == 1

    def baseline() -> None:
        bare.process(frame)

    return Work(run, baseline, "MediaPipe's own still mode")


# ---------------------------------------------------------------- head


def least_squares(rows: int, columns: int, count: int) -> None:
    rng = np.random.default_rng(0)
    matrix, values = rng.normal(size=(rows, columns)), rng.normal(size=rows)
    for _ in range(count):
        normal = matrix.T @ matrix
        np.linalg.solve(normal, matrix.T @ values)


@benchmark("head fit to a portrait", limit=0.1)
def head_fit(stack: ExitStack) -> Work:
    from core.head.fit import fit_portrait
    from core.head.model import HeadModel

    model = HeadModel.load()
    pixels = portrait_pixels(1024, 1280)
    face = portrait_face(pixels)
    columns = 7 + len(model.expression) + len(model.identity)

    def run() -> None:
        fit_portrait(model, face.points, face.irises, (1024, 1280))

    return Work(run, lambda: least_squares(210, columns, 14), "14 bare least-squares steps of that size")


@benchmark("head solve of a performance")
def head_solve(stack: ExitStack) -> Work:
    from core.head.fit import solve_track
    from core.head.model import HeadModel

    model = HeadModel.load()
    count = 250
    points, irises = moving_landmarks(count)

    def run() -> None:
        solve_track(model, points, irises)

    def baseline() -> None:
        least_squares(210, 7 + len(model.expression), 8 * count)

    return Work(run, baseline, "8 bare least-squares steps per frame", units=count, unit="frame")


# ---------------------------------------------------------------- frames


def opened_mouth(face: Any, size: tuple[int, int]) -> np.ndarray:
    """Landmarks float32 [68, 3] of a portrait of ``size`` (w, h) with the mouth open."""
    from core.head.fit import batch, fit_portrait, project
    from core.head.model import HeadModel

    model = HeadModel.load()
    fit = fit_portrait(model, face.points, face.irises, size)
    state, jaw = batch(fit.state), ARKIT.index("jawOpen")
    state.expression[0, jaw] = min(1.0, float(state.expression[0, jaw]) + 0.3)
    moved = project(model, fit.identity, state)[0] - project(model, fit.identity, batch(fit.state))[0]
    return (face.points + moved[:68]).astype(np.float32)


def frame_work(stack: ExitStack, width: int, height: int) -> Work:
    """Flow, native paste and PNG of one frame, against cv2.remap of the same region and the same PNG."""
    import cv2

    from core.compose.compositor import Compositor
    from core.media.picture import Picture, save_picture

    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    pixels = portrait_pixels(width, height)
    face = portrait_face(pixels)
    compositor = Compositor(Picture(pixels), face)
    points = opened_mouth(face, (width, height))
    _, (x0, y0, x1, y1) = compositor.render_patch(points, face.irises)
    grid_x, grid_y = np.meshgrid(np.arange(x0, x1, dtype=np.float32), np.arange(y0, y1, dtype=np.float32))
    map_x, map_y = grid_x + 3 * np.sin(grid_y / 90), grid_y + 3 * np.sin(grid_x / 90)

    def run() -> None:
        save_picture(folder / "frame.png", compositor.render(points, face.irises))

    def baseline() -> None:
        out = pixels.copy()
        out[y0:y1, x0:x1] = cv2.remap(
            pixels, map_x, map_y, cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REPLICATE
        )
        save_picture(folder / "bare.png", out)

    share = (x1 - x0) * (y1 - y0) / (width * height)
    return Work(
        run,
        baseline,
        "cv2.remap (Lanczos) + the same PNG",
        unit="frame",
        details=f"the region that may change is {share:.0%} of the picture",
    )


@benchmark("frame of 1080 x 1350, flow to PNG", limit_ratio=1.5)
def small_frame(stack: ExitStack) -> Work:
    return frame_work(stack, 1080, 1350)


@benchmark("frame of 4000 x 5000, flow to PNG", limit_ratio=1.5)
def large_frame(stack: ExitStack) -> Work:
    return frame_work(stack, 4000, 5000)


# ---------------------------------------------------------------- generator


@benchmark("generator, one 256 px frame", limit=0.12)
def generator_frame(stack: ExitStack) -> Work:
    import torch

    from core.generator.blocks import fold
    from core.generator.config import load_config
    from core.generator.generator import Generator, GeneratorInputs

    config = load_config("base")
    generator = fold(Generator(config)).eval().to(memory_format=torch.channels_last)
    size = config.size

    def random(channels: int, side: int) -> torch.Tensor:
        values = torch.rand(1, channels, side, side)
        return values.contiguous(memory_format=torch.channels_last)

    inputs = GeneratorInputs(
        *(random(3, size) for _ in range(4)), random(2, size // 8) * 0.02, random(4, size // 2)
    )
    style = torch.zeros(1, config.style_dim)
    # 64 to 64 channels, 3 x 3, at 128 px: 0.604 billion multiplications each
    bare = torch.nn.Sequential(*(torch.nn.Conv2d(64, 64, 3, padding=1) for _ in range(5)))
    bare = bare.eval().to(memory_format=torch.channels_last)
    map_128 = random(64, 128)

    def run() -> None:
        with torch.inference_mode():
            generator(inputs, style)

    def baseline() -> None:
        with torch.inference_mode():
            bare(map_128)

    return Work(run, baseline, "5 bare convolutions, 3.0 billion multiplications", unit="frame")


@benchmark("frame of 1024 x 1280, full to PNG")
def full_frame(stack: ExitStack) -> Work:
    from core.compose.compositor import Compositor
    from core.generator.render import Renderer
    from core.generator.weights import find_base, load_base
    from core.media.picture import Picture, save_picture

    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    pixels = portrait_pixels(1024, 1280)
    face = portrait_face(pixels)
    renderer = Renderer(Picture(pixels), face, load_base(find_base(None)))
    compositor = Compositor(Picture(pixels), face)
    points = opened_mouth(face, (1024, 1280))

    def run() -> None:
        save_picture(folder / "full.png", renderer.render(points, face.irises))

    def baseline() -> None:
        save_picture(folder / "flow.png", compositor.render(points, face.irises))

    return Work(run, baseline, "the same frame, flow to PNG", unit="frame")
